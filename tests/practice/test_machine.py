"""The whole machine in stepped time: what the parts promise each other, held together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession

from runbook.errors import UsageError
from runbook.practice import health, manifests
from runbook.practice.machine import AGE, Machine

ROOT = Path(__file__).parents[2]
INFERENCE, TRAINING = "financial-inference", "financial-mlops-pytorch"
MODELS, WORKFLOWS = "models.mlops.seldon.io", "workflows.argoproj.io"
INPUT = {
    "inputs": [
        {"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.5] * 350}
    ]
}


def application() -> list[dict[str, Any]]:
    return [*manifests.read(ROOT / "k8s/base"), *manifests.read(ROOT / "k8s/secrets")]


@asynccontextmanager
async def machine_with(
    documents: list[dict[str, Any]], *, seed: int | None = None
) -> AsyncIterator[tuple[Machine, list[str]]]:
    machine = Machine(seed=seed)
    try:
        yield machine, await machine.build(documents)
    finally:
        await machine.stop()


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    async with machine_with(application()) as (built, unhealthy):
        assert unhealthy == []
        yield built


async def until(machine: Machine, holds: Callable[[], bool], within: float = 600) -> None:
    for _ in range(int(within / 5)):
        if holds():
            return
        await machine.timeline.advance(5)
    raise AssertionError(f"not within {within} simulated seconds; {health.unhealthy(machine.api)}")


def url(machine: Machine, namespace: str, service: str) -> str:
    found = machine.api.get("services", namespace, service)
    assert found is not None
    return f"http://127.0.0.1:{found['spec']['ports'][0]['nodePort']}"


async def status_of(address: str, **headers: str) -> int:
    async with ClientSession() as session, session.get(address, headers=headers) as answer:
        return answer.status


async def test_the_platform_begins_healthy_and_days_old(machine: Machine) -> None:
    pod = machine.api.get("pods", INFERENCE, "mlserver-0")
    assert pod is not None
    created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    assert datetime.now(UTC) - created > AGE * 0.9
    assert [status["ready"] for status in pod["status"]["containerStatuses"]] == [True] * 3
    assert machine.api.select("events") == []


async def test_the_services_answer_on_their_node_ports(machine: Machine) -> None:
    assert await status_of(f"{url(machine, 'mlflow', 'mlflow')}/health") == 200
    assert await status_of(f"{url(machine, 'minio', 'minio')}/minio/health/cluster") == 200
    ready = f"{url(machine, INFERENCE, 'seldon-mesh')}/v2/models/baseline-predictor/ready"
    assert await status_of(ready) == 200


async def test_the_mesh_splits_the_experiment_over_both_models(machine: Machine) -> None:
    mesh = url(machine, INFERENCE, "seldon-mesh")
    headers = {"seldon-model": "financial-ab-test-experiment.experiment"}
    seen = set()
    async with ClientSession() as session:
        for _ in range(60):
            post = session.post(f"{mesh}/v2/models/x/infer", json=INPUT, headers=headers)
            async with post as answer:
                assert answer.status == 200
                seen.add(answer.headers["x-seldon-route"])
    assert seen == {":baseline-predictor_1:", ":enhanced-predictor_1:"}


async def test_a_service_answers_only_while_its_pods_are_ready(machine: Machine) -> None:
    address = f"{url(machine, 'mlflow', 'mlflow')}/health"
    await machine.api.patch("deployments.apps", "mlflow", "mlflow", {"spec": {"replicas": 0}})
    await machine.timeline.advance(60)
    with pytest.raises(ClientConnectorError):
        await status_of(address)
    await machine.api.patch("deployments.apps", "mlflow", "mlflow", {"spec": {"replicas": 1}})
    await machine.timeline.advance(60)
    assert await status_of(address) == 200


async def test_a_changed_secret_is_a_changed_password(machine: Machine) -> None:
    address = f"{url(machine, 'mlflow', 'mlflow')}/version"
    known = {"Authorization": "Basic bWxmbG93OnByYWN0aWNlLXRyYWNraW5nLWMyZDdmNA=="}
    assert await status_of(address, **known) == 200
    await machine.api.patch(
        "secrets", "mlflow", "ml-platform", {"data": {"MLFLOW_TRACKING_PASSWORD": "eA=="}}
    )
    assert await status_of(address, **known) == 401


async def test_a_deleted_application_hangs_on_its_finalizers_and_comes_back(
    machine: Machine,
) -> None:
    trained = len(machine.services.mlflow.models)
    for namespace in (INFERENCE, TRAINING):
        await machine.api.delete("namespaces", None, namespace)
    await machine.timeline.advance(120)
    assert machine.api.get("namespaces", None, TRAINING) is None
    stuck = machine.api.select(MODELS, INFERENCE)
    assert {model["metadata"]["name"] for model in stuck} == {
        "baseline-predictor",
        "enhanced-predictor",
    }
    await machine.timeline.advance(600)
    assert len(machine.api.select(MODELS, INFERENCE)) == 2
    for resource in (MODELS, "experiments.mlops.seldon.io"):
        for obj in machine.api.select(resource, INFERENCE):
            released = {"metadata": {"finalizers": None}}
            await machine.api.patch(resource, INFERENCE, obj["metadata"]["name"], released)
    await until(machine, lambda: machine.api.get("namespaces", None, INFERENCE) is None)
    assert len(machine.services.mlflow.models) == trained
    for document in application():
        await machine._apply(document)
    await machine.timeline.advance(5)
    await until(machine, lambda: health.unhealthy(machine.api) == [])
    assert await status_of(f"{url(machine, INFERENCE, 'seldon-mesh')}/v2/models/x/ready") == 404


async def test_both_pipelines_succeed_and_leave_a_model_in_mlflow(machine: Machine) -> None:
    before = set(machine.services.mlflow.models)
    for template in ("financial-data-pipeline-template", "financial-training-pipeline-template"):
        metadata = {"generateName": f"{template}-", "namespace": TRAINING}
        spec = {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": [{"name": "model-variant", "value": "enhanced"}]},
        }
        made = await machine.api.create(WORKFLOWS, {"metadata": metadata, "spec": spec})
        name = made["metadata"]["name"]

        def phase(name: str = name) -> str:
            workflow = machine.api.get(WORKFLOWS, TRAINING, name) or {}
            found: str = workflow.get("status", {}).get("phase", "")
            return found

        await until(machine, lambda: phase() in {"Succeeded", "Failed", "Error"})
        assert phase() == "Succeeded"
    [fresh] = set(machine.services.mlflow.models) - before
    model = machine.services.mlflow.model(fresh)
    assert model.params["model_variant"] == "enhanced"
    assert machine.services.mlflow.run(model.source_run_id).status == "FINISHED"
    bucket, _, prefix = model.artifact_uri.removeprefix("s3://").partition("/")
    assert machine.services.s3.get(bucket, f"{prefix}/MLmodel").body
    deployed = machine.api.get(MODELS, INFERENCE, "enhanced-predictor")
    assert deployed is not None
    assert deployed["spec"]["storageUri"] == f"{model.artifact_uri.rstrip('/')}/"
    assert deployed["metadata"]["generation"] == deployed["status"]["observedGeneration"] == 2
    assert health.unhealthy(machine.api) == []


async def test_without_its_rights_the_last_step_of_a_training_fails_in_real_words(
    machine: Machine,
) -> None:
    await machine.api.delete(
        "rolebindings.rbac.authorization.k8s.io", INFERENCE, "model-deployer-rolebinding"
    )
    before = machine.api.get(MODELS, INFERENCE, "baseline-predictor")
    spec = {"workflowTemplateRef": {"name": "financial-training-pipeline-template"}}
    made = {"metadata": {"name": "train", "namespace": TRAINING}, "spec": spec}
    await machine.api.create(WORKFLOWS, made)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = (machine.api.get(WORKFLOWS, TRAINING, "train") or {}).get(
            "status", {}
        )
        return found

    await until(machine, lambda: status().get("phase") in {"Succeeded", "Failed", "Error"})
    assert status()["phase"] == "Failed"
    phases = {n["displayName"]: n["phase"] for n in status()["nodes"].values()}
    assert phases["train-model"] == "Succeeded"
    assert phases["update-model-deployments"] == "Failed"
    assert "update-model-deployments(1)" not in phases  # saying it again makes it no truer
    [pod] = [
        p["metadata"]["name"]
        for p in machine.api.select("pods", TRAINING)
        if "update-model-uris" in p["metadata"]["name"]
    ]
    log = "\n".join(line for _, line in machine.plane.logs.read(TRAINING, pod, "main"))
    assert (
        'User "system:serviceaccount:financial-mlops-pytorch:argo-workflow-sa" cannot list resource'
        ' "models" in API group "mlops.seldon.io" in the namespace "financial-inference"'
    ) in log
    after = machine.api.get(MODELS, INFERENCE, "baseline-predictor")
    assert before is not None and after is not None
    assert after["spec"] == before["spec"]


async def test_what_cannot_become_healthy_is_named(machine: Machine) -> None:
    documents = application()
    for document in documents:
        if document["metadata"]["name"] == "enhanced-predictor":
            document["spec"]["requirements"] = ["sklearn"]
    async with machine_with(documents) as (_, unhealthy):
        assert unhealthy == [
            f"{MODELS} {INFERENCE}/enhanced-predictor: not ModelReady",
            f"experiments.mlops.seldon.io {INFERENCE}/financial-ab-test-experiment: "
            "not ExperimentReady",
        ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"apiVersion": "x/v1", "kind": "Y", "metadata": {"name": "z"}}, 'no matches for kind "Y"'),
        (
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "c", "namespace": "gone"},
            },
            r'ConfigMap c was not accepted: .*namespaces \\"gone\\" not found',
        ),
    ],
)
async def test_a_document_the_api_server_refuses_ends_the_build(
    document: dict[str, Any], expected: str
) -> None:
    with pytest.raises(UsageError, match=expected):
        async with machine_with([document]):
            pass


async def test_each_machine_is_another_cluster_and_a_seed_makes_it_the_same_one() -> None:
    async def uid(seed: int | None = None) -> str:
        async with machine_with([], seed=seed) as (machine, _):
            namespace = machine.api.get("namespaces", None, "kube-system")
            assert namespace is not None
            return str(namespace["metadata"]["uid"])

    assert await uid() != await uid()
    assert await uid(seed=5) == await uid(seed=5)


async def test_requests_to_the_api_server_and_to_the_services_are_activity(
    machine: Machine,
) -> None:
    counted: list[str] = []
    original = machine.activity.request

    @contextmanager
    def counting() -> Iterator[None]:
        counted.append("request")
        with original():
            yield

    machine.activity.request = counting  # type: ignore[method-assign]  # observed, not replaced
    server = await machine.listen()
    async with ClientSession() as session, session.get(f"{server}/readyz", ssl=False) as answer:
        assert answer.status == 200
    assert await status_of(f"{url(machine, 'mlflow', 'mlflow')}/health") == 200
    assert len(counted) == 2


async def test_a_training_can_begin_with_the_data_of_the_last_one(machine: Machine) -> None:
    claim = machine.api.get("persistentvolumeclaims", TRAINING, "shared-data-pvc")
    assert claim is not None
    volume = claim["spec"]["volumeName"]
    assert len(machine.argo.volumes.list(volume, "processed")) == 6
    assert len(machine.argo.volumes.list(volume, "raw")) == 3
