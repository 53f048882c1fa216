"""What `runbook models update-uris` says: a diff and a line for each Model, or one JSON document."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbook.cli.exit_codes import Exit
from runbook.mlops.failures import NEXT_ACTION, MlflowError
from runbook.mlops.updating import Found

VERSION = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One Model. `new` is empty when nobody can say what it should be; then there is a failure."""

    found: Found
    model: str
    old: str
    new: str = ""
    failure: MlflowError | None = None

    @property
    def problem(self) -> MlflowError | None:
        return self.failure or self.found.failure


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one Model of the cluster."""

    model: str
    old: str
    new: str
    patched: bool
    ready: bool
    detail: str
    """What its state says, or why it was not patched."""


@dataclass(frozen=True, slots=True)
class Update:
    endpoint: str
    file: str | None
    changes: tuple[Change, ...]
    before: bytes = b""
    after: bytes = b""
    written: bool = False
    applied: tuple[Applied, ...] = ()

    @property
    def failed(self) -> bool:
        return any(change.problem is not None for change in self.changes)

    @property
    def stale(self) -> bool:
        """Whether a manifest says something else than it should."""
        return self.before != self.after

    def with_file(self, before: bytes, after: bytes) -> Update:
        return replace(self, before=before, after=after)

    def as_written(self) -> Update:
        return replace(self, written=True)

    def with_cluster(self, applied: Sequence[Applied]) -> Update:
        return replace(self, applied=tuple(applied))


def tell(update: Update, *, as_json: bool, check: bool, mask: Callable[[str], str]) -> int:
    """Say it all; returns the exit code."""
    if as_json:
        sys.stdout.write(mask(json.dumps(_document(update), indent=2)) + "\n")
    else:
        sys.stdout.write(mask("".join(f"{line}\n" for line in _lines(update, check=check))))
        sys.stderr.write(mask("".join(f"{line}\n" for line in _problems(update))))
    if update.failed:
        return Exit.TARGET
    not_ready = any(not one.ready for one in update.applied)
    return Exit.NOT_RECOVERED if not_ready or (check and update.stale) else Exit.OK


def _lines(update: Update, *, check: bool) -> Iterator[str]:
    for change in update.changes:
        if change.problem is None:
            yield f"{change.found.variant}: {_origin(change.found)}"
            yield f"  {change.new}"
    if update.failed:
        return
    if update.file is not None:
        yield from _diff(update)
        count = sum(change.old != change.new for change in update.changes)
        what = f"{count} of {len(update.changes)} Models of {update.file}"
        if not update.stale:
            yield f"{update.file} is current"
        elif update.written:
            yield f"{what} changed"
        else:
            yield f"{what} {'stale' if check else 'would change; nothing was written'}"
    for one in update.applied:
        state = "ready" if one.ready else f"not ready: {one.detail}"
        yield f"{one.model} {'patched' if one.patched else 'as it was'}, {state}"


def _origin(found: Found) -> str:
    version = f"version {found.version}, " if found.version else ""
    return f"{version}run {found.run_id or 'unknown'}, model {found.model_id or 'under its run'}"


def _diff(update: Update) -> Iterator[str]:
    before, after = (
        content.decode("utf-8").replace("\r\n", "\n").split("\n")
        for content in (update.before, update.after)
    )
    yield from difflib.unified_diff(
        before, after, f"{update.file}", f"{update.file}", lineterm="", n=2
    )


def _problems(update: Update) -> Iterator[str]:
    for change in update.changes:
        for warning in change.found.warnings:
            yield f"warning: {change.found.variant}: {warning}"
        if (problem := change.problem) is not None:
            yield f"runbook: {change.found.variant}: {problem.message}"
            yield f"hint: {NEXT_ACTION[problem.failure]}"
    if update.failed:
        yield "nothing was written: all variants or none"


def _document(update: Update) -> dict[str, Any]:
    return {
        "version": VERSION,
        "endpoint": update.endpoint,
        "file": update.file,
        "stale": update.stale,
        "written": update.written,
        "variants": [_variant(change) for change in update.changes],
        "cluster": [
            {
                "model": one.model,
                "old": one.old,
                "new": one.new,
                "patched": one.patched,
                "ready": one.ready,
                "detail": one.detail,
            }
            for one in update.applied
        ],
    }


def _variant(change: Change) -> dict[str, Any]:
    found, problem = change.found, change.problem
    return {
        "variant": found.variant,
        "model": change.model,
        "run_id": found.run_id or None,
        "model_id": found.model_id,
        "registered_version": found.version,
        "location": found.location or None,
        "old": change.old,
        "new": change.new or None,
        "current": change.old == change.new,
        "warnings": list(found.warnings),
        "failure": None
        if problem is None
        else {
            "name": problem.failure.value,
            "message": problem.message,
            "next": NEXT_ACTION[problem.failure],
        },
    }
