"""`check: {run: ...}`: a command that only reads, with the values of the runbook."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.checks.commands import expects_run
from runbook.executors.probe import run_probe
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


def test_what_a_probe_expects_is_told_with_its_values() -> None:
    assert expects_run(RunCheck(run="test ${{ 'a' }} = a")) == "test a = a: exit 0"
