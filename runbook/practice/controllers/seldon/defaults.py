"""The SeldonConfig and the ServerConfig that come with release 2.9.1: components, images, ports.

They are ordinary objects of the operator's namespace and are seeded there; the operator falls back on
what is here for a component that the stored SeldonConfig does not describe.
"""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.seldon.names import (
    AGENT,
    CAPABILITIES_VARIABLE,
    DEFAULT_CAPABILITIES,
    DEFAULT_RCLONE_SECRET,
    ENVOY,
    MLSERVER,
    OPERATOR_NAMESPACE,
    RCLONE,
    SCHEDULER,
    SCHEDULER_CONTAINER,
    SCHEDULER_GRACE,
    SCHEDULER_HOST_VARIABLE,
    SCHEDULER_STATE_CLAIM,
    SERVER_GRACE,
)

VERSION = "2.9.1"
API_VERSION = "mlops.seldon.io/v1alpha1"


def seldon_config() -> JSON:
    """SeldonConfig `default`."""
    return {
        "apiVersion": API_VERSION,
        "kind": "SeldonConfig",
        "metadata": {"name": "default", "namespace": OPERATOR_NAMESPACE},
        "spec": {
            "components": components(),
            "config": {
                "agentConfig": {"rclone": {"config_secrets": [DEFAULT_RCLONE_SECRET]}},
                "kafkaConfig": {"bootstrap.servers": "seldon-kafka-bootstrap.seldon-mesh:9092"},
                "serviceConfig": {"serviceType": "LoadBalancer"},
                "tracingConfig": {"disable": True},
            },
        },
    }


def components() -> list[JSON]:
    """The scheduler (it has a volume, so it becomes a StatefulSet) and the Deployments around it."""
    plain = [
        (ENVOY, "envoy", {"http": 9000, "envoy-stats": 9003}),
        ("seldon-modelgateway", "modelgateway", {}),
        (
            "seldon-pipelinegateway",
            "pipelinegateway",
            {"http": 9010, "grpc": 9011, "metrics": 9006},
        ),
        ("seldon-dataflow-engine", "dataflow-engine", {}),
        ("hodometer", "hodometer", {}),
    ]
    scheduler_ports = {
        "xds": 9002,
        "scheduler": 9004,
        "scheduler-mtls": 9044,
        "agent": 9005,
        "agent-mtls": 9055,
        "dataflow": 9008,
    }
    scheduler: JSON = {
        "name": SCHEDULER,
        "replicas": 1,
        "podSpec": {
            "serviceAccountName": SCHEDULER,
            "terminationGracePeriodSeconds": SCHEDULER_GRACE,
            "containers": [
                {
                    **_container(SCHEDULER_CONTAINER, "seldon-scheduler", scheduler_ports),
                    "volumeMounts": [
                        {"name": SCHEDULER_STATE_CLAIM, "mountPath": "/mnt/scheduler"}
                    ],
                }
            ],
        },
        "volumeClaimTemplates": [_claim(SCHEDULER_STATE_CLAIM, "1G")],
    }
    return [scheduler, *(_component(name, container, ports) for name, container, ports in plain)]


def server_config() -> JSON:
    """ServerConfig `mlserver`: the three containers of every model server pod."""
    model_volume = {"name": "mlserver-models", "mountPath": "/mnt/agent"}
    agent_environment = [
        {"name": CAPABILITIES_VARIABLE, "value": ",".join(DEFAULT_CAPABILITIES)},
        {"name": "SELDON_OVERCOMMIT_PERCENTAGE", "value": "10"},
        {"name": SCHEDULER_HOST_VARIABLE, "value": SCHEDULER},
        {"name": "SELDON_SCHEDULER_PORT", "value": "9005"},
        {"name": "MEMORY_REQUEST", "value": "1Gi"},
    ]
    agent_ports = {"http": 9001, "grpc": 9501, "metrics": 9006, "drainer": 9007, "readiness": 9008}
    server_ports = {"server-http": 9000, "server-grpc": 9500, "server-metrics": 8082}
    containers = [
        _container(RCLONE, "seldon-rclone", {"rclone": 5572}),
        {**_container(AGENT, "seldon-agent", agent_ports), "env": agent_environment},
        _container(MLSERVER, "mlserver", server_ports, version="1.7.1"),
    ]
    drain = {"httpGet": {"path": "/terminate", "port": 9007}}
    for container in containers:
        container["volumeMounts"] = [model_volume]
        container["lifecycle"] = {"preStop": drain}
    return {
        "apiVersion": API_VERSION,
        "kind": "ServerConfig",
        "metadata": {"name": "mlserver", "namespace": OPERATOR_NAMESPACE},
        "spec": {
            "podSpec": {
                "serviceAccountName": "seldon-server",
                "terminationGracePeriodSeconds": SERVER_GRACE,
                "containers": containers,
            },
            "volumeClaimTemplates": [_claim("mlserver-models", "1Gi")],
        },
    }


def _component(name: str, container: str, ports: dict[str, int]) -> JSON:
    account = "hodometer" if name == "hodometer" else SCHEDULER
    spec = {
        "serviceAccountName": account,
        "containers": [_container(container, f"seldon-{container}", ports)],
    }
    return {"name": name, "replicas": 1, "podSpec": spec}


def _container(name: str, image: str, ports: dict[str, int], *, version: str = VERSION) -> JSON:
    container: JSON = {"name": name, "image": f"docker.io/seldonio/{image}:{version}"}
    if ports:
        container["ports"] = [
            {"name": port, "containerPort": number, "protocol": "TCP"}
            for port, number in ports.items()
        ]
    return container


def _claim(name: str, size: str) -> JSON:
    return {
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    }
