"""The run as a picture: phases and steps on a line of time, the recovery clock under it. Pure SVG."""

from __future__ import annotations

import html

from runbook.model.values import readable
from runbook.report.facts import Facts
from runbook.report.text import one_line
from runbook.run.summary import StepSummary

WIDTH, LEFT, RIGHT, ROW = 1000, 250, 20, 24
COLOURS = {
    "passed": "#009e73",
    "failed": "#d55e00",
    "timed_out": "#d55e00",
    "interrupted": "#cc79a7",
    "skipped": "#999999",
    "waiting": "#e69f00",
    "running": "#0072b2",
    "pending": "#cccccc",
}
"""Okabe and Ito's palette: told apart by every eye; the word beside each bar says it too."""


def escape(text: str) -> str:
    return html.escape(one_line(text))


def timeline(facts: Facts) -> str:
    """An SVG element: one row a step that was reached, budgets as outlines, the recovery clock last."""
    summary = facts.summary
    total = max(summary.seconds, 1.0)
    scale = (WIDTH - LEFT - RIGHT) / total
    rows: list[str] = []
    y = 30
    for phase in summary.phases:
        reached = [step for step in phase.steps if step.started is not None]
        if not reached:
            continue
        rows.append(_phase(phase.outline.title, phase.seconds, phase.outline.budget, y))
        y += ROW
        for step in reached:
            rows.append(_step(step, facts, scale, y))
            y += ROW - 6
        y += 6
    rows.append(_clock(facts, scale, y + 4))
    height = y + ROW + 20
    return (
        f'<svg role="img" aria-label="Timeline of the run" viewBox="0 0 {WIDTH} {height}" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="12">'
        f"{_axis(total, scale, height)}{''.join(rows)}</svg>"
    )


def _axis(total: float, scale: float, height: int) -> str:
    parts = []
    for share in range(5):
        seconds = total * share / 4
        x = LEFT + seconds * scale
        anchor = "end" if share == 4 else "middle" if share else "start"
        parts.append(
            f'<line x1="{x:.1f}" y1="20" x2="{x:.1f}" y2="{height - 8}" stroke="#ddd"/>'
            f'<text x="{x:.1f}" y="14" text-anchor="{anchor}" fill="#555">'
            f"{readable(round(seconds))}</text>"
        )
    return "".join(parts)


def _phase(title: str, seconds: float, budget: float | None, y: int) -> str:
    against = f" of {readable(budget)}" if budget is not None else ""
    label = f"{title}: {readable(round(seconds))}{against}"
    return f'<text x="4" y="{y + 12}" font-weight="600">{escape(label)}</text>'


def _step(step: StepSummary, facts: Facts, scale: float, y: int) -> str:
    start = ((step.started or facts.summary.started) - facts.summary.started).total_seconds()
    end = ((step.ended or facts.summary.at) - facts.summary.started).total_seconds()
    width = max(2.0, (end - start) * scale)
    colour = COLOURS[step.status.value]
    title = f"{step.outline.number} {step.outline.title}"
    short = title if len(title) <= 38 else title[:37] + "…"
    word = "" if step.status.value == "passed" else f" {step.status.value}"
    return (
        f"<g><title>{escape(title)}: {step.status.value}, "
        f"{readable(round(end - start, 1))}</title>"
        f'<text x="14" y="{y + 11}" fill="#333">{escape(short)}</text>'
        f'<rect x="{LEFT + start * scale:.1f}" y="{y + 2}" width="{width:.1f}" height="11" '
        f'rx="2" fill="{colour}"/>'
        f'<text x="{min(LEFT + end * scale + 4, WIDTH - 60):.1f}" y="{y + 11}" fill="{colour}">'
        f"{word}</text></g>"
    )


def _clock(facts: Facts, scale: float, y: int) -> str:
    recovery = facts.summary.recovery
    if recovery.started is None or recovery.seconds is None:
        return ""
    start = (recovery.started - facts.summary.started).total_seconds()
    ended = "stopped at health" if recovery.stopped else "did not stop"
    against = f" of {readable(recovery.rto)}" if recovery.rto else ""
    return (
        f'<text x="4" y="{y + 12}" font-weight="600">Recovery clock</text>'
        f'<rect x="{LEFT + start * scale:.1f}" y="{y + 2}" '
        f'width="{max(2.0, recovery.seconds * scale):.1f}" height="12" rx="2" '
        f'fill="none" stroke="#0072b2" stroke-width="2"/>'
        f'<text x="{LEFT + start * scale + 6:.1f}" y="{y + 12}" fill="#0072b2">'
        f"{readable(round(recovery.seconds, 1))}{against}, {ended}</text>"
    )
