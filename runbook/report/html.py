"""The recovery log as one HTML file that needs nothing else: no script, no link, print CSS inside. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from runbook.model.values import readable
from runbook.report.facts import BY_HAND, NOT_PROVIDED, Facts, Objective, handed_on
from runbook.report.markdown import MET
from runbook.report.picture import timeline
from runbook.report.text import plain
from runbook.run.words import start_of_clock

STYLE = """
:root { --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --good: #00724f; --bad: #b34700; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 62rem;
       margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
.verdict { display: inline-block; margin: .8rem 0 1.4rem; padding: .35rem .9rem; border-radius: .3rem;
           font-weight: 700; color: #fff; background: var(--bad); }
.verdict.good { background: var(--good); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
         border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; font-size: .85rem; }
td.name { width: 13rem; color: var(--soft); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
pre { background: #f6f8fa; border: 1px solid var(--line); border-radius: .3rem; padding: .6rem;
      overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; }
.clock { font-size: 2rem; font-weight: 700; } .clock small { font-size: 1rem; color: var(--soft); }
footer { margin: 3rem 0 1rem; color: var(--soft); font-size: .85rem; }
@media print {
  body { margin: 0; max-width: none; font-size: 10pt; }
  h2 { break-after: avoid; } tr, pre, svg { break-inside: avoid; }
  thead { display: table-header-group; }
}
"""

GOOD = frozenset({"holds", "passed", "met", "within"})
BAD = frozenset({"fails", "failed", "timed_out", "NOT met", "interrupted", "unknown"})


def escape(text: str) -> str:
    return html.escape(plain(text))


def render(facts: Facts) -> str:
    """The whole document."""
    title = f"Recovery log: {facts.opened.title}"
    good = " good" if facts.verdict.startswith("PASSED") else ""
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<div class="verdict{good}">{escape(facts.verdict)}</div>',
        _clock(facts),
        _pairs(facts.identity),
        _section("Objectives and results", _objectives(facts.objectives)),
        _section("Timeline", timeline(facts)),
        _section("Phases against budget", _phases(facts)),
        _section("Who spent the time", _pairs((w, readable(s)) for w, s in facts.split)),
        _section("Deviations", _deviations(facts)),
        _section(
            "Approvals",
            _table(
                ("time (UTC)", "step", "what", "by", "decision"),
                ((f"{a.at:%H:%M:%S}", a.step, a.what, a.by, a.how) for a in facts.approvals),
            ),
        ),
        _section(
            "Checks",
            _table(
                ("step", "check", "verdict", "expected", "last seen"),
                ((c.number, c.title, c.verdict, c.expected, c.observed) for c in facts.checks),
            ),
        ),
        _section(
            "Health at the end",
            _table(
                ("check", "verdict", "expected", "last seen"),
                ((c.title, c.verdict, c.expected, c.observed) for c in facts.health),
            ),
        ),
        _section("Steps", _steps(facts)),
        _section("Commands", _commands(facts)),
        _section("Values handed on", _table(("step", "name", "value"), handed_on(facts.steps))),
        _section(
            "Notes",
            _table(
                ("time (UTC)", "by", "note"),
                ((f"{at:%H:%M:%S}", n.by, n.text) for at, n in facts.summary.notes),
            ),
        ),
        _section(
            "To be filled in by a person",
            _table(("", "", ""), ((what, hint, NOT_PROVIDED) for what, hint in BY_HAND)),
        ),
        _section("Integrity", _pairs(facts.integrity)),
        _section(
            "Record",
            _table(
                ("no.", "time (UTC)", "elapsed", "what"),
                (
                    (str(t.seq), f"{t.at:%H:%M:%S.%f}"[:-3], readable(t.elapsed), t.text)
                    for t in facts.timeline
                ),
            ),
        ),
        f"<footer>Made by runbook {escape(facts.opened.version)} from the journal of run "
        f"{escape(facts.opened.run)}.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _clock(facts: Facts) -> str:
    recovery = facts.summary.recovery
    if recovery.seconds is None:
        return ""
    against = f" of {readable(recovery.rto)}" if recovery.rto else ""
    started = start_of_clock(facts.opened)
    ended = f"from {started} to health" if recovery.stopped else "did not stop"
    return (
        f'<p class="clock">{escape(readable(recovery.seconds))}<small>{escape(against)} '
        f"recovery time, {escape(ended)}</small></p>"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>\n{content}</section>"


def _cell(value: str) -> str:
    kind = ' class="good"' if value in GOOD else ' class="bad"' if value in BAD else ""
    return f"<td{kind}>{escape(value)}</td>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows]
    if not lines:
        return "<p>none</p>"
    title = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    return f"<table><thead><tr>{title}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    lines = (
        f'<tr><td class="name">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def _objectives(objectives: Iterable[Objective]) -> str:
    return _table(
        ("objective", "target", "result", ""),
        ((o.name, o.target, o.result, MET[o.met]) for o in objectives),
    )


def _phases(facts: Facts) -> str:
    return _table(
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
    )


def _deviations(facts: Facts) -> str:
    numbers = facts.opened.outline.numbers
    return _table(
        ("time (UTC)", "step", "deviation"),
        ((f"{d.at:%H:%M:%S}", numbers.get(d.step, ""), d.text) for d in facts.summary.deviations),
    )


def _steps(facts: Facts) -> str:
    return _table(
        ("step", "title", "kind", "effect", "status", "tries", "time", "by", "detail"),
        (
            (
                s.number,
                s.title,
                s.kind,
                s.effect,
                s.status,
                str(s.attempts or "-"),
                readable(s.seconds),
                s.by,
                s.detail
                + (f" (proves against {', '.join(s.proves_against)})" if s.proves_against else ""),
            )
            for s in facts.steps
        ),
    )


def _commands(facts: Facts) -> str:
    parts = [
        f"<h3>{escape(step.number)} {escape(step.title)}</h3><pre>{escape(command.rstrip())}</pre>"
        for step in facts.steps
        for command in step.commands
    ]
    return "".join(parts) or "<p>none</p>"
