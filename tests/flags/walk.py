"""Every flag of the command line, found by walking the parsers of the sub-commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from runbook.cli.main import SUBCOMMANDS, parser_for


def flags() -> list[str]:
    """`run --keep`, `practice start --name`: each once, by its long names; `--help` is argparse's own."""
    return [flag for name in SUBCOMMANDS for flag in _of(_inner(parser_for([name]))[name], name)]


def _of(parser: argparse.ArgumentParser, words: str) -> Iterator[str]:
    for action in parser._actions:
        if not isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            long = (option for option in action.option_strings if option.startswith("--"))
            yield from (f"{words} {option}" for option in long)
    for name, inner in _inner(parser).items():
        yield from _of(inner, f"{words} {name}")


def _inner(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: inner
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, inner in action.choices.items()
    }
