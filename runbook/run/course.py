"""Where a run is: which steps it goes through now, and at which of them it stands. Pure.

Works on a plan's steps and on the outline in a journal alike. A run goes through its steps; when it was
asked to roll back, through what undoes those that were started, last started first; and when its end is
decided, through what is always done. It stands at the first step that is not done, and at that step's
neighbours of the same group, which run at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from runbook.plan import Part
from runbook.run.state import RunState


class Stop(Protocol):
    """A step, as far as its place matters."""

    @property
    def id(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def part(self) -> Part: ...
    @property
    def group(self) -> str: ...
    @property
    def undoes(self) -> str: ...


S = TypeVar("S", bound=Stop)


def part(state: RunState) -> Part:
    if state.ending is not None:
        return "always"
    return "rollback" if state.rolling_back is not None else "steps"


def course(steps: Sequence[S], rollback: Sequence[S], state: RunState) -> Iterator[S]:
    """The steps that the run goes through now, in order; without those that lie behind it."""
    now = part(state)
    if now == "rollback":
        return iter(undoable(rollback, state))
    return (step for step in islice(steps, state.behind, None) if step.part == now)


def undoable(rollback: Sequence[S], state: RunState) -> list[S]:
    """What there is to undo: of every step that was started, last started first."""
    started = [step for step in rollback if state.step(step.undoes).order]
    return sorted(started, key=lambda step: state.step(step.undoes).order, reverse=True)


def front(steps: Sequence[S], rollback: Sequence[S], state: RunState) -> list[S]:
    """The steps at which the run stands; empty when it is past the last."""
    standing: list[S] = []
    for step in course(steps, rollback, state):
        if standing:
            first = standing[0]
            if not step.group or (step.group, step.phase) != (first.group, first.phase):
                break
        if not state.step(step.id).done:
            standing.append(step)
    return standing
