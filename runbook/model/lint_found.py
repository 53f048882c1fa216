"""What the finders of `lint` say to each other: a finding of a rule, and steps with their paths. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.model.document import Runbook, WrittenStep
from runbook.model.findings import Path


@dataclass(frozen=True, slots=True)
class Found:
    """One rule at one place; without a message the rule's title, without a hint what it says to do."""

    rule: str
    path: Path
    message: str = ""
    hint: str = ""
    offset: int | None = None
    """Characters into the text at `path`."""
    on_key: bool = False


def written(runbook: Runbook) -> Iterator[tuple[Path, WrittenStep]]:
    """Every step with its path, in the order of a run."""
    for index, step in enumerate(runbook.preflight):
        yield ("preflight", index), step
    for number, phase in enumerate(runbook.phases):
        for index, step in enumerate(phase.steps):
            yield ("phases", number, "steps", index), step
    for index, step in enumerate(runbook.always):
        yield ("always", index), step
