"""Documents laid side by side: every leaf by its path, and what is different on purpose.

A difference that is meant is one entry, with its reason, in a table beside the tests; an entry that
no longer differs anywhere makes the tests fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Leaves = Mapping[str, object]
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Meant:
    """Paths that may differ, and why; with `said`, only where the real value is like that."""

    path: str
    reason: str
    said: str = ""

    def covers(self, path: str, real: object) -> bool:
        if not re.search(self.path, path):
            return False
        return not self.said or re.search(self.said, str(real)) is not None


@dataclass
class Ledger:
    """What was compared, and which entries of the table were needed."""

    table: Sequence[Meant]
    used: set[Meant] = field(default_factory=set)
    compared: int = 0
    equal: int = 0

    def differences(self, real: Leaves, practice: Leaves) -> dict[str, tuple[object, object]]:
        """(real, practice) by path, without what is meant."""
        found: dict[str, tuple[object, object]] = {}
        for path in sorted({*real, *practice}):
            ours, theirs = practice.get(path, ABSENT), real.get(path, ABSENT)
            self.compared += 1
            self.equal += ours == theirs
            if ours == theirs:
                continue
            meant = [entry for entry in self.table if entry.covers(path, theirs)]
            self.used.update(meant)
            if not meant:
                found[path] = (theirs, ours)
        return found

    @property
    def idle(self) -> list[Meant]:
        return [entry for entry in self.table if entry not in self.used]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf; an empty list or object is one."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{index}")
    else:
        yield path, value
