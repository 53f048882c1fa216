"""`runbook run --dry-run`: every step is said, in order, with what it would do; none is performed.

Plain, nothing is asked of anybody. With `--dry-run=actions` the actions alone are dry: the cluster is
pinned, and each check is looked at once on it, on a fresh practice cluster in practice. Commands, those of
checks too, are never executed, gates only said.

There is no run directory and no journal: a record proves what happened, and here nothing did, so nothing
can be taken for a run, resumed, verified or counted as a drill.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from runbook.checks.base import CheckContext, CommandResult
from runbook.cli import connecting, known_secrets, practice_cluster
from runbook.cli.asked import kubeconfig_paths
from runbook.cli.exit_codes import Exit
from runbook.cli.first_plan import Request, first_plan, plan_for, read_request
from runbook.cli.late_values import LateValues
from runbook.cli.looking import Looker
from runbook.cli.loop import run
from runbook.cli.run_directory import RunDirectory
from runbook.errors import RunbookError, UsageError
from runbook.executors.probe import run_probe
from runbook.model.checks import NamedCheck, RunCheck
from runbook.model.document import CheckStep, CommandSecret
from runbook.plan import Plan, PlannedStep
from runbook.redact import Redactor
from runbook.report import dry
from runbook.run.readings import Reading, Verdict
from runbook.run.terms import Mode
from runbook.settings import read_settings
from runbook.target.client import ClusterClient

ALL, ACTIONS = "all", "actions"
REAL_ONLY = ("preauthorised", "outage_since", "junit", "keep")
"""Words of the command line that only a run can honour."""

Look = Callable[[PlannedStep], Awaitable[Reading | None]]
"""One look at a step's condition; None when the step is only said."""


def start(arguments: argparse.Namespace, file: Path, directory: Path) -> int:
    for word in REAL_ONLY:
        if getattr(arguments, word):
            raise UsageError(f"--{word.replace('_', '-')} means nothing in a dry run")
    if arguments.dry_run == ALL and arguments.speed is not None:
        raise UsageError("--speed means nothing where no cluster is started")
    request = read_request(arguments, read_settings(), file, directory, attended=False)
    try:
        return run(_say_all(request, arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _tell("left before its end")
        return Exit.ABORTED


async def _say_all(request: Request, arguments: argparse.Namespace) -> int:
    if arguments.dry_run == ALL:
        return await walk(first_plan(request, arguments.context or "practice"), _only_said, _write)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    async with _cluster(request, arguments) as (client, plan, directory):
        redactor = Redactor()
        known_secrets.register(redactor, plan, {**os.environ, **plan.env})
        connecting.mask_credentials(client, directory, redactor)
        return await walk(plan, looking(plan, client, redactor, request.working_directory), _write)


async def walk(plan: Plan, look: Look, write: Callable[[str], None]) -> int:
    """Say every step. Not recovered is what a run would meet before it changes anything."""
    write(dry.heading(plan))
    changed, met = False, Exit.OK
    for phase in plan.phases:
        write(dry.phase_line(phase))
        for step in phase.steps:
            certain = dry.certainly(step)
            reading = await look(step) if certain is not False else None
            write(dry.step_line(step, reading, changed=changed))
            red = reading is not None and reading.verdict is not Verdict.HOLDS
            if red and certain and not changed:
                met = Exit.NOT_RECOVERED
            changed = changed or step.effect != "read" or step.kind == "manual"
    write(dry.ENDING)
    return met


async def _only_said(_: PlannedStep) -> Reading | None:
    return None


def looking(plan: Plan, client: ClusterClient, redactor: Redactor, directory: Path) -> Look:
    """Looks at the checks of a plan on a cluster; what they say is masked."""
    environment = {
        **os.environ,
        "PATH": practice_cluster.path_for_commands(),
        "KUBECONFIG": os.devnull,
    }
    context = CheckContext(
        cluster=client,
        run_command=_never,
        run_tool=run_probe(environment, directory, redactor),
        directory=directory,
        plan=plan,
    )

    looker = Looker(plan, LateValues(plan, client, redactor, _no_command), context, redactor)

    async def look(step: PlannedStep) -> Reading | None:
        if not isinstance(step.step, CheckStep) or isinstance(step.step.check, RunCheck):
            return None
        return await looker.look(NamedCheck(check=step.step.check))

    return look


async def _never(*_: object) -> CommandResult:
    raise RunbookError("a dry run executes no command")


async def _no_command(name: str, _: CommandSecret) -> str:
    raise RunbookError(f"secret {name} is what a command prints, and a dry run executes none")


@asynccontextmanager
async def _cluster(
    request: Request, arguments: argparse.Namespace
) -> AsyncIterator[tuple[ClusterClient, Plan, RunDirectory]]:
    """The cluster that is looked at, pinned as a run would pin it; nothing of it stays on this machine."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="runbook-dry-run-"))
    cluster: practice_cluster.PracticeCluster | None = None
    try:
        paths, context = kubeconfig_paths(arguments.kubeconfig), arguments.context
        if request.mode is Mode.PRACTICE:
            cluster = await asyncio.to_thread(
                practice_cluster.start, folder / "practice", speed=request.speed, say=_tell
            )
            paths, context = (cluster.kubeconfig,), cluster.context
        directory = RunDirectory(folder)
        client, target = await connecting.pin_target(directory, paths, context)
        try:
            yield client, plan_for(request, target), directory
        finally:
            await client.close()
    finally:
        if cluster is not None:
            await asyncio.to_thread(cluster.stop)
        shutil.rmtree(folder, ignore_errors=True)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
