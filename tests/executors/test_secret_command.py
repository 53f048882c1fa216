"""A secret that a command prints: known to the redactor before anybody else, and told when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.errors import RunbookError
from runbook.executors.secret_command import LIMIT, SecretCommands
from runbook.model.document import CommandSecret
from runbook.redact import Redactor

VALUE = "hunter-seven-22"


def source(run: str, **keys: object) -> CommandSecret:
    return CommandSecret.model_validate({"from": "command", "run": run, **keys})


async def read(
    tmp_path: Path, run: str, redactor: Redactor | None = None, **keys: object
) -> tuple[str, Redactor]:
    redactor = redactor or Redactor()
    environment = {**os.environ, "KUBECONFIG": "/run/kubeconfig"}
    commands = SecretCommands(environment, tmp_path, redactor)
    return await commands.read("db", source(run, **keys)), redactor


@pytest.mark.parametrize(
    ("run", "value"),
    [
        (f"echo {VALUE}", VALUE),
        (f"printf '{VALUE}\\n\\n'", f"{VALUE}\n"),
        (f"printf ' {VALUE} '", f" {VALUE} "),
        ("echo $KUBECONFIG", "/run/kubeconfig"),
        ("pwd", "{here}"),
        ("echo ${{ 'a b; exit 1' }}", "a b; exit 1"),
    ],
)
async def test_it_is_what_the_command_prints_in_the_runs_surroundings(
    tmp_path: Path, run: str, value: str
) -> None:
    assert (await read(tmp_path, run))[0] == value.replace("{here}", str(tmp_path))


async def test_it_is_masked_from_then_on_and_read_again_as_it_is(tmp_path: Path) -> None:
    value, redactor = await read(tmp_path, f"echo {VALUE}")
    assert redactor.text(f"it is {VALUE}") == "it is [REDACTED:db]"
    assert (await read(tmp_path, f"echo {VALUE}", redactor))[0] == value == VALUE


async def test_what_is_no_secret_is_not_masked(tmp_path: Path) -> None:
    _, redactor = await read(tmp_path, f"echo {VALUE}", sensitive=False)
    assert redactor.text(VALUE) == VALUE


@pytest.mark.parametrize(
    ("run", "why"),
    [
        ("echo first >&2; echo sealed >&2; exit 3", "ended with exit 3: sealed"),
        ("false | cat", "ended with exit 1"),
        ("echo $NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE: unbound variable"),
        ("kill -9 $$", "was ended by SIGKILL"),
        ("true", "printed nothing"),
        ("echo", "printed nothing"),
        ("printf '\\377\\376abcdef'", "no UTF-8"),
        ("printf 'abc\\0def'", "NUL"),
        (f"head -c {LIMIT + 1} /dev/zero | tr '\\0' x", "printed more than"),
    ],
)
async def test_a_command_that_gives_no_secret_says_why(tmp_path: Path, run: str, why: str) -> None:
    with pytest.raises(RunbookError) as told:
        await read(tmp_path, run)
    assert str(told.value).startswith("secret db: its command ")
    assert why in str(told.value)


async def test_a_failure_never_quotes_the_secret(tmp_path: Path) -> None:
    with pytest.raises(RunbookError) as told:
        await read(tmp_path, f"echo {VALUE}; echo 'bad value {VALUE}' >&2; exit 1")
    assert str(told.value) == "secret db: its command ended with exit 1: bad value [REDACTED:db]"


async def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="did not end within 100ms: still here"):
        await read(tmp_path, "echo still here >&2; sleep 60", timeout="100ms")
