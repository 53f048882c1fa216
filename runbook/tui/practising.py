"""What the palette may ask of a practice cluster, and how its answers are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runbook.tui.lines import RowLines
from runbook.tui.presenter.spans import Span
from runbook.tui.safe import clean


class Practice(Protocol):
    """The faults of a practice cluster. Answers are lines for the operator, refusals too."""

    async def names(self) -> Sequence[tuple[str, str]]: ...

    async def ask(self, action: str, name: str = "") -> Sequence[str]: ...

    async def follow(self) -> None:
        """Until the fault in place is solved or gone."""
        ...


def as_text(lines: Sequence[str]) -> RowLines:
    return RowLines.of([(Span(f" {clean(line)}"),) for line in lines])
