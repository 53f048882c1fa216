"""A run without an engine, driven by tests: signals in, records out, at a time of their choosing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook.model.document import Runbook
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.run.events import Event, Record, RunOpened
from runbook.run.machine import decide
from runbook.run.outline import outline_of
from runbook.run.readings import Reading, Verdict
from runbook.run.signals import Ending, HealthReading, Outcome, Signal, Tick
from runbook.run.state import Status, evolve, replay
from runbook.run.terms import Mode

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HEALTH = {"web": {"check": {"tcp": {"host": "localhost", "port": 80}}}}


def plan_of(*steps: dict[str, Any], **more: Any) -> Plan:
    document = {
        "apiVersion": "runbook/v1",
        "name": "test",
        "phases": [{"id": "one", "steps": list(steps)}],
        **more,
    }
    return make_plan(
        Runbook.model_validate(document),
        inputs={},
        target=TargetFacts("ctx", "https://127.0.0.1:1", "uid"),
        mode="practice",
        environment={},
        source_digest="0" * 64,
    )


def opened(plan: Plan, **changes: Any) -> RunOpened:
    event = RunOpened(
        run="r",
        name="test",
        title="Test",
        mode=Mode.PRACTICE,
        operator="ann",
        attended=True,
        host="h",
        pid=1,
        version="0",
        context="ctx",
        server="https://127.0.0.1:1",
        cluster_uid="uid",
        source="test.yaml",
        source_digest="0" * 64,
        plan_digest="0" * 64,
        outline=outline_of(plan),
    )
    return replace(event, **changes)


class Drive:
    """A run without an engine: signals in, records out, at a time of the test's choosing."""

    def __init__(self, plan: Plan, records: list[Record] | None = None, **changes: Any) -> None:
        self.plan = plan
        self.now = T0
        self.records: list[Record] = list(records or [])
        self.state = replay(self.records)
        if not records:
            self.add([opened(plan, **changes)])
        self.settle()

    def add(self, events: list[Event]) -> None:
        for event in events:
            record = Record(len(self.records) + 1, self.now, event)
            self.state = evolve(self.state, record)
            self.records.append(record)

    def settle(self) -> None:
        for _ in range(50):
            events = decide(self.plan, self.state, Tick(), self.now)
            if not events:
                return
            self.add(events)
        raise AssertionError("the machine goes in circles")

    def send(self, signal: Signal, after: float = 0) -> list[str]:
        self.now += timedelta(seconds=after)
        before = len(self.records)
        self.add(decide(self.plan, self.state, signal, self.now))
        self.settle()
        return [r.event.kind for r in self.records[before:]]

    def ends(self, step: str, ending: Ending = Ending.PASSED, reason: str = "") -> list[str]:
        attempt = self.state.step(step).attempt
        return self.send(Outcome(step, attempt, ending, reason))

    def reads(self, verdict: Verdict, after: float = 0) -> list[str]:
        return self.send(HealthReading("web", Reading(verdict, "up", "seen")), after)

    def status(self, step: str) -> Status:
        return self.state.step(step).status

    @property
    def result(self) -> str:
        return self.state.finished.result.value if self.state.finished else ""


GATE = {"id": "go", "approve": {"message": "delete?", "confirm_text": "ctx", "timeout": "5m"}}
DELETE = {"id": "delete", "run": "true", "effect": "destroy"}
BUILD = {"id": "build", "run": "true"}
OBJECTIVES = {"rto": "60s", "recovered_when": ["web"], "settle": "5s"}
