"""`runbook preflight [RUNBOOK]`: what must hold before its steps begin, looked at now; nothing is changed.

The checks of the runbook's preflight, each looked at once, with those of the runbooks it uses there.
"""

from __future__ import annotations

import argparse
import json
import sys

from runbook.cli.looking import add_target, checks_of, exit_of, heading, looker
from runbook.cli.loop import run
from runbook.clock import RealClock
from runbook.errors import UsageError
from runbook.plan import PREFLIGHT, Plan, PlannedStep
from runbook.report import dry, looks
from runbook.report.looks import Look
from runbook.run.terms import Mode

EPILOG = """\
exit codes: 0 all hold, 1 one does not, 6 one cannot be told, or the cluster cannot be reached
"""


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in Mode],
        default=Mode.DRILL.value,
        help="the run that is going to be started, for steps that only some have (drill)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument(
        "--verbose", action="store_true", help="what was seen where all is well too"
    )


def main(arguments: argparse.Namespace) -> int:
    return run(_preflight(arguments))


async def _preflight(arguments: argparse.Namespace) -> int:
    async with looker(arguments) as looking:
        plan = looking.plan
        steps = [step for step in plan.steps if _belongs(step)]
        checks = checks_of(steps)
        if not checks:
            raise UsageError(
                f"{plan.name} has no check in its preflight",
                hint="`runbook health` looks at others",
            )
        readings = await looking.look_at_all(checks)
        now = RealClock().now()
        found = [Look(name, checks[name].title, seen, now) for name, seen in readings.items()]
        unseen = [step for step in steps if step.id not in checks]
        sys.stdout.write(_told(plan, found, unseen, arguments))
        return exit_of(found)


def _belongs(step: PlannedStep) -> bool:
    return step.phase == PREFLIGHT and dry.certainly(step) is not False


def _told(
    plan: Plan, found: list[Look], unseen: list[PlannedStep], arguments: argparse.Namespace
) -> str:
    now = found[0].since
    if arguments.json:
        document = looks.document(found, plan.name, plan.target, now)
        document["not_looked_at"] = [step.id for step in unseen]
        return json.dumps(document, indent=2) + "\n"
    symbols = "utf" in (sys.stdout.encoding or "").lower()
    table = looks.table(found, now, symbols=symbols, since=False, seen=arguments.verbose)
    rest = "".join(f"not looked at, only a run can: {s.id} ({s.kind})\n" for s in unseen)
    return heading(plan, now) + table + rest
