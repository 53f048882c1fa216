"""When a fault may be injected, when it counts as solved, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Request
from runbook.practice.faults.case import Deletions
from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.faults.desk import Desk
from runbook.practice.faults.referee import NotNow
from runbook.practice.machine import Machine
from runbook.practice.timeline import Timeline
from tests.practice.faults.kubectl import Kubectl

NAME = "capability-mismatch"
REPAIR = FAULTS[NAME].remedies[0].commands


class Asked:
    """Requests to a desk."""

    def __init__(self, machine: Machine) -> None:
        self.resets = 0
        self._desk = Desk(lambda: machine.referee, self._reset)

    async def _reset(self) -> list[str]:
        self.resets += 1
        return []

    async def __call__(self, method: str, path: str) -> tuple[int, dict[str, Any]]:
        answer = await self._desk.answer(Request(method, f"/practice/v1/{path}"))
        return answer.status, json.loads(answer.body)


@pytest.fixture
def ask(machine: Machine) -> Asked:
    return Asked(machine)


async def test_a_repair_counts_after_two_good_looks_ten_seconds_apart(
    machine: Machine, kubectl: Kubectl
) -> None:
    await machine.referee.inject(NAME)
    await machine.timeline.advance(30)
    for command in REPAIR:
        await kubectl(command)
    injected = machine.referee.injected
    assert injected is not None
    while injected.good_since is None:
        await machine.timeline.advance(1)
    await machine.referee.look()
    assert injected.solved_after is None
    await machine.timeline.advance(10)
    assert injected.solved_after is not None


async def test_a_good_look_that_does_not_last_counts_for_nothing(
    machine: Machine, kubectl: Kubectl
) -> None:
    await machine.referee.inject(NAME)
    for command in REPAIR:
        await kubectl(command)
    injected = machine.referee.injected
    assert injected is not None
    while injected.good_since is None:
        await machine.timeline.advance(1)
    await kubectl(FAULTS[NAME].penalties[1].shortcut[0])
    await machine.timeline.advance(60)
    assert injected.solved_after is None
    assert injected.wrong


async def test_one_fault_at_a_time_and_only_into_health(machine: Machine, kubectl: Kubectl) -> None:
    await machine.referee.inject(NAME)
    with pytest.raises(NotNow, match="capability-mismatch is in place and not solved; reset first"):
        await machine.referee.inject("scheduler-at-zero")
    for command in REPAIR:
        await kubectl(command)
    await machine.timeline.advance(120)
    await machine.referee.inject("scheduler-at-zero")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("kubectl delete quota training-quota -n financial-mlops-pytorch", "is missing"),
        ("kubectl delete pod mlserver-0 -n financial-inference --wait=false", "0 of 1 ready"),
    ],
)
async def test_a_platform_that_is_not_healthy_is_left_alone(
    machine: Machine, kubectl: Kubectl, command: str, why: str
) -> None:
    await kubectl(command)
    with pytest.raises(NotNow, match=f"the platform is not healthy.*{why}.*reset first"):
        await machine.referee.inject(NAME)


async def test_the_desk_lists_injects_hints_and_tells(machine: Machine, ask: Asked) -> None:
    assert await ask("GET", "fault") == (200, {"fault": None})
    status, listed = await ask("GET", "faults")
    assert (status, [one["name"] for one in listed["faults"]]) == (200, list(FAULTS))
    status, told = await ask("POST", f"faults/{NAME}")
    assert (status, told["fault"]["name"], told["solved"]) == (201, NAME, False)
    hints = [(await ask("POST", "hint"))[1]["hint"] for _ in range(4)]
    assert hints == [*FAULTS[NAME].hints, FAULTS[NAME].hints[-1]]
    _, told = await ask("GET", "fault")
    assert (told["hints"], told["hints_left"]) == (list(FAULTS[NAME].hints), 0)
    assert await ask("POST", "reset") == (200, {"unhealthy": []})
    assert ask.resets == 1


async def test_what_it_was_is_told_only_when_it_is_solved(
    machine: Machine, kubectl: Kubectl, ask: Asked
) -> None:
    await ask("POST", f"faults/{NAME}")
    _, told = await ask("GET", "fault")
    assert told.keys() == {
        "fault", "since", "developed", "solved", "penalties", "hints", "hints_left", "still",
    }  # fmt: skip
    for command in REPAIR:
        await kubectl(command)
    await machine.timeline.advance(120)
    _, told = await ask("GET", "fault")
    assert (told["solved"], told["diagnosis"]) == (True, FAULTS[NAME].diagnosis)
    assert [one["title"] for one in told["remedies"]] == [r.title for r in FAULTS[NAME].remedies]


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("POST", "faults/capability-mismach", 404, "no fault is called 'capability-mismach'"),
        ("POST", "hint", 409, "no fault is in place"),
        ("GET", "elsewhere", 404, "no such thing: GET /practice/v1/elsewhere"),
        ("DELETE", "fault", 404, "no such thing: DELETE /practice/v1/fault"),
    ],
)
async def test_what_the_desk_refuses(
    machine: Machine, ask: Asked, method: str, path: str, status: int, said: str
) -> None:
    got, document = await ask(method, path)
    assert (got, document["error"]) == (status, said)
    assert document.get("nearest", [NAME])[0] == NAME


async def test_events_that_go_are_no_deletions_to_be_judged() -> None:
    api = ApiServer(Timeline())
    deletions = Deletions(api)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    for resource in ("configmaps", "events"):
        obj = {"metadata": {"name": "one", "namespace": "default"}}
        about = {"involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"}}
        await api.create(resource, {**obj, **(about if resource == "events" else {})})
        await api.delete(resource, "default", "one")
    assert len(deletions.all("configmaps")) == 1
    assert deletions.all("events") == []
