"""`runbook practice start|stop|status`: a practice cluster on its own, for kubectl and curiosity."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook.cli import practice_cluster
from runbook.cli.asked import DEFAULT_SPEED
from runbook.cli.exit_codes import Exit
from runbook.errors import RunbookError, UsageError
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = actions.add_parser("start", help="start one and print the path of its kubeconfig")
    start.add_argument("--name", default="default", help="several may run side by side")
    start.add_argument("--speed", type=float, default=DEFAULT_SPEED, help="of its own time")
    start.add_argument(
        "--idle-exit",
        type=float,
        default=practice_cluster.IDLE_EXIT,
        help="seconds without a request after which it ends (default %(default)g)",
    )
    stop = actions.add_parser("stop", help="end it")
    stop.add_argument("--name", default="default")
    actions.add_parser("status", help="list those that run")


def main(arguments: argparse.Namespace) -> int:
    clusters = read_settings().practice
    match arguments.action:
        case "start":
            return _start(arguments, clusters / _checked(arguments.name))
        case "stop":
            return _stop(clusters / _checked(arguments.name))
        case _:
            return _status(clusters)


def _checked(name: str) -> str:
    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"--name {name!r} must be a plain word")
    return name


def _start(arguments: argparse.Namespace, directory: Path) -> int:
    if not 0.1 <= arguments.speed <= 1000:
        raise UsageError(f"--speed {arguments.speed:g} is out of range: 0.1 to 1000")
    cluster = practice_cluster.start(
        directory,
        speed=arguments.speed,
        idle_exit=arguments.idle_exit,
        say=_talk,
    )
    sys.stdout.write(f"{cluster.kubeconfig}\n")
    _talk(f"use it:  export KUBECONFIG={cluster.kubeconfig}")
    _talk(f"end it:  runbook practice stop --name {directory.name}")
    return Exit.OK


def _stop(directory: Path) -> int:
    cluster = practice_cluster.find(directory)
    if cluster is None:
        raise RunbookError(f"no practice cluster {directory.name!r} is running")
    cluster.stop()
    _talk(f"practice cluster {directory.name} has ended")
    return Exit.OK


def _status(clusters: Path) -> int:
    found = [practice_cluster.find(path) for path in sorted(clusters.glob("*"))]
    for cluster in found:
        if cluster is not None:
            sys.stdout.write(
                f"{cluster.directory.name}  pid {cluster.pid}  {cluster.server}  "
                f"speed {cluster.speed:g}  {cluster.kubeconfig}\n"
            )
    return Exit.OK


def _talk(text: str) -> None:
    sys.stderr.write(f"{text}\n")
