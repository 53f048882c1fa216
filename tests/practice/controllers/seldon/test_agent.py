from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.practice.controllers.seldon import names
from runbook.practice.controllers.seldon.filters import NO_SERVER
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE, ENHANCED = "baseline-predictor", "enhanced-predictor"


def state_of_agent(stage: Stage) -> tuple[str, int]:
    """(why it waits, restarts) of the agent's container."""
    pod = stage.server.get("pods", NS, "mlserver-0") or {}
    statuses = pod.get("status", {}).get("containerStatuses", [])
    agent = next((status for status in statuses if status["name"] == names.AGENT), None)
    if agent is None:
        return "", 0
    return agent["state"].get("waiting", {}).get("reason", ""), agent["restartCount"]


async def test_its_log_tells_of_remotes_subscription_and_loading(healthy: Stage) -> None:
    log = healthy.lines("mlserver-0", names.AGENT)
    for words in (
        'msg="retrieving Rclone secret" secret_name=seldon-rclone-gs-public',
        'msg="loaded config" remote_name=s3',
        'msg="After update current set of remotes is [s3]"',
        'msg="Subscribed to scheduler"',
        'msg="Load model baseline-predictor:1"',
        'msg="Load model baseline-predictor:1 success"',
        'msg="Load model enhanced-predictor:1 success"',
    ):
        assert words in log
    assert "Loaded model 'baseline-predictor_1'" in healthy.lines("mlserver-0", names.MLSERVER)
    scheduler = healthy.lines(names.SCHEDULER_POD, names.SCHEDULER_CONTAINER)
    assert "Received subscribe request from mlserver:0" in scheduler


async def test_without_its_secret_it_crashes_until_the_secret_is_there(stage: Stage) -> None:
    await stage.build(secret=False)
    await stage.until(lambda: state_of_agent(stage)[0] == "CrashLoopBackOff")
    await stage.until(lambda: stage.ready_containers("mlserver-0") == "2/3", within=15)
    log = stage.lines("mlserver-0", names.AGENT)
    assert 'level=error msg="Failed to load rclone defaults"' in log
    assert 'level=fatal msg="Failed to initialise rclone config listener"' in log
    assert 'secrets \\"seldon-rclone-gs-public\\" not found' in log
    refused = ("False", "ScheduleFailed", NO_SERVER)
    await stage.until(lambda: stage.said(BASELINE) == refused, within=30)
    await stage.rclone_secret()
    await stage.until(stage.healthy)
    assert state_of_agent(stage)[1] > 0


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ('{"name": "s3",}', {}, "Failed to unmarshall config as json or yaml."),
        (None, {"another": "x"}, "Secret does not have 1 key seldon-rclone-gs-public"),
    ],
)
async def test_a_bad_secret_is_named_in_its_log(
    stage: Stage, content: str | None, more: dict[str, str], words: str
) -> None:
    await stage.build(secret=False)
    await stage.rclone_secret(content, **more)
    await stage.until(lambda: state_of_agent(stage)[0] == "CrashLoopBackOff")
    assert words in stage.lines("mlserver-0", names.AGENT)


REMOTE: dict[str, Any] = {
    "name": "s3",
    "type": "s3",
    "parameters": {
        "access_key_id": "seldon",
        "secret_access_key": "reader",
        "endpoint": "http://minio.minio.svc.cluster.local:9000",
    },
}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "wrong"}, "InvalidAccessKeyId"),
        ({"endpoint": "http://minio.nowhere.svc:9000"}, "no such host"),
    ],
)
async def test_only_rclone_knows_why_a_copy_failed(
    stage: Stage, changed: dict[str, str], cause: str
) -> None:
    remote = {**REMOTE, "parameters": {**REMOTE["parameters"], **changed}}
    await stage.build(secret=False)
    await stage.rclone_secret(json.dumps(remote))
    await stage.until(lambda: stage.said(BASELINE)[1] == "ModelFailed")
    reason = stage.said(BASELINE)[2]
    assert reason.startswith("Failed to sync/copy s3://mlflow-artifacts/1/models/m-1/artifacts/ to")
    assert reason.endswith("Failed rclone request to host:0.0.0.0 port:5572 path:/sync/copy")
    assert cause not in reason
    rclone = stage.lines("mlserver-0", names.RCLONE)
    assert 'rc: "sync/copy": error' in rclone
    assert cause in rclone


async def test_a_remote_of_another_name_cannot_serve_the_models(stage: Stage) -> None:
    other = {"name": "gs", "type": "google cloud storage", "parameters": {"anonymous": "true"}}
    await stage.build(secret=False)
    await stage.rclone_secret(json.dumps(other))
    await stage.until(lambda: stage.said(BASELINE)[1] == "ModelFailed")
    assert stage.ready_containers("mlserver-0") == "3/3"
    assert 'didn\'t find section in config file ("s3")' in stage.lines("mlserver-0", "rclone")
    assert "current set of remotes is [gs]" in stage.lines("mlserver-0", names.AGENT)


async def test_a_copy_reads_the_secret_once_more_before_it_gives_up(stage: Stage) -> None:
    wrong = {**REMOTE, "parameters": {**REMOTE["parameters"], "access_key_id": "x"}}
    await stage.build(secret=False)
    await stage.rclone_secret(json.dumps(wrong))
    await stage.until(lambda: stage.said(BASELINE)[1] == "ModelFailed")
    await stage.delete("secrets", names.DEFAULT_RCLONE_SECRET)
    await stage.rclone_secret()
    await stage.patch(names.MODELS, BASELINE, {"spec": {"memory": "1Ki"}})
    await stage.until(lambda: stage.said(BASELINE)[0] == "True", within=60)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            {"storageUri": "s3://mlflow-artifacts/1/models/m-none/artifacts/"},
            "Failed to download from s3://mlflow-artifacts/1/models/m-none/artifacts/ any files",
        ),
        (
            {"storageUri": "s3://mlflow-artifacts/1/models/m-1/"},
            'Could not find an "MLmodel" configuration file',
        ),
        (
            {"requirements": ["torch"]},
            "Can't create model-settings from requirements [torch]",
        ),
        ({"secretName": "absent"}, 'secrets "absent" not found'),
    ],
)
async def test_what_lies_in_the_store_decides_how_loading_ends(
    stage: Stage, spec: dict[str, Any], reason: str
) -> None:
    await stage.build(baseline=spec)
    await stage.until(lambda: stage.said(ENHANCED)[0] == "True")
    await stage.until(lambda: stage.said(BASELINE)[1] == "ModelFailed", within=10)
    assert reason in stage.said(BASELINE)[2]
    log = stage.lines("mlserver-0", names.AGENT)
    assert "Failed to handle load model baseline-predictor:1" in log
    assert "Failed to load model, sending error to scheduler" in log


async def test_a_secret_of_many_keys_fails_the_one_model_that_names_it(stage: Stage) -> None:
    await stage.build(enhanced={"secretName": "ml-platform"})
    data = {"AWS_ACCESS_KEY_ID": "eA==", "AWS_SECRET_ACCESS_KEY": "eA=="}
    metadata = {"name": "ml-platform", "namespace": NS}
    await stage.server.create("secrets", {"metadata": metadata, "data": data})
    await stage.until(lambda: stage.said(ENHANCED)[1] == "ModelFailed")
    assert stage.said(ENHANCED)[2] == "Secret does not have 1 key ml-platform"
    await stage.patch(names.MODELS, ENHANCED, {"spec": {"secretName": None}})
    await stage.until(stage.healthy)


async def test_every_replica_of_a_server_has_an_agent_of_its_own(healthy: Stage) -> None:
    await healthy.patch(names.SERVERS, "mlserver", {"spec": {"replicas": 2}})
    await healthy.patch(names.MODELS, BASELINE, {"spec": {"replicas": 2}})

    def available() -> int:
        return int(healthy.get(names.MODELS, BASELINE)["status"]["availableReplicas"])

    await healthy.until(lambda: available() == 2)
    assert healthy.core.agents.repository(NS, "mlserver-1") == ["baseline-predictor_1"]
    assert healthy.has("services", "mlserver-1")
    await healthy.scale("statefulsets.apps", "mlserver", 3)
    await healthy.run(1)
    assert healthy.get("statefulsets.apps", "mlserver")["spec"]["replicas"] == 2
    await healthy.patch(names.SERVERS, "mlserver", {"spec": {"replicas": 1}})
    await healthy.until(lambda: not healthy.has("pods", "mlserver-1"))
    assert not healthy.has("services", "mlserver-1")
