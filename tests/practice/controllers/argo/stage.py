"""Argo on the stepped cluster: the packaged CRDs, a controller, MLflow's Service, two volumes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runbook.practice import manifests
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo import names
from runbook.practice.controllers.argo.platform import ArgoWorkflows
from runbook.practice.controllers.control_plane import ControlPlane
from runbook.practice.controllers.dns import CLUSTER_DNS
from runbook.practice.timeline import Timeline

NS = "mlops"
API = "argoproj.io/v1alpha1"
RBAC = "rbac.authorization.k8s.io"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True)
class Result:
    experiment_id: str
    run_id: str
    model_id: str
    artifact_uri: str


class Tracking:
    """A tracking server that remembers what was begun and finished."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.finished: list[str] = []

    def begin(self, variant: str) -> str:
        self.begun.append(variant)
        return f"run-{len(self.begun)}"

    def finish(self, run_id: str) -> Result:
        self.finished.append(run_id)
        model = f"m-{len(self.finished)}"
        return self._result(run_id, model)

    def newest(self, _variant: str) -> Result | None:
        if not self.finished:
            return None
        return self._result(self.finished[-1], f"m-{len(self.finished)}")

    def _result(self, run_id: str, model: str) -> Result:
        return Result("1", run_id, model, f"s3://mlflow-artifacts/1/models/{model}/artifacts")


@functools.cache
def argo_crds() -> tuple[JSON, ...]:
    found = (o for o in manifests.packaged() if o["kind"] == "CustomResourceDefinition")
    return tuple(crd for crd in found if crd["spec"]["group"] == "argoproj.io")


def container(*script: str, **fields: Any) -> JSON:
    """A template's container that runs a shell script."""
    command = ["sh", "-c", "; ".join(script) or "echo hello"]
    return {"image": "app:1", "command": command, **fields}


class Stage:
    """The platform, and what an operator would do to it."""

    def __init__(self, seed: int = 1) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self.server = ApiServer(self.timeline, seed=seed)
        self.plane = ControlPlane(
            self.server, seed=seed, root_certificate="-----BEGIN", key_bits=1024
        )
        self.server.add_admission(self.plane.quota_admission.admit)
        self.tracking = Tracking()
        self.argo = ArgoWorkflows(
            self.server,
            self.plane.controllers,
            self.plane.behaviours,
            events=self.plane.events,
            logs=self.plane.logs,
            trainer=self.tracking,
            look_again=self.plane.kubelet.look_again,
        )

    async def furnish(self) -> None:
        for crd in argo_crds():
            await self.server.create(CRDS, crd)
        for namespace in ("default", "kube-system", names.CONTROLLER_NAMESPACE, "mlflow", NS):
            await self.server.create("namespaces", {"metadata": {"name": namespace}})
        node = await self.server.create("nodes", {"metadata": {"name": "practice-node-1"}})
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await self.server.update_status("nodes", {**node, "status": ready})
        await self.server.create(
            "storageclasses.storage.k8s.io",
            {
                "metadata": {"name": "nfs-shared"},
                "provisioner": "nfs.csi.k8s.io",
                "reclaimPolicy": "Retain",
            },
        )
        controller = names.CONTROLLER_DEPLOYMENT
        await self.deploy(names.CONTROLLER_NAMESPACE, controller, names.CONTROLLER_CONTAINER)
        await self.deploy("kube-system", "coredns", "coredns")
        await self.server.create(
            "services",
            {
                "metadata": {"name": "kube-dns", "namespace": "kube-system"},
                "spec": {
                    "clusterIP": CLUSTER_DNS,
                    "selector": {"app": "coredns"},
                    "ports": [{"port": 53, "protocol": "UDP"}],
                },
            },
        )
        await self.deploy("mlflow", "mlflow", "mlflow")
        await self.server.create(
            "services",
            {
                "metadata": {"name": "mlflow", "namespace": "mlflow"},
                "spec": {"selector": {"app": "mlflow"}, "ports": [{"port": 5000}]},
            },
        )
        await self.may_report("create", "patch")
        await self.claim("shared-data-pvc")
        await self.claim("shared-artifacts-pvc")
        await self.run(30)

    async def may_report(self, *verbs: str) -> None:
        """Let the pods' accounts do this, and no more, to the results that executors report."""
        rule = {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"]}
        role = {
            "metadata": {"name": "executor", "namespace": NS},
            "rules": [{**rule, "verbs": list(verbs)}],
        }
        roles = f"roles.{RBAC}"
        if self.server.get(roles, NS, "executor") is not None:
            await self.server.update(roles, role)
            return
        await self.server.create(roles, role)
        group = {
            "kind": "Group",
            "apiGroup": RBAC,
            "name": f"system:serviceaccounts:{NS}",
        }
        binding = {
            "metadata": {"name": "executor", "namespace": NS},
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "executor"},
            "subjects": [group],
        }
        await self.server.create(f"rolebindings.{RBAC}", binding)

    async def deploy(self, namespace: str, name: str, container_name: str) -> None:
        containers = [{"name": container_name, "image": f"{name}:1"}]
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}
        await self.server.create(
            "deployments.apps",
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": name}},
                    "template": template,
                },
            },
        )

    async def claim(self, name: str) -> None:
        await self.server.create(
            "persistentvolumeclaims",
            {
                "metadata": {"name": name, "namespace": NS},
                "spec": {
                    "accessModes": ["ReadWriteMany"],
                    "storageClassName": "nfs-shared",
                    "resources": {"requests": {"storage": "5Gi"}},
                },
            },
        )

    # -- workflows -------------------------------------------------------------------------------

    async def template(self, name: str, **spec: Any) -> None:
        await self._make(names.WORKFLOW_TEMPLATES, "WorkflowTemplate", name, spec)

    async def submit(self, name: str, template: str, **parameters: str) -> None:
        """As `argo submit --from workflowtemplate/...` does."""
        listed = [{"name": key.replace("_", "-"), "value": v} for key, v in parameters.items()]
        spec: JSON = {"workflowTemplateRef": {"name": template}}
        if listed:
            spec["arguments"] = {"parameters": listed}
        await self._make(names.WORKFLOWS, "Workflow", name, spec)

    async def workflow(self, name: str, *templates: JSON, **spec: Any) -> None:
        """A workflow with its templates inside; the first one is the entrypoint."""
        wanted = {"entrypoint": templates[0]["name"], "templates": list(templates), **spec}
        await self._make(names.WORKFLOWS, "Workflow", name, wanted)

    async def _make(self, resource: str, kind: str, name: str, spec: JSON) -> None:
        metadata = {"name": name, "namespace": NS}
        obj = {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}
        await self.server.create(resource, obj)

    async def application(self) -> None:
        """The data pipeline and the training pipeline of the financial application."""
        volumes = [
            {"name": "data", "persistentVolumeClaim": {"claimName": "shared-data-pvc"}},
            {"name": "artifacts", "persistentVolumeClaim": {"claimName": "shared-artifacts-pvc"}},
        ]
        mounts = [
            {"name": "data", "mountPath": "/mnt/shared-data"},
            {"name": "artifacts", "mountPath": "/mnt/shared-artifacts"},
        ]

        def program(file: str, **fields: Any) -> JSON:
            run = {"image": "app:1", "command": ["python", f"src/{file}"], "volumeMounts": mounts}
            return {**run, **fields}

        await self.template(
            "data-pipeline",
            entrypoint="pipeline",
            volumes=volumes,
            arguments={"parameters": [{"name": "tickers", "value": "IBM,MSFT"}]},
            templates=[
                {
                    "name": "pipeline",
                    "dag": {
                        "tasks": [
                            {"name": "ingest-data", "template": "ingest-data"},
                            {
                                "name": "engineer-features",
                                "template": "engineer-features",
                                "dependencies": ["ingest-data"],
                            },
                        ]
                    },
                },
                {
                    "name": "ingest-data",
                    "container": program(
                        "data_ingestion.py",
                        env=[{"name": "TICKERS", "value": "{{workflow.parameters.tickers}}"}],
                    ),
                },
                {
                    "name": "engineer-features",
                    "container": program("feature_engineering_pytorch.py"),
                },
            ],
        )
        variant = [{"name": "MODEL_VARIANT", "value": "{{inputs.parameters.model-variant}}"}]
        await self.template(
            "training",
            entrypoint="train-model",
            volumes=volumes,
            templates=[
                {
                    "name": "train-model",
                    "inputs": {"parameters": [{"name": "model-variant", "value": "baseline"}]},
                    "container": program("train_pytorch_model.py", env=variant),
                }
            ],
        )

    # -- acting and looking ------------------------------------------------------------------------

    async def run(self, seconds: float) -> None:
        await self.timeline.advance(seconds)

    async def until(self, holds: Callable[[], bool], *, within: float = 300.0) -> float:
        """Step until something holds; the seconds it took."""
        start = self.timeline.elapsed()
        while not holds():
            assert self.timeline.elapsed() - start < within, "it never came true"
            await self.run(1)
        return self.timeline.elapsed() - start

    async def done(self, name: str, *, within: float = 400.0) -> JSON:
        """The status of a workflow once it has ended."""
        await self.until(lambda: "finishedAt" in self.status(name), within=within)
        return self.status(name)

    def get(self, resource: str, name: str, namespace: str | None = NS) -> JSON:
        found = self.server.get(resource, namespace, name)
        assert found is not None, f"{resource} {name} is not there"
        return found

    def has(self, resource: str, name: str, namespace: str | None = NS) -> bool:
        return self.server.get(resource, namespace, name) is not None

    async def patch(self, resource: str, name: str, patch: JSON, namespace: str = NS) -> JSON:
        return await self.server.patch(resource, namespace, name, patch)

    def status(self, name: str) -> JSON:
        found: JSON = self.get(names.WORKFLOWS, name).get("status", {})
        return found

    def nodes(self, name: str) -> dict[str, JSON]:
        """The workflow's nodes by what is shown of them."""
        return {n["displayName"]: n for n in self.status(name).get("nodes", {}).values()}

    def phases(self, name: str) -> dict[str, str]:
        return {display: node["phase"] for display, node in self.nodes(name).items()}

    def pods(self, name: str) -> list[str]:
        pods = self.server.select("pods", NS, {names.WORKFLOW_LABEL: name})
        return [pod["metadata"]["name"] for pod in pods]

    def lines(self, pod: str, container_name: str = names.MAIN) -> list[str]:
        return [line for _, line in self.plane.logs.read(NS, pod, container_name)]

    def files(self, claim: str) -> list[str]:
        volume = self.get("persistentvolumeclaims", claim)["spec"]["volumeName"]
        return self.argo.volumes.list(volume)

    def events(self, name: str) -> list[tuple[str, str]]:
        events = self.server.select("events", NS)
        mine = [e for e in events if e["involvedObject"]["name"] == name]
        mine.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in mine]
