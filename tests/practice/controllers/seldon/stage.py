"""Seldon on the stepped cluster: the CRDs, an operator, MinIO with two models, the application."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from runbook.practice import manifests
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.cluster import JSON
from runbook.practice.controllers.control_plane import ControlPlane
from runbook.practice.controllers.dns import CLUSTER_DNS
from runbook.practice.controllers.seldon import defaults, names
from runbook.practice.controllers.seldon.platform import SeldonCore
from runbook.practice.controllers.seldon.processes import Process
from runbook.practice.controllers.seldon.routes import Route
from runbook.practice.timeline import Timeline

NS = "financial-inference"
BUCKET = "mlflow-artifacts"
BASELINE, ENHANCED, EXPERIMENT = "baseline-predictor", "enhanced-predictor", "ab-test"
API = "mlops.seldon.io/v1alpha1"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
REMOTE: JSON = {
    "name": "s3",
    "type": "s3",
    "parameters": {
        "provider": "Minio",
        "access_key_id": "seldon",
        "secret_access_key": "reader",
        "endpoint": "http://minio.minio.svc.cluster.local:9000",
        "region": "us-east-1",
    },
}


@functools.cache
def seldon_crds() -> tuple[JSON, ...]:
    found = (o for o in manifests.packaged() if o["kind"] == "CustomResourceDefinition")
    return tuple(crd for crd in found if crd["spec"]["group"] == "mlops.seldon.io")


class Store:
    """An object store of one bucket and one account."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(
        self, bucket: str, prefix: str, access_key: str, secret_key: str
    ) -> list[str] | str:
        if access_key != "seldon":
            return "InvalidAccessKeyId"
        if secret_key != "reader":
            return "SignatureDoesNotMatch"
        if bucket != BUCKET:
            return "NoSuchBucket"
        return [key for key in self.keys if key.startswith(prefix)]

    def put_model(self, model_id: str, *files: str) -> None:
        chosen = files or ("MLmodel", "data/model.pth", "requirements.txt")
        self.keys += [f"1/models/{model_id}/artifacts/{file}" for file in chosen]


def uri(model_id: str) -> str:
    return f"s3://{BUCKET}/1/models/{model_id}/artifacts/"


def pod_template(name: str, container: str) -> JSON:
    spec = {"containers": [{"name": container, "image": f"{container}:1"}]}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


class Stage:
    """The platform, and what an operator would do to it."""

    def __init__(self, seed: int = 1) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self.server = ApiServer(self.timeline, seed=seed)
        self.plane = ControlPlane(
            self.server, seed=seed, root_certificate="-----BEGIN", key_bits=1024
        )
        self.store = Store()
        self.core = SeldonCore(
            self.server,
            self.plane.controllers,
            self.plane.behaviours,
            events=self.plane.events,
            logs=self.plane.logs,
            list_objects=self.store,
            look_again=self.plane.kubelet.look_again,
        )

    async def furnish(self) -> None:
        for crd in seldon_crds():
            await self.server.create(CRDS, crd)
        for namespace in ("default", "kube-system", names.OPERATOR_NAMESPACE, "minio"):
            await self.server.create("namespaces", {"metadata": {"name": namespace}})
        node = await self.server.create("nodes", {"metadata": {"name": "practice-node-1"}})
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        await self.server.update_status("nodes", {**node, "status": ready})
        await self.server.create(
            "storageclasses.storage.k8s.io",
            {
                "metadata": {
                    "name": "nfs-shared",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                },
                "provisioner": "nfs.csi.k8s.io",
                "reclaimPolicy": "Retain",
            },
        )
        await self.server.create(names.SELDON_CONFIGS, defaults.seldon_config())
        await self.server.create(names.SERVER_CONFIGS, defaults.server_config())
        operator = names.OPERATOR_DEPLOYMENT
        await self.deploy(names.OPERATOR_NAMESPACE, operator, names.OPERATOR_CONTAINER)
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
        await self.deploy("minio", "minio", "minio")
        await self.server.create(
            "services",
            {
                "metadata": {"name": "minio", "namespace": "minio"},
                "spec": {"selector": {"app": "minio"}, "ports": [{"port": 9000}]},
            },
        )
        self.store.put_model("m-1")
        self.store.put_model("m-2")
        await self.run(30)

    async def deploy(self, namespace: str, name: str, container: str) -> None:
        await self.server.create(
            "deployments.apps",
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": name}},
                    "template": pod_template(name, container),
                },
            },
        )

    # -- the application -------------------------------------------------------------------------

    async def build(
        self,
        *,
        secret: bool = True,
        overrides: Sequence[JSON] = (),
        server: JSON | None = None,
        baseline: JSON | None = None,
        enhanced: JSON | None = None,
        experiment: JSON | None = None,
    ) -> None:
        """Everything at once, as `kubectl apply -k` would."""
        await self.server.create("namespaces", {"metadata": {"name": NS}})
        if secret:
            await self.rclone_secret()
        await self.runtime(*overrides)
        await self.make_server(**(server or {}))
        await self.model(BASELINE, "m-1", **(baseline or {}))
        await self.model(ENHANCED, "m-2", **(enhanced or {}))
        await self.experiment(**(experiment or {}))

    async def rclone_secret(
        self, content: str | None = None, namespace: str = NS, **more: str
    ) -> None:
        texts = {"rclone.conf": json.dumps(REMOTE) if content is None else content, **more}
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        metadata = {"name": names.DEFAULT_RCLONE_SECRET, "namespace": namespace}
        await self.server.create("secrets", {"metadata": metadata, "data": data})

    async def runtime(self, *overrides: JSON, namespace: str = NS) -> None:
        spec = {"seldonConfig": "default", "overrides": list(overrides)}
        await self._custom(names.RUNTIMES, "SeldonRuntime", "seldon", spec, namespace)

    async def make_server(self, name: str = "mlserver", namespace: str = NS, **spec: Any) -> None:
        capabilities = {"capabilities": ["mlflow", "torch", "numpy"]}
        wanted = {"serverConfig": "mlserver", **capabilities, **spec}
        await self._custom(names.SERVERS, "Server", name, wanted, namespace)

    async def model(self, name: str, model_id: str, namespace: str = NS, **spec: Any) -> None:
        wanted = {"storageUri": uri(model_id), "requirements": ["mlflow", "torch"], **spec}
        await self._custom(names.MODELS, "Model", name, wanted, namespace)

    async def experiment(self, **spec: Any) -> None:
        candidates = [{"name": BASELINE, "weight": 70}, {"name": ENHANCED, "weight": 30}]
        wanted = {"default": BASELINE, "candidates": candidates, **spec}
        await self._custom(names.EXPERIMENTS, "Experiment", EXPERIMENT, wanted)

    async def _custom(
        self, resource: str, kind: str, name: str, spec: JSON, namespace: str = NS
    ) -> None:
        metadata = {"name": name, "namespace": namespace}
        obj = {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}
        await self.server.create(resource, obj)

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

    async def delete(self, resource: str, name: str, namespace: str | None = NS) -> None:
        await self.server.delete(resource, namespace, name)

    async def patch(self, resource: str, name: str, patch: JSON, namespace: str = NS) -> JSON:
        return await self.server.patch(resource, namespace, name, patch)

    async def scale(self, resource: str, name: str, replicas: int, namespace: str = NS) -> None:
        await self.patch(resource, name, {"spec": {"replicas": replicas}}, namespace)

    async def scale_operator(self, replicas: int) -> None:
        place = (names.OPERATOR_DEPLOYMENT, replicas, names.OPERATOR_NAMESPACE)
        await self.scale("deployments.apps", *place)

    def get(self, resource: str, name: str, namespace: str | None = NS) -> JSON:
        found = self.server.get(resource, namespace, name)
        assert found is not None, f"{resource} {name} is not there"
        return found

    def has(self, resource: str, name: str, namespace: str | None = NS) -> bool:
        return self.server.get(resource, namespace, name) is not None

    def scheduler(self) -> Process:
        """The scheduler of the application's namespace, which has to be serving."""
        process = self.core.schedulers.serving(NS)
        assert process is not None, "no scheduler serves"
        return process

    def route(self, name: str) -> Route:
        """The route that envoy has to have for one value of the header `seldon-model`."""
        found = self.core.envoys.route(NS, name)
        assert found is not None, f"envoy has no route {name}"
        return found

    def condition(self, resource: str, name: str, type_: str) -> JSON:
        conditions = self.get(resource, name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {})

    def said(self, name: str) -> tuple[str, str, str]:
        """(status, message, reason) of a Model."""
        found = self.condition(names.MODELS, name, "ModelReady")
        return found.get("status", ""), found.get("message", ""), found.get("reason", "")

    def healthy(self) -> bool:
        if not self.has(names.EXPERIMENTS, EXPERIMENT):
            return False
        models = all(self.said(name)[0] == "True" for name in (BASELINE, ENHANCED))
        return (
            models
            and self.condition(names.EXPERIMENTS, EXPERIMENT, "Ready").get("status") == "True"
        )

    def ready_containers(self, pod: str) -> str:
        statuses = self.get("pods", pod).get("status", {}).get("containerStatuses", [])
        return f"{sum(status['ready'] for status in statuses)}/{len(statuses)}"

    def lines(self, pod: str, container: str, namespace: str = NS) -> str:
        return "\n".join(line for _, line in self.plane.logs.read(namespace, pod, container))

    def operator_log(self) -> str:
        pods = self.server.select("pods", names.OPERATOR_NAMESPACE)
        return "\n".join(
            self.lines(p["metadata"]["name"], "manager", names.OPERATOR_NAMESPACE) for p in pods
        )

    def events(self, name: str) -> list[str]:
        events = self.server.select("events", NS)
        return [e["message"] for e in events if e["involvedObject"]["name"] == name]
