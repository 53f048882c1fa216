"""Two schedulers: the answers alternate, and new envoys alone are no repair."""

from __future__ import annotations

from runbook.practice.faults.places import INFERENCE
from runbook.practice.faults.referee import Injected
from runbook.practice.faults.second_scheduler import FAULT
from runbook.practice.machine import Machine
from tests.practice.faults.kubectl import Kubectl


async def injected(machine: Machine) -> Injected:
    """With every step of it done, and a minute later."""
    await machine.referee.inject(FAULT.name)
    found = await machine.referee.look()
    assert found is not None
    while not found.bench.ready:
        await machine.timeline.advance(5)
    await machine.timeline.advance(60)
    return found


async def test_every_second_request_finds_no_route(machine: Machine) -> None:
    read, path = (await injected(machine)).case.read, "/v2/models/baseline-predictor/ready"
    headers = {"seldon-model": "baseline-predictor"}
    answers = [await read.ask(INFERENCE, "seldon-mesh:http", path, headers) for _ in range(6)]
    assert [status for status, _ in answers] in ([200, 404] * 3, [404, 200] * 3)
    after = await machine.referee.look()
    assert after is not None
    assert after.wrong == "10 of 20 requests are not answered with 200"


async def test_new_envoys_answer_and_the_second_scheduler_is_still_too_many(
    machine: Machine, kubectl: Kubectl
) -> None:
    await injected(machine)
    envoys = "app.kubernetes.io/name=seldon-envoy"
    assert (await kubectl(f"kubectl delete pods -l {envoys} -n {INFERENCE}")).ok
    await machine.timeline.advance(120)
    after = await machine.referee.look()
    assert after is not None
    assert (after.wrong, after.solved_after) == ("there are 2 schedulers", None)
