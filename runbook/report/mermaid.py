"""A runbook as a Mermaid flowchart: phases, parts and groups as boxes, gates, and the ways of failures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from runbook.model.values import readable
from runbook.report.planned import PhaseFacts, StepFacts
from runbook.report.text import one_line

LONGEST = 70
"""Characters of a label; a box is no place to read in."""
SHAPES = {
    "run": ("[", "]"),
    "workflow": ("[[", "]]"),
    "check": ("([", "])"),
    "approve": ("{{", "}}"),
    "manual": ("[/", "/]"),
    "wait": ("(", ")"),
}
STYLES = (
    "classDef destroy stroke:#b00020,stroke-width:3px",
    "classDef gate stroke:#b36b00,stroke-width:3px",
)
_UNSAFE = frozenset('"#<>&`;{}[]()|\\')


def render(phases: Sequence[PhaseFacts]) -> str:
    """The whole chart."""
    names = {step.id: f"s{n}" for n, step in enumerate(_steps(phases), 1)}
    lines = ["flowchart TD"]
    for number, phase in enumerate(phases, 1):
        budget = f", {readable(phase.budget)}" if phase.budget is not None else ""
        lines.append(f'  subgraph p{number}["{label(f"{phase.number} {phase.title}{budget}")}"]')
        lines += [f"    {line}" for line in _inside(phase, names, number)]
        lines.append("  end")
    lines += [f"  {edge}" for edge in _ways(phases, names)]
    lines += [f"  {style}" for style in STYLES]
    for name, wanted in (
        ("destroy", [s for s in _steps(phases) if s.effect == "destroy"]),
        ("gate", [s for s in _steps(phases) if s.gate]),
    ):
        if wanted:
            lines.append(f"  class {','.join(names[step.id] for step in wanted)} {name}")
    return "\n".join(lines) + "\n"


def label(text: str) -> str:
    """Text for a quoted label: what could end it, or mean something in it, is a character code."""
    line = one_line(text)
    line = line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
    return "".join(f"#{ord(c)};" if c in _UNSAFE else c for c in line)


def _steps(phases: Sequence[PhaseFacts]) -> Iterator[StepFacts]:
    for phase in phases:
        yield from phase.steps


def _part(step: StepFacts) -> str:
    """The step of the main file that uses another runbook for this one; empty for a step of its own."""
    used, dot, _ = step.id.partition(".")
    return used if dot else ""


def _inside(phase: PhaseFacts, names: dict[str, str], number: int) -> Iterator[str]:
    boxes = 0
    for part, steps in groupby(phase.steps, key=_part):
        if part:
            boxes += 1
            yield f'subgraph p{number}b{boxes}["{label(f"uses: {part}")}"]'
        for group, together in groupby(steps, key=lambda step: step.group):
            if group:
                boxes += 1
                yield f'subgraph p{number}b{boxes}["{label(f"at the same time: {group}")}"]'
            for step in together:
                yield _node(step, names[step.id])
            if group:
                yield "end"
        if part:
            yield "end"


def _node(step: StepFacts, name: str) -> str:
    left, right = SHAPES[step.kind]
    said = label(f"{step.number} {step.title}")
    if condition := next((note for note in step.notes if note.startswith("when ")), ""):
        said += f"<br/>{label(condition)}"
    return f'{name}{left}"{said}"{right}'


def _ways(phases: Sequence[PhaseFacts], names: dict[str, str]) -> Iterator[str]:
    before: list[StepFacts] = []
    for phase in phases:
        for _, group in groupby(phase.steps, key=lambda step: step.group or step.id):
            here = list(group)
            yield from (f"{names[a.id]} --> {names[b.id]}" for a in before for b in here)
            before = here
    gates = [step for step in _steps(phases) if step.gate]
    if gates:
        yield 'refused(("ends"))'
    for gate in gates:
        yield f"{names[gate.id]} -. refused .-> refused"
    for step in _steps(phases):
        if step.goto in names:
            yield f"{names[step.id]} -. failed .-> {names[step.goto]}"
