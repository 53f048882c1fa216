"""What every form of the recovery log says, gathered from the journal once. Pure.

Nothing here is invented: a value comes from a record, or is computed from records by
`runbook.run.summary`, or is a field only a person can fill and prints as "not provided".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook.model.values import readable
from runbook.run.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    CheckRead,
    HealthRead,
    Record,
    RunOpened,
    TargetVerified,
)
from runbook.run.outputs import replacements
from runbook.run.summary import Summary, Waiting, summarise
from runbook.run.terms import Mode
from runbook.run.words import describe

NOT_PROVIDED = "not provided"
BY_HAND = (
    ("Scenario and reason for the test", "what was assumed to have happened, and why now"),
    ("Participants and their roles", "beside those named in the record"),
    ("Findings and lessons", "what surprised, what is to be changed"),
    ("Actions with owner and due date", "and whether a retest is needed"),
    ("Sign-off", "plan owner, date"),
)
"""What an auditor expects and no journal knows."""

SPLIT_WORDS = {
    Waiting.MACHINE: "machine: steps being performed",
    Waiting.OPERATOR: "operator: decisions and manual work",
    Waiting.APPROVAL: "approval: waiting at gates",
    Waiting.SETTLE: "settle: steps done, health not yet proven",
}


@dataclass(frozen=True, slots=True)
class Objective:
    name: str
    target: str
    result: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class PhaseRow:
    number: str
    title: str
    budget: float | None
    seconds: float
    over: float
    done: bool


@dataclass(frozen=True, slots=True)
class StepRow:
    number: str
    title: str
    kind: str
    effect: str
    status: str
    attempts: int
    seconds: float
    by: str
    detail: str
    proves_against: tuple[str, ...]
    commands: tuple[str, ...]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CheckRow:
    number: str
    title: str
    verdict: str
    expected: str
    observed: str


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    at: datetime
    step: str
    what: str
    by: str
    how: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    seq: int
    at: datetime
    elapsed: float
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    opened: RunOpened
    summary: Summary
    verdict: str
    identity: tuple[tuple[str, str], ...]
    objectives: tuple[Objective, ...]
    phases: tuple[PhaseRow, ...]
    split: tuple[tuple[str, float], ...]
    steps: tuple[StepRow, ...]
    checks: tuple[CheckRow, ...]
    health: tuple[CheckRow, ...]
    approvals: tuple[ApprovalRow, ...]
    timeline: tuple[TimelineRow, ...]
    integrity: tuple[tuple[str, str], ...]


def gather(records: Sequence[Record], head: str) -> Facts:
    """Everything a report says. `head` is the SHA-256 of the journal's last line."""
    summary = summarise(records)
    opened = summary.opened
    numbers = opened.outline.numbers
    return Facts(
        opened=opened,
        summary=summary,
        verdict=verdict(summary),
        identity=tuple(_identity(summary)),
        objectives=tuple(_objectives(summary)),
        phases=tuple(_phases(summary)),
        split=tuple((SPLIT_WORDS[kind], summary.split[kind]) for kind in Waiting),
        steps=tuple(_steps(summary, replacements(records))),
        checks=tuple(_checks(summary)),
        health=tuple(_health(summary)),
        approvals=tuple(_approvals(records, numbers)),
        timeline=tuple(_timeline(records, numbers)),
        integrity=tuple(_integrity(records, head)),
    )


def verdict(summary: Summary) -> str:
    """The one word on top. A deviation does not fail a test, but it never hides either."""
    words = {
        "recovered": "PASSED",
        "recovered_late": "FAILED: over the objective",
        "not_recovered": "FAILED: not recovered",
        "aborted": "NOT CONCLUDED: aborted",
        "interrupted": "NOT CONCLUDED: interrupted",
        "running": "NOT CONCLUDED: still running",
    }
    word = words[summary.status]
    if word == "PASSED" and summary.deviations:
        return f"PASSED WITH DEVIATIONS ({len(summary.deviations)})"
    return word


def _identity(summary: Summary) -> list[tuple[str, str]]:
    opened = summary.opened
    kinds = {
        Mode.PRACTICE: "rehearsal on an embedded practice cluster",
        Mode.DRILL: "drill on a real cluster",
        Mode.RECOVERY: "real recovery",
    }
    rows = [
        ("Run", opened.run),
        ("Runbook", f"{opened.title} ({opened.name})"),
        *([("Owner of the runbook", opened.owner)] if opened.owner else []),
        ("Kind of test", kinds[opened.mode]),
        ("Started", f"{summary.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("Ended", f"{summary.ended:%Y-%m-%d %H:%M:%S} UTC" if summary.ended else "not ended"),
        *([("Out since", f"{opened.outage:%Y-%m-%d %H:%M:%S} UTC")] if opened.outage else []),
        ("Operator", f"{opened.operator} at {opened.host}"),
        ("Attended", "yes" if opened.attended else "no: nobody was asked"),
        ("Cluster", f"{opened.context}, {opened.server}"),
        ("Cluster identity", f"kube-system UID {opened.cluster_uid}"),
        ("Runbook file", f"{opened.source}, SHA-256 {opened.source_digest}"),
        *((f"Part {key}", f"SHA-256 {digest}") for key, digest in opened.parts.items()),
        ("Plan", f"SHA-256 {opened.plan_digest}"),
        ("Program", f"runbook {opened.version}"),
    ]
    if opened.speed != 1:
        rows.append(
            (
                "Simulated time",
                f"the practice cluster ran {opened.speed:g} times as fast as life: durations here "
                "say nothing about a real platform",
            )
        )
    rows += [(f"Input {name}", str(value)) for name, value in opened.inputs.items()]
    return rows


def _objectives(summary: Summary) -> list[Objective]:
    recovery, outline = summary.recovery, summary.opened.outline
    rows = []
    if recovery.rto is not None:
        took = readable(recovery.seconds) if recovery.seconds is not None else "-"
        if recovery.seconds is None:
            took, met = "nothing was destroyed, so nothing was measured", None
        elif recovery.stopped is None:
            took, met = f"{took}, not recovered", False
        else:
            met = recovery.within
        rows.append(Objective("Recovery time", readable(recovery.rto), took, met))
    for name in outline.recovered_when:
        read = summary.state.health.get(name)
        observed = f"{read.verdict}: {read.observed}" if read else "never read"
        met = read.verdict == "holds" if read else None
        rows.append(
            Objective(f"Recovered when {name}", read.expected if read else "-", observed, met)
        )
    return rows


def _phases(summary: Summary) -> list[PhaseRow]:
    rows = []
    for phase in summary.phases:
        number = phase.steps[0].outline.number.partition(".")[0] if phase.steps else ""
        rows.append(
            PhaseRow(
                number,
                phase.outline.title,
                phase.outline.budget,
                phase.seconds,
                phase.over_budget,
                phase.done,
            )
        )
    return rows


def _steps(summary: Summary, replaced: Mapping[str, str]) -> list[StepRow]:
    return [
        StepRow(
            number=step.outline.number,
            title=step.outline.title,
            kind=step.outline.kind,
            effect=step.outline.effect,
            status=step.status.value,
            attempts=step.attempts,
            seconds=step.seconds,
            by=step.decided_by,
            detail=step.reason,
            proves_against=step.outline.proves_against,
            commands=tuple(
                f"$ {starting.script}\n"
                + (f"# {describe(finished)}" if finished else "# outcome unknown")
                + (
                    f", output {_stored(finished.output, replaced)}"
                    if finished and finished.output
                    else ""
                )
                for starting, finished in step.commands
            ),
            outputs=dict(step.outputs),
        )
        for step in summary.steps
    ]


def handed_on(steps: Sequence[StepRow]) -> Iterator[tuple[str, str, str]]:
    """Step, name and value of what steps handed on: a row for each line of a value."""
    for step in steps:
        for name, value in step.outputs.items():
            for number, line in enumerate(value.splitlines() or [""]):
                yield (step.number if not number else "", name if not number else "", line)


def _stored(output: str, replaced: Mapping[str, str]) -> str:
    if output not in replaced:
        return output
    return f"{replaced[output]} (in place of {output}, which held a secret)"


def _checks(summary: Summary) -> list[CheckRow]:
    rows = []
    for step in summary.steps:
        if step.outline.kind != "check":
            continue
        last: CheckRead | None = step.reads[-1] if step.reads else None
        rows.append(
            CheckRow(
                step.outline.number,
                step.outline.title,
                step.status.value if last is None else last.verdict.value,
                last.expected if last else "-",
                last.observed if last else (step.reason or "never read"),
            )
        )
    return rows


def _health(summary: Summary) -> list[CheckRow]:
    rows = []
    for name in summary.opened.outline.health:
        read: HealthRead | None = summary.state.health.get(name)
        rows.append(
            CheckRow(
                "",
                name,
                read.verdict.value if read else "never read",
                read.expected if read else "-",
                read.observed if read else "-",
            )
        )
    return rows


def _approvals(records: Sequence[Record], numbers: dict[str, str]) -> list[ApprovalRow]:
    asked: dict[str, str] = {}
    rows = []
    for record in records:
        match record.event:
            case ApprovalRequested(step=step, message=message):
                asked[step] = message
            case ApprovalGranted(step=step, by=by, how=how, reason=reason):
                said = f"granted ({how})" + (f": {reason}" if reason else "")
                rows.append(ApprovalRow(record.at, numbers[step], asked.get(step, ""), by, said))
            case ApprovalRefused(step=step, by=by, reason=reason):
                said = f"refused: {reason}"
                rows.append(ApprovalRow(record.at, numbers[step], asked.get(step, ""), by, said))
            case ApprovalExpired(step=step):
                what = asked.get(step, "")
                rows.append(ApprovalRow(record.at, numbers[step], what, "-", "expired: refused"))
            case _:
                continue
    return rows


def _timeline(records: Sequence[Record], numbers: dict[str, str]) -> list[TimelineRow]:
    start = records[0].at
    rows = []
    for record in records:
        number = numbers.get(getattr(record.event, "step", ""), "")
        text = f"{number} {describe(record.event)}".strip()
        rows.append(TimelineRow(record.seq, record.at, (record.at - start).total_seconds(), text))
    return rows


def _integrity(records: Sequence[Record], head: str) -> list[tuple[str, str]]:
    verified = sum(isinstance(r.event, TargetVerified) for r in records)
    return [
        ("Records", f"{len(records)}, each chained to the one before by SHA-256"),
        ("Head", head),
        ("Short head", short_head(len(records), head)),
        ("Cluster verified before destroying", f"{verified} times, each time the pinned one"),
        (
            "Signature",
            "none: the chain proves order and completeness up to the head, not who wrote it",
        ),
        (
            "Not proven",
            "what was done outside of this program, and anything on a host that was itself "
            "compromised while the run went on",
        ),
    ]


def short_head(size: int, head: str) -> str:
    """A head to read aloud, or to write into a ticket: record count and the first 16 digits."""
    return "-".join([str(size), *(head[i : i + 4].upper() for i in range(0, 16, 4))])
