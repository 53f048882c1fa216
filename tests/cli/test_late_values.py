"""Values that exist only while a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from runbook.cli.late_values import LateValues
from runbook.errors import RunbookError
from runbook.executors.secret_command import SecretCommands
from runbook.redact import Redactor
from runbook.run.state import RunState
from runbook.target.client import ClusterClient
from tests.run.driving import plan_of

STEP = {"id": "s", "run": "true"}


def values(tmp_path: Path, script: str, **keys: object) -> tuple[LateValues, Redactor]:
    redactor = Redactor()
    plan = plan_of(
        STEP,
        secrets={"db": {"from": "command", "run": script, **keys}},
        vars={"place": "it's here"},
    )
    commands = SecretCommands({"PATH": "/usr/bin:/bin"}, tmp_path, redactor)
    nobody = cast(ClusterClient, None)  # no cluster is asked for this secret
    return LateValues(plan, nobody, redactor, commands.read), redactor


async def test_a_secret_of_a_command_gets_the_plans_values_and_is_masked(tmp_path: Path) -> None:
    late, redactor = values(tmp_path, 'echo "token of ${{ vars.place }}"')
    assert await late.read("secrets.db", RunState()) == "token of it's here"
    assert redactor.text("the token of it's here.") == "the [REDACTED:db]."


async def test_a_secret_that_cannot_be_had_is_an_error_with_its_name(tmp_path: Path) -> None:
    late, _ = values(tmp_path, "echo locked >&2; exit 4")
    with pytest.raises(RunbookError, match="secret db: its command ended with exit 4: locked"):
        await late.read("secrets.db", RunState())
