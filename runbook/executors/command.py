"""`run` steps: a command, its environment, its output, and what its result must be.

The intent is on disk before the process exists, with the start of the step where it is known by then; the
output's digest after it has ended. Values of the runbook reach the script as environment variables, so a
value can never become a command. Output is masked before it is shown or stored; what it teaches of secrets
(`runbook.redact.learning`) counts for it already.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.checks.expectation import compare
from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.executors import process
from runbook.executors.base import Attempt, Desk, Outputs, Writer
from runbook.executors.binding import bind_late, late_names, text_of
from runbook.executors.outputs_file import read_outputs, written_size
from runbook.executors.survivors import RUN, STEP, survivors
from runbook.model import shell
from runbook.model.checks import Expect
from runbook.model.document import RunStep
from runbook.redact import Redactor
from runbook.redact.learning import LONG_LINE, Learner
from runbook.run.events import CommandFinished, CommandStarting
from runbook.run.signals import Outcome

CAPTURE_LIMIT = 1024 * 1024
"""Bytes of standard output held for `expect` and `register`; a JSON list of 200 pods is as large."""

OUTPUT = "RUNBOOK_OUTPUT"
"""Variable of every command: the file for the values that it hands on."""

REGISTER_LIMIT = 16 * 1024
"""Bytes of a kept value as the journal writes it: its lines are short."""


class _Reader:
    """Collects what one command prints: shown, stored, and its standard output held."""

    def __init__(
        self, attempt: Attempt, desk: Desk, redactor: Redactor, writer: Writer | None
    ) -> None:
        self._attempt = attempt
        self._desk = desk
        self._writer = writer
        self._streams = (redactor.stream(), redactor.stream())
        self._learners = tuple(Learner(self._learn, attempt.step.id) for _ in range(2))
        self._redactor = redactor
        self._held = bytearray()
        self._last_line = b""
        self.overflow = False

    def stdout(self, data: bytes) -> None:
        # Held unmasked, because `expect` and `register` work on what was really printed.
        room = CAPTURE_LIMIT - len(self._held)
        self._held += data[:room]
        self.overflow = self.overflow or len(data) > room
        self._take(0, data)

    def stderr(self, data: bytes) -> None:
        self._take(1, data)

    def finish(self) -> None:
        for learner, stream in zip(self._learners, self._streams, strict=True):
            self._pass_on(stream.feed(learner.flush()) + stream.flush())

    def _take(self, which: int, data: bytes) -> None:
        self._pass_on(self._streams[which].feed(self._learners[which].feed(data)))

    def _learn(self, name: str, value: str) -> None:
        self._redactor.register(name, value, LONG_LINE)

    def _pass_on(self, data: bytes) -> None:
        if not data or self._writer is None:
            return
        self._writer.write(data)
        self._desk.output(self._attempt, data)
        lines = [line for line in data.splitlines() if line.strip()]
        self._last_line = lines[-1] if lines else self._last_line

    @property
    def text(self) -> str:
        return self._held.decode("utf-8", "replace")

    @property
    def last_line(self) -> str:
        """What a person would look at first when the command failed."""
        return self._last_line.decode("utf-8", "replace").strip()[:500]


@dataclass(frozen=True, slots=True)
class CommandExecutor:
    """Performs `run` steps of one run."""

    run: str
    """Id of the run: a command carries it, so that it is recognised if it outlives us."""
    environment: Mapping[str, str]
    """What every command gets: the private kubeconfig and the operator's own variables."""
    directory: Path
    outputs: Outputs
    redactor: Redactor
    clock: Clock
    begun: set[str] = field(default_factory=set)
    """Steps that this process has performed: their earlier attempts have ended with all they started."""

    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome:
        step = attempt.step.step
        assert isinstance(step, RunStep)
        if attempt.number > 1 and attempt.step.id not in self.begun:
            alive = await asyncio.to_thread(survivors, self.run)
            here = [str(one) for one in alive if one.step == attempt.step.id]
            if here:
                told = f"its command of before still runs: {', '.join(here)}"
                return attempt.failed(f"{told}; wait for it or end it, then try again")
        self.begun.add(attempt.step.id)
        outputs_file = self.outputs.values_path(attempt.step.id, attempt.number)
        try:
            bound = step if attempt.announced else await bind_late(step, desk)
            script = shell.bind_script(step.run, step.shell)
            command = await self._command(attempt, bound, script, desk, outputs_file)
        except RunbookError as fault:
            return attempt.failed(str(fault))
        if not attempt.announced:
            await desk.record(self._starting(attempt, bound, script))
        try:
            return await self._run(attempt, desk, bound, command, outputs_file)
        finally:
            with contextlib.suppress(OSError):  # gone, or no file any more: the command's doing
                outputs_file.unlink()

    def intent(self, attempt: Attempt) -> CommandStarting | None:
        """Known of a first attempt that waits for no value, and before which no cluster is asked who it is."""
        step = attempt.step.step
        if not isinstance(step, RunStep) or attempt.number > 1:
            return None
        if attempt.step.effect == "destroy" or late_names(step):
            return None
        return self._starting(attempt, step, shell.bind_script(step.run, step.shell))

    def _starting(self, attempt: Attempt, step: RunStep, script: shell.Script) -> CommandStarting:
        names = {*step.env, *(name for name, _ in script.variables), OUTPUT, RUN, STEP}
        return CommandStarting(
            step=attempt.step.id,
            attempt=attempt.number,
            script=script.text,
            shell=step.shell or " ".join(process.BASH),
            env=tuple(sorted(names - self.environment.keys())),
        )

    async def _command(
        self,
        attempt: Attempt,
        step: RunStep,
        script: shell.Script,
        desk: Desk,
        outputs_file: Path,
    ) -> process.Command:
        values = {name: await text_of(node, desk) for name, node in script.variables}
        given = {
            **step.env,
            **values,
            OUTPUT: str(outputs_file),
            RUN: self.run,
            STEP: attempt.step.id,
        }
        return process.Command(
            script=script.text,
            environment={**self.environment, **given},
            shell=step.shell,
            directory=self.directory / (step.working_directory or "."),
        )

    async def _run(
        self,
        attempt: Attempt,
        desk: Desk,
        step: RunStep,
        command: process.Command,
        outputs_file: Path,
    ) -> Outcome:
        began = self.clock.monotonic()
        writer = None if step.sensitive else self.outputs.begin(attempt.step.id, attempt.number)
        reader = _Reader(attempt, desk, self.redactor, writer)
        ended = process.Ended(None)
        fault = ""

        def note(how: process.Ended) -> None:
            nonlocal ended
            ended = how

        try:
            await process.run(
                command,
                timeout=step.timeout,
                on_stdout=reader.stdout,
                on_stderr=reader.stderr,
                on_end=note,
            )
        except OSError as error:
            fault = f"cannot be started: {error.strerror or error}: {error.filename or ''}"
        except ValueError as error:
            # A value with a NUL, a `shell` whose quotes are never closed.
            fault = f"cannot be started: {error}"
        finally:
            reader.finish()
            self._finished(attempt, desk, writer, ended, self.clock.monotonic() - began)
        if fault:
            return attempt.failed(fault)
        return self._judge(attempt, step, ended, reader, outputs_file)

    def _finished(
        self,
        attempt: Attempt,
        desk: Desk,
        writer: Writer | None,
        ended: process.Ended,
        seconds: float,
    ) -> None:
        stored = None
        if writer is not None:
            with writer:
                stored = writer.store()
        desk.tell(
            CommandFinished(
                step=attempt.step.id,
                attempt=attempt.number,
                exit=ended.exit,
                signal=ended.signal,
                duration=round(seconds, 6),
                output=stored.sha256 if stored else "",
                bytes=stored.bytes if stored else 0,
                lines=stored.lines if stored else 0,
                truncated=stored.truncated if stored else 0,
            )
        )

    def _judge(
        self,
        attempt: Attempt,
        step: RunStep,
        ended: process.Ended,
        reader: _Reader,
        outputs_file: Path,
    ) -> Outcome:
        if ended.timed_out:
            return attempt.timed_out(f"not done after {step.timeout:g} s; last: {reader.last_line}")
        if ended.signal:
            return attempt.failed(f"ended by {ended.signal}")
        difference = compare(step.expect, ended.exit, reader.text)
        if difference and step.sensitive:
            # An exit code may be told; a difference in the output would quote it.
            exit_only = compare(Expect(exit=step.expect.exit), ended.exit, "")
            return attempt.failed(exit_only or "the output is not as expected, and is sensitive")
        if difference:
            return attempt.failed(f"{difference}: {reader.last_line}".removesuffix(": "))
        try:
            outputs = read_outputs(outputs_file)
        except RunbookError as fault:
            return attempt.failed(str(fault))
        registered = {}
        if step.register_ is not None:
            value = reader.text.strip()
            if reader.overflow or written_size(value) > REGISTER_LIMIT:
                return attempt.failed(
                    f"register: {step.register_} would keep more than {REGISTER_LIMIT} bytes"
                )
            registered[step.register_] = value
        return attempt.passed(f"exit {ended.exit}", outputs, registered)
