"""Everything the screen shows at one moment, as plain values; and what kind of moment it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runbook.plan import Plan, PlannedStep
from runbook.run.course import part, undoable
from runbook.run.events import ApprovalRequested, CommandFinished
from runbook.run.machine import current, front
from runbook.run.readings import Reading
from runbook.run.state import RunState, Status
from runbook.run.summary import Summary
from runbook.run.workflow_events import WorkflowProgressed
from runbook.target.rows import Decisions, FeedState, ObjectRow, PodRow, RowKey
from runbook.tui.presenter.spans import UNICODE, Symbols


class Situation(StrEnum):
    """What the operator is looking at. The value is the word in the state row."""

    OPENING = "OPENING"
    """The run is not there yet: its cluster is being started or asked who it is."""
    READY = "READY"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    RETRYING = "RETRYING"
    APPROVAL = "YOUR APPROVAL"
    TASK = "YOUR TURN"
    FAILED = "STEP FAILED"
    UNKNOWN = "OUTCOME UNKNOWN"
    PAUSED = "PAUSED"
    SETTLING = "SETTLING"
    ABORTING = "ABORTING"
    LEAVING = "LEAVING"
    FINISHED = "FINISHED"


ASKING = frozenset({Situation.APPROVAL, Situation.TASK})


@dataclass(frozen=True, slots=True)
class Seeing:
    """What a condition shows, and since when its verdict has been the same."""

    reading: Reading
    since: datetime


@dataclass(frozen=True, slots=True)
class Cluster:
    """The last rows of the feed. They stay when the line is lost; `states` then say since when."""

    pods: Mapping[RowKey, PodRow] = field(default_factory=dict)
    names: Sequence[RowKey] = ()
    """The keys of `pods`, sorted by namespace and name."""
    objects: Mapping[RowKey, ObjectRow] = field(default_factory=dict)
    changed: Mapping[RowKey, datetime] = field(default_factory=dict)
    states: Mapping[str, FeedState] = field(default_factory=dict)
    decisions: Decisions = field(default_factory=dict)
    wanted: bool = False
    """Whether there is a feed at all."""

    @property
    def lost(self) -> FeedState | None:
        """The state of the line that has been lost for longest; None while all is live."""
        broken = [s for s in self.states.values() if not s.connected]
        return min(broken, key=lambda s: s.since, default=None)

    @property
    def connecting(self) -> bool:
        """Nothing was ever seen yet."""
        return (
            self.wanted
            and not self.pods
            and not self.objects
            and (not self.states or all(not s.connected for s in self.states.values()))
        )


@dataclass(frozen=True, slots=True)
class Moment:
    plan: Plan
    state: RunState
    summary: Summary | None
    now: datetime
    operator: str = ""
    cluster: Cluster = Cluster()
    seen: Mapping[str, Seeing] = field(default_factory=dict)
    """By step id and by name of a health check."""
    progress: Mapping[str, WorkflowProgressed] = field(default_factory=dict)
    commands: Mapping[str, CommandFinished] = field(default_factory=dict)
    """The last finished command of each step."""
    last_lines: Mapping[str, str] = field(default_factory=dict)
    """The last line of output of each step that printed any."""
    reports: tuple[str, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)
    """Seconds that each phase took in earlier runs."""
    chosen: str = ""
    """The step under the cursor in the list of steps."""
    doing: str = ""
    """What is being done before the run is there."""
    before: str = ""
    """When this was last drilled, and how it went; empty when it never was."""
    spectator: bool = False
    """The run is another terminal's: it is looked at, and nothing else."""
    symbols: Symbols = UNICODE

    @property
    def step(self) -> PlannedStep | None:
        return current(self.plan, self.state)

    @property
    def beside(self) -> tuple[PlannedStep, ...]:
        """The other steps that are performed at the same time."""
        here = self.step
        return tuple(step for step in front(self.plan, self.state) if step is not here)

    @property
    def steps(self) -> tuple[PlannedStep, ...]:
        """Every step there is to see, in order: with what is undone once that was asked for."""
        if self.state.rolling_back is None:
            return self.plan.steps
        last = [step for step in self.plan.steps if step.part == "always"]
        first = [step for step in self.plan.steps if step.part != "always"]
        return (*first, *undoable(self.plan.rollback, self.state), *last)

    @property
    def situation(self) -> Situation:
        return situation(self.plan, self.state)


def situation(plan: Plan, state: RunState) -> Situation:
    """The kind of moment a run is in, from its state alone."""
    if state.finished is not None:
        return Situation.FINISHED
    if state.abandoned:
        return Situation.ABORTING
    if state.leaving:
        return Situation.LEAVING
    if state.opened is None:
        return Situation.OPENING
    step = current(plan, state)
    if step is None:
        return Situation.SETTLING if part(state) == "steps" else Situation.RUNNING
    here = state.step(step.id)
    match here.status:
        case Status.WAITING:
            asked = isinstance(here.request, ApprovalRequested)
            return Situation.APPROVAL if asked else Situation.TASK
        case Status.RUNNING:
            return Situation.STOPPING if here.stopping else Situation.RUNNING
        case Status.INTERRUPTED:
            return Situation.UNKNOWN
        case Status.FAILED | Status.TIMED_OUT if here.retry_at is None:
            return Situation.FAILED
    if state.held is not None:
        return Situation.PAUSED if state.steps else Situation.READY
    return Situation.RETRYING if here.retry_at is not None else Situation.RUNNING
