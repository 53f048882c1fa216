"""A secret on every way out of a run: nothing on disk, on the screen or in a process list holds it."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from runbook.cli import verify
from runbook.cli.log_file import log_to
from runbook.cli.plain import PlainFollower
from runbook.cli.reports import write_reports
from runbook.cli.run_directory import RunDirectory
from runbook.clock import RealClock
from runbook.engine import Engine
from runbook.executors.command import CommandExecutor
from runbook.journal.file import JournalFile, read
from runbook.journal.outputs import OutputStore
from runbook.plan import Plan
from runbook.redact import Redactor
from runbook.redact.forms import forms
from runbook.run.events import NoteAdded, RunFinished
from runbook.run.readings import Reading, unknown
from runbook.run.record_events import OutputPurged, SecretExposed
from runbook.run.signals import AddNote, Approve, Countersign
from runbook.run.state import RunState
from tests.run.driving import opened, plan_of

SENTINEL = "kT7v&Q2mZx9'Lb/W4sR"
SECRET = {
    "apiVersion": "v1",
    "data": {"password": base64.b64encode(SENTINEL.encode()).decode()},
    "kind": "Secret",
    "metadata": {"name": "db"},
}


class Run:
    """A run of `run` steps with everything real but the cluster and the screen."""

    def __init__(self, directory: Path, plan: Plan, **secrets: str) -> None:
        self.directory = RunDirectory(directory / "runs" / "r1")
        (self.directory.path / "plan").mkdir(parents=True)
        self.plan = plan
        self.secrets = secrets
        self.redactor = Redactor()
        self.shown: list[str] = []
        outputs = OutputStore(self.directory.path)
        executor = CommandExecutor(
            "run", {"PATH": os.environ["PATH"]}, directory, outputs, self.redactor, RealClock()
        )
        self.journal = JournalFile.create(self.directory.path)
        self.engine = Engine(
            plan,
            self.journal,
            executors={"run": executor},
            read_health=self._no_health,
            read_value=self._value,
            countersigned=nobody,
            redactor=self.redactor,
            clock=RealClock(),
            outputs=outputs,
            intent=executor.intent,
        )
        self.engine.follow(PlainFollower(self.shown.append))

    async def _no_health(self, _: str) -> Reading:
        return unknown("", "")

    async def _value(self, name: str, _: RunState) -> str:
        value = self.secrets[name.removeprefix("secrets.")]
        self.redactor.register(name, value)
        return value

    async def perform(self) -> None:
        await asyncio.wait_for(self.engine.run([opened(self.plan)]), 30)
        write_reports(self.directory, self.engine.records)
        self.journal.close()

    def stored(self) -> bytes:
        outputs = sorted((self.directory.path / "outputs").rglob("*.out"))
        return b"".join(path.read_bytes() for path in outputs)

    def events(self, kind: type) -> list[Any]:
        records = read(self.directory.path)
        return [record.event for record in records if isinstance(record.event, kind)]


def nobody(state: RunState, given: Countersign) -> Approve:
    raise AssertionError("no gate is asked here")


def plan_with(*scripts: str, **more: Any) -> Plan:
    steps = [{"id": f"s{n}", "run": script} for n, script in enumerate(scripts)]
    secret = {"db": {"from": "env", "key": "NOT_READ_IN_THIS_TEST"}}
    return plan_of(*({**step, **more} for step in steps), secrets=secret)


def found_in(root: Path, value: str) -> list[str]:
    """Where under `root` a form of the value stands: in files, in their names."""
    looked_for = {form for form in forms(value) if len(form) >= 8}
    found = []
    for path in root.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        found += [str(path) for form in looked_for if form in content + str(path).encode()]
    return found


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    yield
    file = getattr(structlog.get_config()["logger_factory"], "_file", None)
    if file is not None:
        file.close()
    structlog.reset_defaults()


async def test_a_secret_reaches_none_of_the_surfaces(tmp_path: Path) -> None:
    plan = plan_with(
        "echo value ${{ secrets.db }} && printf %s ${{ secrets.db }} | base64 | tee /dev/stderr",
        "printf '\\033[31m%s\\033[0m\\r%s\\n' ${{ secrets.db }} ${{ secrets.db }}",
        "tr '\\0' ' ' < /proc/$$/cmdline; echo; env",
        "echo got=${{ secrets.db }} >> $RUNBOOK_OUTPUT; echo ${{ secrets.db }} >&2; false",
        on_failure="continue",
    )
    run = Run(tmp_path, plan, db=SENTINEL)
    log_to(run.directory.log, "info", run.redactor.text)
    run.engine.follow(Noting(run.engine))
    await run.perform()
    try:
        raise ValueError(f"cannot log in with {SENTINEL}")
    except ValueError:
        structlog.get_logger().exception("failed", value=SENTINEL)
    assert "failed" in run.directory.log.read_text()
    assert [event.result for event in run.events(RunFinished)] == ["recovered"]
    assert run.stored().count(b"[REDACTED:secrets.db]") >= 6
    assert "the password is [REDACTED:secrets.db]" in [e.text for e in run.events(NoteAdded)]
    assert found_in(tmp_path, SENTINEL) == []
    assert not [form for form in forms(SENTINEL) if form.decode() in "".join(run.shown)]


class Noting:
    """An operator who types a secret into a note."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_record(self, record: Any) -> None:
        if record.event.kind == "step.started" and record.event.step == "s2":
            self._engine.send(AddNote("ann", f"the password is {SENTINEL}"))

    def on_output(self, output: Any) -> None: ...

    def on_seen(self, seen: Any) -> None: ...


async def test_the_argv_of_a_command_holds_no_secret(tmp_path: Path) -> None:
    script = "cat /proc/$$/cmdline | base64 -w0 | rev; : ${{ secrets.db }}"
    run = Run(tmp_path, plan_with(script), db=SENTINEL)
    await run.perform()
    argv = base64.b64decode(run.stored().strip()[::-1])
    assert b"cmdline" in argv
    assert SENTINEL.encode() not in argv


async def test_what_a_printed_secret_teaches_is_masked_before_it_is_shown_or_stored(
    tmp_path: Path,
) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(SECRET, indent=2))
    run = Run(tmp_path / "state", plan_with(f"cat {tmp_path}/secret.json; echo {_later()}"))
    (tmp_path / "state").mkdir(exist_ok=True)
    await run.perform()
    assert run.stored().count(b"[REDACTED:db.password]") == 2
    assert found_in(tmp_path / "state", SENTINEL) == []
    assert run.events(OutputPurged) == []


def _later() -> str:
    """Prints the sentinel without naming it in the script."""
    return f"$(echo {SENTINEL.encode().hex()[::-1]} | rev | xxd -r -p)"


async def test_a_value_that_is_learned_later_is_purged_from_what_was_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "value").write_text(SENTINEL)
    state = tmp_path / "state"
    plan = plan_with(f"cat {tmp_path}/value", f"echo '##runbook[mask]'$(cat {tmp_path}/value)")
    run = Run(state, plan)
    run.directory.source.write_bytes(b"")
    await run.perform()
    (purged,) = run.events(OutputPurged)
    assert (purged.step, purged.old != purged.new) == ("s0", True)
    assert SENTINEL not in str(purged)
    assert found_in(state, SENTINEL) == []
    assert b"[REDACTED:s1]" in run.stored()
    report = run.directory.report("md").read_text()
    assert f"{purged.new} (in place of {purged.old}, which held a secret)" in report
    monkeypatch.setattr(verify, "_source", lambda *_: [])
    faults = verify._outputs(run.directory, read(run.directory.path))
    assert faults == []
    OutputStore(run.directory.path).path(purged.new).unlink()
    assert verify._outputs(run.directory, read(run.directory.path)) == [
        f"record {_finished(run)}: output {purged.new} is missing"
    ]


def _finished(run: Run) -> int:
    records = read(run.directory.path)
    return next(r.seq for r in records if r.event.kind == "command.finished")


async def test_a_record_that_held_a_value_before_it_was_known_is_named(tmp_path: Path) -> None:
    plan = plan_with(f"echo got={_later()} >> $RUNBOOK_OUTPUT", f"echo '##runbook[mask]'{_later()}")
    run = Run(tmp_path, plan)
    await run.perform()
    (exposed,) = run.events(SecretExposed)
    (number,) = exposed.records
    assert read(run.directory.path)[number - 1].event.kind == "step.passed"


async def test_a_value_too_short_to_be_masked_is_used_and_noted(tmp_path: Path) -> None:
    run = Run(tmp_path, plan_with("test ${{ secrets.db }} = 1234"), db="1234")
    await run.perform()
    (note,) = run.events(NoteAdded)
    assert (note.by, "1234" in note.text) == ("runbook", False)
    assert "secrets.db has fewer than 6 characters and is not masked" in note.text
    assert [event.result for event in run.events(RunFinished)] == ["recovered"]
