"""Nothing grows: after rounds of churn the machine holds what it held after the first of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from runbook.practice import manifests
from runbook.practice.apiserver.store import Stored, encode
from runbook.practice.cluster import Change
from runbook.practice.controllers.manager import RUNS_REMEMBERED
from runbook.practice.machine import Machine
from tests.practice.churn import Churn, sizes

ROOT = Path(__file__).parents[2]
WARM_UP, MORE = 1, 4  # rounds
HISTORY = 200  # events kept for each resource, few enough to be exceeded here
BOUNDED = "._last_run"  # of the queue: what is stale is dropped once there are so many

pytestmark = pytest.mark.slow


async def built(seed: int) -> Machine:
    machine = Machine(seed=seed)
    machine.api.store.window = HISTORY
    documents = [*manifests.read(ROOT / "k8s/base"), *manifests.read(ROOT / "k8s/secrets")]
    assert await machine.build(documents) == []
    return machine


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {
        path: size - before.get(path, 0)
        for path, size in after.items()
        if size > before.get(path, 0) and not (path.endswith(BOUNDED) and size <= RUNS_REMEMBERED)
    }


async def test_what_comes_and_goes_leaves_nothing_behind() -> None:
    machine = await built(seed=1)
    store = machine.api.store
    try:
        churn = Churn(machine)
        for _ in range(WARM_UP):
            await churn.round()
        before = sizes(machine)
        files, tasks = open_files(), len(asyncio.all_tasks())
        for _ in range(MORE):
            await churn.round()
        assert grown(before, sizes(machine)) == {}
        assert store.watchers() == 0
        assert len(asyncio.all_tasks()) == tasks
        assert open_files() == files
        assert machine.api.select("events") == []
        resources = [resource for resource, _ in machine.api.resources()]
        assert max(len(store.since(resource, 0)) for resource in resources) == HISTORY
    finally:
        await machine.stop()


async def test_what_is_stored_is_never_changed() -> None:
    """Equal parts of objects are the same dict, so a write into one would change others too."""
    machine = await built(seed=2)
    texts: list[tuple[Stored, bytes]] = []

    def note(change: Change) -> None:
        assert isinstance(change.new, Stored)
        texts.append((change.new, encode(change.new)))

    machine.api.subscribe(note)
    try:
        await Churn(machine).round()
    finally:
        await machine.stop()
    changed = [obj["metadata"]["name"] for obj, text in texts if encode(obj) != text]
    assert len(texts) > 500
    assert changed == []
