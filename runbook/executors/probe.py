"""Commands that only read, for `check: {run: ...}`: no journal entry, output bounded and masked.

As in a `run` step, values reach the script as environment variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runbook.checks.base import CommandResult, RunCommand
from runbook.executors import process
from runbook.model.expressions import Scalar, Unbound, as_text, value_of
from runbook.model.shell import bind_script
from runbook.redact import Redactor

LIMIT = 1024 * 1024
"""Bytes of each stream that are held."""


def _unbound(name: str) -> Scalar:
    """By the time a check is looked at, its expressions hold values and no names."""
    raise Unbound(name)


def run_probe(environment: Mapping[str, str], directory: Path, redactor: Redactor) -> RunCommand:
    """A function that runs probes of one run."""

    async def run(
        script: str, shell: str | None, env: Mapping[str, str], timeout: float
    ) -> CommandResult:
        stdout, stderr = bytearray(), bytearray()

        def hold(held: bytearray, data: bytes) -> None:
            held += data[: LIMIT - len(held)]

        bound = bind_script(script, shell)
        values = {name: as_text(value_of(node, _unbound)) for name, node in bound.variables}
        try:
            ended = await process.run(
                process.Command(bound.text, {**environment, **env, **values}, shell, directory),
                timeout=timeout,
                on_stdout=lambda data: hold(stdout, data),
                on_stderr=lambda data: hold(stderr, data),
            )
        except OSError as fault:
            return CommandResult(None, "", f"cannot be started: {fault.strerror or fault}")
        except ValueError as fault:
            return CommandResult(None, "", f"cannot be started: {fault}")
        return CommandResult(
            None if ended.timed_out else ended.exit,
            redactor.text(stdout.decode("utf-8", "replace")),
            redactor.text(stderr.decode("utf-8", "replace")),
        )

    return run
