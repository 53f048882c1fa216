"""The recovery log as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook.model.values import readable
from runbook.report.facts import BY_HAND, NOT_PROVIDED, Facts, handed_on
from runbook.report.text import one_line, plain

MET = {True: "met", False: "NOT met", None: "not measured"}


def render(facts: Facts) -> str:
    """The whole document."""
    parts = [
        f"# Recovery log: {text(facts.opened.title)}",
        f"**{text(facts.verdict)}**",
        table(("", ""), facts.identity),
        "## Objectives and results",
        table(
            ("objective", "target", "result", ""),
            ((o.name, o.target, o.result, MET[o.met]) for o in facts.objectives),
        ),
        "## Phases against budget",
        table(
            ("phase", "title", "took", "budget", ""),
            (
                (
                    p.number,
                    p.title,
                    readable(p.seconds),
                    readable(p.budget) if p.budget is not None else "-",
                    f"over by {readable(p.over)}" if p.over else ("within" if p.done else "not done"),
                )
                for p in facts.phases
            ),
        ),
        "## Who spent the time",
        table(("waiting for", "time"), ((words, readable(s)) for words, s in facts.split)),
        "## Deviations",
        _deviations(facts),
        "## Approvals",
        table(
            ("time (UTC)", "step", "what", "by", "decision"),
            ((f"{a.at:%H:%M:%S}", a.step, a.what, a.by, a.how) for a in facts.approvals),
        ),
        "## Checks",
        table(
            ("step", "check", "verdict", "expected", "last seen"),
            ((c.number, c.title, c.verdict, c.expected, c.observed) for c in facts.checks),
        ),
        "## Health at the end",
        table(
            ("check", "verdict", "expected", "last seen"),
            ((c.title, c.verdict, c.expected, c.observed) for c in facts.health),
        ),
        "## Steps",
        table(
            ("step", "title", "kind", "effect", "status", "tries", "time", "by", "detail"),
            (
                (
                    s.number, s.title, s.kind, s.effect, s.status, str(s.attempts or "-"),
                    readable(s.seconds), s.by, s.detail,
                )
                for s in facts.steps
            ),
        ),
        "## Commands",
        *_commands(facts),
        "## Values handed on",
        table(("step", "name", "value"), handed_on(facts.steps)),
        "## Notes",
        _notes(facts),
        "## To be filled in by a person",
        table(("", "", ""), ((what, hint, NOT_PROVIDED) for what, hint in BY_HAND)),
        "## Integrity",
        table(("", ""), facts.integrity),
        "Check it: `runbook verify " + facts.opened.run + "` recomputes the chain, the head and "
        "the digests of all stored outputs.",
        "## Timeline",
        table(
            ("no.", "time (UTC)", "elapsed", "what"),
            (
                (str(t.seq), f"{t.at:%H:%M:%S.%f}"[:-3], readable(t.elapsed), t.text)
                for t in facts.timeline
            ),
        ),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def text(value: str) -> str:
    """Outside text as Markdown text: one line, nothing in it formats or breaks a table."""
    line = one_line(value)
    for mark in ("\\", "`", "*", "_", "|", "<", "[", "]", "#"):
        line = line.replace(mark, f"\\{mark}")
    return line


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(["", *(text(cell) for cell in row), ""]).strip() for row in rows]
    if not lines:
        return "none"
    title = " | ".join(["", *head, ""]).strip()
    rule = "|" + "---|" * len(head)
    return "\n".join([title, rule, *lines])


def _deviations(facts: Facts) -> str:
    numbers = facts.opened.outline.numbers
    rows = ((f"{d.at:%H:%M:%S}", numbers.get(d.step, ""), d.text) for d in facts.summary.deviations)
    return table(("time (UTC)", "step", "deviation"), rows)


def _commands(facts: Facts) -> Iterable[str]:
    for step in facts.steps:
        for command in step.commands:
            yield f"**{step.number} {text(step.title)}**\n\n{fenced(command)}"


def fenced(value: str, language: str = "") -> str:
    """Lines as they are, in a block that nothing in them can end."""
    fence = "`" * max(3, _longest_run(value) + 1)
    return f"{fence}{language}\n{plain(value.rstrip())}\n{fence}"


def _longest_run(value: str) -> int:
    longest = run = 0
    for character in value:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


def _notes(facts: Facts) -> str:
    return table(
        ("time (UTC)", "by", "note"),
        ((f"{at:%H:%M:%S}", note.by, note.text) for at, note in facts.summary.notes),
    )
