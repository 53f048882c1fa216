"""A fault between parts of a runbook, and the ways through its plain values that finding one needs. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, at the path of a value or of its key; `offset` counts characters into a text."""

    path: Path
    message: str
    hint: str = ""
    offset: int = 0
    on_key: bool = False


def dict_of(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def lists_of_steps(raw: Mapping[str, Any]) -> Iterator[tuple[Path, list[dict[Any, Any]]]]:
    """Preflight, the steps of each phase, and what is always done; in the order of a run."""
    yield ("preflight",), list(map(dict_of, list_of(raw.get("preflight"))))
    for number, phase in enumerate(list_of(raw.get("phases"))):
        steps = list(map(dict_of, list_of(dict_of(phase).get("steps"))))
        yield ("phases", number, "steps"), steps
    yield ("always",), list(map(dict_of, list_of(raw.get("always"))))


def steps_of(raw: Mapping[str, Any]) -> Iterator[tuple[Path, dict[Any, Any]]]:
    """Every step with its path, in the order of a run."""
    for path, steps in lists_of_steps(raw):
        for index, step in enumerate(steps):
            yield (*path, index), step


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is not known."""
    options = list(known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"there is: {', '.join(options)}" if options else "none is declared"
