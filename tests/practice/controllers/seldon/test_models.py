from __future__ import annotations

import pytest

from runbook.practice.controllers.seldon import names
from runbook.practice.controllers.seldon.filters import NO_REPLICA, NO_SERVER
from runbook.practice.controllers.seldon.models import model_spec
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE, ENHANCED, EXPERIMENT = "baseline-predictor", "enhanced-predictor", "ab-test"


async def test_a_model_that_asks_for_what_no_server_spells_is_not_placed(stage: Stage) -> None:
    await stage.build(server={"capabilities": ["mlflow", "torch", "scikit-learn"]})
    await stage.patch(names.MODELS, BASELINE, {"spec": {"requirements": ["mlflow", "sklearn"]}})
    await stage.until(lambda: stage.said(ENHANCED)[0] == "True")
    assert stage.said(BASELINE) == ("False", "ScheduleFailed", NO_SERVER)
    status = stage.get(names.MODELS, BASELINE)["status"]
    assert (status["selector"], status["replicas"], status["availableReplicas"]) == (
        "server=",
        1,
        0,
    )
    assert stage.get(names.SERVERS, "mlserver")["status"]["loadedModels"] == 1
    await stage.run(600)
    assert stage.said(BASELINE)[1] == "ScheduleFailed"
    await stage.patch(
        names.MODELS, BASELINE, {"spec": {"requirements": ["mlflow", "scikit-learn"]}}
    )
    await stage.until(stage.healthy, within=60)
    healthy = stage.get(names.MODELS, BASELINE)
    assert healthy["status"]["observedGeneration"] == healthy["metadata"]["generation"]


async def test_other_capabilities_restart_the_server_and_bring_the_model_back(stage: Stage) -> None:
    await stage.build(server={"capabilities": ["mlflow"]})
    await stage.until(lambda: stage.said(BASELINE)[1] == "ScheduleFailed")
    uid = stage.get("pods", "mlserver-0")["metadata"]["uid"]
    await stage.patch(names.SERVERS, "mlserver", {"spec": {"capabilities": ["mlflow", "torch"]}})
    await stage.until(stage.healthy)
    assert stage.get("pods", "mlserver-0")["metadata"]["uid"] != uid


async def test_a_model_for_another_server_and_one_that_is_too_big(stage: Stage) -> None:
    await stage.build(baseline={"server": "other"}, enhanced={"memory": "5Gi"})
    await stage.until(lambda: stage.said(ENHANCED)[1] == "ScheduleFailed")
    assert stage.said(BASELINE)[2] == NO_SERVER
    await stage.until(lambda: stage.said(ENHANCED)[2] == NO_REPLICA)


async def test_when_its_server_goes_a_model_is_not_ready_and_says_so(healthy: Stage) -> None:
    await healthy.delete("pods", "mlserver-0")
    await healthy.until(lambda: healthy.said(BASELINE)[1] == "ScheduleFailed", within=10)
    assert "Model [baseline-predictor] is no longer Ready" in healthy.events(BASELINE)
    assert healthy.condition(names.EXPERIMENTS, EXPERIMENT, "ExperimentReady")["status"] == "False"
    await healthy.until(healthy.healthy)


async def test_editing_metadata_is_no_reason_to_act(healthy: Stage) -> None:
    await healthy.patch(names.MODELS, BASELINE, {"metadata": {"finalizers": None}})
    await healthy.run(120)
    assert "finalizers" not in healthy.get(names.MODELS, BASELINE)["metadata"]
    await healthy.patch(names.MODELS, BASELINE, {"spec": {"memory": "1Ki"}})
    await healthy.run(1)
    found = healthy.get(names.MODELS, BASELINE)["metadata"]["finalizers"]
    assert found == [names.MODEL_FINALIZER]


async def test_a_model_made_again_while_it_is_being_unloaded_is_refused(healthy: Stage) -> None:
    await healthy.delete(names.MODELS, ENHANCED)
    await healthy.run(1)
    assert healthy.said(ENHANCED)[:2] == ("False", "ModelTerminating")
    await healthy.patch(names.MODELS, ENHANCED, {"metadata": {"finalizers": None}})
    await healthy.model(ENHANCED, "m-2")
    await healthy.run(60)
    status, message, reason = healthy.said(ENHANCED)
    assert (status, message) == ("False", "ModelFailed")
    assert "is in process of deletion - new model can not be created" in reason
    await healthy.delete(names.MODELS, ENHANCED)
    await healthy.until(lambda: not healthy.has(names.MODELS, ENHANCED), within=10)
    await healthy.model(ENHANCED, "m-2")
    await healthy.until(healthy.healthy)


async def test_a_changed_model_is_the_next_version_and_served_without_a_gap(healthy: Stage) -> None:
    healthy.store.put_model("m-3")
    new = {"spec": {"storageUri": "s3://mlflow-artifacts/1/models/m-3/artifacts/"}}
    await healthy.patch(names.MODELS, BASELINE, new)
    await healthy.run(5)
    route = healthy.route(BASELINE)
    assert str(route.targets[0].ref) == "baseline-predictor:1"
    await healthy.until(lambda: healthy.said(BASELINE)[0] == "True", within=60)
    await healthy.run(10)
    route = healthy.route(BASELINE)
    assert str(route.targets[0].ref) == "baseline-predictor:2"
    assert "baseline-predictor_1" not in healthy.core.agents.repository(NS, "mlserver-0")


@pytest.mark.parametrize(
    ("spec", "replicas", "minimum"),
    [({}, 1, 0), ({"minReplicas": 2}, 2, 2), ({"replicas": 3, "minReplicas": 1}, 3, 1)],
)
def test_absent_replicas_are_the_minimum_or_one(
    spec: dict[str, int], replicas: int, minimum: int
) -> None:
    model = {"metadata": {"name": "m", "generation": 4}, "spec": {"storageUri": "s3://b/x", **spec}}
    found = model_spec(model)
    assert (found.replicas, found.min_replicas, found.generation) == (replicas, minimum, 4)
