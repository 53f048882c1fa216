"""A controller's rules as data: *when* something is so, *after* a while, *then* this is done.

Rule 1: the first stage whose `when` holds is the object's stage; its delay counts from the moment it
became that, and starts anew when another stage came between.
Rule 2: a stage acts once; what it changed brings the object back, and the stages are asked again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from runbook.practice.timeline import Timeline

Subject = TypeVar("Subject")


@dataclass(frozen=True, slots=True)
class Stage(Generic[Subject]):
    """One rule. `after` is in simulated seconds, fixed or computed when the stage begins."""

    name: str
    when: Callable[[Subject], bool]
    then: Callable[[Subject], Awaitable[None]]
    after: float | Callable[[Subject], float] = 0.0


class Stages(Generic[Subject]):
    """Walks objects through an ordered list of stages, remembering since when each is where it is."""

    def __init__(self, timeline: Timeline, stages: Sequence[Stage[Subject]]) -> None:
        self._timeline = timeline
        self._stages = tuple(stages)
        self._due: dict[str, tuple[str, float]] = {}  # uid -> stage, the second it acts

    async def step(self, uid: str, subject: Subject) -> float | None:
        """Act if it is time; else the seconds until it is (None: no stage applies)."""
        stage = next((stage for stage in self._stages if stage.when(subject)), None)
        if stage is None:
            self.forget(uid)
            return None
        now = self._timeline.elapsed()
        name, due = self._due.get(uid, ("", 0.0))
        if name != stage.name:
            delay = stage.after(subject) if callable(stage.after) else stage.after
            due = now + delay
            self._due[uid] = (stage.name, due)
        if due > now:
            return due - now
        self.forget(uid)
        await stage.then(subject)
        return None

    def forget(self, uid: str) -> None:
        self._due.pop(uid, None)
