"""`runbook practice ...`: a practice cluster on its own, and the faults one can practise on.

Exit codes: 0 done, or solved; 1 a fault is in place and not solved; 2 cannot be done: no such
fault, no such cluster, the platform is not healthy; 6 the cluster does not answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from runbook.cli import practice_cluster, run_directory
from runbook.cli.asked import DEFAULT_SPEED
from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster
from runbook.errors import RunbookError, TargetUnreachable, UsageError
from runbook.settings import Settings, read_settings

DEFAULT = "default"


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = actions.add_parser("start", help="start one and print the path of its kubeconfig")
    start.add_argument("--name", default=DEFAULT, help="several may run side by side")
    start.add_argument("--speed", type=float, default=DEFAULT_SPEED, help="of its own time")
    start.add_argument(
        "--idle-exit",
        type=float,
        default=practice_cluster.IDLE_EXIT,
        help="seconds without a request after which it ends (default %(default)g)",
    )
    stop = actions.add_parser("stop", help="end it")
    stop.add_argument("--name", default=DEFAULT)
    status = actions.add_parser("status", help="list those that run, and how their repair stands")
    faults = actions.add_parser("faults", help="list what can be broken")
    inject = actions.add_parser("inject", help="break a healthy platform")
    inject.add_argument("fault", metavar="NAME")
    hint = actions.add_parser("hint", help="the next of three hints; each is counted")
    reset = actions.add_parser("reset", help="make the platform healthy again, as it began")
    for asking in (status, faults, inject, hint, reset):
        asking.add_argument(
            "--name", help=f"of the cluster (default: {DEFAULT}, else the newest run's)"
        )
        asking.add_argument(
            "--run",
            nargs="?",
            const="",
            metavar="RUN",
            help="a run's own cluster (default: newest)",
        )
        asking.add_argument("--json", action="store_true", help="what the cluster answers, as JSON")


def main(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    clusters = settings.practice
    match arguments.action:
        case "start":
            return _start(arguments, clusters / _checked(arguments.name))
        case "stop":
            return _stop(clusters / _checked(arguments.name))
        case "status":
            return _status(arguments, settings)
        case _:
            return _ask(arguments, _cluster(arguments, settings))


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


def _cluster(arguments: argparse.Namespace, settings: Settings) -> PracticeCluster:
    """The one that is meant: named, a run's, else the default one, else the newest run's."""
    if arguments.name is not None:
        places = [settings.practice / _checked(arguments.name)]
    elif arguments.run is not None:
        run = run_directory.find(settings.runs, arguments.run or None)
        places = [settings.practice / run.id]
    else:
        newest = run_directory.all_runs(settings.runs)[-1:]
        places = [settings.practice / name for name in (DEFAULT, *(run.id for run in newest))]
    for place in places:
        if (found := practice_cluster.find(place)) is not None:
            return found
    raise RunbookError(
        f"no practice cluster {places[0].name!r} is running",
        hint="`runbook practice start` does it",
    )


def _status(arguments: argparse.Namespace, settings: Settings) -> int:
    from runbook.cli import practice_faults

    if arguments.name is not None or arguments.run is not None:
        running = [_cluster(arguments, settings)]
    else:
        found = [practice_cluster.find(path) for path in sorted(settings.practice.glob("*"))]
        running = [cluster for cluster in found if cluster is not None]
    shown, unsolved = [], False
    for cluster in running:
        try:
            state = practice_faults.ask(cluster, "status")
        except TargetUnreachable as fault:
            state = {"error": str(fault)}
        unsolved |= state.get("solved") is False
        shown.append(
            {
                "name": cluster.directory.name,
                "pid": cluster.pid,
                "server": cluster.server,
                "speed": cluster.speed,
                "kubeconfig": str(cluster.kubeconfig),
                "practice": state,
            }
        )
        if not arguments.json:
            sys.stdout.write(
                f"{cluster.directory.name}  pid {cluster.pid}  {cluster.server}  "
                f"speed {cluster.speed:g}  {cluster.kubeconfig}\n"
            )
            sys.stdout.writelines(f"  {line}\n" for line in practice_faults.status_lines(state))
    if arguments.json:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    return Exit.NOT_RECOVERED if unsolved else Exit.OK


def _ask(arguments: argparse.Namespace, cluster: PracticeCluster) -> int:
    from runbook.cli import practice_faults

    if arguments.action == "reset":
        _talk(f"resetting practice cluster {cluster.directory.name}")
    answer = practice_faults.ask(cluster, arguments.action, getattr(arguments, "fault", ""))
    if arguments.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        lines = practice_faults.lines_of(arguments.action, answer)
        sys.stdout.writelines(f"{line}\n" for line in lines)
    return Exit.NOT_RECOVERED if answer.get("unhealthy") else Exit.OK


def _talk(text: str) -> None:
    sys.stderr.write(f"{text}\n")
