"""Every fault: it shows and stands, each remedy solves it, each shortcut is caught."""

from __future__ import annotations

import pytest

from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.referee import Injected
from runbook.practice.machine import Machine
from tests.practice.faults.kubectl import Kubectl

SHOWS_WITHIN = 700  # simulated seconds until every symptom is there
LEFT_ALONE = 120  # simulated seconds in which nothing may get well by itself
SOLVED_WITHIN = 1500  # simulated seconds from the last command of a remedy to the verdict

REMEDIES = [
    pytest.param(fault, remedy, id=f"{fault.name}-{number}")
    for fault in FAULTS.values()
    for number, remedy in enumerate(fault.remedies, 1)
]
SHORTCUTS = [
    pytest.param(fault, penalty, id=f"{fault.name}-{penalty.name}")
    for fault in FAULTS.values()
    for penalty in fault.penalties
]


async def seen(machine: Machine) -> Injected:
    injected = await machine.referee.look()
    assert injected is not None
    return injected


async def inject(machine: Machine, fault: Fault) -> None:
    """Until every symptom shows."""
    await machine.referee.inject(fault.name)
    kubectl = Kubectl(machine)
    missing = list(fault.symptoms)
    injected = await seen(machine)
    while not injected.bench.ready:
        await machine.timeline.advance(5)
    for _ in range(SHOWS_WITHIN // 5):
        await machine.timeline.advance(5)
        answers = [(one, (await kubectl(one.command)).text) for one in missing]
        missing = [one for one, text in answers if one.shows not in text]
        if not missing:
            return
    raise AssertionError([f"{one.command} does not show {one.shows!r}" for one in missing])


async def verdict(machine: Machine) -> Injected:
    for _ in range(SOLVED_WITHIN // 10):
        await machine.timeline.advance(10)
        if (await seen(machine)).solved_after is not None:
            break
    return await seen(machine)


@pytest.mark.parametrize(("fault", "remedy"), REMEDIES)
async def test_shows_itself_and_is_solved_by(
    machine: Machine, kubectl: Kubectl, fault: Fault, remedy: Remedy
) -> None:
    await inject(machine, fault)
    await machine.timeline.advance(LEFT_ALONE)
    before = await seen(machine)
    assert (bool(before.wrong), before.solved_after, before.penalties) == (True, None, [])
    for command in remedy.commands:
        done = await kubectl(command)
        assert done.ok, f"{command}\n{done.text}"
    after = await verdict(machine)
    assert (after.wrong, after.penalties) == ("", [])
    assert after.solved_after is not None


@pytest.mark.parametrize(("fault", "penalty"), SHORTCUTS)
async def test_a_shortcut_is_caught(
    machine: Machine, kubectl: Kubectl, fault: Fault, penalty: Penalty
) -> None:
    await inject(machine, fault)
    assert penalty.name not in (await seen(machine)).penalties
    for command in penalty.shortcut:
        done = await kubectl(command)
        assert done.ok, f"{command}\n{done.text}"
    for _ in range(12):
        await machine.timeline.advance(10)
    assert penalty.name in (await seen(machine)).penalties


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_what_a_fault_says_is_whole(fault: Fault) -> None:
    assert fault.title and fault.story and fault.diagnosis
    assert fault.symptoms and fault.remedies
    assert len(set(fault.hints)) == 3
