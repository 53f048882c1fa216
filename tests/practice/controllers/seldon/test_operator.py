from __future__ import annotations

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE = "baseline-predictor"


async def test_without_it_nothing_gets_a_finalizer_or_a_status(stage: Stage) -> None:
    await stage.scale_operator(0)
    await stage.run(30)
    await stage.build()
    await stage.run(120)
    model = stage.get(names.MODELS, BASELINE)
    assert "finalizers" not in model["metadata"]
    assert "status" not in model
    assert not stage.has("statefulsets.apps", names.SCHEDULER)
    await stage.scale_operator(1)
    await stage.until(stage.healthy)
    assert stage.get(names.MODELS, BASELINE)["metadata"]["finalizers"] == [names.MODEL_FINALIZER]


async def test_finalizers_are_there_at_once(stage: Stage) -> None:
    await stage.build()
    await stage.run(0.1)
    found = {
        obj["kind"]: obj["metadata"].get("finalizers")
        for resource in (names.MODELS, names.EXPERIMENTS, names.RUNTIMES, names.SERVERS)
        for obj in stage.server.select(resource, NS)
    }
    assert found == {
        "Model": [names.MODEL_FINALIZER],
        "Experiment": [names.EXPERIMENT_FINALIZER],
        "SeldonRuntime": [names.RUNTIME_FINALIZER],
        "Server": None,
    }


async def test_cut_off_it_does_not_hear_what_the_scheduler_decides(healthy: Stage) -> None:
    await healthy.scale_operator(0)
    await healthy.run(20)
    await healthy.delete("pods", "mlserver-0")
    await healthy.run(15)
    decided = healthy.scheduler().scheduler.model_status(BASELINE)
    assert decided is not None
    assert decided.available == 0
    assert healthy.said(BASELINE) == ("True", "ModelAvailable", "")


async def test_a_call_that_finds_no_service_says_no_such_host(healthy: Stage) -> None:
    error = healthy.core.operator.dial_error("minio")
    assert "no such host" in error
    assert "lookup seldon-scheduler.minio on 10.96.0.10:53" in error
    assert healthy.core.operator.dial_error(NS) == ""


async def test_the_same_seed_gives_the_same_history(stage: Stage) -> None:
    async def history() -> list[tuple[str, str, str]]:
        made = type(stage)(seed=5)
        await made.furnish()
        await made.build()
        await made.until(made.healthy)
        return [
            (event["lastTimestamp"], event["involvedObject"]["name"], event["message"])
            for event in made.server.select("events")
        ]

    assert await history() == await history()


async def test_a_pod_that_takes_over_announces_everything_again(healthy: Stage) -> None:
    await healthy.delete(names.MODELS, BASELINE)
    await healthy.run(1)
    await healthy.patch(names.MODELS, BASELINE, {"metadata": {"finalizers": None}})
    await healthy.model(BASELINE, "m-1")
    await healthy.run(60)
    assert healthy.said(BASELINE)[1] == "ModelFailed"
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    place = (names.OPERATOR_DEPLOYMENT, {"spec": {"template": restarted}}, names.OPERATOR_NAMESPACE)
    await healthy.patch("deployments.apps", *place)
    await healthy.until(healthy.healthy, within=90)
