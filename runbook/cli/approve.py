"""`runbook approve [REQUEST]`: the second person's side of a gate, on any machine, with an SSH key.

The request is what the operator's screen gives (`y`); the answer goes back to be pasted there. Nothing
of the run is needed here, and nothing is sent anywhere.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook.cli.exit_codes import Exit
from runbook.cli.second_person import shown_request
from runbook.errors import UsageError
from runbook.journal import signing
from runbook.run.countersigning import NAMESPACE, field, unpacked


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "request", nargs="?", help="the one word that the operator sent; asked for when left out"
    )
    parser.add_argument(
        "--key", type=Path, help="SSH key, or the .pub file of one that the agent holds"
    )


def main(arguments: argparse.Namespace) -> int:
    word = arguments.request or _ask("Paste the request: ")
    try:
        text = unpacked(word)
    except ValueError as fault:
        raise UsageError(str(fault), hint="copy the whole word") from fault
    key = arguments.key or _only_key()
    _say("You are asked to approve:", "", *shown_request(text), "")
    wanted = field(text, "typed")
    if _ask(f"Type  {wanted}  to approve, anything else to refuse: ") != wanted:
        _say("not approved; nothing was signed")
        return Exit.ABORTED
    signature = signing.sign(text, key, NAMESPACE)
    _say("", "Signed. Send this line back to the operator:", "")
    sys.stdout.write(f"{signature}\n")
    return Exit.OK


def _only_key() -> Path:
    found = signing.own_keys(Path.home())
    if not found:
        raise UsageError("no SSH key in ~/.ssh", hint="--key names one, or the .pub of an agent's")
    return found[0]


def _say(*lines: str) -> None:
    """To the person; standard output is for the answer alone."""
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def _ask(question: str) -> str:
    """One line. The end of input is no answer, and so a refusal."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
