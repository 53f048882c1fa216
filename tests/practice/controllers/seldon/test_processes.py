from __future__ import annotations

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE = "baseline-predictor"


async def test_envoy_keeps_its_routes_without_a_scheduler_but_a_new_envoy_has_none(
    healthy: Stage,
) -> None:
    schedulers = healthy.core.schedulers
    override = [{"name": names.SCHEDULER, "replicas": 0}]
    await healthy.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": override}})
    await healthy.until(lambda: schedulers.serving(NS) is None)
    table = schedulers.route_table(NS)
    assert table is not None
    assert sorted(table) == ["ab-test.experiment", BASELINE, "enhanced-predictor"]
    envoy = healthy.server.select("pods", NS, {names.NAME_LABEL: names.ENVOY})[0]
    await healthy.delete("pods", envoy["metadata"]["name"])
    await healthy.run(30)
    assert schedulers.route_table(NS) is None
    assert schedulers.route(NS, BASELINE) is None


async def test_a_target_is_healthy_while_a_pod_behind_it_is_ready(healthy: Stage) -> None:
    schedulers = healthy.core.schedulers
    target = healthy.route(BASELINE).targets[0]
    assert schedulers.healthy(NS, target)
    await healthy.delete("pods", "mlserver-0")
    assert not schedulers.healthy(NS, target)


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
