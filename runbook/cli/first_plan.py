"""What a run will be, as far as that is known before any cluster is asked: for the first frame."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook.cli.asked import DEFAULT_SPEED, given_inputs
from runbook.cli.run_directory import RunDirectory
from runbook.clock import RealClock
from runbook.errors import RunbookError, UsageError
from runbook.journal.file import read
from runbook.model.document import Runbook
from runbook.model.loader import load, load_file
from runbook.model.parts import Composed
from runbook.plan import Plan, Scalar, TargetFacts
from runbook.planning import bind_inputs, make_plan
from runbook.run.events import RunOpened
from runbook.run.terms import Mode
from runbook.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What the operator asked for, before anything was started."""

    file: Path
    composed: Composed
    working_directory: Path
    inputs: Mapping[str, Scalar]
    mode: Mode
    attended: bool
    speed: float = 1.0
    outage: datetime | None = None
    allowed_signers: Path | None = None
    preauthorised: Path | None = None

    @property
    def runbook(self) -> Runbook:
        return self.composed.runbook


def read_request(
    arguments: argparse.Namespace,
    settings: Settings,
    file: Path,
    directory: Path,
    *,
    attended: bool,
) -> Request:
    """Everything that can be refused before anything is started."""
    mode = Mode(arguments.mode)
    speed = (arguments.speed or DEFAULT_SPEED) if mode is Mode.PRACTICE else 1.0
    composed = load_file(file)
    declared = composed.runbook.inputs
    inputs = given_inputs(arguments.input, dict(settings.inputs), set(declared))
    bind_inputs(declared, inputs)  # refuses what does not fit, before a cluster is started
    outage = outage_of(arguments.outage_since, mode)
    return Request(
        file,
        composed,
        directory,
        inputs,
        mode,
        attended,
        speed,
        outage,
        arguments.allowed_signers or settings.allowed_signers,
        arguments.preauthorised,
    )


def outage_of(given: str | None, mode: Mode) -> datetime | None:
    """The moment an operator names. Raises UsageError for what is none, or cannot be meant."""
    if given is None:
        return None
    if mode is not Mode.RECOVERY:
        raise UsageError("--outage-since is for --mode recovery: in a drill nothing was out")
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as fault:
        raise UsageError(
            f"--outage-since {given!r} is no time", hint="such as 2026-03-01T02:40Z"
        ) from fault
    moment = moment.astimezone(UTC)
    if moment > RealClock().now():
        raise UsageError(f"--outage-since {given}: that is still to come")
    return moment


def request_of(directory: RunDirectory, opened: RunOpened, *, attended: bool) -> Request:
    """What a run was asked to be when it was opened; its runbook is the copy that was kept."""
    kept = directory.source.read_bytes()
    return Request(
        file=Path(opened.source),
        composed=load(kept, str(directory.source), directory.part),
        working_directory=Path(opened.working_directory),
        inputs=opened.inputs,
        mode=opened.mode,
        attended=attended,
        speed=opened.speed,
    )


def plan_for(request: Request, target: TargetFacts) -> Plan:
    return make_plan(
        request.composed,
        inputs=request.inputs,
        target=target,
        mode=request.mode.value,
        environment=os.environ,
    )


def first_plan(request: Request, context: str) -> Plan:
    """The plan as it looks until the cluster has said who it is."""
    return plan_for(request, TargetFacts(context, "", ""))


def plan_of_run(directory: RunDirectory) -> Plan:
    records = read(directory.path)
    opened = records[0].event if records else None
    if not isinstance(opened, RunOpened):
        raise RunbookError("the run was never opened; nothing was started", where=directory.id)
    facts = TargetFacts(opened.context, opened.server, opened.cluster_uid, opened.ca_sha256)
    return plan_for(request_of(directory, opened, attended=True), facts)
