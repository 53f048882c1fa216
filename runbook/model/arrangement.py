"""How steps stand to each other: ways, groups, what is undone and what is always done. Pure.

Rules, each with a test in the same words:
- a failure leads past no gate, and neither into what is always done nor out of it;
- the steps of a group are neighbours, at least two, and need no person;
- what is always done asks nobody and destroys nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from runbook.model import using
from runbook.model.findings import Finding, Path, dict_of, lists_of_steps, steps_of
from runbook.model.parts import Composed

PERSONAL = ("approve", "manual")
"""Kinds of steps that wait for a person."""


def find(raw: Mapping[str, Any], parts: Mapping[str, Composed]) -> Iterator[Finding]:
    """Every fault in how the steps of a file are arranged."""
    yield from _ways(raw, parts)
    for path, steps in lists_of_steps(raw):
        yield from _groups(path, steps)
        if path == ("always",):
            for index, step in enumerate(steps):
                yield from _always((*path, index), step)


def earlier(raw: Mapping[str, Any], parts: Mapping[str, Composed]) -> dict[Path, int]:
    """For each step, how many have ended when it begins; neighbours of a group begin together, and a
    runbook that is used counts as all of its steps.
    """
    found: dict[Path, int] = {}
    before = 0
    for path, steps in lists_of_steps(raw):
        for index, step in enumerate(steps):
            group = step.get("parallel")
            joins = group and index and steps[index - 1].get("parallel") == group
            found[(*path, index)] = found[(*path, index - 1)] if joins else before
            before += len(using.ids(step, parts))
    return found


def _ways(raw: Mapping[str, Any], parts: Mapping[str, Composed]) -> Iterator[Finding]:
    steps = list(steps_of(raw))
    places: dict[str, int] = {}
    for index, (_, step) in enumerate(steps):
        places.setdefault(str(step.get("id")), index)
    gates = [index for index, (_, step) in enumerate(steps) if _has_gate(step, parts)]
    for here, (path, step) in enumerate(steps):
        target = dict_of(step.get("on_failure")).get("goto")
        if not isinstance(target, str) or target not in places:
            continue  # an unknown name is told elsewhere
        there = places[target]
        where = (*path, "on_failure", "goto")
        if "always" in (path[0], steps[there][0][0]):
            yield Finding(
                where, "what is always done is reached at the end only, and leads nowhere"
            )
            continue
        for gate in gates:
            if here < gate < there:
                name = steps[gate][1].get("id")
                yield Finding(
                    where,
                    f"the gate {name!r} lies before {target!r}, and a gate is never skipped",
                    "go to the gate, or to a step before it",
                )


def _has_gate(step: Mapping[Any, Any], parts: Mapping[str, Composed]) -> bool:
    part = using.part_of(step, parts)
    return "approve" in step or (part is not None and part.gated)


def _groups(path: Path, steps: Sequence[Mapping[Any, Any]]) -> Iterator[Finding]:
    seen: set[str] = set()
    numbered = list(enumerate(steps))
    for name, members in groupby(numbered, lambda pair: pair[1].get("parallel")):
        if not isinstance(name, str):
            continue
        group = list(members)
        first = (*path, group[0][0], "parallel")
        if name in seen:
            yield Finding(first, f"the steps of group {name!r} are not neighbours")
        elif len(group) == 1:
            yield Finding(
                first,
                f"the step is alone in group {name!r}",
                "give its neighbour the same `parallel`",
            )
        seen.add(name)
        for index, step in group:
            for kind in PERSONAL:
                if kind in step:
                    yield Finding(
                        (*path, index, "parallel"), f"`{kind}` needs a person, and stands alone"
                    )


def _always(path: Path, step: Mapping[Any, Any]) -> Iterator[Finding]:
    for kind in PERSONAL:
        if kind in step:
            yield Finding((*path, kind), "what is always done asks nobody", on_key=True)
    if "uses" in step:
        yield Finding((*path, "uses"), "what is always done is written here, step by step")
    if step.get("effect") == "destroy":
        yield Finding((*path, "effect"), "what is always done destroys nothing")
