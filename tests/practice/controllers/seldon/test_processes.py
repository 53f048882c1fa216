from __future__ import annotations

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"


async def test_a_new_volume_has_forgotten_everything(healthy: Stage) -> None:
    old = healthy.scheduler()
    await healthy.delete("persistentvolumeclaims", "scheduler-state-seldon-scheduler-0")
    await healthy.delete("pods", names.SCHEDULER_POD)
    await healthy.until(lambda: healthy.core.schedulers.serving(NS) not in (None, old))
    assert healthy.scheduler().mind is not old.mind
    await healthy.until(healthy.healthy, within=60)


async def test_there_is_one_scheduler_per_namespace_and_none_elsewhere(healthy: Stage) -> None:
    assert healthy.core.schedulers.namespaces() == [NS]
    assert healthy.core.schedulers.serving("default") is None
