"""`run` steps with a real bash: quoting, outputs, timeouts, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runbook.clock import RealClock
from runbook.errors import JournalUnavailable
from runbook.executors import process
from runbook.executors.base import Attempt
from runbook.executors.command import CAPTURE_LIMIT, CommandExecutor
from runbook.journal.outputs import OutputStore, OutputWriter
from runbook.redact import Redactor
from runbook.run import words
from runbook.run.events import CommandFinished, CommandStarting, Observation
from runbook.run.readings import Reading
from runbook.run.signals import Ending, Outcome
from tests.run.driving import plan_of


class Desk:
    """Keeps what an executor reports, and gives it the values a test names."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self.values = values or {}
        self.events: list[Observation] = []
        self.shown = b""

    async def record(self, event: Observation) -> None:
        self.events.append(event)

    def tell(self, event: Observation) -> None:
        self.events.append(event)

    def output(self, attempt: Attempt, data: bytes) -> None:
        self.shown += data

    def seen(self, source: str, reading: Reading) -> None: ...

    async def value(self, name: str) -> Any:
        return self.values[name]


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outputs = OutputStore(directory)
        self.redactor = Redactor()
        self.executor = CommandExecutor(
            "run", {"PATH": os.environ["PATH"]}, directory, self.outputs, self.redactor, RealClock()
        )

    async def run(self, step: dict[str, Any], desk: Desk | None = None) -> Outcome:
        plan = plan_of({"id": "give", "run": "true", "register": "value"}, {"id": "step", **step})
        return await self.executor(Attempt(plan.step("step"), 1), desk or Desk())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_command_passes_with_exit_0_and_its_output_is_stored(bench: Bench) -> None:
    desk = Desk()
    outcome = await bench.run({"run": "echo out; echo err >&2"}, desk)
    assert outcome.ending is Ending.PASSED
    starting, finished = desk.events
    assert isinstance(starting, CommandStarting)
    assert isinstance(finished, CommandFinished)
    assert (finished.exit, finished.lines) == (0, 2)
    assert sorted(bench.outputs.read(finished.output).split()) == [b"err", b"out"]
    assert bench.outputs.read(finished.output) == desk.shown


@pytest.mark.parametrize(
    "step",
    [
        {"run": "true"},
        {"run": "echo ${{ 'a b' }}", "env": {"COLOUR": "red"}},
        {"run": "print(1)", "shell": sys.executable},
    ],
)
async def test_what_is_announced_is_what_the_command_would_have_recorded(
    bench: Bench, step: dict[str, Any]
) -> None:
    attempt = Attempt(plan_of({"id": "step", **step}).steps[0], 1)
    desk = Desk()
    await bench.executor(attempt, desk)
    assert desk.events[0] == bench.executor.intent(attempt)
    desk = Desk()
    outcome = await bench.executor(replace(attempt, announced=True), desk)
    assert outcome.ending is Ending.PASSED
    assert [event.kind for event in desk.events] == ["command.finished"]


@pytest.mark.parametrize(
    ("step", "number"),
    [
        ({"run": "true"}, 2),
        ({"run": "true", "effect": "destroy"}, 1),
        ({"run": "echo ${{ registered.value }}"}, 1),
        ({"run": "true", "env": {"A": "${{ registered.value }}"}}, 1),
        ({"wait": "1s"}, 1),
    ],
)
def test_nothing_is_announced_that_depends_on_what_is_found_out_first(
    bench: Bench, step: dict[str, Any], number: int
) -> None:
    plan = plan_of({"id": "give", "run": "true", "register": "value"}, {"id": "step", **step})
    assert bench.executor.intent(Attempt(plan.step("step"), number)) is None


async def test_a_failing_command_says_its_last_line(bench: Bench) -> None:
    outcome = await bench.run({"run": "echo fine; echo broken >&2; exit 3"})
    assert outcome.ending is Ending.FAILED
    assert "3" in outcome.reason
    assert outcome.reason.endswith("broken")


async def test_a_failure_inside_a_pipe_or_of_an_unset_variable_is_a_failure(bench: Bench) -> None:
    assert (await bench.run({"run": "false | true"})).ending is Ending.FAILED
    assert (await bench.run({"run": "echo $NOT_SET_AT_ALL"})).ending is Ending.FAILED
    assert (await bench.run({"run": "false; echo on"})).ending is Ending.FAILED


NASTY = "a b $(touch pwned) `touch pwned` ; & | < > * ? ' \" \\ \n tab\tend"
PLACES = [
    "printf %s ${{ registered.value }}",
    'printf %s "${{ registered.value }}"',
    "printf %s '${{ registered.value }}'",
    'x=${{ registered.value }}; printf %s "$x"',
    'printf %s "$(printf %s "${{ registered.value }}")"',
]


@pytest.mark.parametrize("script", PLACES)
async def test_a_nasty_value_arrives_as_one_word_and_runs_nothing(
    bench: Bench, script: str
) -> None:
    step = {"run": script, "register": "back"}
    outcome = await bench.run(step, Desk({"registered.value": NASTY}))
    assert outcome.ending is Ending.PASSED, outcome.reason
    assert outcome.registered["back"] == NASTY.strip()
    assert not (bench.directory / "pwned").exists()


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_arrives_as_it_is(bench: Bench, value: str) -> None:
    step = {"run": "printf '<%s>' ${{ registered.value }}", "register": "back"}
    outcome = asyncio.run(bench.run(step, Desk({"registered.value": value})))
    assert outcome.registered["back"] == f"<{value}>"


async def test_outputs_are_read_from_the_file_the_command_is_given(bench: Bench) -> None:
    script = (
        'echo "version=1.2" >> "$RUNBOOK_OUTPUT"\n'
        'printf "notes<<END\\none\\ntwo\\nEND\\n" >> "$RUNBOOK_OUTPUT"'
    )
    outcome = await bench.run({"run": script})
    assert outcome.outputs == {"version": "1.2", "notes": "one\ntwo"}
    assert not bench.outputs.values_path("step", 1).exists()
    assert (await bench.run({"run": 'echo nonsense >> "$RUNBOOK_OUTPUT"'})).ending is Ending.FAILED


async def test_an_expectation_decides_and_the_exit_code_is_only_a_part(bench: Bench) -> None:
    passes = {"run": "echo '{\"a\":[1]}'; exit 4", "expect": {"exit": [0, 4]}}
    assert (await bench.run(passes)).ending is Ending.PASSED
    wrong = {"run": "echo no", "expect": {"stdout": "yes"}}
    assert (await bench.run(wrong)).ending is Ending.FAILED
    json = {"run": "echo '{\"a\":1}'", "expect": {"jsonpath": {"path": "{.a}", "equals": 1}}}
    assert (await bench.run(json)).ending is Ending.PASSED


def runs(pid: int) -> bool:
    """Whether a process goes on; one that has ended and waits for its parent does not."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
    return found.stdout.strip()[:1] not in (b"", b"Z")


async def test_a_command_out_of_time_is_ended_with_everything_it_started(bench: Bench) -> None:
    script = "sleep 300 & echo $! > child; trap '' TERM; sleep 300"
    before = asyncio.get_running_loop().time()
    outcome = await bench.run({"run": script, "timeout": "500ms"})
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.reason == "not done after 0.5 s; last: "
    assert not runs(int((bench.directory / "child").read_text()))
    assert asyncio.get_running_loop().time() - before < 20


async def test_a_cancelled_command_is_ended_and_its_end_recorded(bench: Bench) -> None:
    desk = Desk()
    run = asyncio.ensure_future(bench.run({"run": "echo $$ > pid; sleep 300"}, desk))
    pid = bench.directory / "pid"
    while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110 - the command tells by a file
        await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    finished = desk.events[-1]
    assert isinstance(finished, CommandFinished)
    assert (finished.exit, finished.signal) == (None, "SIGTERM")
    assert not runs(int((bench.directory / "pid").read_text()))


async def test_what_a_command_leaves_in_the_background_is_ended_with_it(bench: Bench) -> None:
    quiet = "sleep 300 >/dev/null 2>&1 & echo $! > child"
    assert (await bench.run({"run": quiet})).ending is Ending.PASSED
    assert not runs(int((bench.directory / "child").read_text()))
    loud = "sleep 300 & echo $! > child"
    assert (await bench.run({"run": loud})).ending is Ending.PASSED
    assert not runs(int((bench.directory / "child").read_text()))


async def test_whoever_left_the_group_with_our_pipe_keeps_nobody_waiting(bench: Bench) -> None:
    script = "setsid sleep 300 & echo $! > child; sleep 0.2; trap '' TERM; sleep 300"
    async with asyncio.timeout(30):
        outcome = await bench.run({"run": script, "timeout": "1s"})
    os.kill(int((bench.directory / "child").read_text()), signal.SIGKILL)
    assert outcome.ending is Ending.TIMED_OUT


async def test_who_is_told_twice_to_stop_still_ends_the_command_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.5)
    run = asyncio.ensure_future(bench.run({"run": "trap '' TERM; echo $$ > pid; sleep 300"}))
    pid = bench.directory / "pid"
    while not (pid.exists() and pid.read_text()):  # noqa: ASYNC110 - the command tells by a file
        await asyncio.sleep(0.01)
    run.cancel()
    await asyncio.sleep(0.1)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not runs(int(pid.read_text()))


async def test_a_command_that_is_cancelled_while_it_starts_is_ended_with_its_children(
    bench: Bench,
) -> None:
    for turns in range(8):
        desk = Desk()
        run = asyncio.ensure_future(bench.run({"run": "echo $$ > pid; sleep 300"}, desk))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - bash gets on with it while we hear of nothing
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        pid = bench.directory / "pid"
        if pid.exists():
            finished = desk.events[-1]
            assert isinstance(finished, CommandFinished)
            assert finished.signal == "SIGTERM"
            assert not runs(int(pid.read_text()))
            pid.unlink()


async def test_output_that_cannot_be_kept_ends_the_command_and_is_no_outcome(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: OutputWriter, data: bytes) -> None:
        raise JournalUnavailable("the disk is full")

    monkeypatch.setattr(OutputWriter, "write", full)
    with pytest.raises(JournalUnavailable):
        await bench.run({"run": "echo $$ > pid; echo out; sleep 300"})
    assert not runs(int((bench.directory / "pid").read_text()))


async def test_a_disk_that_takes_no_output_is_told_as_such(bench: Bench) -> None:
    writer = bench.outputs.begin("step", 1)
    bench.outputs.live_path("step", 1).symlink_to("/dev/full")
    with writer, pytest.raises(JournalUnavailable, match="No space"):
        writer.write(b"out")
    bench.outputs.live_path("step", 2).mkdir()
    with pytest.raises(JournalUnavailable):
        bench.outputs.begin("step", 2).write(b"out")


async def test_a_sensitive_command_is_neither_shown_nor_stored(bench: Bench) -> None:
    desk = Desk()
    outcome = await bench.run({"run": "echo geheim", "sensitive": True, "register": "back"}, desk)
    finished = desk.events[-1]
    assert isinstance(finished, CommandFinished)
    assert (finished.output, finished.bytes, desk.shown) == ("", 0, b"")
    assert outcome.registered == {"back": "geheim"}


async def test_a_sensitive_output_that_is_not_as_expected_is_not_quoted(bench: Bench) -> None:
    step = {"run": "echo geheim", "sensitive": True}
    outcome = await bench.run({**step, "expect": {"stdout": "ok"}})
    assert outcome.reason == "the output is not as expected, and is sensitive"
    outcome = await bench.run({**step, "expect": {"exit": 1, "stdout": "ok"}})
    assert outcome.reason == "exit 0, expected 1"


async def test_a_secret_is_masked_on_the_screen_and_on_disk(bench: Bench) -> None:
    bench.redactor.register("password", "correct-horse")
    desk = Desk()
    await bench.run({"run": "printf correct-; sleep 0.05; echo horse"}, desk)
    finished = desk.events[-1]
    assert isinstance(finished, CommandFinished)
    assert desk.shown == b"[REDACTED:password]\n"
    assert bench.outputs.read(finished.output) == desk.shown


async def test_what_only_began_like_a_secret_is_shown_at_the_end(bench: Bench) -> None:
    bench.redactor.register("password", "correct-horse")
    desk = Desk()
    await bench.run({"run": "printf correct-"}, desk)
    assert desk.shown == b"correct-"


async def test_another_shell_reads_the_script_on_its_input(bench: Bench) -> None:
    step = {"run": "print(6 * 7)", "shell": sys.executable, "expect": {"stdout": "42"}}
    assert (await bench.run(step)).ending is Ending.PASSED


async def test_what_cannot_be_started_is_a_failure_and_not_a_traceback(bench: Bench) -> None:
    desk = Desk()
    missing = await bench.run({"run": "x", "shell": "no-such-program-anywhere"}, desk)
    assert missing.ending is Ending.FAILED
    assert words.describe(desk.events[-1]) == "never started"
    assert "cannot be started" in missing.reason
    nowhere = await bench.run({"run": "true", "working-directory": "not-here"})
    assert nowhere.ending is Ending.FAILED
    for shell in ("", "bash -c 'open"):
        unusable = await bench.run({"run": "true", "shell": shell})
        assert unusable.ending is Ending.FAILED
        assert "cannot be started" in unusable.reason
    nul = await bench.run({"run": "echo ${{ registered.value }}"}, Desk({"registered.value": "\0"}))
    assert nul.ending is Ending.FAILED
    assert "null byte" in nul.reason


async def test_a_condition_that_has_been_answered_is_not_asked_again(bench: Bench) -> None:
    step = {"run": "true", "when": "steps.give.outputs.never == ''"}
    assert (await bench.run(step)).ending is Ending.PASSED


@pytest.mark.parametrize(
    "script",
    [
        "head -c 9000 /dev/zero | tr '\\0' '\\1'",
        f"head -c {CAPTURE_LIMIT} /dev/zero | tr '\\0' '\\n'; echo cut",
        'for i in {1..4000}; do echo "K$i=" >> "$RUNBOOK_OUTPUT"; done',
    ],
)
async def test_no_more_is_kept_than_the_journal_can_write(bench: Bench, script: str) -> None:
    outcome = await bench.run({"run": script, "register": "back"})
    assert outcome.ending is Ending.FAILED
    assert "16384 bytes" in outcome.reason


async def test_a_signal_without_a_name_is_told_by_its_number(bench: Bench) -> None:
    outcome = await bench.run({"run": "kill -40 $$"})
    assert (outcome.ending, outcome.reason) == (Ending.FAILED, "ended by signal 40")


async def test_a_command_may_take_its_outputs_file_away(bench: Bench) -> None:
    outcome = await bench.run({"run": 'echo a=b > "$RUNBOOK_OUTPUT"; rm "$RUNBOOK_OUTPUT"'})
    assert (outcome.ending, outcome.outputs) == (Ending.PASSED, {})


async def test_variables_of_the_step_reach_the_command(bench: Bench) -> None:
    step = {"run": 'test "$COLOUR" = "deep blue"', "env": {"COLOUR": "${{ registered.value }}"}}
    assert (await bench.run(step, Desk({"registered.value": "deep blue"}))).ending is Ending.PASSED
