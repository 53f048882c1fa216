"""`runbook resume [RUN]`: go on with a run that was left, or whose process died.

Nothing starts again by itself. A step whose outcome is unknown needs a person: on the screen, or here
with --retry, --skip, --done, --goto or --rollback.
"""

from __future__ import annotations

import argparse
import sys

from runbook.cli.loop import run
from runbook.cli.run_directory import find
from runbook.errors import UsageError
from runbook.run.signals import Accept, Jump, Retry, RollBack, Signal, Skip
from runbook.settings import Settings, read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="id, end of an id, or path; default: the newest")
    parser.add_argument("--headless", action="store_true", help="lines instead of the screen")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--retry", metavar="STEP", help="perform the interrupted step again")
    decision.add_argument("--skip", metavar="STEP", help="leave it out; needs --reason")
    decision.add_argument("--goto", metavar="STEP", help="go on at another step; needs --reason")
    decision.add_argument(
        "--rollback", action="store_true", help="undo what was started, and end; needs --reason"
    )
    decision.add_argument("--done", metavar="STEP", help="it did its work; needs --reason")
    parser.add_argument("--reason", default="", help="why, for the record")
    parser.add_argument(
        "--as-started",
        action="store_true",
        help="go on with the kept copy, although the runbook's files have changed",
    )
    parser.add_argument("--keep", action="store_true", help="leave the practice cluster running")
    parser.add_argument("--ascii", action="store_true", help="no symbols beyond ASCII")
    parser.add_argument("--no-bell", action="store_true", help="never ring the terminal's bell")


def main(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    directory = find(settings.runs, arguments.run)
    decisions = _decisions(arguments, settings)
    if arguments.headless or not (sys.stdout.isatty() and sys.stdin.isatty()):
        from runbook.cli import headless, opening

        reopening = opening.reopen_run(
            directory,
            settings,
            attended=False,
            keep=arguments.keep,
            as_started=arguments.as_started,
        )
        return run(headless.open_and_perform(reopening, settings, decisions))
    from runbook.cli import screen

    return screen.resume(arguments, directory)


def _decisions(arguments: argparse.Namespace, settings: Settings) -> tuple[Signal, ...]:
    by, reason = settings.operator, arguments.reason
    if arguments.retry:
        return (Retry(arguments.retry, by),)
    if not (arguments.skip or arguments.done or arguments.goto or arguments.rollback):
        return ()
    if not reason.strip():
        raise UsageError(
            "--skip, --done, --goto and --rollback need --reason: it goes into the record"
        )
    if arguments.skip:
        return (Skip(arguments.skip, by, reason),)
    if arguments.goto:
        return (Jump(arguments.goto, by, reason),)
    if arguments.rollback:
        return (RollBack(by, reason),)
    return (Accept(arguments.done, by, reason),)
