"""Runbooks made of runbooks: a file, and the files that its `uses:` steps name. Pure.

A file is known by its path as seen from the main file, so that a run can keep copies of all of them and
read them again without knowing where they came from.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from runbook.model.document import ApproveStep, Runbook, RunStep, UsesStep, WrittenStep

Read = Callable[[str], bytes]
"""The content of a file by its path as seen from the main file. Raises OSError."""

_USES = re.compile(
    r"(?P<path>[^#]+?)(?:#(?P<phase>[a-z][a-z0-9_-]*))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class Composed:
    """A runbook with everything it is made of."""

    runbook: Runbook
    source: bytes
    key: str = ""
    """Its path as seen from the main file; empty for the main file itself."""
    parts: Mapping[str, Composed] = field(default_factory=dict)
    """By what `uses` says."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file."""
        return hashlib.sha256(self.source).hexdigest()

    def files(self) -> dict[str, bytes]:
        """Every file that this one is made of, by its path; without itself."""
        found: dict[str, bytes] = {}
        for part in self.parts.values():
            found |= {part.key: part.source, **part.files()}
        return found

    def steps(self) -> Iterator[tuple[str, WrittenStep]]:
        """What its steps come to, in the order of a run, each with its id as seen from this file."""
        for step in self._written():
            if not isinstance(step, UsesStep):
                yield step.id, step
                continue
            for name, inner in self.parts[step.uses].steps():
                yield f"{step.id}.{name}", inner

    def health(self) -> Iterator[str]:
        """The names of its health checks, those of its parts under the names of their steps."""
        yield from self.runbook.health
        for step in self._written():
            if isinstance(step, UsesStep):
                yield from (f"{step.id}.{name}" for name in self.parts[step.uses].health())

    def _written(self) -> Iterator[WrittenStep]:
        yield from self.runbook.preflight
        for phase in self.runbook.phases:
            yield from phase.steps
        yield from self.runbook.always

    @property
    def gated(self) -> bool:
        """Whether one of its steps asks for approval."""
        return any(isinstance(step, ApproveStep) for _, step in self.steps())

    @property
    def registered(self) -> tuple[str, ...]:
        """The names of outputs that its steps keep, as seen from this file."""
        return tuple(
            f"{name.removesuffix(step.id)}{step.register_}"
            for name, step in self.steps()
            if isinstance(step, RunStep) and step.register_
        )


@dataclass(frozen=True, slots=True)
class Named:
    """What `uses` says: a file, one phase of it or all, and its SHA-256 (hex) if it is pinned."""

    path: str
    phase: str = ""
    digest: str = ""


def named(uses: str) -> Named:
    found = _USES.fullmatch(uses)
    if found is None:
        return Named(uses)
    return Named(found["path"], found["phase"] or "", found["digest"] or "")


def key_of(uses: str, beside: str) -> str:
    """The path of a used file as seen from the main file; `beside` is that of the file that uses it.

    Raises ValueError for what is no file beside it.
    """
    path = named(uses).path
    if path.startswith(("/", "~")) or re.match(r"[a-z+]+://", path):
        raise ValueError("`uses` names a file beside this one, such as ./teardown.yaml")
    return posixpath.normpath(posixpath.join(posixpath.dirname(beside), path))
