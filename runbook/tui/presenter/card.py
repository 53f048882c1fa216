"""The Now card: the one place that says what goes on, and the only one that asks for anything.

A card is a list of rows with a rank each. Where there is less room than rows, the least important
give way first, so the state, the error and the choices are readable at every size.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook.model.document import CheckStep, RunStep
from runbook.plan import PlannedStep
from runbook.run import gates
from runbook.run.events import ApprovalRequested
from runbook.run.readings import Verdict
from runbook.run.state import Status
from runbook.run.terms import Mode
from runbook.tui.presenter.cluster import stuck
from runbook.tui.presenter.commands import why_not
from runbook.tui.presenter.header import LOOK, symbol
from runbook.tui.presenter.moment import Moment, Situation
from runbook.tui.presenter.outcome import finished_rows, keys_row, ready_rows, settling_rows
from runbook.tui.presenter.ranked import Ranked, fitted, text_rows
from runbook.tui.presenter.spans import Row, Span, Tone, labelled, spread
from runbook.tui.presenter.step_text import script_lines, what_is_done
from runbook.tui.presenter.times import at, clock, since
from runbook.tui.safe import clean, clean_lines


@dataclass(frozen=True, slots=True)
class Card:
    rows: list[Row]
    tone: Tone
    """Of the border: quiet while the machine works, loud when a person is needed."""


def card(moment: Moment, columns: int, rows: int, asking: list[Row] | None = None) -> Card:
    """The card in `rows` rows; `asking` is the prompt, which is always shown whole."""
    tone = LOOK[moment.situation][1]
    quiet = moment.situation in (
        Situation.RUNNING,
        Situation.READY,
        Situation.OPENING,
        Situation.SETTLING,
        Situation.RETRYING,
    )
    room = rows - (len(asking) if asking else 0)
    body = fitted(_body(moment, columns, asked=bool(asking)), max(1, room))
    if asking:
        gap: list[Row] = [()] if len(body) < room else []
        body = [*body, *gap, *asking]
    return Card(body, Tone.PLAIN if quiet and not asking else Tone.ASK if asking else tone)


def _body(moment: Moment, columns: int, *, asked: bool) -> list[Ranked]:
    step = moment.step
    match moment.situation:
        case Situation.FINISHED:
            return finished_rows(moment, columns)
        case Situation.READY | Situation.OPENING:
            return ready_rows(moment, columns)
        case Situation.SETTLING:
            return settling_rows(moment, columns)
        case Situation.ABORTING | Situation.LEAVING if step is not None:
            return [*_title(moment, step, columns), *_ending(moment, columns)]
    if step is None:
        return _ending(moment, columns)
    rows = _title(moment, step, columns)
    match moment.situation:
        case Situation.APPROVAL | Situation.TASK:
            rows += _asked(moment, step, columns)
            choices = ["enter answer it", "c note", "a abort the run"]
        case Situation.FAILED:
            rows += _failed(moment, step, columns)
            choices = ["r retry", "s skip, with a reason", "l full output", "a abort the run"]
            if not why_not("rollback", moment):
                choices[1:3] = ["s skip", "u roll back", "l output"]
        case Situation.UNKNOWN:
            rows += _unknown(moment, step, columns)
            choices = ["r run it again", "d declare it done", "s skip", "l output", "a abort"]
        case Situation.PAUSED:
            rows += _paused(moment, step, columns)
            choices = ["enter go on", "s skip, with a reason", "a abort the run"]
        case Situation.RETRYING:
            rows += _work(moment, step, columns)
            choices = ["r retry now", "p pause before that", "s skip, with a reason"]
        case Situation.STOPPING:
            rows += _work(moment, step, columns)
            text = "terminated, then killed; its outcome will be unknown"
            rows += [Ranked(1, r) for r in labelled("Stop", text, columns, Tone.HELD)]
            choices = []
        case _:
            rows += _work(moment, step, columns)
            choices = ["x stop it", "p pause before the next step"]
    if why_not("skip", moment):
        choices = [choice for choice in choices if not choice.startswith("s ")]
    if choices and not asked and not moment.spectator:
        rows.append(Ranked(1, keys_row(*choices)))
    return rows


def _title(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    mark, tone = LOOK[moment.situation]
    title = (
        Span(f"{symbol(moment.symbols, mark)} ", tone),
        Span(f"{step.number} {clean(step.title)}", Tone.STRONG),
    )
    return [Ranked(0, spread(title, (Span(_timing(moment, step), tone),), columns))]


def _timing(moment: Moment, step: PlannedStep) -> str:
    here = moment.state.step(step.id)
    spent = since(here.since, moment.now)
    tries = f", attempt {here.attempt}" if here.attempt > 1 else ""
    retries = getattr(step.step, "retries", 0)
    if retries and here.attempt:
        tries = f", attempt {here.attempt} of {max(retries + 1, here.attempt)}"
    match here.status:
        case Status.RUNNING:
            limit = step.step.until if isinstance(step.step, CheckStep) else step.step.timeout
            return f"{clock(spent)}{f' of {clock(limit)}' if limit else ''}{tries}"
        case Status.WAITING:
            return f"waiting {clock(spent)}"
        case Status.FAILED | Status.TIMED_OUT | Status.INTERRUPTED:
            return f"{_how(moment, step)} {clock(spent)} ago{tries}"
    return ""


def _how(moment: Moment, step: PlannedStep) -> str:
    status = moment.state.step(step.id).status
    command = moment.commands.get(step.id)
    if status is Status.TIMED_OUT:
        return "timed out"
    if status is Status.INTERRUPTED:
        return "interrupted"
    return f"exit {command.exit}" if command is not None and command.exit else "failed"


def _work(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    """A step that is being performed, or about to be."""
    rows: list[Ranked] = []
    here = moment.state.step(step.id)
    if here.retry_at is not None:
        wait = max(0, round(-since(here.retry_at, moment.now)))
        rows += [
            Ranked(2, r)
            for r in labelled(
                "Failed", f"{clean(here.reason)}; again in {wait}s", columns, Tone.BAD
            )
        ]
    rows += [Ranked(3, r) for r in what_is_done(step, columns)]
    rows += _reading(moment, step, columns)
    progress = moment.progress.get(step.id)
    if progress is not None:
        nodes = [f"· {n.name} {n.phase} {n.message}".rstrip() for n in progress.nodes]
        told = (progress.workflow, progress.phase, progress.progress, progress.message, *nodes)
        text = clean(" ".join(filter(None, told)))
        rows += [Ranked(3, r) for r in labelled("Now", text, columns, Tone.BUSY)]
    rows += _beside(moment, columns)
    rows += _stuck(moment, columns)
    rows += _next(moment, step, columns)
    return [*rows, *_hint(moment, step, columns)]


def _beside(moment: Moment, columns: int) -> list[Ranked]:
    """The neighbours that are performed at the same time, each with its state."""
    texts = [
        f"{other.number} {clean(other.title)}: {moment.state.step(other.id).status}"
        for other in moment.beside
    ]
    return [Ranked(4, r) for r in labelled("Beside", "; ".join(texts), columns)] if texts else []


def _reading(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    """What the step's condition wants, and what it sees now."""
    seen = moment.seen.get(step.id)
    if seen is None or not isinstance(step.step, CheckStep):
        return []
    reading = seen.reading
    tone = {Verdict.HOLDS: Tone.GOOD, Verdict.FAILS: Tone.WARN, Verdict.UNKNOWN: Tone.HELD}[
        reading.verdict
    ]
    word = "cannot tell: " if reading.verdict is Verdict.UNKNOWN else ""
    held = f", for {clock(since(seen.since, moment.now))}"
    wants = labelled("Wants", clean(reading.expected), columns)
    sees = labelled("Sees", word + clean(reading.observed) + held, columns, tone, lines=2)
    return [*(Ranked(3, r) for r in wants), *(Ranked(2, r) for r in sees)]


def _stuck(moment: Moment, columns: int) -> list[Ranked]:
    text = stuck(moment)
    return text_rows(2, labelled("Stuck", text, columns, Tone.WARN, 3)) if text else []


def _hint(moment: Moment, step: PlannedStep, columns: int, rank: int = 5) -> list[Ranked]:
    """Trainees are told; in a real recovery nobody wants to be taught, but may want to read more."""
    rows: list[Row] = []
    if step.step.hint and moment.plan.mode == Mode.PRACTICE:
        rows += labelled("Hint", clean(step.step.hint), columns, Tone.HELD, lines=2)
    if step.step.doc:
        rows += labelled("Read", clean(step.step.doc), columns, Tone.DIM)
    return [Ranked(rank, r) for r in rows]


def _next(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    steps = moment.steps
    behind = [s for s in steps[steps.index(step) + 1 :] if s not in moment.beside]
    if not behind:
        return []
    after = behind[0]
    text = f"{after.number} {clean(after.title)}"
    return [Ranked(6, r) for r in labelled("Then", text, columns, Tone.DIM)]


def _failed(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    rows: list[Ranked] = []
    here = moment.state.step(step.id)
    error = moment.last_lines.get(step.id, "")
    if error:
        rows += [Ranked(1, r) for r in labelled("Error", error, columns, Tone.BAD, lines=2)]
    if here.reason and here.reason != error:
        rows += [
            Ranked(1 if not error else 3, r)
            for r in labelled("Why", clean(here.reason), columns, lines=2)
        ]
    rows += _reading(moment, step, columns)
    rows += [Ranked(4, r) for r in what_is_done(step, columns, lines=1)]
    rows += _beside(moment, columns)
    rows += _stuck(moment, columns)
    return [*rows, *_hint(moment, step, columns, rank=3)]


def _unknown(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    reason = clean(moment.state.step(step.id).reason)
    question = "It may have done its work, or not. Look at the cluster, then decide."
    return [
        *(Ranked(2, r) for r in labelled("Why", reason, columns, Tone.BAD, lines=2)),
        Ranked(1, (Span(question, Tone.STRONG),)),
        *(Ranked(3, r) for r in what_is_done(step, columns)),
        *_stuck(moment, columns),
        *_hint(moment, step, columns),
    ]


def _paused(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    held = moment.state.held
    why = clean(held.reason) if held is not None else ""
    text = f"by {clean(held.by)}{f': {why}' if why else ''}" if held is not None else ""
    return [
        *(Ranked(2, r) for r in labelled("Paused", text, columns, Tone.HELD)),
        *(Ranked(3, r) for r in what_is_done(step, columns)),
        *_stuck(moment, columns),
        *_next(moment, step, columns),
    ]


def _ending(moment: Moment, columns: int) -> list[Ranked]:
    if moment.situation is Situation.ABORTING and moment.state.aborting is not None:
        text = f"asked for by {clean(moment.state.aborting.by)}; what runs is being ended"
        return [Ranked(1, r) for r in labelled("Abort", text, columns, Tone.BAD)]
    text = "the run is held; `runbook resume` takes it up again"
    return [Ranked(1, r) for r in labelled("Leaving", text, columns, Tone.HELD)]


def _asked(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    """What a person is asked to agree to, or to do: the effect, the target, since when."""
    here = moment.state.step(step.id)
    request = here.request
    if request is None:
        return []
    approval = isinstance(request, ApprovalRequested)
    message = request.message if isinstance(request, ApprovalRequested) else request.instructions
    text = " ".join(line for line in clean_lines(message) if line.strip())
    rows = text_rows(2, labelled("Why" if approval else "Do", text, columns, lines=4))
    if approval:
        rows += _effect(moment, step, columns)
        target = moment.plan.target
        where = clean(f"{target.context} ({moment.plan.mode}), {target.server}")
        rows += [Ranked(2, r) for r in labelled("Target", where, columns)]
    asked = (
        f"{at(here.since)}, waiting {clock(since(here.since, moment.now))}" if here.since else ""
    )
    if request.expires is not None:
        left = -since(request.expires, moment.now)
        asked += (
            f", expires in {clock(left)}, then it is refused"
            if approval
            else f", {clock(left)} left"
        )
    if isinstance(request, ApprovalRequested) and request.approvers:
        practised = (
            " (practice: you answer for them)" if gates.practised(moment.state, request) else ""
        )
        asked += f", by {clean(', '.join(request.approvers))}{practised}"
    rows += [Ranked(3, r) for r in labelled("Asked", asked, columns, Tone.DIM)]
    return [*rows, *_stuck(moment, columns), *_hint(moment, step, columns)]


def _effect(moment: Moment, step: PlannedStep, columns: int) -> list[Ranked]:
    """What this gate opens: the steps behind it, up to the next gate."""
    behind = moment.steps[moment.steps.index(step) + 1 :]
    opened: list[PlannedStep] = []
    for other in behind:
        if other.kind == "approve":
            break
        opened.append(other)
    destroying = [s for s in opened if s.effect == "destroy"]
    chosen = destroying or [s for s in opened if s.effect == "change"] or opened
    verb = (
        "destroys"
        if destroying
        else "changes"
        if chosen and chosen[0].effect == "change"
        else "reads"
    )
    if not chosen:
        return []
    first = chosen[0]
    more = f", and {len(chosen) - 1} more" if len(chosen) > 1 else ""
    text = f"{verb}: {first.number} {clean(first.title)}{more}"
    tone = Tone.BAD if destroying else Tone.PLAIN
    rows = [Ranked(2, r) for r in labelled("Effect", text, columns, tone)]
    if isinstance(first.step, RunStep):
        rows += [
            Ranked(4, r)
            for r in labelled("", "$ " + script_lines(first.step.run)[0], columns, Tone.DIM)
        ]
    return rows
