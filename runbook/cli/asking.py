"""Asks the operator for inputs that have no value: on the plain terminal, before the screen takes it.

A runbook that requires nothing is not even loaded here, so its first frame waits for nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.errors import UsageError

if TYPE_CHECKING:
    from runbook.model.document import Input

Write = Callable[[str], object]
Ask = Callable[[str], str]
"""Shows a prompt and reads a line. Raises EOFError at the end of input."""


def ask_for_missing(arguments: argparse.Namespace, file: Path) -> None:
    """Add to the words of the command line what the operator answers.

    Raises InvalidRunbook, and UsageError for a value that was given and does not fit, or when the
    input ends.
    """
    if not _may_require(file):
        return
    from runbook.cli.asked import given_inputs
    from runbook.model.loader import load_file
    from runbook.planning import bind_inputs
    from runbook.settings import read_settings

    declared = load_file(file).runbook.inputs
    given = given_inputs(arguments.input, dict(read_settings().inputs), set(declared))
    missing = {n: s for n, s in declared.items() if n not in given and s.required}
    missing = {name: spec for name, spec in missing.items() if spec.default is None}
    if not missing:
        return
    without = {name: spec.model_copy(update={"required": False}) for name, spec in missing.items()}
    bind_inputs({**declared, **without}, given)  # what was given is refused before anybody is asked
    with contextlib.suppress(ImportError):
        import_module("readline")  # lets the operator edit the line
    arguments.input += [f"{n}={v}" for n, v in answers(missing, input, sys.stdout.write).items()]


def answers(missing: Mapping[str, Input], ask: Ask, write: Write) -> dict[str, str]:
    """A text for each input that fits it. Raises UsageError when the input ends before."""
    from runbook.model.inputs import read_input

    given: dict[str, str] = {}
    for name, spec in missing.items():
        write(_described(name, spec))
        while name not in given:
            try:
                answer = ask(f"{name}: ").strip()
            except EOFError as fault:
                write("\n")
                raise UsageError(
                    f"input {name} is required, and no value was given",
                    hint=f"give it as --input {name}=VALUE",
                ) from fault
            if not answer:
                write(f"  {name} is required: a value, or ctrl-c to leave\n")
                continue
            try:
                read_input(name, spec, answer)
            except ValueError as why:
                write(f"  {_printable(str(why))}\n")
                continue
            given[name] = answer
    return given


def _may_require(file: Path) -> bool:
    try:
        return b"required" in file.read_bytes()
    except OSError:
        return False  # whoever loads it says why


def _described(name: str, spec: Input) -> str:
    """What an input is, and what may be answered."""
    about = [spec.description or name, f"({spec.type})"]
    if spec.options is not None:
        about.append("one of: " + ", ".join(map(_as_typed, spec.options)))
    if spec.pattern is not None:
        about.append(f"matching {spec.pattern}")
    return _printable(" ".join(about)) + "\n"


def _as_typed(option: str | float | bool) -> str:
    return str(option).lower() if isinstance(option, bool) else str(option)


def _printable(text: str) -> str:
    """A file's words never move the cursor of a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
