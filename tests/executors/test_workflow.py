"""`workflow` steps: submitted once, followed to the end, whatever the API server goes through."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook.clock import VirtualClock
from runbook.errors import RunbookError, TargetUnreachable, UsageError
from runbook.executors import workflow
from runbook.executors.base import Attempt
from runbook.executors.workflow import WorkflowExecutor, workflow_name
from runbook.journal.outputs import OutputStore
from runbook.redact import Redactor
from runbook.run.signals import Ending, Outcome
from runbook.run.workflow_events import WorkflowProgressed
from runbook.target.api import ApiStatusError, Listing
from tests.executors.test_command import Desk
from tests.run.driving import plan_of

JSON = dict[str, Any]
STEP = {"id": "train", "workflow": {"namespace": "a", "template": "t"}, "timeout": "10m"}
RUN = "20260101T000000Z-x-abcde"
UNWELL = (
    ApiStatusError(500, "InternalError", "etcdserver: request timed out"),
    ApiStatusError(503, "ServiceUnavailable", "apiserver is shutting down"),
    ApiStatusError(429, "TooManyRequests", "slow down"),
    ApiStatusError(401, "Unauthorized", "Unauthorized"),
    TargetUnreachable("https://there does not answer: no answer in time"),
    UsageError("unusable kubeconfig: it is being written"),
)
SECRET = "correct-horse"
DONE = {"phase": "Succeeded", "progress": "1/1"}


def node(phase: str, message: str = "", **more: Any) -> JSON:
    made = {"id": "n1", "name": "train", "displayName": "train-model", "type": "Pod"}
    return {**made, "phase": phase, "message": message, **more}


def running(of: JSON) -> JSON:
    return {"phase": "Running", "progress": "0/1", "nodes": {"n1": of}}


UNNAMED: JSON = {"spec": {}}


class Server:
    """One namespace: faults come first, then each look at a Workflow sees the next of its states."""

    def __init__(
        self,
        *,
        creating: tuple[RunbookError, ...] = (),
        reading: tuple[RunbookError, ...] = (),
        states: tuple[JSON, ...] = (DONE,),
        template: JSON | None = UNNAMED,
    ) -> None:
        """Without a template, this account may not read it."""
        self.creating, self.reading, self.states = list(creating), list(reading), list(states)
        self.template = template
        self.workflows: dict[str, JSON] = {}
        self.created: list[JSON] = []
        self.patched: list[tuple[str, JSON]] = []
        self.pods: Callable[[], tuple[JSON, ...]] = tuple
        self.log: Callable[[], str] = str
        self.obeys = True

    @property
    def names(self) -> list[str]:
        return [made["metadata"]["name"] for made in self.created]

    async def create(self, _resource: object, _namespace: str, manifest: JSON) -> object:
        if self.creating:
            raise self.creating.pop(0)
        name = str(manifest["metadata"]["name"])
        if name in self.workflows:
            raise ApiStatusError(409, "AlreadyExists", f"{name} already exists")
        self.created.append(manifest)
        self.workflows[name] = {**manifest, "status": {}}
        return manifest

    async def get(self, path: str) -> JSON:
        if "/workflowtemplates/" in path:
            if self.template is None:
                raise ApiStatusError(403, "Forbidden", "workflowtemplates is forbidden")
            return self.template
        if self.reading:
            raise self.reading.pop(0)
        found = self.workflows[path.rpartition("/")[2]]
        told_to_end = found["spec"].get("shutdown")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if told_to_end and self.obeys:
            state = {"phase": "Failed", "message": f"Stopped with strategy '{told_to_end}'"}
        return {**found, "status": state}

    async def list(self, resource: Any, _namespace: str, *, label_selector: str) -> Listing:
        if resource.plural == "pods":
            return Listing(self.pods(), "1")
        wanted = dict(pair.split("=") for pair in label_selector.split(","))
        return Listing(
            tuple(
                {**w, "status": w["status"]}
                for w in self.workflows.values()
                if wanted.items() <= w["metadata"]["labels"].items()
            ),
            "1",
        )

    async def patch(self, _resource: object, _namespace: str, name: str, patch: JSON) -> object:
        self.patched.append((name, patch))
        self.workflows[name]["spec"] |= patch["spec"]
        return {}

    async def logs(self, _namespace: str, _pod: str, *, container: str) -> str:
        assert container == "main"
        return self.log()


def begin(
    server: Server, directory: Path, clock: VirtualClock, desk: Desk, **more: Any
) -> asyncio.Task[Outcome]:
    redactor = Redactor()
    redactor.register("password", SECRET)
    executor = WorkflowExecutor(
        server,  # type: ignore[arg-type]  # the part of a client that it uses
        OutputStore(directory),
        redactor,
        clock,
        RUN,
    )
    number, unheard = more.pop("number", 1), more.pop("unheard", False)
    attempt = Attempt(plan_of({**STEP, **more}).steps[0], number, unheard)
    return asyncio.ensure_future(executor(attempt, desk))


async def perform(server: Server, directory: Path, **more: Any) -> tuple[Outcome, str]:
    outcome, desk = await performed(server, directory, **more)
    return outcome, desk.shown.decode()


async def performed(server: Server, directory: Path, **more: Any) -> tuple[Outcome, Desk]:
    clock, desk = VirtualClock(), Desk()
    task = begin(server, directory, clock, desk, **more)
    for _ in range(900):
        await clock.advance(1)
        if task.done():
            break
        if not clock._sleepers:
            await asyncio.sleep(0.005)  # outputs are stored by a thread
    return await asyncio.wait_for(task, 5), desk


async def test_a_server_that_cannot_tell_is_waited_for(tmp_path: Path) -> None:
    outcome, shown = await perform(Server(reading=UNWELL), tmp_path)
    assert outcome.ending is Ending.PASSED
    for fault in UNWELL:
        assert f"[waiting for the cluster: {fault.message}]" in shown


async def test_a_submission_whose_answer_was_lost_is_made_again_under_the_same_name(
    tmp_path: Path,
) -> None:
    server = Server(creating=UNWELL)
    # The first request came through, its answer did not.
    server.workflows["train-abcde-1"] = {"metadata": {"namespace": "a"}, "spec": {}}
    server.workflows["train-abcde-1"]["metadata"]["name"] = "train-abcde-1"
    outcome, _ = await perform(server, tmp_path)
    assert outcome.ending is Ending.PASSED
    assert list(server.workflows) == ["train-abcde-1"]


async def test_what_is_refused_is_not_submitted(tmp_path: Path) -> None:
    refused = ApiStatusError(404, "NotFound", 'namespaces "a" not found')
    outcome, _ = await perform(Server(creating=(refused,)), tmp_path)
    assert (outcome.ending, outcome.reason) == (
        Ending.FAILED,
        'not submitted: namespaces "a" not found',
    )


async def test_a_workflow_that_was_deleted_has_failed(tmp_path: Path) -> None:
    gone = ApiStatusError(404, "NotFound", 'workflows "train-abcde-1" not found')
    outcome, _ = await perform(Server(reading=(gone,)), tmp_path)
    assert outcome.ending is Ending.FAILED
    assert "not found" in outcome.reason


async def test_nodes_are_told_as_they_change(tmp_path: Path) -> None:
    waiting = running(node("Pending", "Unschedulable: 0/3 nodes are available"))
    states = (waiting, waiting, running(node("Running")), {**DONE, "nodes": {}})
    outcome, desk = await performed(Server(states=states), tmp_path)
    assert outcome.ending is Ending.PASSED
    facts = [e for e in desk.events if isinstance(e, WorkflowProgressed)]
    assert [[(n.name, n.phase, n.message) for n in e.nodes] for e in facts] == [
        [("train-model", "Pending", "Unschedulable: 0/3 nodes are available")],
        [("train-model", "Running", "")],
        [],
    ]
    assert "[train-model Pending Unschedulable: 0/3 nodes are available]" in desk.shown.decode()


async def test_when_its_time_is_up_it_is_terminated_and_says_what_it_waited_for(
    tmp_path: Path,
) -> None:
    server = Server(states=(running(node("Pending", "ImagePullBackOff: no such image")),))
    outcome, _ = await perform(server, tmp_path, timeout="1m")
    assert server.patched == [("train-abcde-1", {"spec": {"shutdown": "Terminate"}})]
    assert (outcome.ending, outcome.reason) == (
        Ending.TIMED_OUT,
        "train-abcde-1 not done after 1m: train-model Pending: ImagePullBackOff: no such image;"
        " it was terminated, and ended Failed",
    )


async def test_what_does_not_end_when_told_to_is_not_waited_for_without_end(
    tmp_path: Path,
) -> None:
    server = Server(states=(running(node("Running")),))
    server.obeys = False
    outcome, _ = await perform(server, tmp_path, timeout="1m")
    assert outcome.reason.endswith("it was told to terminate, and did not end within 30 s")


async def test_a_step_that_is_stopped_ends_its_workflow(tmp_path: Path) -> None:
    server, clock = Server(states=(running(node("Running")),)), VirtualClock()
    task = begin(server, tmp_path, clock, Desk())
    while not server.created:
        await clock.advance(1)
    await clock.advance(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.patched == [("train-abcde-1", {"spec": {"shutdown": "Terminate"}})]


@pytest.mark.parametrize(
    ("template", "timeout", "deadline"),
    [
        ({"spec": {}}, "10m", 660),
        ({"spec": {"activeDeadlineSeconds": 30}}, "10m", None),
        ({"spec": {}}, None, None),
        # Without the right to read the template, nobody knows whether it has a deadline.
        (None, "10m", None),
    ],
)
async def test_argo_itself_ends_what_nobody_is_there_to_end(
    tmp_path: Path, template: JSON | None, timeout: str | None, deadline: int | None
) -> None:
    server = Server(template=template)
    await perform(server, tmp_path, timeout=timeout)
    assert server.created[0]["spec"].get("activeDeadlineSeconds") == deadline


async def test_it_is_for_the_controller_that_its_template_is_for(tmp_path: Path) -> None:
    labels = {"workflows.argoproj.io/controller-instanceid": "ml"}
    server = Server(template={"metadata": {"labels": labels}, "spec": {}})
    await perform(server, tmp_path)
    assert labels.items() <= server.created[0]["metadata"]["labels"].items()


async def test_what_no_controller_picks_up_is_told_apart_and_does_not_start_later(
    tmp_path: Path,
) -> None:
    server = Server(states=({},))
    outcome, _ = await perform(server, tmp_path)
    assert "train-abcde-1 was never picked up" in outcome.reason
    assert server.patched == [("train-abcde-1", {"spec": {"shutdown": "Terminate"}})]


async def test_what_a_controller_holds_back_is_waited_for(tmp_path: Path) -> None:
    held = {"phase": "Pending", "message": "too many workflows are already running"}
    server = Server(states=(*[held] * 100, DONE))
    outcome, shown = await perform(server, tmp_path)
    assert outcome.ending is Ending.PASSED
    assert "[train-abcde-1 Pending too many workflows are already running]" in shown


# -- again


async def test_each_attempt_is_a_workflow_of_its_own(tmp_path: Path) -> None:
    server = Server(states=({"phase": "Failed"},))
    await perform(server, tmp_path)
    server.workflows["train-abcde-1"]["status"] = {"phase": "Failed"}
    await perform(server, tmp_path, number=2)
    assert server.names == ["train-abcde-1", "train-abcde-2"]


@pytest.mark.parametrize(
    ("status", "spec", "followed"),
    [
        ({}, {}, True),
        ({"phase": "Running"}, {}, True),
        ({"phase": "Succeeded"}, {}, True),
        ({"phase": "Failed"}, {}, False),
        ({"phase": "Running"}, {"shutdown": "Terminate"}, False),
    ],
)
async def test_after_a_crash_what_was_submitted_is_found_again(
    tmp_path: Path, status: JSON, spec: JSON, followed: bool
) -> None:
    server = Server()
    await perform(server, tmp_path)
    server.workflows["train-abcde-1"] |= {"status": status, "spec": spec}
    outcome, shown = await perform(server, tmp_path, number=2, unheard=True)
    assert outcome.ending is Ending.PASSED
    assert server.names == ["train-abcde-1"] + ["train-abcde-2"] * (not followed)
    assert ("following it" in shown) is followed


async def test_what_an_attempt_achieved_that_was_heard_of_is_done_again(tmp_path: Path) -> None:
    server = Server()
    await perform(server, tmp_path)
    await perform(server, tmp_path, number=2)
    assert server.names == ["train-abcde-1", "train-abcde-2"]


@pytest.mark.parametrize("step", ["s", "s" * 62, "a_b", "part.train", "x" * 61 + "-y"])
def test_names_are_valid_however_long_an_id_is(step: str) -> None:
    for attempt in (1, 100):
        name = workflow_name(step, RUN, attempt)
        assert len(name) <= 63
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name)


def test_names_of_two_steps_differ() -> None:
    long = "s" * 60
    ids = ["a_b", "a-b", "a.b", long, long + "s", long + "t"]
    assert len({workflow_name(step, RUN, 1) for step in ids}) == len(ids)


# -- logs and links


def pod(*, over: bool) -> JSON:
    state = {"terminated": {"exitCode": 0}} if over else {"running": {}}
    return {
        "metadata": {
            "name": "p",
            "annotations": {"workflows.argoproj.io/node-id": "n1"},
        },
        "status": {"containerStatuses": [{"name": "main", "state": state}]},
    }


async def test_logs_are_read_while_pods_are_there_and_each_line_once(tmp_path: Path) -> None:
    looks = iter(range(1, 100))
    server = Server(
        states=(*[running(node("Running"))] * 3, {**DONE, "nodes": {"n1": node("Succeeded")}})
    )
    server.pods = lambda: (pod(over=False),) if next(looks) < 3 else (pod(over=True),)
    server.log = lambda: "one\ntwo\nthree"
    _, shown = await perform(server, tmp_path)
    assert [line for line in shown.splitlines() if line.startswith("p: ")] == [
        "p: one",
        "p: two",
        "p: three",
    ]
    assert "lost" not in shown


async def test_a_line_is_passed_on_when_it_is_whole_and_masked(tmp_path: Path) -> None:
    texts = iter(("password is correct-", f"password is {SECRET}\nand"))
    server = Server(
        states=(*[running(node("Running"))] * 2, {**DONE, "nodes": {"n1": node("Succeeded")}})
    )
    server.pods = lambda: (pod(over=False),)
    server.log = lambda: next(texts, f"password is {SECRET}\nand so on\n")
    _, shown = await perform(server, tmp_path)
    assert [line for line in shown.splitlines() if line.startswith("p: ")] == [
        "p: password is [REDACTED:password]",
        "p: and so on",
    ]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (True, "[the end of the log of train-model is lost: podGC OnPodCompletion removed its pod"),
        (False, "[the log of train-model is lost: podGC OnPodCompletion removed its pod"),
    ],
)
async def test_a_log_that_was_lost_is_said_to_be(tmp_path: Path, seen: bool, said: str) -> None:
    stored = {"podGC": {"strategy": "OnPodCompletion"}}
    last = {**DONE, "nodes": {"n1": node("Succeeded")}, "storedWorkflowTemplateSpec": stored}
    looks = iter(range(1, 100))
    server = Server(states=(running(node("Running")), last))
    server.pods = lambda: (pod(over=False),) if seen and next(looks) == 1 else ()
    server.log = lambda: "one\n"
    _, shown = await perform(server, tmp_path)
    assert said in shown


async def test_artifacts_and_the_page_are_linked(tmp_path: Path) -> None:
    artifacts = [
        {"name": "model", "s3": {"bucket": "b", "key": "k/model.tgz"}},
        {"name": "main-logs", "s3": {"key": "k/main.log"}},
    ]
    last = {
        **DONE,
        "nodes": {
            "n1": node("Succeeded", outputs={"artifacts": artifacts}),
            "train-abcde-1": {
                "type": "Steps",
                "outputs": {"parameters": [{"name": "run id", "value": "7"}]},
            },
        },
        "artifactRepositoryRef": {"artifactRepository": {"s3": {"bucket": "default"}}},
    }
    flow = {"namespace": "a", "template": "t", "ui": "https://argo.example/"}
    outcome, desk = await performed(Server(states=(last,)), tmp_path, workflow=flow)
    assert outcome.outputs == {
        "workflow": "train-abcde-1",
        "ui": "https://argo.example/workflows/a/train-abcde-1",
        "artifact-train-model-model": "s3://b/k/model.tgz",
        "artifact-train-model-main-logs": "s3://default/k/main.log",
        "run-id": "7",
    }
    fact = next(e for e in desk.events if isinstance(e, WorkflowProgressed))
    assert set(fact.links) == {v for k, v in outcome.outputs.items() if k[:2] in ("ui", "ar")}


async def test_many_nodes_fit_a_line_of_the_record(tmp_path: Path) -> None:
    many = {f"n{n}": node("Failed", "x" * 2000, id=f"n{n}") for n in range(300)}
    server = Server(states=({"phase": "Failed", "nodes": many},))
    _, desk = await performed(server, tmp_path)
    fact = next(e for e in desk.events if isinstance(e, WorkflowProgressed))
    assert len(fact.nodes) == workflow.MAX_NODES
