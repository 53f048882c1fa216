"""From the command line to a run that is ready: target pinned, plan made, first facts prepared."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from runbook.cli import changes, connecting, practice_cluster, wiring
from runbook.cli.asked import kubeconfig_paths
from runbook.cli.first_plan import Request, plan_for, request_of
from runbook.cli.practice_cluster import PracticeCluster
from runbook.cli.preauthorised import read_preauthorised
from runbook.cli.run_directory import RunDirectory, create
from runbook.cli.second_person import keep_signers
from runbook.cli.wiring import WiredRun
from runbook.clock import RealClock
from runbook.executors.survivors import survivors
from runbook.journal.file import JournalFile
from runbook.plan import Plan, TargetFacts
from runbook.run.events import Event, Preauthorisation, RunResumed
from runbook.run.machine import interrupted
from runbook.run.state import RunState, replay
from runbook.run.terms import Mode
from runbook.settings import Settings
from runbook.target.client import ClusterClient

Say = Callable[[str], None]

PRACTICE_GATES = Preauthorisation(
    step="*", by="practice", reason="nothing but an embedded practice cluster is touched"
)


@dataclass
class Opened:
    """A run that only has to be performed, and what must be ended after it."""

    wired: WiredRun
    first: Sequence[Event]
    cluster: PracticeCluster | None
    keep: bool

    async def close(self, state: RunState) -> None:
        """Leave nothing behind that a finished run does not need; a held run keeps its cluster."""
        await self.wired.close()
        if state.finished is None:
            return
        if self.cluster is not None and not self.keep:
            await asyncio.to_thread(self.cluster.stop)
        if not self.keep:
            wiring.forget_secrets(self.wired.directory)


async def discard(opened: Opened) -> None:
    """Nobody waits for it any more: a new run leaves no trace, one that was taken up stays as it was."""
    await opened.wired.close()
    if opened.wired.engine.records:
        return
    if opened.cluster is not None:
        await asyncio.to_thread(opened.cluster.stop)
    _discard(opened.wired.directory)


async def open_run(
    request: Request, arguments: argparse.Namespace, settings: Settings, say: Say
) -> Opened:
    """Start or find the cluster, pin it, make the plan, create the run's directory and journal."""
    clock = RealClock()
    loop = asyncio.get_running_loop()

    def say_from_thread(text: str) -> None:
        loop.call_soon_threadsafe(say, text)

    directory = create(settings.runs, request.runbook.name, clock.now())
    wiring.keep_source(request, directory)
    cluster: PracticeCluster | None = None
    client: ClusterClient | None = None
    try:
        if request.mode is Mode.PRACTICE:
            cluster = await asyncio.to_thread(
                practice_cluster.start,
                settings.practice / directory.id,
                speed=request.speed,
                say=say_from_thread,
            )
            client, target = await connecting.pin_target(
                directory, (cluster.kubeconfig,), cluster.context
            )
        else:
            say(f"connecting to {arguments.context}")
            client, target = await connecting.pin_target(
                directory, kubeconfig_paths(arguments.kubeconfig), arguments.context
            )
        plan = plan_for(request, target)
        signers = keep_signers(plan, request.allowed_signers, request.file.parent, directory)
        given = _given(request, plan, directory, clock.now())
        journal = JournalFile.create(directory.path)
        wired = wiring.wire(
            plan,
            directory,
            client,
            working_directory=request.working_directory,
            journal=journal,
            records=[],
        )
    except BaseException:
        if client is not None:
            await client.close()
        if cluster is not None:
            cluster.stop()
        _discard(directory)
        raise
    first = [wiring.opening(request, plan, directory, settings, given, signers)]
    return Opened(wired, first, cluster, bool(arguments.keep))


def _given(
    request: Request, plan: Plan, directory: RunDirectory, now: datetime
) -> tuple[Preauthorisation, ...]:
    """The gates that were opened beforehand. In practice, unattended, all: nothing real is touched."""
    if request.preauthorised is not None:
        return read_preauthorised(request.preauthorised, plan, directory.allowed_signers, now)
    unasked = request.mode is Mode.PRACTICE and not request.attended
    return (PRACTICE_GATES,) if unasked else ()


async def reopen_run(
    directory: RunDirectory,
    settings: Settings,
    *,
    attended: bool,
    keep: bool,
    as_started: bool = False,
) -> Opened:
    """Take a run up again: replay its journal, find its cluster, pin it to what it was."""
    journal, records, torn = JournalFile.reopen(directory.path)
    state = replay(records)
    opened = state.opened
    if opened is None or state.finished is not None:
        journal.close()
        raise wiring.nothing_to_resume(directory, state)
    changed = changes.since(directory, opened)
    if changed and not as_started:
        journal.close()
        raise changes.refused(changed, directory)
    request = request_of(directory, opened, attended=attended)
    client = await connecting.connect_as_pinned(directory, opened.context)
    target = TargetFacts(opened.context, opened.server, opened.cluster_uid, opened.ca_sha256)
    try:
        await connecting.require_target(client, target)
        plan = plan_for(request, target)
        wiring.require_same_plan(plan, opened)
    except BaseException:
        await client.close()
        journal.close()
        raise
    wired = wiring.wire(
        plan,
        directory,
        client,
        working_directory=request.working_directory,
        journal=journal,
        records=records,
    )
    first: list[Event] = [
        *wiring.torn_fact(torn),
        _resumed(settings, attended=attended, changed=tuple(changed)),
    ]
    alive = await asyncio.to_thread(survivors, directory.id)
    first += interrupted(state, {one.step: str(one) for one in alive})
    cluster = practice_cluster.find(settings.practice / directory.id)
    return Opened(wired, first, cluster, keep)


def _resumed(settings: Settings, *, attended: bool, changed: tuple[str, ...]) -> RunResumed:
    import os
    import socket

    return RunResumed(
        operator=settings.operator,
        attended=attended,
        host=socket.gethostname(),
        pid=os.getpid(),
        despite=changed,
    )


def _discard(directory: RunDirectory) -> None:
    """A run that was never opened leaves no trace."""
    import shutil

    shutil.rmtree(directory.path, ignore_errors=True)
