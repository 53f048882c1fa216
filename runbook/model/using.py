"""What must be true between a runbook and the runbooks it uses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runbook.model import expressions
from runbook.model.findings import Finding, dict_of, nearest, steps_of
from runbook.model.inputs import read_input
from runbook.model.parts import Composed


def part_of(step: Mapping[Any, Any], parts: Mapping[str, Composed]) -> Composed | None:
    """The runbook that stands in a step's place, if there is one and it could be read."""
    uses = step.get("uses")
    return parts.get(uses) if isinstance(uses, str) else None


def ids(step: Mapping[Any, Any], parts: Mapping[str, Composed]) -> list[str]:
    """The ids of the steps that a written step comes to."""
    name, part = str(step.get("id")), part_of(step, parts)
    return [name] if part is None else [f"{name}.{inner}" for inner, _ in part.steps()]


def health(raw: Mapping[str, Any], parts: Mapping[str, Composed]) -> Iterator[str]:
    """The health checks of parts, as they are called from here."""
    for _, step in steps_of(raw):
        if (part := part_of(step, parts)) is not None:
            yield from (f"{step.get('id')}.{name}" for name in part.health())


def find(raw: Mapping[str, Any], parts: Mapping[str, Composed]) -> Iterator[Finding]:
    """Every fault in what parts are given."""
    for path, step in steps_of(raw):
        part = part_of(step, parts)
        if part is None:
            continue
        declared, given = part.runbook.inputs, dict_of(step.get("with"))
        for name, value in given.items():
            where = (*path, "with", name)
            if name not in declared:
                message = f"{part.key} has no input {name!r}"
                yield Finding(where, message, nearest(str(name), declared), on_key=True)
                continue
            if isinstance(value, str) and "${{" in value:
                yield from _late(where, value)
                continue
            try:
                read_input(name, declared[name], expressions.as_text(value))
            except ValueError as fault:
                yield Finding(where, str(fault))
        for name, spec in declared.items():
            if spec.required and spec.default is None and name not in given:
                yield Finding((*path, "uses"), f"{part.key} needs its input {name!r}: `with: ...`")


def _late(where: tuple[str | int, ...], text: str) -> Iterator[Finding]:
    try:
        names = expressions.references(expressions.parse(text))
    except expressions.ExpressionError:
        return  # told where all expressions are looked at
    for name in sorted(names):
        if name.partition(".")[0] in expressions.LATE:
            yield Finding(
                where, f"{name} is known only while a run goes on, and inputs before it begins"
            )
