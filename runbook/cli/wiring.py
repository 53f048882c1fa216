"""Joins the rooms for one run: the target, the executors, the checks, the journal, the engine."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from runbook import __version__
from runbook.checks.base import CheckContext
from runbook.checks.readers import read as read_check
from runbook.cli import known_secrets
from runbook.cli.connecting import identity_of, mask_credentials
from runbook.cli.evidence import keeper
from runbook.cli.first_plan import Request
from runbook.cli.last_words import mask_with
from runbook.cli.late_values import LateValues
from runbook.cli.practice_cluster import path_for_commands
from runbook.cli.run_directory import RunDirectory
from runbook.cli.second_person import countersigner
from runbook.clock import Clock, RealClock
from runbook.engine import Engine
from runbook.errors import RunbookError
from runbook.executors.base import Executor
from runbook.executors.check import CheckExecutor
from runbook.executors.command import CommandExecutor
from runbook.executors.guarded import GuardedExecutor
from runbook.executors.probe import run_probe
from runbook.executors.secret_command import SecretCommands
from runbook.executors.wait import WaitExecutor
from runbook.executors.workflow import WorkflowExecutor
from runbook.journal.file import JournalFile
from runbook.journal.outputs import OutputStore
from runbook.model.checks import Check
from runbook.model.document import StepKind
from runbook.notify.notifier import Notifier
from runbook.notify.ways import Ways
from runbook.plan import Plan, TargetFacts
from runbook.redact import Redactor
from runbook.run.events import (
    Preauthorisation,
    Record,
    RunOpened,
)
from runbook.run.outline import outline_of
from runbook.run.readings import Reading
from runbook.run.record_events import JournalRecovered
from runbook.run.state import RunState
from runbook.settings import Settings
from runbook.target import identity
from runbook.target.client import ClusterClient


@dataclass
class WiredRun:
    """One run, ready to be performed."""

    directory: RunDirectory
    engine: Engine
    client: ClusterClient
    outputs: OutputStore
    journal: JournalFile
    redactor: Redactor
    notifier: Notifier

    async def close(self) -> None:
        await self.client.close()
        self.journal.close()


def command_environment(directory: RunDirectory, target: TargetFacts) -> dict[str, str]:
    """The operator's own variables, with a kubeconfig that holds only the pinned context."""
    return {
        **os.environ,
        "PATH": path_for_commands(),
        identity.CLUSTER_UID: target.cluster_uid,
        "KUBECONFIG": str(directory.kubeconfig),
        "KUBECACHEDIR": str(directory.kubectl_cache),
    }


def keep_source(request: Request, directory: RunDirectory) -> None:
    """An exact copy of every file that the run is made of."""
    directory.source.write_bytes(request.composed.source)
    directory.keep_parts(request.composed.files())


def opening(
    request: Request,
    plan: Plan,
    directory: RunDirectory,
    settings: Settings,
    preauthorised: tuple[Preauthorisation, ...],
    allowed_signers: str = "",
) -> RunOpened:
    """The first fact of a run: what it is about to do, to whom, and who is asking."""
    return RunOpened(
        run=directory.id,
        name=plan.name,
        title=plan.title,
        owner=plan.owner,
        mode=request.mode,
        operator=settings.operator,
        attended=request.attended,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        context=plan.target.context,
        server=plan.target.server,
        cluster_uid=plan.target.cluster_uid,
        ca_sha256=plan.target.ca_sha256,
        source=str(request.file),
        parts=dict(plan.parts),
        outage=request.outage,
        allowed_signers=allowed_signers,
        working_directory=str(request.working_directory),
        source_digest=plan.source_digest,
        plan_digest=plan.digest,
        inputs=dict(plan.inputs),
        preauthorised=preauthorised,
        speed=request.speed,
        outline=outline_of(plan),
    )


def wire(
    plan: Plan,
    directory: RunDirectory,
    client: ClusterClient,
    *,
    working_directory: Path,
    journal: JournalFile,
    records: list[Record],
    clock: Clock | None = None,
) -> WiredRun:
    """Everything that performs a plan, joined."""
    clock = clock or RealClock()
    redactor = Redactor()
    mask_with(redactor.text)
    known_secrets.register(redactor, plan, {**os.environ, **plan.env})
    mask_credentials(client, directory, redactor)
    outputs = OutputStore(directory.path)
    environment = command_environment(directory, plan.target) | dict(plan.env)
    pinned = identity_of(plan.target)
    probe = run_probe(environment, working_directory, redactor)
    context = CheckContext(
        cluster=client,
        run_command=probe,
        run_tool=probe,
        directory=working_directory,
        plan=plan,
    )

    async def verify() -> str:
        await identity.verify(client, pinned)
        return pinned.cluster_uid

    async def read(check: Check) -> Reading:
        return await read_check(check, context)

    commands = SecretCommands(environment, working_directory, redactor)
    late = LateValues(plan, client, redactor, commands.read)
    run = CommandExecutor(directory.id, environment, working_directory, outputs, redactor, clock)
    plain: dict[StepKind, Executor] = {
        "run": run,
        "check": CheckExecutor(read, clock),
        "wait": WaitExecutor(clock),
        "workflow": WorkflowExecutor(client, outputs, redactor, clock, directory.id),
    }
    engine = Engine(
        plan,
        journal,
        executors={kind: GuardedExecutor(executor, verify) for kind, executor in plain.items()},
        read_health=late.health_reader(read),
        read_value=late.read,
        redactor=redactor,
        clock=clock,
        countersigned=countersigner(directory, clock.now),
        outputs=outputs,
        hand_in=keeper(outputs, redactor),
        intent=run.intent,
        records=records,
    )
    notifier = Notifier(
        engine,
        Ways(late.secret, {**os.environ, "PATH": environment["PATH"]}, working_directory, clock),
    )
    return WiredRun(directory, engine, client, outputs, journal, redactor, notifier)


def require_same_plan(plan: Plan, opened: RunOpened) -> None:
    """A run goes on with the plan it was opened with, or not at all."""
    if plan.digest != opened.plan_digest:
        raise RunbookError(
            "the plan is not the one this run was opened with",
            where=opened.run,
            hint="an environment variable or the program has changed; start a new run",
        )


def nothing_to_resume(directory: RunDirectory, state: RunState) -> RunbookError:
    if state.finished is not None:
        return RunbookError(
            f"the run has finished: {state.finished.result}",
            where=directory.id,
            hint="`runbook report` shows it; `runbook run` starts a new one",
        )
    return RunbookError("the run was never opened; nothing was started", where=directory.id)


def torn_fact(torn: bytes) -> list[JournalRecovered]:
    if not torn:
        return []
    return [JournalRecovered(bytes=len(torn), sha256=hashlib.sha256(torn).hexdigest())]


def forget_secrets(directory: RunDirectory) -> None:
    """When a run is over nothing needs its credentials any more."""
    directory.kubeconfig.unlink(missing_ok=True)
    directory.kubeconfig_sources.unlink(missing_ok=True)
    shutil.rmtree(directory.kubectl_cache, ignore_errors=True)
