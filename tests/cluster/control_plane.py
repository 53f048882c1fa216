"""A real Kubernetes control plane on loopback: etcd, API server, controllers, fake nodes.

    with ControlPlane() as cluster:
        subprocess.run(["kubectl", "--kubeconfig", cluster.kubeconfig, "get", "nodes"])

Everything is upstream's own code; only the nodes are not there: kwok plays their kubelets, so pods
become Ready, end and go away, but run nothing. All of it lives in one temporary directory, listens
on 127.0.0.1 only and is gone after the `with`.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.addons import Addons
from tests.cluster.api import JSON, Refused
from tests.cluster.building import build, find
from tests.cluster.processes import Process, free_ports, wait_until

STAGES = Path(__file__).parent / "stages"
WITHIN = 60.0
"""Seconds that anything may take to become ready, on a machine that is busy with other things."""
SERVICES = "10.96.0.0/16"
ISSUER = "https://kubernetes.default.svc.cluster.local"
LEASE = 4
"""Seconds until a kwok that was started again may take over the nodes of the one before."""
POD_LOG = "2026-01-01T00:00:00.000000000Z stdout F no container runs on a fake node\n"
"""In the form of a container runtime's own log files: when, which stream, F for a full line."""


class ControlPlane(Addons):
    """Started by `with` or `up()`; its processes are known by the names of their programs."""

    def __init__(
        self,
        *,
        nodes: int = 2,
        kwok: bool = True,
        scheduler: bool = True,
        api_server_flags: Sequence[str] = (),
        within: float = WITHIN,
        keep: bool = False,
    ) -> None:
        super().__init__(within, keep=keep)
        self.pod_log = self.directory / "pods.log"
        """What `kubectl logs` shows of any pod; a test may write what it likes (see POD_LOG)."""
        self._nodes = nodes if kwok else 0
        self._with_kwok = kwok
        self._with_scheduler = scheduler
        self._api_server_flags = api_server_flags

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def up(self) -> Self:
        """Starts everything, and returns when nodes and default accounts are there."""
        try:
            self._add_all()  # builds what is missing, before the time counts
            self._start_all()
        except BaseException:
            self.down()
            raise
        return self

    def _add_all(self) -> None:
        self._add_api_server(self._add_etcd())
        self._add_controller(
            "kube-controller-manager",
            f"--service-account-private-key-file={self.accounts_key}",
            f"--root-ca-file={self.ca}",
            f"--cluster-signing-cert-file={self.ca}",
            f"--cluster-signing-key-file={self.ca_key}",
        )
        if self._with_scheduler:
            self._add_controller("kube-scheduler")
        if self._with_kwok:
            self._add_kwok()

    def _start_all(self) -> None:
        began = time.monotonic()
        self.start("etcd")
        self.start("kube-apiserver")
        others = [each for each in self.processes.values() if not each.running]
        for process in others:
            process.launch()
        launched = time.monotonic()
        for number in range(self._nodes):
            self._make_node(f"node-{number + 1}")
        for process in others:
            self.await_ready(process, launched)
        self.settle()
        self.started_in["all"] = time.monotonic() - began

    def settle(self) -> None:
        """Waits until all is well (again): the API server, the nodes, the default account."""
        wait_until(self._settled, self.within, "nodes and default accounts are there")

    def learn_kinds(self) -> None:
        """After new CRDs: quotas and garbage collection know them at once, not within 30 s."""
        self.restart("kube-controller-manager")

    def _settled(self) -> bool:
        try:
            if not self.api.healthy("/readyz"):
                return False
            self.api.get("/api/v1/namespaces/default/serviceaccounts/default")
            nodes = self.api.get("/api/v1/nodes")["items"]
        except (Refused, OSError, http.client.HTTPException):
            return False
        return len(nodes) >= self._nodes and all(_usable(node) for node in nodes)

    def _make_node(self, name: str) -> None:
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }
        notes = {"kwok.x-k8s.io/node": "fake"}
        self.api.create(
            "/api/v1/nodes",
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels, "annotations": notes},
            },
        )

    def _add_etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{port}" for port in free_ports(2))
        command = [
            str(find("etcd")),
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]
        self.add("etcd", command, lambda: self.api.healthy("/health", client))
        return client

    def _add_api_server(self, etcd: str) -> None:
        certificate, key = self.tls
        command = [
            str(find("kube-apiserver")),
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.server.rpartition(':')[2]}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca}",
            f"--service-account-issuer={ISSUER}",
            f"--service-account-key-file={self.accounts_key}",
            f"--service-account-signing-key-file={self.accounts_key}",
            f"--service-cluster-ip-range={SERVICES}",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",  # loopback is no address for an endpoint
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            *self._api_server_flags,
        ]
        self.add("kube-apiserver", command, lambda: self.api.healthy("/readyz"))

    def _add_controller(self, name: str, *flags: str) -> Process:
        (port,) = free_ports(1)
        certificate, key = self.tls
        command = [
            str(find(name)),
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
            "--profiling=false",
            *flags,
        ]
        own = f"https://127.0.0.1:{port}"
        return self.add(name, command, lambda: self.api.healthy("/healthz", own))

    def _add_kwok(self) -> None:
        (port,) = free_ports(1)
        certificate, key = self.tls
        command = [
            str(find("kwok")),
            f"--kubeconfig={self.kubeconfig}",
            f"--config={self._kwok_config()}",
            "--manage-all-nodes=true",
            "--node-ip=127.0.0.1",
            f"--node-port={port}",
            f"--server-address=127.0.0.1:{port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--node-lease-duration-seconds={LEASE}",
        ]
        own = f"https://127.0.0.1:{port}"
        self.add("kwok", command, lambda: self.api.healthy("/healthz", own))

    def _kwok_config(self) -> Path:
        """How kwok's nodes, pods and claims live, and what its pods have logged."""
        self.pod_log.write_text(POD_LOG, encoding="utf-8")
        logs = (
            "apiVersion: kwok.x-k8s.io/v1alpha1\nkind: ClusterLogs\nmetadata: {name: pods}\n"
            f"spec: {{logs: [{{logsFile: {str(self.pod_log)!r}}}]}}\n"
        )
        stages = [*build("kwok").files(), *sorted(STAGES.glob("*.yaml"))]
        texts = [*(path.read_text(encoding="utf-8") for path in stages), logs]
        config = self.directory / "kwok.yaml"
        config.write_text("\n---\n".join(texts), encoding="utf-8")
        return config


def _usable(node: JSON) -> bool:
    """Ready, and no longer tainted for not having been."""
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not node["spec"].get("taints")
