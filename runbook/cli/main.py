"""The front door: which sub-command, which words, which exit code.

Each sub-command lives in a file of its own and is imported only when it is asked for, so that
`runbook --version` never loads a screen or a Kubernetes client. Errors are put into words here and
nowhere else: stdout is data, everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from runbook import __version__

SUBCOMMANDS = {
    "run": "walk through a runbook: in practice, as a drill, or for a real recovery",
    "plan": "what a run would do, in order, with every value and its digest; nothing is started",
    "show": "a runbook as a document to read (Markdown), or as a chart (Mermaid)",
    "resume": "go on with a run that was left or whose process died",
    "runs": "list the runs kept on this machine, show one, remove old ones",
    "note": "add a note to the record of a run that goes on elsewhere, or is held",
    "watch": "look at a run from a second terminal; nothing can be changed there",
    "report": "write the recovery log of a run again, or print it",
    "verify": "check a run's journal: chain, sequence, stored outputs",
    "validate": "check a runbook file and show every problem with its place",
    "lint": "advice about a valid runbook: gates, secrets, budgets, proofs",
    "new": "write a commented runbook to start from",
    "import": "make the draft of a runbook of a procedure in Markdown",
    "schema": "print the JSON Schema of the runbook format",
    "approve": "the second person's answer to a gate, signed with an SSH key",
    "release-finalizers": "what hangs in Terminating: decide, say why, release what is safe",
    "preflight": "look at what must hold before a runbook's first step; nothing is changed",
    "health": "look at the health checks of a runbook, now or again and again",
    "probe": "send requests to an experiment: shares against its weights, latencies, faults",
    "models": "point models at what was trained last: in a manifest, a cluster, or a CI's check",
    "practice": "a practice cluster of its own, and faults to repair on it",
}
"""Sub-commands in the order of the help; each is the module `runbook.cli.NAME` with `add` and `main`."""

_MODULES = {"import": "import_markdown", "release-finalizers": "release_finalizers"}
"""Modules of sub-commands whose names Python does not take."""

EPILOG = """\
exit codes:
  0 recovered, or done     1 not recovered        2 usage or invalid runbook
  3 recovered late         4 refused or aborted   5 held: `runbook resume` goes on
  6 target refused         7 journal failed      70 internal error
"""


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The command line. Only the sub-command that was named describes its own words."""
    parser = argparse.ArgumentParser(
        prog="runbook",
        description="The drill tool that on-call engineers trust at 3 a.m.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"runbook {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = next((word for word in argv if word in SUBCOMMANDS), None)
    for name, summary in SUBCOMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == named:
            _module(name).add(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        sys.stdout.write(f"runbook {__version__}\n")
        return 0
    arguments = parser_for(words).parse_args(words)
    from runbook.cli.exit_codes import Exit
    from runbook.errors import (
        InvalidRunbook,
        JournalUnavailable,
        RunbookError,
        TargetRefused,
        TargetUnreachable,
    )

    try:
        return int(_module(arguments.command).main(arguments))
    except InvalidRunbook as fault:
        _say(str(fault))
        return Exit.USAGE
    except (TargetRefused, TargetUnreachable) as fault:
        _say(f"runbook: {fault}")
        return Exit.TARGET
    except JournalUnavailable as fault:
        _say(f"runbook: {fault}")
        return Exit.JOURNAL
    except RunbookError as fault:
        _say(f"runbook: {fault}")
        return Exit.USAGE
    except KeyboardInterrupt:
        _say("runbook: interrupted")
        return Exit.HELD
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stderr.close()
        return Exit.OK
    except Exception:  # noqa: BLE001 - the last door: a bug has an exit code of its own
        import traceback

        _say(traceback.format_exc())
        return Exit.BUG


def _module(command: str) -> ModuleType:
    return import_module(f"runbook.cli.{_MODULES.get(command, command)}")


def _say(text: str) -> None:
    from runbook.cli.last_words import masked

    sys.stderr.write(masked(text).rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
