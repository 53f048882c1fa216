"""A secret that a command prints, for `secrets: {from: command}`.

Its standard output is held here alone and goes to the caller and the redactor; nothing of it is stored
or shown. As in a `run` step, values reach the script as environment variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import RunbookError
from runbook.executors import process
from runbook.model.document import CommandSecret
from runbook.model.expressions import Scalar, Unbound, as_text, value_of
from runbook.model.shell import bind_script
from runbook.model.values import format_duration
from runbook.redact import Redactor

LIMIT = 1024 * 1024
"""Bytes that a secret may have; as much of the standard error is looked at."""
LONGEST = 300
"""Characters of the last line of the standard error that a failure quotes."""


@dataclass(frozen=True, slots=True)
class SecretCommands:
    """Asks the commands of one run for its secrets."""

    environment: Mapping[str, str]
    """The run's own variables, with its private kubeconfig."""
    directory: Path
    redactor: Redactor

    async def read(self, name: str, source: CommandSecret) -> str:
        """What the command prints, without its final newline; masked from now on.

        Raises RunbookError with the exit code and the last line of the standard error.
        """
        stdout, stderr = bytearray(), bytearray()
        script = bind_script(source.run)
        values = {key: as_text(value_of(node, _unbound)) for key, node in script.variables}
        try:
            ended = await process.run(
                process.Command(
                    script.text,
                    {**self.environment, **source.env, **values},
                    directory=self.directory,
                ),
                timeout=source.timeout,
                on_stdout=lambda data: _hold(stdout, data),
                on_stderr=lambda data: _hold(stderr, data),
            )
        except (OSError, ValueError) as fault:
            why = getattr(fault, "strerror", None) or fault
            raise RunbookError(f"secret {name}: its command cannot be started: {why}") from fault
        text = stdout.decode("utf-8", "replace").removesuffix("\n")
        if source.sensitive and text:
            # Before anything is said of how it went: a failure quotes what the command said.
            self.redactor.register(name, text)
        if why := _fault(ended, source.timeout):
            said = self._last_line(stderr)
            raise RunbookError(f"secret {name}: its command {why}" + (f": {said}" if said else ""))
        if why := _unusable(bytes(stdout)):
            raise RunbookError(f"secret {name}: its command {why}")
        return text

    def _last_line(self, stderr: bytearray) -> str:
        text = self.redactor.text(stderr.decode("utf-8", "replace"))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:LONGEST] if lines else ""


def _hold(held: bytearray, data: bytes) -> None:
    held += data[: LIMIT + 1 - len(held)]


def _fault(ended: process.Ended, timeout: float) -> str:
    if ended.timed_out:
        return f"did not end within {format_duration(timeout)}"
    if ended.signal:
        return f"was ended by {ended.signal}"
    return f"ended with exit {ended.exit}" if ended.exit else ""


def _unusable(printed: bytes) -> str:
    if len(printed) > LIMIT:
        return f"printed more than {LIMIT} bytes"
    if not printed.strip():
        return "printed nothing"
    try:
        return "printed a NUL, which is no text" if "\0" in printed.decode() else ""
    except UnicodeDecodeError:
        return "printed what is no UTF-8 text"


def _unbound(name: str) -> Scalar:
    """A secret is made of what the plan knows; the loader refuses all else."""
    raise Unbound(name)
