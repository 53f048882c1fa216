"""`runbook plan [RUNBOOK]`: what a run would do, to whom, with which values; nothing is started.

The last word on it is its digest, which `--preauthorised` files and approvals are bound to. The digest
covers the cluster, so that one is asked who it is; a practice run's cluster does not exist yet.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from runbook.cli.asked import given_inputs, kubeconfig_paths
from runbook.cli.content import find_runbook
from runbook.cli.exit_codes import Exit
from runbook.cli.loop import run
from runbook.cli.run_directory import RunDirectory
from runbook.cli.target_words import add_target, check_target
from runbook.errors import UsageError
from runbook.model.loader import load_file
from runbook.plan import TargetFacts
from runbook.planning import make_plan
from runbook.report import plan_json, plan_text
from runbook.run.terms import Mode
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--offline", action="store_true", help="do not ask the cluster; its digest is then unknown"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def main(arguments: argparse.Namespace) -> int:
    check_target(arguments)
    if arguments.offline and arguments.mode == Mode.PRACTICE:
        raise UsageError("--offline is for a real cluster: practice asks none for its plan")
    file = find_runbook(arguments.runbook)
    composed = load_file(file)
    inputs = given_inputs(
        arguments.input, dict(read_settings().inputs), set(composed.runbook.inputs)
    )
    asked = arguments.mode != Mode.PRACTICE and not arguments.offline

    def planned(target: TargetFacts) -> str:
        plan = make_plan(
            composed, inputs=inputs, target=target, mode=arguments.mode, environment=os.environ
        )
        if arguments.format == "json":
            return plan_json.render(plan, str(file), digest=plan.digest if asked else None)
        unknown = plan_text.NEEDS_CLUSTER if arguments.offline else plan_text.PRACTICE_DIGEST
        return plan_text.render(plan, str(file), digest=plan.digest if asked else unknown)

    unasked = TargetFacts(arguments.context or "practice", "", "")
    said = planned(unasked)  # what is wrong with a value is told before any cluster is asked
    if asked:
        paths = kubeconfig_paths(arguments.kubeconfig)
        said = planned(run(identified(paths, arguments.context)))
    sys.stdout.write(said)
    return Exit.OK


async def identified(paths: tuple[Path, ...], context: str) -> TargetFacts:
    """The cluster as a run would pin it. Raises TargetRefused, TargetUnreachable, UsageError."""
    from runbook.cli.connecting import pin_target

    with tempfile.TemporaryDirectory(prefix="runbook-plan-") as folder:
        client, target = await pin_target(RunDirectory(Path(folder)), paths, context)
        await client.close()
    return target
