"""Inputs without a value: asked for on a terminal, an error elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.cli.asking import answers, ask_for_missing
from runbook.errors import UsageError
from runbook.model.document import Input
from tests.tui.terminal import Terminal

RUNBOOK = """\
apiVersion: runbook/v1
name: asks
inputs:
  place: {required: true, options: [north, south], description: which site}
  size: {type: integer, required: true, pattern: "[0-9]{1,2}"}
  colour: {default: red, options: [red, blue]}
phases:
  - {id: one, steps: [{id: s, run: "true"}]}
"""


def input_of(**keys: object) -> Input:
    return Input.model_validate({"required": True, **keys})


def ask(missing: dict[str, Input], *lines: str) -> tuple[dict[str, str], str]:
    typed: Iterator[str] = iter(lines)
    said: list[str] = []

    def read(prompt: str) -> str:
        said.append(prompt)
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    return answers(missing, read, said.append), "".join(said)


def test_what_may_be_answered_is_said_before_it_is_asked() -> None:
    spec = input_of(type="integer", description="how many", options=[1, 2], pattern="[0-9]")
    given, said = ask({"size": spec}, "2")
    assert given == {"size": "2"}
    assert said == "how many (integer) one of: 1, 2 matching [0-9]\nsize: "


@pytest.mark.parametrize(
    ("keys", "wrong", "why"),
    [
        ({"type": "integer"}, "two", "'two' is not an integer"),
        ({"type": "boolean"}, "perhaps", "'perhaps' is not true or false"),
        ({"pattern": "[a-z]+"}, "A1", "'A1' does not match [a-z]+"),
        ({"options": ["a", "b"]}, "c", "'c' is none of: a, b"),
        ({}, "", "x is required"),
    ],
)
def test_a_wrong_answer_is_explained_and_asked_again(
    keys: dict[str, object], wrong: str, why: str
) -> None:
    right = {"integer": "2", "boolean": "yes"}.get(str(keys.get("type")), "a")
    given, said = ask({"x": input_of(**keys)}, wrong, right)
    assert given == {"x": right}
    assert why in said
    assert said.count("x: ") >= 2


def test_the_end_of_input_refuses() -> None:
    with pytest.raises(UsageError, match="input b is required"):
        ask({"a": input_of(), "b": input_of()}, "1")


def test_words_of_a_file_do_not_reach_the_terminal_as_commands() -> None:
    _, said = ask({"x": input_of(description="\x1b]0;title\x07")}, "1")
    assert "\x1b" not in said


def test_what_was_given_wrongly_is_refused_before_anybody_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(RUNBOOK)
    with pytest.raises(UsageError, match="'green' is none of: red, blue"):
        ask_for_missing(Namespace(input=["colour=green"]), file)


def test_a_runbook_that_requires_nothing_is_not_read_for_it(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("no: runbook at all")
    words = Namespace(input=[])
    ask_for_missing(words, file)
    assert words.input == []


@pytest.mark.slow
def test_an_operator_is_asked_on_a_terminal_before_the_screen(tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(RUNBOOK)
    words = ("-m", "runbook.cli.main", "run", str(file), "--input", "size=7")
    with Terminal.python(*words, environment={"RUNBOOK_STATE_DIR": str(tmp_path)}) as terminal:
        terminal.wait_for(b"place: ")
        assert b"which site (string) one of: north, south" in terminal.seen
        terminal.send(b"west\n")
        terminal.wait_for(b"'west' is none of: north, south")
        terminal.wait_for(b"place: ", start=terminal.seen.index(b"none of"))
        terminal.send(b"\x04")
        terminal.wait_for(b"input place is required")
    assert b"size" not in terminal.seen


@pytest.mark.slow
def test_without_a_terminal_a_missing_value_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(RUNBOOK)
    done = subprocess.run(
        [sys.executable, "-m", "runbook.cli.main", "run", str(file), "--input", "size=7"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env={**os.environ, "RUNBOOK_STATE_DIR": str(tmp_path / "state")},
    )
    assert done.returncode == 2
    assert b"input place is required: which site" in done.stderr
