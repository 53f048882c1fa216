"""Looks at checks of a runbook on a cluster without a run: nothing is started, changed or recorded.

Within a step of a run it is the run's own cluster that is looked at, or none.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from runbook.checks.base import CheckContext
from runbook.checks.readers import read as read_check
from runbook.cli import connecting, known_secrets, wiring
from runbook.cli.asked import given_inputs
from runbook.cli.content import find_runbook, working_directory
from runbook.cli.exit_codes import Exit
from runbook.cli.first_plan import Request, plan_for
from runbook.cli.last_words import mask_with
from runbook.cli.late_values import LateValues
from runbook.cli.pinned import pinned, require_named
from runbook.errors import RunbookError
from runbook.executors.probe import run_probe
from runbook.executors.secret_command import SecretCommands
from runbook.model.checks import NamedCheck
from runbook.model.document import CheckStep
from runbook.model.loader import load_file
from runbook.plan import Plan, PlannedStep
from runbook.planning import bind_inputs
from runbook.redact import Redactor
from runbook.report.looks import Look
from runbook.run.readings import Reading, Verdict, unknown
from runbook.run.terms import Mode
from runbook.settings import read_settings


def add_target(parser: argparse.ArgumentParser) -> None:
    """The words that say which runbook is looked at, and where."""
    parser.add_argument("runbook", nargs="?", help="a file, or the name of a shipped runbook")
    parser.add_argument("--context", help="kubeconfig context; a step of a run has its own")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG or ~/.kube/config")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="may be repeated"
    )


@dataclass(frozen=True, slots=True)
class Looker:
    """One cluster, and a plan bound for it."""

    plan: Plan
    late: LateValues
    context: CheckContext
    redactor: Redactor

    async def look(self, named: NamedCheck) -> Reading:
        """One look, masked. What keeps it from being told is a reading too."""
        try:
            reading = await read_check((await self.late.bound(named)).check, self.context)
        except RunbookError as fault:
            reading = unknown("its values", str(fault))
        text = self.redactor.text
        return Reading(reading.verdict, text(reading.expected), text(reading.observed))

    async def look_at_all(self, checks: Mapping[str, NamedCheck]) -> dict[str, Reading]:
        """One look at each, all at the same time; in their order."""
        async with asyncio.TaskGroup() as tasks:
            looks = {name: tasks.create_task(self.look(check)) for name, check in checks.items()}
        return {name: look.result() for name, look in looks.items()}


def checks_of(steps: Iterable[PlannedStep]) -> dict[str, NamedCheck]:
    """The checks among steps, by the steps' ids."""
    return {
        planned.id: NamedCheck(title=planned.title, check=planned.step.check)
        for planned in steps
        if isinstance(planned.step, CheckStep)
    }


def heading(plan: Plan, now: datetime) -> str:
    """The line above a table of looks: at what, where, when."""
    return f"{plan.title} on {plan.target.context} ({plan.target.server}), {now:%H:%M:%S}Z\n"


def exit_of(found: Sequence[Look]) -> int:
    """A check that fails outweighs one that cannot be told."""
    verdicts = {look.reading.verdict for look in found}
    if Verdict.FAILS in verdicts:
        return Exit.NOT_RECOVERED
    return Exit.TARGET if Verdict.UNKNOWN in verdicts else Exit.OK


@asynccontextmanager
async def looker(arguments: argparse.Namespace) -> AsyncIterator[Looker]:
    """Raises UsageError, InvalidRunbook, TargetRefused, TargetUnreachable."""
    require_named(arguments)
    request = _request(arguments)
    async with pinned(arguments) as cluster:
        target = connecting.facts_of(await cluster.identify())
        plan, redactor = plan_for(request, target), Redactor()
        known_secrets.register(redactor, plan, {**os.environ, **plan.env})
        cluster.mask(redactor)
        mask_with(redactor.text)
        environment = wiring.command_environment(cluster.directory, target)
        environment |= dict(plan.env)
        home = request.working_directory
        commands = SecretCommands(environment, home, redactor)
        probe = run_probe(environment, home, redactor)
        yield Looker(
            plan,
            LateValues(plan, cluster.client, redactor, commands.read),
            CheckContext(cluster.client, probe, run_tool=probe, directory=home, plan=plan),
            redactor,
        )


def _request(arguments: argparse.Namespace) -> Request:
    file = find_runbook(arguments.runbook)
    composed = load_file(file)
    declared = composed.runbook.inputs
    inputs = given_inputs(arguments.input, dict(read_settings().inputs), set(declared))
    bind_inputs(declared, inputs)
    mode = Mode(getattr(arguments, "mode", Mode.DRILL))
    return Request(file, composed, working_directory(file), inputs, mode, attended=False)
