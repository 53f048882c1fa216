"""What a SeldonRuntime is made of: from its spec and the SeldonConfig to the objects it wants. Pure.

Rule 1: an override whose name is no component is ignored without complaint. Rule 2: Services exist
even where a component has no replicas or is disabled; an override entry replaces the Service's type
by its own, empty meaning ClusterIP. Rule 3: a component with claim templates is a StatefulSet.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import yaml

from runbook.practice.apiserver.patch import strategic_merge_patch
from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig
from runbook.practice.controllers.seldon.defaults import components as release_components
from runbook.practice.controllers.seldon.names import (
    AGENT_CONFIG,
    AGENT_CONFIG_KEY,
    DEFAULT_RCLONE_SECRET,
    ENVOY,
    MESH,
    NAME_LABEL,
    SCHEDULER,
)

CONDITIONS = {
    SCHEDULER: "SchedulerReady",
    "seldon-dataflow-engine": "DataflowEngineReady",
    "seldon-modelgateway": "ModelGatewayReady",
    "seldon-pipelinegateway": "PipelineGatewayReady",
    ENVOY: "EnvoyReady",
    "hodometer": "HodometerReady",
}
_SCHEDULER_PORTS = {
    "xds": 9002,
    "scheduler": 9004,
    "scheduler-mtls": 9044,
    "agent": 9005,
    "agent-mtls": 9055,
    "dataflow": 9008,
}


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the runtime after its override; `workload` is None while it is disabled."""

    name: str
    condition: str
    resource: str
    replicas: int
    workload: JSON | None


def wanted_components(runtime: JSON, config: JSON) -> list[Component]:
    described = {part["name"]: part for part in dig(config, "spec", "components", default=[])}
    overrides = {entry["name"]: entry for entry in dig(runtime, "spec", "overrides", default=[])}
    return [
        _component(described.get(part["name"], part), overrides.get(part["name"], {}))
        for part in release_components()
    ]


def _component(part: JSON, override: JSON) -> Component:
    name = part["name"]
    replicas = next(
        (r for r in (override.get("replicas"), part.get("replicas")) if r is not None), 1
    )
    claims = part.get("volumeClaimTemplates") or []
    workload = None
    if not override.get("disable"):
        workload = _workload(name, _pod_spec(part, override), int(replicas), claims)
    resource = "statefulsets.apps" if claims else "deployments.apps"
    return Component(name, CONDITIONS[name], resource, int(replicas), workload)


def _pod_spec(part: JSON, override: JSON) -> JSON:
    base: JSON = copy.deepcopy(part["podSpec"])
    return merged_pod_spec(base, override.get("podSpec"))


def merged_pod_spec(base: JSON, override: JSON | None) -> JSON:
    """A podSpec with another laid over it, containers by their names."""
    if not override:
        return base
    merged: JSON = strategic_merge_patch({"spec": base}, {"spec": override}, "Pod")["spec"]
    return merged


def _workload(name: str, pod_spec: JSON, replicas: int, claims: list[JSON]) -> JSON:
    labels = {NAME_LABEL: name, "app": name}
    spec: JSON = {
        "replicas": replicas,
        "selector": {"matchLabels": {NAME_LABEL: name}},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec},
    }
    if claims:
        spec |= {"serviceName": name, "volumeClaimTemplates": claims}
    kind = "StatefulSet" if claims else "Deployment"
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def wanted_services(runtime: JSON, config: JSON) -> list[JSON]:
    overrides = {entry["name"]: entry for entry in dig(runtime, "spec", "overrides", default=[])}
    usual = (
        dig(runtime, "spec", "config", "serviceConfig", "serviceType")
        or dig(config, "spec", "config", "serviceConfig", "serviceType")
        or "LoadBalancer"
    )

    def type_of(component: str) -> str:
        if component in overrides:
            return overrides[component].get("serviceType") or "ClusterIP"
        return str(usual)

    mesh = _service(MESH, ENVOY, {"http": (80, 9000), "envoy-stats": (9003, 9003)})
    mesh["spec"]["type"] = type_of(ENVOY)
    scheduler = _service(
        SCHEDULER, SCHEDULER, {name: (port, port) for name, port in _SCHEDULER_PORTS.items()}
    )
    scheduler["spec"]["type"] = type_of(SCHEDULER)
    gateway = "seldon-pipelinegateway"
    pipelines = _service(gateway, gateway, {"http": (9010, 9010), "grpc": (9011, 9011)})
    pipelines["spec"] |= {"type": "ClusterIP", "clusterIP": "None"}
    return [mesh, scheduler, pipelines]


def _service(name: str, component: str, ports: dict[str, tuple[int, int]]) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": {NAME_LABEL: name}},
        "spec": {
            "selector": {NAME_LABEL: component},
            "ports": [
                {"name": port, "port": outside, "targetPort": inside, "protocol": "TCP"}
                for port, (outside, inside) in ports.items()
            ],
        },
    }


def wanted_config_maps(runtime: JSON, config: JSON) -> list[JSON]:
    """seldon-agent names the rclone secrets: the runtime's own and the configuration's together."""
    path = ("spec", "config", "agentConfig", "rclone")
    secrets = dig(config, *path, "config_secrets", default=[DEFAULT_RCLONE_SECRET])
    secrets = [*secrets, *dig(runtime, *path, "config_secrets", default=[])]
    inline = [*dig(config, *path, "config", default=[]), *dig(runtime, *path, "config", default=[])]
    rclone: JSON = {"config_secrets": list(dict.fromkeys(secrets))}
    if inline:
        rclone["config"] = inline
    return [
        _config_map(AGENT_CONFIG, AGENT_CONFIG_KEY, {"rclone": rclone}),
        _config_map("seldon-kafka", "kafka.json", _setting(runtime, config, "kafkaConfig")),
        _config_map("seldon-tracing", "tracing.json", _setting(runtime, config, "tracingConfig")),
    ]


def _setting(runtime: JSON, config: JSON, name: str) -> JSON:
    return {
        **dig(config, "spec", "config", name, default={}),
        **dig(runtime, "spec", "config", name, default={}),
    }


def _config_map(name: str, key: str, content: JSON) -> JSON:
    text = yaml.safe_dump(content, sort_keys=True)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {key: text},
    }


def wanted_accounts(namespace: str) -> list[tuple[str, JSON]]:
    """(resource, object): the accounts the pods run as, and what they may do."""
    rules = {
        SCHEDULER: [_rule("", ["secrets", "configmaps"], ["get", "list", "watch"])],
        "seldon-server": [_rule("", ["secrets", "configmaps"], ["get", "list", "watch"])],
        "hodometer": [_rule("", ["nodes"], ["get", "list"])],
    }
    wanted: list[tuple[str, JSON]] = []
    for account, allowed in rules.items():
        metadata = {"name": account}
        wanted += [
            (
                "serviceaccounts",
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
            ),
            ("roles.rbac.authorization.k8s.io", _role(account, allowed)),
            ("rolebindings.rbac.authorization.k8s.io", _binding(account, namespace)),
        ]
    return wanted


def _rule(group: str, resources: list[str], verbs: list[str]) -> JSON:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


_RBAC = "rbac.authorization.k8s.io"


def _role(name: str, rules: list[JSON]) -> JSON:
    metadata = {"name": f"{name}-role"}
    return {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": rules}


def _binding(account: str, namespace: str) -> JSON:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{account}-rolebinding"},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": f"{account}-role"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
