"""What a platform runs beside its control plane, as the real programs: Argo, Sealed Secrets, MinIO.

Each is started by its method, when the caller has applied what it needs (its CRDs above all), and
is stopped with the cluster. `crds()` are the ones that came with the source.
"""

from __future__ import annotations

import socket
from pathlib import Path

from tests.cluster.base import Base
from tests.cluster.building import build, components, find
from tests.cluster.processes import free_ports

ARGO_SETTINGS = "metricsConfig: {enabled: false}\nnodeEvents: {enabled: true}\n"
"""Metrics off: they would be served on every address of the machine."""
ARGO_LOOKS_EVERY = "500ms"
"""Between two looks at one workflow; its own 10 s would be most of a test's time."""
ARGO_PORT = 6060
"""The controller serves its health here on every address, and goes on where it cannot."""


def crds(component: str) -> list[Path]:
    """The custom resource definitions of `argo-workflows` or `sealed-secrets`."""
    return build(component).files("*.yaml")


class Addons(Base):
    """Controllers act with the administrator's rights."""

    _held: socket.socket | None = None

    def down(self) -> None:
        super().down()
        if self._held is not None:
            self._held.close()

    def workflow_controller(self, namespace: str = "argowf", settings: str = ARGO_SETTINGS) -> None:
        """Argo's, for all namespaces; pods run nothing, and end as stages/workflows.yaml says."""
        name = "workflow-controller-configmap"
        self._namespace(namespace)
        self.api.apply(
            f"/api/v1/namespaces/{namespace}/configmaps/{name}",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name},
                "data": {"config": settings},
            },
        )
        self._held = self._held or _hold(ARGO_PORT)
        version = components()["argo-workflows"].version
        command = [
            str(find("workflow-controller")),
            f"--kubeconfig={self.kubeconfig}",
            f"--namespace={namespace}",
            f"--configmap={name}",
            f"--executor-image=quay.io/argoproj/argoexec:{version}",
            "--qps=200",
            "--burst=400",
        ]
        process = self.add(
            "workflow-controller",
            command,
            lambda: process.said("Performing periodic GC"),  # which it does with its caches filled
            {"LEADER_ELECTION_DISABLE": "true", "DEFAULT_REQUEUE_TIME": ARGO_LOOKS_EVERY},
        )
        process.grace = 0.2  # it does not end on TERM
        self.start(process.name)

    def sealed_secrets_controller(self, namespace: str = "kube-system") -> str:
        """Returns its address, for `kubeseal --cert ADDRESS/v1/cert.pem`.

        It makes itself a new key unless the namespace has one that is younger than 30 days.
        """
        own, metrics = (f"127.0.0.1:{port}" for port in free_ports(2))
        self._namespace(namespace)
        command = [
            str(find("sealed-secrets-controller")),
            f"--listen-addr={own}",
            f"--listen-metrics-addr={metrics}",
            "--update-status",
            "--key-prefix=sealed-secrets-key",
            "--kubeclient-qps=200",
            "--kubeclient-burst=400",
        ]
        url = f"http://{own}"
        self.add(
            "sealed-secrets-controller",
            command,
            lambda: self.api.healthy("/readyz", url),
            {"KUBECONFIG": str(self.kubeconfig), "POD_NAMESPACE": namespace},
        )
        self.start("sealed-secrets-controller")
        return url

    def minio(self, user: str = "practice-root", password: str = "practice-root") -> str:
        """An empty object store, for S3 with these credentials; its address."""
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        command = [
            str(find("minio")),
            "server",
            str(self.directory / "minio"),
            f"--address=127.0.0.1:{port}",
        ]
        settings = {
            "MINIO_ROOT_USER": user,
            "MINIO_ROOT_PASSWORD": password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        healthy = "/minio/health/ready"
        self.add("minio", command, lambda: self.api.healthy(healthy, url), settings)
        self.start("minio")
        return url

    def _namespace(self, name: str) -> None:
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.api.apply(f"/api/v1/namespaces/{name}", made)


def _hold(port: int) -> socket.socket | None:
    """Keeps a port of loopback taken, so that nobody serves it on every address of the machine."""
    taken = socket.socket()
    try:
        taken.bind(("127.0.0.1", port))
    except OSError:  # another test's, which does as well
        taken.close()
        return None
    return taken
