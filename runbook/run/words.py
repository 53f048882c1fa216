"""A fact in one line of words: for the Record pane, the plain output and the reports' timeline. Pure."""

from __future__ import annotations

from runbook.model.values import readable
from runbook.run.events import (
    AbortRequested,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    CheckRead,
    CommandFinished,
    CommandStarting,
    Event,
    FailureHandled,
    HealthRead,
    NoteAdded,
    RollbackRequested,
    RunContinued,
    RunEnding,
    RunFinished,
    RunHeld,
    RunJumped,
    RunOpened,
    RunResumed,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepReopened,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    StopRequested,
    TargetVerified,
    TaskConfirmed,
    TaskRequested,
)
from runbook.run.record_events import JournalRecovered, OutputPurged, SecretExposed
from runbook.run.workflow_events import WorkflowProgressed


def describe(event: Event) -> str:
    """What happened, in words; one line. A step's own name is for the caller to put in front."""
    return " ".join(_words(event).split())


def _words(event: Event) -> str:
    match event:
        case RunOpened():
            return _opened(event)
        case RunResumed(operator=operator, despite=changed):
            told = f", as it was started, although {', '.join(changed)} changed" if changed else ""
            return f"taken up again by {operator}{told}"
        case RunHeld(by=by, reason=reason, leaving=leaving):
            return f"{'left' if leaving else 'held'} by {by}" + (f": {reason}" if reason else "")
        case RunContinued(by=by):
            return f"continued by {by}"
        case AbortRequested(by=by, reason=reason):
            return f"abort asked for by {by}" + (f": {reason}" if reason else "")
        case RunJumped(to=to, by=by, reason=reason):
            return f"{by} goes on at {to}: {reason}"
        case RollbackRequested(by=by, reason=reason):
            return f"roll back asked for by {by}: {reason}"
        case RunEnding(result=result, reason=reason):
            return f"ending: {result}" + (f": {reason}" if reason else "")
        case RunFinished(result=result, reason=reason):
            return f"finished: {result}" + (f": {reason}" if reason else "")
        case NoteAdded(by=by, text=text):
            return f"note by {by}: {text}"
        case HealthRead(check=check, verdict=verdict, observed=observed):
            return f"health {check} {verdict}: {observed}"
        case JournalRecovered(bytes=count):
            return f"a torn last line of {count} bytes was set aside"
        case OutputPurged(step=step, old=old, new=new, reason=reason):
            return f"stored output {old[:8]} of {step} was replaced by {new[:8]}: {reason}"
        case SecretExposed(records=numbers):
            listed = ", ".join(map(str, numbers))
            return f"a secret stands in {listed} of the record and stays there: change its value"
        case StepStarted(step=step, attempt=attempt, by=by):
            again = f", attempt {attempt}" if attempt > 1 else ""
            return f"{step} started{again}" + (f" for {by}" if by else "")
        case StepPassed(step=step, detail=detail):
            return f"{step} passed" + (f": {detail}" if detail else "")
        case StepFailed(step=step, reason=reason) | StepTimedOut(step=step, reason=reason):
            word = "failed" if isinstance(event, StepFailed) else "timed out"
            retry = f", again at {event.retry_at:%H:%M:%S}Z" if event.retry_at else ""
            return f"{step} {word}: {reason}{retry}"
        case StepInterrupted(step=step, reason=reason):
            return f"{step} interrupted, outcome unknown: {reason}"
        case StepSkipped(step=step, by=by, reason=reason):
            return f"{step} skipped by {by}: {reason}"
        case StepAccepted(step=step, by=by, reason=reason):
            return f"{step} declared done by {by}: {reason}"
        case StepReopened(step=step, reason=reason):
            return f"{step} open again: {reason}"
        case FailureHandled(step=step, goto=target):
            return f"{step}: the runbook goes on" + (f" at {target}" if target else "")
        case StopRequested(step=step, by=by):
            return f"{step}: stop asked for by {by}"
        case ApprovalRequested(step=step, message=message):
            return f"{step} waits for approval: {message}"
        case ApprovalGranted(step=step, by=by, how=manner, reason=reason):
            return f"{step} approved by {by} ({manner})" + (f": {reason}" if reason else "")
        case ApprovalRefused(step=step, by=by, reason=reason):
            return f"{step} refused by {by}: {reason}"
        case ApprovalExpired(step=step, reason=reason):
            return f"{step}: {reason}"
        case TaskRequested(step=step, instructions=instructions):
            return f"{step} waits for a person: {instructions}"
        case TaskConfirmed(step=step, by=by, evidence=evidence, output=digest, bytes=size):
            kept = f" ({size} bytes, SHA-256 {digest})" if digest else ""
            return f"{step} confirmed by {by}" + (f": {evidence}{kept}" if evidence else "")
        case TargetVerified(cluster_uid=uid):
            return f"the cluster is the pinned one ({uid[:8]})"
        case CommandStarting(script=script):
            return f"$ {script}"
        case CommandFinished(exit=None, signal=""):
            return "never started"
        case CommandFinished(exit=code, signal=signal, duration=duration, lines=lines):
            how = f"exit {code}" if code is not None else f"ended by {signal}"
            return f"{how} after {readable(duration)}, {lines} line{'s' * (lines != 1)}"
        case CheckRead(verdict=verdict, expected=expected, observed=observed):
            return f"{verdict}: expected {expected}; saw {observed}"
        case WorkflowProgressed():
            return _progressed(event)
    return event.kind  # a kind from a newer program is still worth naming


def _progressed(event: WorkflowProgressed) -> str:
    told = f"{event.workflow} {event.phase or 'submitted'} {event.progress} {event.message}"
    nodes = "; ".join(f"{n.name} {n.phase} {n.message}".rstrip() for n in event.nodes)
    return " ".join(filter(None, (told, nodes and f"({nodes})", *event.links)))


def start_of_clock(opened: RunOpened) -> str:
    """What the recovery clock of a run starts at."""
    if opened.outage is not None:
        return f"the outage's beginning ({opened.outage:%Y-%m-%d %H:%M:%S} UTC)"
    opening = opened.outline.clock == "open"
    return "the start of the run" if opening else "the first destructive step"


def _opened(event: RunOpened) -> str:
    opened = f"{event.title} [{event.mode}] on {event.context} ({event.server}) by {event.operator}"
    if any(given.step == "*" for given in event.preauthorised):
        opened += "; practice gates are pre-authorised"
    elif event.preauthorised:
        opened += "; pre-authorised: " + ", ".join(g.step for g in event.preauthorised)
    if event.outage is not None:
        opened += f"; out since {event.outage:%Y-%m-%d %H:%M:%S}Z"
    if event.speed != 1:
        opened += f"; the cluster's own time runs {event.speed:g} times as fast"
    return opened
