"""What has been heard of a run so far, gathered for the screen: notes at once, paints later.

One `Watching` follows one session. Everything it keeps is bounded, except the rows of the cluster and
the records of the run. Pure but for the calls it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Flag, auto
from typing import Protocol

from runbook.run.events import (
    CheckRead,
    CommandFinished,
    HealthRead,
    Record,
)
from runbook.run.readings import Reading
from runbook.run.record_events import OutputPurged
from runbook.run.session import Output, Seen, Session
from runbook.run.summary import Ledger
from runbook.run.workflow_events import WorkflowProgressed
from runbook.target.rows import Decisions, FeedState, PodRow, Row, RowKey
from runbook.tui.lines import Lines, RingLines, RowLines, TextLines
from runbook.tui.presenter.cluster import CHANGED_FOR
from runbook.tui.presenter.moment import Cluster, Moment, Seeing
from runbook.tui.presenter.records import record_row
from runbook.tui.presenter.spans import UNICODE, Symbols

KEPT_OUTPUTS = 4
"""Steps whose live output is kept; older ones are read from where the run stores them."""


class Batch(Protocol):
    """Changes of the cluster; a row of None means the object is gone."""

    @property
    def changes(self) -> Sequence[tuple[RowKey, Row | None]]: ...

    @property
    def states(self) -> Sequence[tuple[str, FeedState]]: ...

    @property
    def decisions(self) -> Decisions | None:
        """About all that hangs; None when nothing is said about that."""
        ...


class Change(Flag):
    """What has become old on the screen."""

    RUN = auto()
    OUTPUT = auto()
    CLUSTER = auto()


@dataclass
class Watching:
    session: Session
    now: Callable[[], datetime]
    operator: str
    output_of: Callable[[str], bytes]
    changed: Callable[[Change], None]
    symbols: Symbols = UNICODE
    cluster: Cluster = field(default_factory=Cluster)
    reports: tuple[str, ...] = ()
    usual: Mapping[str, float] = field(default_factory=dict)
    doing: str = ""
    before: str = ""
    spectator: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    records: list[Record] = field(default_factory=list)
    seen: dict[str, Seeing] = field(default_factory=dict)
    progress: dict[str, WorkflowProgressed] = field(default_factory=dict)
    commands: dict[str, CommandFinished] = field(default_factory=dict)
    outputs: dict[str, tuple[int, RingLines]] = field(default_factory=dict)
    """By step: the attempt and what it printed, oldest first."""

    def begin(self) -> None:
        """Take in what is there already, then follow."""
        for record in self.session.records:
            self._note(record)
        self.session.follow(self)

    # -- the session's follower

    def on_record(self, record: Record) -> None:
        self._note(record)
        self.changed(Change.RUN)

    def on_output(self, output: Output) -> None:
        kept = self.outputs.get(output.step)
        if kept is None or kept[0] != output.attempt:
            self.outputs.pop(output.step, None)
            kept = self.outputs[output.step] = (output.attempt, RingLines())
            while len(self.outputs) > KEPT_OUTPUTS:
                del self.outputs[next(iter(self.outputs))]
            self.changed(Change.RUN)
        kept[1].append(output.data)
        self.changed(Change.OUTPUT)

    def on_seen(self, seen: Seen) -> None:
        self._see(seen.source, seen.reading, self.now())
        self.changed(Change.RUN)

    def _note(self, record: Record) -> None:
        self.records.append(record)
        self.ledger.add(record)
        match record.event:
            case CheckRead(step=source) | HealthRead(check=source) as event:
                reading = Reading(event.verdict, event.expected, event.observed)
                self._see(source, reading, record.at)
            case WorkflowProgressed(step=step) as event:
                self.progress[step] = event
            case CommandFinished(step=step) as event:
                self.commands[step] = event
            case OutputPurged(step=step):
                self.outputs.pop(step, None)  # what is kept here shows what was removed

    def _see(self, source: str, reading: Reading, at: datetime) -> None:
        known = self.seen.get(source)
        same = known is not None and known.reading.verdict is reading.verdict
        self.seen[source] = Seeing(reading, known.since if known is not None and same else at)

    # -- the cluster's feed

    def on_batch(self, batch: Batch) -> None:
        """Take in what changed. The first rows of a resource are news of nothing, so are not marked."""
        before = dict(self.cluster.states)
        states = dict(batch.states)
        pods, objects = dict(self.cluster.pods), dict(self.cluster.objects)
        changed = dict(self.cluster.changed)
        names = self.cluster.names
        now = self.now()
        fresh = {name for name in states if name not in before or not before[name].connected}
        membership = False
        for key, row in batch.changes:
            known = key in pods or key in objects
            if row is None:
                membership = pods.pop(key, None) is not None or membership
                objects.pop(key, None)
                changed.pop(key, None)
                continue
            if isinstance(row, PodRow):
                membership = membership or not known
                pods[key] = row
            else:
                objects[key] = row
            if key.resource not in fresh:
                changed[key] = now
        if membership:
            names = sorted(pods, key=lambda key: (key.namespace, key.name))
        self.cluster = replace(
            self.cluster,
            pods=pods,
            objects=objects,
            changed=changed,
            names=names,
            states=states,
            decisions=self.cluster.decisions if batch.decisions is None else batch.decisions,
        )
        self.forget_changes()
        self.changed(Change.CLUSTER)

    def forget_changes(self) -> bool:
        """Take the mark off what changed some seconds ago. Tells whether any was."""
        limit = self.now() - timedelta(seconds=CHANGED_FOR)
        recent = {key: at for key, at in self.cluster.changed.items() if at > limit}
        if len(recent) == len(self.cluster.changed):
            return False
        self.cluster = replace(self.cluster, changed=recent)
        return True

    # -- what is asked

    def moment(self) -> Moment:
        now = self.now()
        state = self.session.state
        return Moment(
            plan=self.session.plan,
            state=state,
            summary=self.ledger.summary(now) if self.ledger.state.opened else None,
            now=now,
            operator=self.operator,
            cluster=self.cluster,
            seen=self.seen,
            progress=self.progress,
            commands=self.commands,
            last_lines=self._last_lines(),
            reports=self.reports,
            usual=self.usual,
            doing=self.doing,
            before=self.before,
            spectator=self.spectator,
            symbols=self.symbols,
        )

    def _last_lines(self) -> dict[str, str]:
        """The last line with something on it, of every output that is kept."""
        return {step: text for step, (_, lines) in self.outputs.items() if (text := _last(lines))}

    def output(self, step: str) -> Lines:
        """What a step printed: live if it is kept, else as it was stored."""
        kept = self.outputs.get(step)
        return kept[1] if kept is not None else TextLines(self.output_of(step))

    def whole_output(self, step: str) -> Lines:
        """Everything a step printed, from the store when it is there already."""
        stored = self.output_of(step)
        return TextLines(stored) if stored else self.output(step)

    def record_lines(self) -> RowLines:
        return RowLines(lambda: len(self.records), lambda index: record_row(self.records[index]))


def _last(lines: RingLines) -> str:
    for index in range(lines.end - 1, max(lines.first, lines.end - 50) - 1, -1):
        if text := lines.text(index).strip():
            return text
    return ""
