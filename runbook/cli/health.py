"""`runbook health [RUNBOOK]`: its health checks, looked at now or again and again; nothing is changed.

Its checklist is what holds when a run of it has gone well: the checks of all phases that destroy nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from runbook.cli.exit_codes import Exit
from runbook.cli.looking import Looker, add_target, checks_of, exit_of, heading, looker
from runbook.cli.loop import run
from runbook.clock import RealClock
from runbook.errors import UsageError
from runbook.model.checks import NamedCheck
from runbook.model.findings import nearest
from runbook.plan import PREFLIGHT, Plan
from runbook.report import dry, looks
from runbook.report.looks import Look

EVERY = 5.0
"""Seconds between two rounds of `--watch`."""
HOME_AND_CLEAR = "\x1b[H\x1b[J"

EPILOG = """\
exit codes: 0 all hold, 1 one does not, 6 one cannot be told, or the cluster cannot be reached
"""


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "--check", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--checklist",
        action="store_true",
        help="the checks of its steps instead, of all phases that destroy nothing",
    )
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=EVERY,
        metavar="SECONDS",
        help=f"again and again, every {EVERY:g} seconds by default",
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON document, with --watch a line each"
    )


def main(arguments: argparse.Namespace) -> int:
    if arguments.watch is not None and not 0.1 <= arguments.watch <= 3600:
        raise UsageError(f"--watch {arguments.watch:g} is out of range: 0.1 to 3600 seconds")
    return run(_health(arguments))


async def _health(arguments: argparse.Namespace) -> int:
    async with looker(arguments) as looking:
        watch = Watch(looking, _chosen(looking.plan, arguments))
        if arguments.watch is None:
            found = await watch.round()
            sys.stdout.write(_told(watch, found, arguments))
            return exit_of(found)
        return await _again(watch, arguments)


def _chosen(plan: Plan, arguments: argparse.Namespace) -> Mapping[str, NamedCheck]:
    checks = checklist(plan) if arguments.checklist else plan.known_health
    if not checks:
        what, other = "check in its steps", "`runbook health` without --checklist"
        if not arguments.checklist:
            what, other = "health check of its own", "`runbook health --checklist`"
        raise UsageError(f"{plan.name} has no {what}", hint=f"{other} looks at others")
    names = arguments.check or []
    for name in names:
        if name not in checks:
            raise UsageError(f"there is no health check {name!r}", hint=nearest(name, checks))
    return {name: checks[name] for name in names} if names else _each_once(checks)


def _each_once(checks: Mapping[str, NamedCheck]) -> Mapping[str, NamedCheck]:
    """Parts of one file bring the same checks, each under its own name."""
    kept: dict[str, NamedCheck] = {}
    for name, check in checks.items():
        if check not in kept.values():
            kept[name] = check
    return kept


def checklist(plan: Plan) -> Mapping[str, NamedCheck]:
    """What a run that went well leaves true."""
    destroying = {step.phase for step in plan.steps if step.effect == "destroy"}
    return checks_of(
        step
        for step in plan.steps
        if step.phase not in {*destroying, PREFLIGHT} and dry.certainly(step) is not False
    )


@dataclass
class Watch:
    """Rounds of looks; each verdict keeps the moment since which it has been seen."""

    looking: Looker
    checks: Mapping[str, NamedCheck]
    clock: RealClock = field(default_factory=RealClock)
    before: dict[str, Look] = field(default_factory=dict)

    async def round(self) -> list[Look]:
        readings = await self.looking.look_at_all(self.checks)
        now = self.clock.now()
        found = []
        for name, reading in readings.items():
            last = self.before.get(name)
            kept = last is not None and last.reading.verdict is reading.verdict
            since = last.since if last is not None and kept else now
            found.append(Look(name, self.checks[name].title or name, reading, since))
        return found


async def _again(watch: Watch, arguments: argparse.Namespace) -> int:
    """Until somebody ends it; the exit code is that of the last round."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    code = int(Exit.OK)
    live = sys.stdout.isatty() and not arguments.json
    while not ended.is_set():
        found = await watch.round()
        code = exit_of(found)
        if live or arguments.json:
            sys.stdout.write((HOME_AND_CLEAR if live else "") + _told(watch, found, arguments))
        else:
            sys.stdout.writelines(f"{line}\n" for line in _changes(watch, found))
        sys.stdout.flush()
        watch.before = {look.name: look for look in found}
        with suppress(TimeoutError):
            async with asyncio.timeout(arguments.watch):
                await ended.wait()
    return code


def _changes(watch: Watch, found: list[Look]) -> list[str]:
    lines = []
    for look in found:
        last = watch.before.get(look.name)
        if last is None or last.reading.verdict is not look.reading.verdict:
            lasted = (look.since - last.since).total_seconds() if last else 0.0
            lines.append(looks.change(look, last.reading if last else None, lasted))
    return lines


def _told(watch: Watch, found: list[Look], arguments: argparse.Namespace) -> str:
    plan, now = watch.looking.plan, watch.clock.now()
    if arguments.json:
        document = looks.document(found, plan.name, plan.target, now)
        return json.dumps(document, indent=None if arguments.watch else 2) + "\n"
    symbols = "utf" in (sys.stdout.encoding or "").lower()
    return heading(plan, now) + looks.table(
        found, now, symbols=symbols, since=arguments.watch is not None
    )
