"""What the steps of a plan are going to do, as far as their scripts tell it: programs, commands, manifests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runbook.checks import manifest_files
from runbook.checks.base import CheckContext
from runbook.checks.expectation import last_line, shortened
from runbook.checks.kubectl import Rendered
from runbook.checks.manifest_files import UnusableFile
from runbook.model.checks import RunCheck
from runbook.model.document import CheckStep, RunStep
from runbook.plan import Plan, PlannedStep
from runbook.target.api import JSON

REASON = 400
"""Characters of a reason that are quoted: it names folders, and ends with what is wrong."""

RENDER = 10.0
"""Seconds that one kustomization may take."""
_REASON = re.compile(r'err=(?:<\n(.+)\n >|"(.+)")', re.DOTALL)


@dataclass(frozen=True, slots=True)
class PlannedScript:
    """A bash script of a plan."""

    step: str
    text: str
    directory: Path
    """Where it runs."""


def all_steps(plan: Plan) -> tuple[PlannedStep, ...]:
    return (*plan.steps, *plan.rollback)


def scripts(plan: Plan, directory: Path = Path()) -> Iterator[PlannedScript]:
    """Those of commands and of checks; other shells than bash are not understood."""
    for planned in all_steps(plan):
        if (script := script_of(planned, directory)) is not None:
            yield script


def script_of(planned: PlannedStep, directory: Path) -> PlannedScript | None:
    step = planned.step
    asked = step.check if isinstance(step, CheckStep) else step
    if not isinstance(asked, RunStep | RunCheck) or asked.shell is not None:
        return None
    home = getattr(asked, "working_directory", None) or ""
    return PlannedScript(planned.id, asked.run, directory / home)


@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests that commands name, each read once in a look: what is applied is often deleted first."""

    context: CheckContext
    _read: dict[tuple[Path, bool, bool], list[JSON]] = field(default_factory=dict)

    async def objects_of(self, rendered: Rendered, directory: Path) -> list[JSON]:
        """Raises UnusableFile."""
        key = (directory / rendered.path, rendered.kustomize, rendered.recursive)
        if key not in self._read:
            self._read[key] = await _objects_of(rendered, key[0], self.context)
        return self._read[key]


async def _objects_of(rendered: Rendered, path: Path, context: CheckContext) -> list[JSON]:
    if not rendered.kustomize:
        read = manifest_files.objects_in
        return await asyncio.to_thread(read, path, rendered.path, recursive=rendered.recursive)
    run = context.run_tool or context.run_command
    result = await run('kubectl kustomize "$MANIFESTS"', None, {"MANIFESTS": str(path)}, RENDER)
    if result.exit is None:
        raise UnusableFile(f"{rendered.path}: not built within {RENDER:g} s")
    if result.exit != 0:
        raise UnusableFile(f"{rendered.path}: {_reason(result.stderr)}")
    return list(manifest_files.objects(result.stdout.encode(), rendered.path))


def _reason(said: str) -> str:
    """Why kubectl could not build it; its reason may be a line, or several in brackets."""
    found = _REASON.search(said)
    return shortened(found[1] or found[2], REASON) if found else last_line(said)
