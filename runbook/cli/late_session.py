"""A session that can be shown before its run exists: the screen paints first, the cluster comes later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook.plan import Plan
from runbook.run.events import Record
from runbook.run.session import Follower
from runbook.run.signals import Signal
from runbook.run.state import RunState

if TYPE_CHECKING:  # the engine is loaded while the plan is already shown
    from runbook.engine import Engine


class LateSession:
    """Shows a plan until `attach` gives it the engine that performs it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._engine: Engine | None = None
        self._followers: list[Follower] = []

    @property
    def state(self) -> RunState:
        return self._engine.state if self._engine else RunState()

    @property
    def records(self) -> tuple[Record, ...]:
        return self._engine.records if self._engine else ()

    def send(self, signal: Signal) -> str:
        return self._engine.send(signal) if self._engine else "the run is not open yet"

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)
        if self._engine:
            self._engine.follow(follower)

    def attach(self, engine: Engine) -> None:
        """From now on this is that run; who followed before hears what has been so far."""
        self._engine, self.plan = engine, engine.plan
        for follower in self._followers:
            for record in engine.records:
                follower.on_record(record)
            engine.follow(follower)
