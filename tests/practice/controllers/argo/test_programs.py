"""The application's two pipelines, from templates to what they leave behind."""

from __future__ import annotations

import pytest

from runbook.practice.controllers.argo import names
from runbook.practice.controllers.images import APPLICATION, image_id
from tests.practice.controllers.argo.stage import Stage

CLAIM = "shared-data-pvc"


async def test_the_data_pipeline_leaves_raw_files_arrays_and_a_scaler(stage: Stage) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline")
    status = await stage.done("data")
    assert (status["phase"], status["progress"]) == ("Succeeded", "2/2")
    assert stage.phases("data") == {
        "data": "Succeeded",
        "ingest-data": "Succeeded",
        "engineer-features": "Succeeded",
    }
    files = stage.files(CLAIM)
    assert "raw/IBM_2018-01-01_2023-12-31.csv" in files
    assert "processed/train_features.npy" in files
    assert len([file for file in files if file.startswith("processed/")]) == 6
    assert stage.files("shared-artifacts-pvc") == ["scalers/feature_scaler.pkl"]
    workflow = stage.get(names.WORKFLOWS, "data")
    assert workflow["metadata"]["labels"][names.PHASE_LABEL] == "Succeeded"
    assert workflow["spec"]["workflowTemplateRef"] == {"name": "data-pipeline"}


async def test_the_pipeline_takes_about_a_minute_and_training_two(stage: Stage) -> None:
    await stage.application()
    start = stage.timeline.elapsed()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    middle = stage.timeline.elapsed()
    await stage.submit("train", "training")
    await stage.done("train")
    assert 45 < middle - start < 80
    assert 95 < stage.timeline.elapsed() - middle < 140


async def test_training_registers_the_variant_that_was_asked_for(stage: Stage) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline", tickers="NVDA")
    await stage.done("data")
    assert "raw/NVDA_2018-01-01_2023-12-31.csv" in stage.files(CLAIM)
    await stage.submit("train", "training", model_variant="enhanced")
    status = await stage.done("train")
    assert (status["phase"], stage.tracking.begun) == ("Succeeded", ["enhanced"])
    assert stage.tracking.finished == ["run-1"]
    log = "\n".join(stage.lines("train"))
    assert "variant enhanced" in log
    assert "s3://mlflow-artifacts/1/models/m-1/artifacts" in log
    assert stage.pods("train") == ["train"]


async def test_training_on_an_empty_volume_fails_with_the_files_name(stage: Stage) -> None:
    await stage.application()
    await stage.submit("train", "training")
    status = await stage.done("train")
    assert (status["phase"], status["message"]) == ("Failed", "Error (exit code 1)")
    assert status["nodes"]["train"]["outputs"]["exitCode"] == "1"
    missing = "No such file or directory: '/mnt/shared-data/processed/train_features.npy'"
    assert stage.lines("train")[-1] == f"FileNotFoundError: [Errno 2] {missing}"
    assert stage.tracking.begun == []
    assert ("WorkflowFailed", "Error (exit code 1)") in stage.events("train")


async def test_a_claim_made_again_is_bound_to_an_empty_volume(stage: Stage) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    old = stage.get("persistentvolumeclaims", CLAIM)["spec"]["volumeName"]
    for pod in stage.pods("data"):
        await stage.server.delete("pods", "mlops", pod)
    await stage.server.delete("persistentvolumeclaims", "mlops", CLAIM)
    await stage.run(10)
    await stage.claim(CLAIM)
    await stage.run(10)
    assert stage.files(CLAIM) == []
    assert stage.argo.volumes.list(old)
    await stage.submit("train", "training")
    status = await stage.done("train")
    assert status["phase"] == "Failed"


async def test_features_without_raw_files_fail_the_second_task(stage: Stage) -> None:
    await stage.application()
    spec = stage.get(names.WORKFLOW_TEMPLATES, "data-pipeline")["spec"]
    spec = {**spec, "entrypoint": "engineer-features"}
    await stage.template("only-features", **spec)
    await stage.submit("features", "only-features")
    status = await stage.done("features")
    assert (status["phase"], status["message"]) == ("Failed", "Error (exit code 1)")
    assert any("no raw files in /mnt/shared-data/raw" in line for line in stage.lines("features"))


async def test_a_program_without_the_mount_succeeds_and_leaves_nothing(stage: Stage) -> None:
    run = {"image": "app:1", "command": ["python", "src/data_ingestion.py"]}
    await stage.workflow("lost", {"name": "ingest", "container": run})
    status = await stage.done("lost")
    assert status["phase"] == "Succeeded"
    assert stage.files(CLAIM) == []


async def _train_with(stage: Stage, image: str, **environment: str) -> str:
    """The phase of a training from another image, with more in its environment."""
    await stage.application()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    spec = stage.get(names.WORKFLOW_TEMPLATES, "training")["spec"]
    [step] = spec["templates"]
    more = [{"name": name, "value": value} for name, value in environment.items()]
    container = {**step["container"], "image": image, "env": [*step["container"]["env"], *more]}
    await stage.template("other", **{**spec, "templates": [{**step, "container": container}]})
    await stage.submit("train", "other")
    return str((await stage.done("train"))["phase"])


async def test_a_newer_torch_refuses_what_an_older_one_unpickled(stage: Stage) -> None:
    assert await _train_with(stage, f"{APPLICATION}:latest") == "Failed"
    assert stage.get(names.WORKFLOWS, "train")["status"]["message"] == "Error (exit code 1)"
    refused = stage.lines("train")[-1]
    assert refused.startswith("_pickle.UnpicklingError: Weights only load failed: torch 2.6.0")
    assert "weights_only" in refused
    assert stage.tracking.begun == []


@pytest.mark.parametrize(
    ("image", "environment"),
    [
        (f"{APPLICATION}:2.4.1", {}),
        (image_id(f"{APPLICATION}:2.4.1"), {}),
        (f"{APPLICATION}:latest", {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}),
    ],
)
async def test_an_older_torch_or_torchs_own_switch_lets_it_train(
    stage: Stage, image: str, environment: dict[str, str]
) -> None:
    assert await _train_with(stage, image, **environment) == "Succeeded"


async def test_training_without_mlflow_fails_and_opens_no_run(stage: Stage) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    await stage.patch("deployments.apps", "mlflow", {"spec": {"replicas": 0}}, "mlflow")
    await stage.run(20)
    await stage.submit("train", "training")
    status = await stage.done("train")
    assert status["phase"] == "Failed"
    assert "Connection refused" in stage.lines("train")[-1]
    assert stage.tracking.begun == []


async def test_training_with_too_little_memory_is_killed_with_its_run_left_open(
    stage: Stage,
) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    spec = stage.get(names.WORKFLOW_TEMPLATES, "training")["spec"]
    limits = "containers:\n- name: main\n  resources: {limits: {memory: 1Gi}}\n"
    await stage.template("small", **{**spec, "podSpecPatch": limits})
    await stage.submit("train", "small")
    status = await stage.done("train")
    assert (status["phase"], status["message"]) == ("Failed", "OOMKilled (exit code 137)")
    assert (stage.tracking.begun, stage.tracking.finished) == (["baseline"], [])


async def test_a_training_whose_pod_is_deleted_never_finishes_its_run(stage: Stage) -> None:
    await stage.application()
    await stage.submit("data", "data-pipeline")
    await stage.done("data")
    await stage.submit("train", "training")
    await stage.until(lambda: bool(stage.tracking.begun))
    await stage.run(10)  # a pod that has just begun would be made again
    await stage.server.delete("pods", "mlops", "train")
    status = await stage.done("train")
    assert (status["phase"], status["message"]) == ("Error", "pod deleted")
    await stage.run(200)
    assert stage.tracking.finished == []
