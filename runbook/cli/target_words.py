"""The words of a command line that name a runbook, a cluster and values: those of `run` and of `plan`."""

from __future__ import annotations

import argparse

from runbook.errors import UsageError
from runbook.run.terms import Mode


def add_target(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runbook", nargs="?", help="a file, or the name of a shipped runbook")
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in Mode],
        default=Mode.PRACTICE.value,
        help="practice (default): an embedded cluster; drill and recovery: a real one",
    )
    parser.add_argument("--context", help="kubeconfig context; required unless practising")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG or ~/.kube/config")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="may be repeated"
    )


def check_target(arguments: argparse.Namespace) -> None:
    """Refuse a command line that could reach a cluster nobody named."""
    practice = arguments.mode == Mode.PRACTICE.value
    if not practice and not arguments.context:
        raise UsageError(
            f"--mode {arguments.mode} needs --context: name the cluster that may be changed",
            hint="kubectl config get-contexts lists them",
        )
    if practice and (arguments.context or arguments.kubeconfig):
        raise UsageError(
            "practice runs on its own embedded cluster and takes no --context or --kubeconfig",
            hint="use --mode drill --context NAME for a real cluster",
        )
