"""`check: {run: ...}`: a command that only reads, with the values of the runbook."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.checks.commands import expects_run
from runbook.executors.probe import LIMIT, run_probe
from runbook.model.checks import RunCheck
from runbook.model.document import CheckStep
from runbook.redact import Redactor
from tests.run.driving import plan_of

NASTY = "a b $(touch pwned) `touch pwned` ; ' \" \\"


@pytest.mark.parametrize("script", ["printf %s ${{ inputs.x }}", "printf %s '${{ inputs.x }}'"])
async def test_a_value_reaches_a_probe_as_one_word_and_runs_nothing(
    tmp_path: Path, script: str
) -> None:
    plan = plan_of({"id": "s", "check": {"run": script}}, inputs={"x": {"default": NASTY}})
    step = plan.step("s").step
    assert isinstance(step, CheckStep)
    check = step.check
    assert isinstance(check, RunCheck)
    probe = run_probe({"PATH": os.environ["PATH"]}, tmp_path, Redactor())
    result = await probe(check.run, check.shell, check.env, 5.0)
    assert (result.exit, result.stdout, result.stderr) == (0, NASTY, "")
    assert not (tmp_path / "pwned").exists()


async def test_a_probe_has_variables_of_its_own(tmp_path: Path) -> None:
    probe = run_probe({"PATH": os.environ["PATH"], "A": "1", "B": "1"}, tmp_path, Redactor())
    result = await probe("echo $A $B", None, {"B": "2"}, 5.0)
    assert result.stdout == "1 2\n"


async def test_a_secret_is_masked_in_what_a_probe_prints(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.register("password", "correct-horse")
    probe = run_probe({"PATH": os.environ["PATH"]}, tmp_path, redactor)
    result = await probe("echo correct-horse; echo correct-horse >&2", None, {}, 5.0)
    assert (result.stdout, result.stderr) == ("[REDACTED:password]\n",) * 2


async def test_a_probe_out_of_time_has_no_exit_code(tmp_path: Path) -> None:
    probe = run_probe({"PATH": os.environ["PATH"]}, tmp_path, Redactor())
    result = await probe("trap 'exit 0' TERM; while :; do sleep 0.01; done", None, {}, 0.2)
    assert result.exit is None


async def test_of_a_probe_without_end_only_so_much_is_held(tmp_path: Path) -> None:
    probe = run_probe({"PATH": os.environ["PATH"]}, tmp_path, Redactor())
    result = await probe(f"head -c {2 * LIMIT} /dev/zero | tr '\\0' x", None, {}, 20.0)
    assert len(result.stdout) == LIMIT


def test_what_a_probe_expects_is_told_with_its_values() -> None:
    assert expects_run(RunCheck(run="test ${{ 'a' }} = a")) == "test a = a: exit 0"
