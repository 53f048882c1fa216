"""What shipped runbooks claim in `proves_against`: the check holds, and fails over the fault.

Fails, that is: it was looked at; not being able to tell is not red. A check that is red on a healthy
platform, as the end of a namespace is while nobody has deleted it, has to tell something else over the
fault, and to hold once the fault's first remedy was carried out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from runbook.cli.looking import looker
from runbook.model.checks import NamedCheck
from runbook.model.document import CheckStep
from runbook.model.lint_found import written
from runbook.model.loader import load_file
from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.machine import Machine
from runbook.run.readings import Reading, Verdict
from runbook.run.terms import Mode
from tests.practice.faults.kubectl import ROOT, Kubectl
from tests.practice.faults.test_faults import SHOWS_WITHIN, SOLVED_WITHIN, inject

BETWEEN = 15  # simulated seconds from one look to the next

Readings = dict[str, Reading]
Steps = dict[str, list[str]]
"""Runbook -> ids of its check steps."""


def claims() -> dict[str, Steps]:
    """Fault -> the steps that are proven against it."""
    found: dict[str, Steps] = {}
    for file in sorted((ROOT / "runbooks").glob("*.yaml")):
        for _, step in written(load_file(file).runbook):
            for fault in step.proves_against if isinstance(step, CheckStep) else ():
                found.setdefault(fault, {}).setdefault(file.stem, []).append(step.id)
    return found


CLAIMS = claims()


class Looks:
    """The claimed checks, looked at through the machine's own port as a run would."""

    def __init__(self, machine: Machine, steps: Steps, config: Path) -> None:
        self._machine = machine
        self._steps = steps
        self._config = config

    async def once(self) -> Readings:
        readings: Readings = {}
        for name, ids in self._steps.items():
            async with looker(
                argparse.Namespace(
                    runbook=name,
                    context="practice",
                    kubeconfig=str(self._config),
                    input=[],
                    mode=Mode.PRACTICE,
                )
            ) as looking:
                checks = {
                    planned.id: NamedCheck(check=planned.step.check)
                    for planned in looking.plan.steps
                    if isinstance(planned.step, CheckStep) and planned.id in ids
                }
                assert list(checks) == ids
                found = await looking.look_at_all(checks)
            readings |= {f"{name}: {step}": reading for step, reading in found.items()}
        return readings

    async def until(self, verdict: Verdict, which: Iterable[str], patience: int) -> Readings:
        wanted = set(which)
        for _ in range(patience // BETWEEN):
            found = {key: one for key, one in (await self.once()).items() if key in wanted}
            if all(one.verdict is verdict for one in found.values()):
                return found
            await self._machine.timeline.advance(BETWEEN)
        raise AssertionError(f"of these not each {verdict}: {await self.once()}")


@pytest.mark.parametrize("name", CLAIMS)
async def test_a_check_holds_without_the_fault_and_fails_over_it(
    machine: Machine, kubectl: Kubectl, name: str, tmp_path: Path
) -> None:
    await machine.listen()
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(machine.kubeconfig()), encoding="utf-8")
    looks, fault = Looks(machine, CLAIMS[name], config), FAULTS[name]
    before = await looks.once()
    await inject(machine, fault)
    red = await looks.until(Verdict.FAILS, before, SHOWS_WITHIN)
    not_yet = {key: one for key, one in before.items() if one.verdict is not Verdict.HOLDS}
    for key, reading in not_yet.items():
        assert red[key].observed != reading.observed, key
    if not_yet:
        for command in fault.remedies[0].commands:
            assert (await kubectl(command)).ok, command
        await looks.until(Verdict.HOLDS, not_yet, SOLVED_WITHIN)
