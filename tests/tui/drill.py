"""A drill without an engine: a plan, a session that decides at once, and the moments a screen must show.

Signals are decided by the run's own machine, so what the screen is shown is what a run would record.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from textual.pilot import Pilot

from runbook.clock import RealClock
from runbook.model.document import Runbook
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.run.events import (
    CheckRead,
    CommandFinished,
    CommandStarting,
    Event,
    Record,
    RunHeld,
    RunOpened,
)
from runbook.run.machine import current, decide
from runbook.run.outline import Outline, PhaseOutline, StepOutline
from runbook.run.readings import Reading, Verdict, fails, holds, unknown
from runbook.run.refusals import refusal
from runbook.run.session import Follower, Output, Seen
from runbook.run.signals import (
    Abort,
    Approve,
    Continue,
    Ending,
    HealthReading,
    Hold,
    Leave,
    Outcome,
    Report,
    Signal,
    StopStep,
    Tick,
)
from runbook.run.state import RunState, Status, evolve
from runbook.run.terms import Mode
from runbook.run.workflow_events import WorkflowProgressed
from runbook.target.finalizers import Decision, Verdict as May
from runbook.target.rows import Decisions, FeedState, ObjectRow, PodRow, Row, RowKey, State
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.screens.run import RunScreen

T0 = datetime(2026, 8, 1, 2, 20, tzinfo=UTC)
OPERATOR = "kim"
NAMESPACE = "financial-inference"

DOCUMENT: dict[str, Any] = {
    "apiVersion": "runbook/v1",
    "name": "reproduction",
    "title": "Infrastructure reproduction",
    "target": {"namespaces": [NAMESPACE, "financial-mlops-pytorch"]},
    "objectives": {"rto": "45m", "recovered_when": ["models", "mlflow"], "settle": "10s"},
    "health": {
        name: {"check": {"tcp": {"host": "127.0.0.1", "port": port}}}
        for name, port in (("minio", 9000), ("mlflow", 5000), ("models", 80), ("experiment", 81))
    },
    "phases": [
        {
            "id": "teardown",
            "title": "Teardown",
            "budget": "5m",
            "steps": [
                {
                    "id": "before",
                    "title": "Platform is healthy",
                    "check": {"tcp": {"host": "127.0.0.1", "port": 80}},
                    "until": "1m",
                },
                {
                    "id": "gate",
                    "title": "Approve the teardown",
                    "approve": {
                        "message": "Everything in both namespaces is deleted. Buckets and sealing "
                        "keys stay. Tell the trading desk first.",
                        "confirm_text": "practice-1",
                        "timeout": "15m",
                    },
                },
                {
                    "id": "delete",
                    "title": "Delete the platform",
                    "run": "kubectl delete -k k8s/base --wait=false",
                    "effect": "destroy",
                    "timeout": "2m",
                },
                {
                    "id": "gone",
                    "title": "Namespaces are gone",
                    "check": {
                        "kubernetes": {"kind": "Namespace", "name": NAMESPACE, "absent": True}
                    },
                    "until": "3m",
                    "hint": "A finalizer waits for a scheduler that was deleted first. Skip the wait, "
                    "and release exactly the objects that hang.",
                },
            ],
        },
        {
            "id": "rebuild",
            "title": "Rebuild",
            "budget": "10m",
            "steps": [
                {
                    "id": "apply",
                    "title": "Apply the manifests",
                    "run": "kubectl apply -k k8s/base\nkubectl apply -f secrets.yaml",
                    "retries": 2,
                    "delay": "10s",
                },
                {
                    "id": "train",
                    "title": "Train the baseline model",
                    "workflow": {
                        "namespace": "financial-mlops-pytorch",
                        "template": "financial-training-pipeline-template",
                        "parameters": {"model-variant": "baseline"},
                    },
                },
            ],
        },
        {
            "id": "validate",
            "title": "Validate",
            "budget": "10m",
            "steps": [
                {
                    "id": "look",
                    "title": "Look at the dashboard",
                    "manual": {
                        "instructions": "Open the A/B dashboard. Both arms must show requests.",
                        "evidence": "text",
                    },
                },
                {"id": "pause", "title": "Let it settle", "wait": "30s"},
                {
                    "id": "answer",
                    "title": "Both models answer",
                    "check": {
                        "inference": {"endpoint": "http://mesh", "model": "baseline-predictor"}
                    },
                },
            ],
        },
    ],
}
LONG_HOSTILE = (
    "evil\x1b[2J\x1b]52;c;aGVsbG8=\x07\x1b]0;PWNED\x07[bold]m[/bold] [red]x\u202eabc\x9b31m"
)


class HandClock:
    """Moved by hand, both its times together."""

    def __init__(self, start: datetime = T0) -> None:
        self.start = start
        self.elapsed = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the screen sleeps on nobody's clock")

    async def sleep_until(self, at: datetime) -> None:
        raise AssertionError("the screen sleeps on nobody's clock")


class GoingClock(HandClock):
    """From a moment moved to by hand, time goes on as it does."""

    def __init__(self, start: datetime = T0) -> None:
        super().__init__(start)
        self._real = RealClock()
        self._from = self._real.monotonic()

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return self.elapsed + self._real.monotonic() - self._from


def plan_of(document: dict[str, Any] | None = None, mode: str = "practice") -> Plan:
    return make_plan(
        Runbook.model_validate(document or DOCUMENT),
        inputs={},
        target=TargetFacts("practice-1", "https://127.0.0.1:6443", "0d9d-uid"),
        mode=mode,
        environment={},
        source_digest="0" * 64,
    )


def opening(plan: Plan, **changes: Any) -> RunOpened:
    facts: dict[str, Any] = {
        "run": "20260801-022000",
        "name": plan.name,
        "title": plan.title,
        "mode": Mode(plan.mode),
        "operator": OPERATOR,
        "attended": True,
        "host": "ops-1",
        "pid": 1,
        "version": "0",
        "context": plan.target.context,
        "server": plan.target.server,
        "cluster_uid": plan.target.cluster_uid,
        "source": "reproduction.yaml",
        "source_digest": "0" * 64,
        "plan_digest": "0" * 64,
        "outline": Outline(
            phases=tuple(
                PhaseOutline(id=p.id, title=p.title, budget=p.budget) for p in plan.phases
            ),
            steps=tuple(
                StepOutline(
                    id=s.id,
                    phase=s.phase,
                    number=s.number,
                    title=s.title,
                    kind=s.kind,
                    effect=s.effect,
                )
                for s in plan.steps
            ),
            health=tuple(plan.health),
            recovered_when=tuple(plan.objectives.recovered_when),
            rto=plan.objectives.rto,
            settle=plan.objectives.settle,
        ),
    }
    return RunOpened(**{**facts, **changes})


@dataclass
class FakeSession:
    """Decides at once, on the caller's stack. Whatever is performed is told by the test."""

    plan: Plan = field(default_factory=plan_of)
    clock: HandClock = field(default_factory=HandClock)
    sent: list[Signal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._records: list[Record] = []
        self._state = RunState()
        self._followers: list[Follower] = []
        self.stored: dict[str, bytes] = {}
        self.record(opening(self.plan), RunHeld(by=OPERATOR, reason="not started"))

    @property
    def state(self) -> RunState:
        return self._state

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)

    def send(self, signal: Signal) -> str:
        why = refusal(self.plan, self._state, signal)
        if not why:
            self.sent.append(signal)
            self.decide(signal)
        return why

    # -- the engine's side

    def record(self, *events: Event) -> None:
        for event in events:
            record = Record(len(self._records) + 1, self.clock.now(), event)
            self._state = evolve(self._state, record)
            self._records.append(record)
            for follower in self._followers:
                follower.on_record(record)

    def decide(self, signal: Signal) -> None:
        self.record(*decide(self.plan, self._state, signal, self.clock.now()))
        while events := decide(self.plan, self._state, Tick(), self.clock.now()):
            self.record(*events)
        at = current(self.plan, self._state)
        here = self._state.step(at.id) if at is not None else None
        stopping = self._state.aborting or self._state.leaving or (here and here.stopping)
        if here is not None and here.status is Status.RUNNING and stopping:
            self.end(Ending.INTERRUPTED, "stopped by kim")

    @property
    def here(self) -> str:
        step = current(self.plan, self._state)
        assert step is not None
        return step.id

    def wait(self, seconds: float) -> None:
        self.clock.elapsed += seconds
        self.decide(Tick())

    def end(self, ending: Ending, reason: str = "", after: float = 0) -> None:
        """The attempt that runs is over."""
        self.clock.elapsed += after
        step = self.here
        attempt = self._state.step(step).attempt
        self.decide(Outcome(step, attempt, ending, reason))

    def run_command(self, exit: int, *lines: str, after: float = 8) -> None:  # noqa: A002
        """The step's command printed something and ended."""
        step, attempt = self.here, self._state.step(self.here).attempt
        script = str(getattr(self.plan.step(step).step, "run", ""))
        starting = CommandStarting(step=step, attempt=attempt, script=script, shell="bash")
        self.decide(Report(starting))
        self.prints(*lines)
        self.clock.elapsed += after
        text = "".join(f"{line}\n" for line in lines)
        finished = CommandFinished(
            step=step, attempt=attempt, exit=exit, duration=after, bytes=len(text), lines=len(lines)
        )
        self.decide(Report(finished))
        reason = f"exit {exit}, expected 0"
        self.end(Ending.PASSED if exit == 0 else Ending.FAILED, "" if exit == 0 else reason)

    def prints(self, *lines: str) -> None:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
        self.prints_bytes(data)

    def prints_bytes(self, data: bytes) -> None:
        self.stored[self.here] = self.stored.get(self.here, b"") + data
        output = Output(self.here, self._state.step(self.here).attempt, data)
        for follower in self._followers:
            follower.on_output(output)

    def sees(self, reading: Reading) -> None:
        step, attempt = self.here, self._state.step(self.here).attempt
        read = CheckRead(
            step=step,
            attempt=attempt,
            verdict=reading.verdict,
            expected=reading.expected,
            observed=reading.observed,
        )
        self.decide(Report(read))
        for follower in self._followers:
            follower.on_seen(Seen(step, reading))

    def health(self, **verdicts: Verdict) -> None:
        for name, verdict in verdicts.items():
            reading = Reading(verdict, "it answers", f"{name} {verdict}")
            self.decide(HealthReading(name, reading))


@dataclass(frozen=True)
class FakeBatch:
    changes: Sequence[tuple[RowKey, Row | None]] = ()
    states: Sequence[tuple[str, FeedState]] = ()
    decisions: Decisions | None = None


def pod(
    name: str, status: str = "Running", ready: int = 1, total: int = 1, **more: Any
) -> tuple[RowKey, PodRow]:
    row = PodRow(
        namespace=more.pop("namespace", NAMESPACE),
        name=name,
        ready=ready,
        total=total,
        status=status,
        restarts=more.pop("restarts", 0),
        created=more.pop("created", T0 - timedelta(hours=3)),
        deleting_since=more.pop("deleting_since", None),
    )
    return RowKey("pods", row.namespace, row.name), row


def thing(kind: str, name: str, state: State = "ready", **more: Any) -> tuple[RowKey, ObjectRow]:
    resource = {"Namespace": "namespaces"}.get(kind, f"{kind.lower()}s.mlops.seldon.io")
    row = ObjectRow(
        kind=kind,
        namespace=more.pop("namespace", "" if kind == "Namespace" else NAMESPACE),
        name=name,
        state=state,
        detail=more.pop("detail", ""),
        created=more.pop("created", T0 - timedelta(hours=3)),
        deleting_since=more.pop("deleting_since", None),
        finalizers=tuple(more.pop("finalizers", ())),
        stale=more.pop("stale", False),
    )
    return RowKey(resource, row.namespace, row.name), row


RESOURCES = (
    "pods", "models.mlops.seldon.io", "experiments.mlops.seldon.io", "servers.mlops.seldon.io",
    "namespaces",
)  # fmt: skip


def live(at: datetime = T0) -> list[tuple[str, FeedState]]:
    return [(name, FeedState(True, at, None, "")) for name in RESOURCES]


def lost(since: datetime, retry_at: datetime) -> list[tuple[str, FeedState]]:
    return [(name, FeedState(False, since, retry_at, "connection refused")) for name in RESOURCES]


def healthy() -> FakeBatch:
    """The platform as it is before anything happens to it."""
    rows: list[tuple[RowKey, Row]] = [
        pod("mlserver-0", ready=3, total=3),
        pod("seldon-scheduler-0"),
        pod("seldon-envoy-0"),
        pod("seldon-modelgateway-5d6f8-x2p9q"),
        pod("mlflow-6b8f9c-7kq2p", namespace="financial-mlops-pytorch"),
        pod("minio-0", namespace="financial-mlops-pytorch"),
        pod("workflow-controller-79fd-jj2x8", namespace="argo", restarts=2),
        pod("train-baseline-x7k2p-1", "Completed", 0, namespace="financial-mlops-pytorch"),
        thing("Model", "baseline-predictor"),
        thing("Model", "enhanced-predictor"),
        thing("Experiment", "financial-ab-test-experiment"),
        thing("Server", "mlserver"),
    ]
    return FakeBatch(tuple(rows), live())


def hanging(since: datetime) -> FakeBatch:
    """The scheduler went first: what Seldon made waits for an answer that never comes."""
    gone: list[tuple[RowKey, Row | None]] = [
        (pod(name)[0], None)
        for name in ("seldon-scheduler-0", "seldon-envoy-0", "seldon-modelgateway-5d6f8-x2p9q")
    ]
    left: list[tuple[RowKey, Row | None]] = [
        pod("mlserver-0", "Terminating", 2, 3, deleting_since=since),
        thing("Model", "baseline-predictor", "terminating", deleting_since=since,
              finalizers=["seldon.model.finalizer"]),
        thing("Model", "enhanced-predictor", "terminating", deleting_since=since,
              finalizers=["seldon.model.finalizer"]),
        thing("Namespace", NAMESPACE, "terminating", deleting_since=since,
              finalizers=["kubernetes"],
              detail="Some content in the namespace has finalizers remaining: "
              "seldon.model.finalizer in 2 resource instances"),
    ]  # fmt: skip
    decisions: Decisions = {
        thing("Model", name)[0]: {"seldon.model.finalizer": WAITS_FOR_SERVER}
        for name in ("baseline-predictor", "enhanced-predictor")
    }
    return FakeBatch((*gone, *left), live(), decisions)


WAITS_FOR_SERVER = Decision(
    May.WAIT,
    ("model server mlserver-0 is shutting down and may hold models",),
    "wait until its pod is gone",
)


# -- moments of a run, each reached as a run reaches it


def ready() -> FakeSession:
    return FakeSession()


def approval() -> FakeSession:
    session = ready()
    session.decide(Continue(OPERATOR))
    session.sees(holds("both models are ready", "2 of 2 ready"))
    session.health(
        minio=Verdict.HOLDS, mlflow=Verdict.HOLDS, models=Verdict.HOLDS, experiment=Verdict.HOLDS
    )
    session.end(Ending.PASSED, "2 of 2 ready", after=4)
    session.wait(42)
    return session


def deleting() -> FakeSession:
    session = approval()
    session.decide(Approve("gate", OPERATOR, "practice-1"))
    session.wait(3)
    return session


def waiting_for_namespaces() -> FakeSession:
    session = deleting()
    session.run_command(
        0,
        'namespace "financial-inference" deleted',
        'model.mlops.seldon.io "baseline-predictor" deleted',
        "\x1b[33mWarning:\x1b[0m deletion goes on in the background",
    )
    session.sees(fails("no Namespace financial-inference", "financial-inference is Terminating"))
    session.health(models=Verdict.FAILS, mlflow=Verdict.FAILS, minio=Verdict.UNKNOWN)
    session.wait(72)
    return session


def failed() -> FakeSession:
    session = waiting_for_namespaces()
    session.wait(110)
    session.end(Ending.TIMED_OUT, "after 3m the condition did not hold")
    session.wait(9)
    return session


def command_failed() -> FakeSession:
    session = rebuilding()
    for _ in range(3):
        session.run_command(
            1,
            "namespace/financial-inference created",
            'Error from server: admission webhook "models" denied the request',
        )
        session.wait(10)
    return session


def rebuilding() -> FakeSession:
    session = waiting_for_namespaces()
    session.sees(holds("no Namespace financial-inference", "none"))
    session.end(Ending.PASSED, "none")
    return session


def retrying() -> FakeSession:
    session = rebuilding()
    session.run_command(1, "Unable to connect to the server: net/http: TLS handshake timeout")
    session.wait(4)
    return session


def training() -> FakeSession:
    session = rebuilding()
    session.run_command(0, "namespace/financial-inference created", "model/baseline created")
    progress = WorkflowProgressed(
        step="train", attempt=1, workflow="train-baseline-x7k2p", phase="Running", progress="2/5"
    )
    session.decide(Report(progress))
    session.wait(65)
    return session


def task() -> FakeSession:
    session = training()
    session.end(Ending.PASSED, "Succeeded 5/5", after=30)
    session.wait(12)
    return session


def paused() -> FakeSession:
    session = waiting_for_namespaces()
    session.decide(Hold(OPERATOR, "waiting for the network team"))
    session.end(Ending.PASSED, "none", after=5)
    session.wait(20)
    return session


def interrupted() -> FakeSession:
    session = deleting()
    session.decide(StopStep("delete", OPERATOR))
    session.wait(11)
    return session


def settling() -> FakeSession:
    from runbook.run.signals import Confirm

    session = task()
    session.decide(Confirm("look", OPERATOR, "both arms show requests"))
    session.end(Ending.PASSED, after=30)
    session.end(Ending.PASSED, "200 from both", after=3)
    session.health(mlflow=Verdict.HOLDS)
    session.wait(4)
    return session


def finished() -> FakeSession:
    session = settling()
    session.health(models=Verdict.HOLDS)
    session.wait(11)
    return session


def over_budget() -> FakeSession:
    session = waiting_for_namespaces()
    session.wait(260)
    return session


def aborted() -> FakeSession:
    session = failed()
    session.decide(Abort(OPERATOR, "from the screen"))
    return session


def leaving() -> FakeSession:
    session = paused()
    session.decide(Leave(OPERATOR, "left from the screen"))
    return session


def cannot_tell() -> FakeSession:
    session = waiting_for_namespaces()
    session.sees(unknown("no Namespace financial-inference", "connection refused"))
    session.wait(30)
    return session


MOMENTS: dict[str, Callable[[], FakeSession]] = {
    "ready": ready,
    "approval": approval,
    "deleting": deleting,
    "waiting": waiting_for_namespaces,
    "failed": failed,
    "command_failed": command_failed,
    "retrying": retrying,
    "training": training,
    "task": task,
    "paused": paused,
    "interrupted": interrupted,
    "settling": settling,
    "finished": finished,
    "over_budget": over_budget,
    "aborted": aborted,
    "cannot_tell": cannot_tell,
}


def cluster_at(moment: str, session: FakeSession) -> list[FakeBatch]:
    """What a feed would have told by then."""
    batches = [healthy()]
    if moment not in ("ready", "approval", "deleting", "settling", "finished"):
        batches.append(hanging(session.clock.now() - timedelta(seconds=72)))
    if moment == "cannot_tell":
        now = session.clock.now()
        batches.append(FakeBatch((), lost(now - timedelta(seconds=42), now + timedelta(seconds=8))))
    return batches


async def no_report() -> list[str]:
    return ["/runs/20260801-022000/report.md"]


def app_over(session: FakeSession, **facts: Any) -> RunApp:
    """The app with the screen of a session that is there already."""
    options = facts.get("options") or ScreenOptions()
    screen = RunScreen(session, **{**app_facts(session), **facts})

    async def load() -> RunScreen:
        return screen

    app = RunApp(session.plan.name, load, options=options)
    app.run_screen = screen
    return app


@asynccontextmanager
async def shown(app: RunApp, size: tuple[int, int]) -> AsyncIterator[Pilot[None]]:
    """The app on a terminal of that size, from when the screen of its run is painted."""
    async with app.run_test(size=size) as pilot, asyncio.timeout(60):
        while app.screen is not screen_of(app) or not app.screen._compositor.render_strips():
            await pilot.pause()
        await pilot.pause()
        yield pilot


def screen_of(app: RunApp) -> RunScreen:
    assert isinstance(app.run_screen, RunScreen)
    return app.run_screen


def app_facts(session: FakeSession) -> dict[str, Any]:
    """What the wiring gives the screen."""
    return {
        "clock": session.clock,
        "operator": OPERATOR,
        "output_of": lambda step: session.stored.get(step, b""),
        "reports": lambda: [
            "/home/kim/.local/state/runbook/runs/20260801-022000/report.md",
            "/home/kim/.local/state/runbook/runs/20260801-022000/report.html",
        ],
        "write_report": no_report,
    }
