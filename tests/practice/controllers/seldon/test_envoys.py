"""Which scheduler an envoy follows, and what it does with requests."""

from __future__ import annotations

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS, OTHER = "financial-inference", "seldon-system"
BASELINE = "baseline-predictor"
ALL = ["ab-test.experiment", BASELINE, "enhanced-predictor"]


def envoys(stage: Stage) -> list[str]:
    pods = stage.server.select("pods", NS, {names.NAME_LABEL: names.ENVOY})
    return sorted(pod["metadata"]["name"] for pod in pods)


def tables(stage: Stage) -> list[list[str] | None]:
    found = [stage.core.envoys.table(NS, pod) for pod in envoys(stage)]
    return [sorted(table) if table is not None else None for table in found]


async def test_one_keeps_its_routes_without_a_scheduler_and_a_new_one_has_none(
    healthy: Stage,
) -> None:
    override = [{"name": names.SCHEDULER, "replicas": 0}]
    await healthy.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": override}})
    await healthy.until(lambda: healthy.core.schedulers.serving(NS) is None)
    await healthy.run(3600)
    assert tables(healthy) == [ALL]
    await healthy.delete("pods", envoys(healthy)[0])
    await healthy.run(30)
    assert tables(healthy) == [None]
    assert healthy.core.envoys.route(NS, BASELINE) is None
    await healthy.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": []}})
    await healthy.until(lambda: tables(healthy) == [ALL], within=60)


async def test_a_target_is_healthy_while_a_pod_behind_it_is_ready(healthy: Stage) -> None:
    target = healthy.route(BASELINE).targets[0]
    assert healthy.core.envoys.healthy(target)
    await healthy.delete("pods", "mlserver-0")
    assert not healthy.core.envoys.healthy(target)


async def test_a_stream_stays_where_it_was_opened_whatever_the_name_means_later(
    healthy: Stage,
) -> None:
    await healthy.runtime({"name": names.ENVOY, "replicas": 1}, namespace=OTHER)
    await healthy.until(lambda: healthy.core.schedulers.serving(OTHER) is not None)
    await healthy.patch(
        names.RUNTIMES, "seldon", {"spec": {"overrides": [{"name": names.ENVOY, "replicas": 2}]}}
    )
    await healthy.until(lambda: tables(healthy) == [ALL, ALL])
    await healthy.scale_operator(0)
    await healthy.run(30)
    alias = f"{names.SCHEDULER}.{OTHER}.svc.cluster.local"
    spec = {"type": "ExternalName", "externalName": alias, "clusterIP": None, "clusterIPs": None}
    await healthy.patch("services", names.SCHEDULER, {"spec": spec})
    old = envoys(healthy)
    await healthy.delete("pods", old[0])
    await healthy.run(30)
    assert sorted(map(len, filter(None, tables(healthy)))) == [3]
    assert tables(healthy).count([]) == 1
    answers = [healthy.core.envoys.route(NS, BASELINE) is not None for _ in range(4)]
    assert sorted(answers) == [False, False, True, True]
    await healthy.scale_operator(1)
    await healthy.run(60)
    assert healthy.get("services", names.SCHEDULER)["spec"]["type"] != "ExternalName"
    assert tables(healthy).count([]) == 1
    assert healthy.healthy()
    log = healthy.lines(names.SCHEDULER_POD, names.SCHEDULER_CONTAINER, OTHER)
    assert 'msg="xDS stream opened"' in log
    assert NS in log
    await healthy.server.delete(names.RUNTIMES, OTHER, "seldon")
    await healthy.until(lambda: tables(healthy) == [ALL, ALL], within=60)
