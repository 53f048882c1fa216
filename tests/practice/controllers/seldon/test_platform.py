"""The whole of Seldon on a stepped clock: what a person sees from building to tearing down."""

from __future__ import annotations

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE, ENHANCED, EXPERIMENT = "baseline-predictor", "enhanced-predictor", "ab-test"
ADDED_LAST = (names.MODELS, names.EXPERIMENTS)


async def tear_down_everything(stage: Stage) -> None:
    """Namespace first, then the rest, as `kubectl delete -k` sends it."""
    for resource, name, namespace in (
        ("namespaces", NS, None),
        (names.EXPERIMENTS, EXPERIMENT, NS),
        (names.MODELS, BASELINE, NS),
        (names.MODELS, ENHANCED, NS),
        (names.RUNTIMES, "seldon", NS),
        (names.SERVERS, "mlserver", NS),
    ):
        await stage.delete(resource, name, namespace)
        await stage.run(0.3)


def stuck(stage: Stage) -> list[str]:
    return sorted(
        obj["metadata"]["name"]
        for resource in ADDED_LAST
        for obj in stage.server.select(resource, NS)
        if "deletionTimestamp" in obj["metadata"]
    )


async def test_everything_applied_at_once_becomes_healthy(stage: Stage) -> None:
    await stage.build()
    took = await stage.until(stage.healthy)
    assert 20 < took < 90
    assert stage.ready_containers("mlserver-0") == "3/3"
    server = stage.get(names.SERVERS, "mlserver")["status"]
    assert (server["loadedModels"], server["replicas"]) == (2, 1)
    assert server["selector"] == "seldon-server-name=mlserver"
    await stage.run(5)
    runtime = stage.condition(names.RUNTIMES, "seldon", "Ready")
    assert runtime["status"] == "True"
    assert "Model [baseline-predictor] is Ready" in stage.events(BASELINE)


async def test_a_whole_platform_delete_hangs_because_the_scheduler_goes_first(
    healthy: Stage,
) -> None:
    await tear_down_everything(healthy)
    await healthy.run(600)
    assert stuck(healthy) == [EXPERIMENT, BASELINE, ENHANCED]
    assert not healthy.has("pods", names.SCHEDULER_POD)
    assert not healthy.has(names.SERVERS, "mlserver")
    assert not healthy.has(names.RUNTIMES, "seldon")
    namespace = healthy.get("namespaces", NS, None)
    conditions = {c["type"]: c["message"] for c in namespace["status"]["conditions"]}
    assert conditions["NamespaceFinalizersRemaining"] == (
        "Some content in the namespace has finalizers remaining: seldon.experiment.finalizer in 1"
        " resource instances, seldon.model.finalizer in 2 resource instances"
    )
    assert "Scheduler not ready" in healthy.operator_log()


async def test_taking_the_finalizers_off_lets_the_namespace_go(healthy: Stage) -> None:
    await tear_down_everything(healthy)
    await healthy.run(60)
    for resource, name in (
        (names.MODELS, BASELINE),
        (names.MODELS, ENHANCED),
        (names.EXPERIMENTS, EXPERIMENT),
    ):
        await healthy.patch(resource, name, {"metadata": {"finalizers": None}})
    await healthy.until(lambda: not healthy.has("namespaces", NS, None), within=60)
    await healthy.build()
    await healthy.until(healthy.healthy)
    assert healthy.ready_containers("mlserver-0") == "3/3"


async def test_in_the_right_order_nothing_hangs(healthy: Stage) -> None:
    await healthy.delete(names.EXPERIMENTS, EXPERIMENT)
    await healthy.until(lambda: not healthy.has(names.EXPERIMENTS, EXPERIMENT), within=30)
    for name in (BASELINE, ENHANCED):
        await healthy.delete(names.MODELS, name)
    await healthy.until(lambda: not healthy.has(names.MODELS, BASELINE), within=30)
    await healthy.until(lambda: not healthy.has(names.MODELS, ENHANCED), within=5)
    assert healthy.core.agents.repository(NS, "mlserver-0") == []
    await healthy.delete(names.SERVERS, "mlserver")
    await healthy.until(lambda: not healthy.has("pods", "mlserver-0"), within=120)
    await healthy.delete(names.RUNTIMES, "seldon")
    await healthy.until(lambda: not healthy.has("pods", names.SCHEDULER_POD), within=60)
    assert not healthy.has(names.RUNTIMES, "seldon")
    await healthy.delete("namespaces", NS, None)
    await healthy.until(lambda: not healthy.has("namespaces", NS, None), within=60)


async def test_with_no_scheduler_the_runtime_is_ready_and_nothing_else_ever_is(
    stage: Stage,
) -> None:
    await stage.build(overrides=({"name": names.SCHEDULER, "replicas": 0},))
    await stage.run(120)
    assert stage.condition(names.RUNTIMES, "seldon", "Ready")["status"] == "True"
    assert stage.said(BASELINE) == ("", "", "")
    assert stage.ready_containers("mlserver-0") == "2/3"
    assert "Scheduler not ready" in stage.lines("mlserver-0", "agent")
    await stage.run(300)
    status, message, reason = stage.said(BASELINE)
    assert (status, message) == ("False", "ModelProgressing")
    assert ":9004: connect: connection refused" in reason
    override = [{"name": names.SCHEDULER, "replicas": 1}]
    await stage.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": override}})
    await stage.until(stage.healthy)


async def test_what_was_green_stays_green_when_the_scheduler_is_gone(healthy: Stage) -> None:
    before = healthy.get(names.MODELS, BASELINE)["status"]
    override = [{"name": names.SCHEDULER, "replicas": 0}]
    await healthy.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": override}})
    await healthy.until(lambda: not healthy.has("pods", names.SCHEDULER_POD))
    await healthy.run(3600)
    assert healthy.healthy()
    assert healthy.get(names.MODELS, BASELINE)["status"] == before
    assert healthy.condition(names.SERVERS, "mlserver", "Ready")["status"] == "True"
    assert healthy.ready_containers("mlserver-0") == "2/3"
    assert healthy.core.envoys.route(NS, BASELINE) is not None
    await healthy.patch(names.MODELS, BASELINE, {"spec": {"storageUri": "s3://nowhere/x"}})
    await healthy.run(60)
    assert healthy.get(names.MODELS, BASELINE)["status"] == before


async def test_a_scheduler_that_comes_back_finds_everything_as_it_was(healthy: Stage) -> None:
    await healthy.delete("pods", names.SCHEDULER_POD)
    await healthy.until(lambda: healthy.ready_containers("mlserver-0") == "2/3")
    await healthy.until(lambda: healthy.ready_containers("mlserver-0") == "3/3")
    await healthy.until(healthy.healthy, within=10)
    loads = healthy.lines("mlserver-0", names.AGENT).count(
        "Load model baseline-predictor:1 success"
    )
    assert loads == 1


async def test_without_the_operator_a_deleted_model_waits_for_it(healthy: Stage) -> None:
    await healthy.scale_operator(0)
    await healthy.run(30)
    await healthy.delete(names.MODELS, ENHANCED)
    await healthy.run(300)
    assert stuck(healthy) == [ENHANCED]
    assert "enhanced-predictor_1" in healthy.core.agents.repository(NS, "mlserver-0")
    await healthy.scale_operator(1)
    await healthy.until(lambda: not healthy.has(names.MODELS, ENHANCED), within=60)
    assert healthy.core.agents.repository(NS, "mlserver-0") == ["baseline-predictor_1"]


async def test_a_finalizer_patched_away_leaves_the_model_loaded(healthy: Stage) -> None:
    await healthy.scale_operator(0)
    await healthy.run(30)
    await healthy.delete(names.MODELS, ENHANCED)
    await healthy.patch(names.MODELS, ENHANCED, {"metadata": {"finalizers": None}})
    assert not healthy.has(names.MODELS, ENHANCED)
    await healthy.scale_operator(1)
    await healthy.run(120)
    assert "enhanced-predictor_1" in healthy.core.agents.repository(NS, "mlserver-0")


async def test_a_runtime_waits_for_the_servers_in_its_namespace(healthy: Stage) -> None:
    await healthy.delete(names.RUNTIMES, "seldon")
    await healthy.run(60)
    assert healthy.has(names.RUNTIMES, "seldon")
    text = f"Runtime is being deleted but servers still running in namespace {NS}"
    assert text in healthy.operator_log()
    await healthy.delete(names.SERVERS, "mlserver")
    await healthy.until(lambda: not healthy.has(names.RUNTIMES, "seldon"), within=10)


async def test_nothing_is_written_into_a_namespace_that_is_going(healthy: Stage) -> None:
    await healthy.delete("namespaces", NS, None)
    await healthy.run(20)
    try:
        await healthy.model("late", "m-1")
    except ApiError as refusal:
        assert "being terminated" in refusal.message
    assert not healthy.has(names.MODELS, "late")
