"""`runbook run [RUNBOOK]`: practice by default; a real cluster needs `--mode` and `--context`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook.cli.asked import DEFAULT_SPEED
from runbook.cli.content import find_runbook, working_directory
from runbook.cli.target_words import add_target, check_target
from runbook.errors import UsageError
from runbook.run.terms import Mode


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--speed", type=float, help=f"of the practice cluster's time (default {DEFAULT_SPEED:g})"
    )
    parser.add_argument(
        "--preauthorised",
        type=Path,
        metavar="FILE",
        help="gates that were opened beforehand, for this very plan",
    )
    parser.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="whose SSH keys may approve"
    )
    parser.add_argument(
        "--outage-since",
        metavar="TIME",
        help="recovery: when the outage began; the recovery clock starts there",
    )
    parser.add_argument(
        "--headless", action="store_true", help="lines instead of the screen; nobody is asked"
    )
    parser.add_argument(
        "--junit",
        type=Path,
        metavar="FILE",
        help="headless: write the result as JUnit XML, for a CI",
    )
    parser.add_argument(
        "--dry-run",
        "--dry-run=actions",  # a word of its own: a value would swallow the runbook's name
        action=DryRun,
        nargs=0,
        help="say every step and perform none; with =actions, look at the checks on the cluster",
    )
    parser.add_argument("--keep", action="store_true", help="leave the practice cluster running")
    parser.add_argument("--ascii", action="store_true", help="no symbols beyond ASCII")
    parser.add_argument("--no-bell", action="store_true", help="never ring the terminal's bell")


def main(arguments: argparse.Namespace) -> int:
    check_target(arguments)
    check_speed(arguments)
    file = find_runbook(arguments.runbook)
    if arguments.dry_run:
        from runbook.cli import dry_run

        return dry_run.start(arguments, file, working_directory(file))
    if arguments.headless or not (sys.stdout.isatty() and sys.stdin.isatty()):
        from runbook.cli import headless

        return headless.start(arguments, file, working_directory(file))
    if arguments.junit:
        raise UsageError("--junit goes with --headless", hint="`runbook report --format junit`")
    from runbook.cli import screen
    from runbook.cli.asking import ask_for_missing

    ask_for_missing(arguments, file)
    return screen.start(arguments, file, working_directory(file))


class DryRun(argparse.Action):
    """Keeps what is dry: `all`, or the `actions` alone."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        _, _, only = (option_string or "").partition("=")
        setattr(namespace, self.dest, only or "all")


def check_speed(arguments: argparse.Namespace) -> None:
    """Refuse a pace that no cluster has."""
    practice = arguments.mode == Mode.PRACTICE.value
    if not practice and arguments.speed is not None:
        raise UsageError("--speed is for practice: a real cluster's time is its own")
    if arguments.speed is not None and not 0.1 <= arguments.speed <= 1000:
        raise UsageError(f"--speed {arguments.speed:g} is out of range: 0.1 to 1000")
