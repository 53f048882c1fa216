"""What a reader of checks is given and must answer.

A reader looks once and returns a `Reading`; it never waits for a condition, never raises for what it
meets outside (that is `unknown`, with the reason), and never shows a secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook.plan import Plan
from runbook.run.readings import Reading
from runbook.target.client import ClusterClient


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a read-only command ended. `exit` is None when it was killed or never started."""

    exit: int | None
    stdout: str
    stderr: str


RunCommand = Callable[[str, str | None, Mapping[str, str], float], Awaitable[CommandResult]]
"""(script, shell, environment, timeout in seconds) -> result; runs with the run's private kubeconfig."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The doors a reader may use."""

    cluster: ClusterClient
    run_command: RunCommand
    timeout: float = 10.0
    """Seconds one look may take before it is `unknown`."""
    run_tool: RunCommand | None = None
    """Runs a program that asks no cluster and changes nothing, such as `kubectl kustomize`."""
    directory: Path = Path()
    """What relative file names start from."""
    plan: Plan | None = None
    """What is going to be done, for checks of what that needs."""


class Reader(Protocol):
    """Reads one kind of check; the query is the bound model of that kind."""

    async def __call__(self, query: object, context: CheckContext) -> Reading: ...
