"""The draft of a runbook as a file that a person goes on writing: doubts are comments. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from runbook.model.imported import Draft, DraftPhase, DraftStep
from runbook.model.yaml_text import scalar

_NOT_PRINTABLE = yaml.reader.Reader.NON_PRINTABLE
_BREAKS = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029\ufeff]")
_RESERVED = ("preflight", "always")
WIDTH = 96


def as_yaml(draft: Draft, source: str, name: str) -> str:
    """A valid runbook with comments; `source` is what the page is called, `name` a name for it."""
    taken: dict[str, int] = {}
    phases = dict.fromkeys(_RESERVED, 1)
    lines = [
        f"# Made of {_line(source)} by `runbook import`: a draft. Read every line marked `unsure`,",
        "# then `runbook lint` it.",
        "apiVersion: runbook/v1",
        f"name: {scalar(_unique(name, {}, 'imported'))}",
        f"title: {scalar(_escaped(draft.title or name))}",
        "",
        "# unsure: nothing says when the platform has recovered; see `objectives` and `health` in docs/format.md",
        "",
        "phases:",
    ]
    for phase in draft.phases:
        lines += _phase(phase, phases, taken)
    return "\n".join(lines) + "\n"


def _phase(phase: DraftPhase, phases: dict[str, int], taken: dict[str, int]) -> Iterator[str]:
    for note in phase.notes:
        yield f"  # unsure: {_line(note)}"
    yield f"  - id: {scalar(_unique(phase.title, phases, 'phase'))}"
    yield f"    title: {scalar(_escaped(phase.title))}"
    if phase.budget:
        yield f"    budget: {phase.budget}"
    else:
        yield "    # unsure: how long it should take: `budget: 10m`"
    yield "    steps:"
    for step in phase.steps:
        yield from _step(step, taken)


def _step(step: DraftStep, taken: dict[str, int]) -> Iterator[str]:
    yield f"      # line {step.line}" + (f": {_line(step.prose)}" if step.prose else "")
    for note in step.notes:
        yield f"      # unsure: {_line(note)}"
    yield f"      - id: {scalar(_unique(step.title, taken, 'step'))}"
    if step.title:
        yield f"        title: {scalar(_escaped(step.title))}"
    if step.effect is not None:
        yield f"        effect: {step.effect}"
    if step.doc:
        yield f"        doc: {scalar(_escaped(step.doc))}"
    match step.kind:
        case "approve":
            yield "        approve:"
            yield f"          message: {scalar(_escaped(step.title))}"
            yield "          confirm_text: ${{ target.context }}"
            yield "          timeout: 15m"
        case "wait":
            yield f"        wait: {step.text}"
        case "run":
            yield from _text("        run: ", step.text)
        case _:
            yield "        manual:"
            yield from _text("          instructions: ", step.text)


def _text(key: str, text: str) -> Iterator[str]:
    """A text as a block where it has several lines and YAML keeps them as they are."""
    escaped = _escaped(text)
    lines = escaped.split("\n")
    tabbed = any("\t" in line[: len(line) - len(line.lstrip())] for line in lines)
    odd = _BREAKS.search(escaped) or _NOT_PRINTABLE.search(escaped) or escaped[:1].isspace()
    if len(lines) < 2 or tabbed or odd or not escaped.strip() or escaped != escaped.strip("\n"):
        yield f"{key}{scalar(escaped)}"
        return
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    yield f"{key}|-"
    for line in lines:
        yield f"{indent}{line}".rstrip() if not line.strip() else f"{indent}{line}"


def _escaped(text: str) -> str:
    """`${{` means nothing in a page that was written for people."""
    return text.replace("${{", "$${{")


def _line(text: str) -> str:
    """A text as part of a comment: one line of what can be printed."""
    flat = " ".join(_NOT_PRINTABLE.sub(" ", _BREAKS.sub(" ", text)).split())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"


def _unique(title: str, taken: dict[str, int], otherwise: str) -> str:
    """A name made of a title that nobody else has; `taken` tells how often each has been wanted."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    short = words[:40].rsplit("-", 1)[0] if len(words) > 40 and "-" in words[:40] else words[:40]
    base = short.lstrip("0123456789-_") or otherwise
    number = taken.get(base, 0) + 1
    name = base if number == 1 else f"{base}-{number}"
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken[base] = number
    taken[name] = taken.get(name, 1)
    return name
