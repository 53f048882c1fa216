"""Every key and what it does: the one table that feeds the key bar, the help and the palette.

Whether a command fits the moment is asked of `runbook.run.refusals`; the answer is shown, not hidden.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runbook.run.refusals import refusal
from runbook.run.signals import (
    Abort,
    Accept,
    AddNote,
    Continue,
    Hold,
    Jump,
    Leave,
    Retry,
    RollBack,
    Signal,
    Skip,
    StopStep,
)
from runbook.tui.cells import width
from runbook.tui.presenter.moment import Moment, Situation
from runbook.tui.presenter.spans import Row, Span, Tone, fit


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is the action of the app and the id that a keymap refers to."""

    name: str
    keys: str
    shown: str
    """The key as the operator reads it."""
    word: str
    help: str
    listed: bool = True
    """In the palette."""


COMMANDS: tuple[Command, ...] = (
    Command("go", "enter", "enter", "start", "start the run, go on after a pause, or answer what is asked"),
    Command("hold", "p", "p", "pause", "pause before the next step; what runs goes on"),
    Command("stop", "x", "x", "stop", "stop what the step is doing; its outcome is then unknown"),
    Command("retry", "r", "r", "retry", "do the step again"),
    Command("skip", "s", "s", "skip", "skip the step; asks for a reason"),
    Command("accept", "d", "d", "declare done", "declare an interrupted step done; asks how you know"),
    Command("jump", "t", "t", "go to", "go on at the step under the cursor in Steps; asks for a reason"),
    Command("rollback", "u", "u", "roll back", "undo what was started, last first, and end the run"),
    Command("abort", "a", "a", "abort", "end the run; asks for its name"),
    Command("note", "c", "c", "note", "write a note into the record"),
    Command("output", "l", "l", "full output", "the whole output of the step under the cursor, or of this one"),
    Command("report", "w", "w", "write report", "write the report of what has happened so far"),
    Command("zoom", "z", "z", "zoom", "give the focused pane all the room; z or esc gives it back"),
    Command("find", "slash", "/", "find", "find in the output, filter the pods"),
    Command("next_hit", "n", "n", "next", "the next hit", listed=False),
    Command("previous_hit", "N", "N", "previous", "the hit before", listed=False),
    Command("follow", "f", "f", "follow", "keep the newest line in view, or stop doing so"),
    Command("wrap", "W", "W", "wrap", "wrap long lines, or cut them (left and right then shift)"),
    Command("order", "o", "o", "order", "sort the pods by name, status, restarts, age"),
    Command("copy", "y", "y", "copy", "copy the line, pod or step under the cursor to the clipboard"),
    Command("help", "question_mark", "?", "help", "what the keys do, and what this step is about"),
    Command("command_palette", "colon", ":", "commands", "all commands by name", listed=False),
    Command("leave", "q", "q", "leave", "leave the screen; a run that has not ended is held"),
)  # fmt: skip
BY_NAME: Mapping[str, Command] = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class Practice:
    """One thing the palette offers about a practice cluster: what is asked for, of which fault."""

    title: str
    help: str
    action: str
    fault: str = ""


def practice_entries(faults: Sequence[tuple[str, str]]) -> tuple[Practice, ...]:
    """By name and title of the faults there are; nothing while they are not known."""
    if not faults:
        return ()
    return (
        Practice("practice status", "how the repair of the fault in place stands", "status"),
        Practice("practice hint", "the next hint; each is counted", "hint"),
        Practice("practice reset", "make the platform healthy again, as it began", "reset"),
        *(Practice(f"inject {name}", title, "inject", name) for name, title in faults),
    )


_RUNNING = ("hold", "stop", "note", "zoom", "find", "help", "command_palette", "leave")
BAR: Mapping[Situation, tuple[str, ...]] = {
    Situation.OPENING: ("help", "leave"),
    Situation.READY: ("go", "note", "zoom", "help", "command_palette", "leave"),
    Situation.RUNNING: _RUNNING,
    Situation.RETRYING: ("hold", "retry", "skip", "note", "output", "help", "command_palette", "leave"),
    Situation.STOPPING: ("note", "output", "zoom", "help", "command_palette", "leave"),
    Situation.APPROVAL: ("go", "note", "abort", "zoom", "help", "command_palette", "leave"),
    Situation.TASK: ("go", "skip", "note", "abort", "help", "command_palette", "leave"),
    Situation.FAILED: ("retry", "skip", "rollback", "output", "note", "abort", "help", "command_palette", "leave"),
    Situation.UNKNOWN: ("retry", "accept", "skip", "output", "note", "abort", "help", "leave"),
    Situation.PAUSED: ("go", "skip", "note", "abort", "help", "command_palette", "leave"),
    Situation.SETTLING: ("hold", "note", "zoom", "help", "command_palette", "leave"),
    Situation.ABORTING: ("note", "zoom", "help", "leave"),
    Situation.LEAVING: ("zoom", "help"),
    Situation.FINISHED: ("report", "output", "find", "zoom", "help", "command_palette", "leave"),
}  # fmt: skip
"""What the key bar offers, the most important first: the end is cut where it is narrow."""

_WORDS: Mapping[tuple[Situation, str], str] = {
    (Situation.APPROVAL, "go"): "answer",
    (Situation.TASK, "go"): "answer",
    (Situation.PAUSED, "go"): "go on",
    (Situation.UNKNOWN, "retry"): "run again",
}


WATCHING = "you are watching: the run's own terminal does that (`runbook note` adds a note)"


def word(command: Command, situation: Situation) -> str:
    return _WORDS.get((situation, command.name), command.word)


def why_not(name: str, moment: Moment) -> str:
    """Why a command does not fit the moment; empty when it does."""
    signal = _signal(name, moment)
    if moment.spectator:
        changes = name != "leave" and (signal is not None or name == "report")
        return WATCHING if changes else ""
    if signal is None:
        return ""
    if moment.state.opened is None and name != "leave":
        return "the run is not open yet"
    if name == "go" and moment.situation in (Situation.APPROVAL, Situation.TASK):
        return ""
    if name == "jump" and not moment.chosen:
        return "choose a step in the list of steps first (1)"
    return refusal(moment.plan, moment.state, signal)


def _signal(name: str, moment: Moment) -> Signal | None:
    """The signal a command would come to, with a reason given where one is needed."""
    by = moment.operator
    step = moment.step.id if moment.step is not None else ""
    match name:
        case "go":
            return Continue(by)
        case "hold":
            return Hold(by)
        case "stop":
            return StopStep(step, by)
        case "retry":
            return Retry(step, by)
        case "skip":
            return Skip(step, by, "given")
        case "accept":
            return Accept(step, by, "given")
        case "jump":
            return Jump(moment.chosen, by, "given")
        case "rollback":
            return RollBack(by, "given")
        case "abort":
            return Abort(by)
        case "note":
            return AddNote(by, "given")
        case "leave" if moment.state.finished is None:
            return Leave(by, "given")
    return None


@dataclass(frozen=True, slots=True)
class Hint:
    """A place in the key bar that can be clicked."""

    start: int
    end: int
    name: str


TYPING = (("esc", "back to the other keys"), ("tab", "next pane"), ("ctrl+p", "commands"))


def key_bar(moment: Moment, columns: int, *, typing: bool = False) -> tuple[Row, tuple[Hint, ...]]:
    """What can be pressed now; what cannot is dim. While an answer is typed, letters are letters."""
    if typing:
        typed: list[Span] = []
        for key, text in TYPING:
            typed += [Span("   " if typed else " "), Span(key, Tone.KEY), Span(f" {text}")]
        return fit(tuple(typed), columns), ()
    situation = moment.situation
    row: list[Span] = []
    hints: list[Hint] = []
    used = 0
    for name in BAR[situation]:
        command = BY_NAME[name]
        if moment.spectator and why_not(name, moment):
            continue  # never possible here, so not even dim
        text = word(command, situation)
        size = width(command.shown) + 1 + width(text)
        gap = 3 if row else 1
        if used + gap + size > columns:
            break
        off = bool(why_not(name, moment))
        row += [
            Span(" " * gap),
            Span(command.shown, Tone.DIM if off else Tone.KEY),
            Span(f" {text}", Tone.DIM if off else Tone.PLAIN),
        ]
        hints.append(Hint(used + gap, used + gap + size, name))
        used += gap + size
    return tuple(row), tuple(hints)


def notice_row(text: str) -> Row:
    """An answer to a key, in the place of the key bar for some seconds."""
    return (Span(f" {text}", Tone.HELD),)


def help_rows(moment: Moment) -> list[Row]:
    """All keys, with the reason beside those that do not fit the moment."""
    rows: list[Row] = []
    for command in COMMANDS:
        reason = why_not(command.name, moment)
        off = Span(f"  ({reason})", Tone.HELD) if reason else Span("")
        tone = Tone.DIM if reason else Tone.PLAIN
        rows.append((Span(f" {command.shown:<7}", Tone.KEY), Span(command.help, tone), off))
    rows += [
        (Span(f" {'1-6':<7}", Tone.KEY), Span("Steps, Now, Output, Pods, Models, Record")),
        (Span(f" {'tab':<7}", Tone.KEY), Span("the next pane; shift+tab the one before")),
        (
            Span(f" {'j k g G':<7}", Tone.KEY),
            Span("down, up, first, last; arrows and page keys too"),
        ),
        (Span(f" {'esc':<7}", Tone.KEY), Span("back: from a question, a filter, a zoomed pane")),
    ]
    return rows
