"""The operator's Server controller: a StatefulSet of model servers, a Service per replica, the status.

Rule 1: ServerConfigs are looked up in the operator's namespace only, by the name as written.
Rule 2: `capabilities` replaces the configuration's list, `extraCapabilities` adds to it; the list
reaches the scheduler through the agent's environment, so a change restarts the pods.
Rule 3: a Server has no finalizer: it is gone at once, its pods take their time.
Rule 4: the status is written only while the scheduler can be told of the server.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    dig,
    has_condition,
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.seldon.children import ensure, remove_others, terminating
from runbook.practice.controllers.seldon.components import merged_pod_spec
from runbook.practice.controllers.seldon.conditions import Condition, with_conditions
from runbook.practice.controllers.seldon.names import (
    AGENT,
    CAPABILITIES_VARIABLE,
    NAME_LABEL,
    OPERATOR_NAMESPACE,
    SERVER_CONFIGS,
    SERVER_LABEL,
    SERVER_POD_NAME,
    SERVERS,
)
from runbook.practice.controllers.seldon.operator import Operator, Retries, is_news
from runbook.practice.controllers.seldon.processes import Process
from runbook.practice.controllers.seldon.scheduler import News
from runbook.practice.controllers.writing import write_status

STATEFUL_SETS = "statefulsets.apps"
STATEFUL_SET_READY = "StatefulSetReady"
SOURCE = "seldon-v2-controller-manager"


class ServerController:
    """Part of the operator."""

    def __init__(
        self, cluster: Cluster, controllers: Controllers, operator: Operator, events: EventRecorder
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._operator = operator
        self._events = events
        self._retries = Retries(cluster)

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {}

    def observe(self, change: Change) -> Iterable[Key]:
        if change.resource == SERVERS and is_news(change):
            return [key_of(SERVERS, change.new)]
        if change.resource in {STATEFUL_SETS, "services"}:
            return controller_key(change.new, "Server", SERVERS)
        if change.resource == SERVER_CONFIGS and is_news(change):
            return [key_of(SERVERS, server) for server in self._cluster.select(SERVERS)]
        return []

    def replay(self, namespace: str | None) -> None:
        for server in self._cluster.select(SERVERS, namespace):
            self._controllers.queue(self, key_of(SERVERS, server))

    def hear(self, namespace: str, news: News, experiments: Iterable[str]) -> None:
        for name in sorted(news.servers):
            self._controllers.queue(self, (SERVERS, namespace, name))

    async def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        if namespace is None or not self._operator.available:
            return None
        process = self._operator.reach(namespace)
        server = self._cluster.get(SERVERS, namespace, name)
        if server is None or being_deleted(server):
            if process is not None and not self._has_namesake(process, namespace, name):
                self._tell(process, name, 0)
            return None
        if terminating(self._cluster, namespace):
            return None
        try:
            stateful_set = await self._children(server)
        except ServerConfigMissing as missing:
            await self._write(server, Condition(STATEFUL_SET_READY, False, str(missing)), process)
            return self._retries.next_delay(uid_of(server))
        except ApiError as refusal:
            if refusal.reason != "Invalid":
                raise
            await self._write(server, Condition(STATEFUL_SET_READY, False, str(refusal)), process)
            return self._retries.next_delay(uid_of(server))
        if process is None:
            return await self._unreachable(server, namespace)
        self._retries.clear(uid_of(server))
        self._tell(process, name, _wanted(server))
        await self._write(server, _readiness(stateful_set, _wanted(server)), process)
        return None

    def _has_namesake(self, process: Process, namespace: str, name: str) -> bool:
        """Whether a Server of this name elsewhere still speaks for it: a name is all they have."""
        return any(
            name_of(other) == name and self._operator.reach(str(namespace_of(other))) == process
            for other in self._cluster.select(SERVERS)
            if namespace_of(other) != namespace and not being_deleted(other)
        )

    def _tell(self, process: Process, name: str, replicas: int) -> None:
        known = process.scheduler.servers.get(name)
        if (known.expected_replicas if known else None) != replicas and (known or replicas):
            process.scheduler.expect_server(name, replicas)
            self._operator.publish(process)

    async def _children(self, server: JSON) -> JSON:
        config_name = str(dig(server, "spec", "serverConfig", default=""))
        config = self._cluster.get(SERVER_CONFIGS, OPERATOR_NAMESPACE, config_name)
        if config is None:
            raise ServerConfigMissing(config_name)
        wanted = stateful_set_of(server, config)
        stateful_set = await ensure(self._cluster, STATEFUL_SETS, server, wanted)
        services = [_service(server, index) for index in range(_wanted(server))]
        for service in services:
            await ensure(self._cluster, "services", server, service)
        keep = {name_of(service) for service in services}
        await remove_others(self._cluster, "services", server, keep)
        return stateful_set

    async def _unreachable(self, server: JSON, namespace: str) -> float:
        uid = uid_of(server)
        error = self._operator.dial_error(namespace)
        self._operator.log(
            "Server",
            "Scheduler not ready",
            level="error",
            name=name_of(server),
            namespace=namespace,
            error=error,
        )
        delay = self._retries.next_delay(uid)
        unheard = dig(server, "status", "observedGeneration") != server["metadata"].get(
            "generation"
        )
        if unheard and self._retries.exhausted(uid):
            await self._write(server, Condition(STATEFUL_SET_READY, False, error), None)
        return delay

    async def _write(self, server: JSON, said: Condition, process: Process | None) -> None:
        name = name_of(server)
        status = dict(server.get("status") or {})
        now = self._cluster.timeline.stamp()
        status["conditions"] = with_conditions(
            status.get("conditions") or [], [said], [STATEFUL_SET_READY], now
        )
        status["observedGeneration"] = dig(server, "metadata", "generation", default=1)
        status["replicas"] = _wanted(server)
        status["selector"] = f"{SERVER_LABEL}={name}"
        loaded = process.scheduler.loaded_models(name) if process is not None else None
        status["loadedModels"] = loaded if loaded is not None else status.get("loadedModels", 0)
        was_ready = has_condition(server, "Ready")
        written = await write_status(self._cluster, SERVERS, server, status)
        if said.true and not was_ready:
            await self._events.record(
                written, "ServerReady", f"Server [{name}] is Ready", source=SOURCE
            )
        elif was_ready and not said.true:
            text = f"Server [{name}] is no longer Ready"
            await self._events.record(written, "ServerNotReady", text, "Warning", source=SOURCE)


class ServerConfigMissing(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f'ServerConfig.mlops.seldon.io "{name}" not found')


def stateful_set_of(server: JSON, config: JSON) -> JSON:
    """The StatefulSet a Server wants: the configuration's pod with the Server's own laid over it."""
    name = name_of(server)
    pod_spec = copy.deepcopy(config["spec"]["podSpec"])
    pod_spec = merged_pod_spec(pod_spec, dig(server, "spec", "podSpec"))
    _set_capabilities(pod_spec, server["spec"])
    labels = {SERVER_LABEL: name, NAME_LABEL: SERVER_POD_NAME}
    spec: JSON = {
        "replicas": _wanted(server),
        "serviceName": name,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec},
    }
    claims = dig(config, "spec", "volumeClaimTemplates", default=[])
    if claims:
        spec["volumeClaimTemplates"] = claims
    retention = dig(server, "spec", "statefulSetPersistentVolumeClaimRetentionPolicy")
    if retention:
        spec["persistentVolumeClaimRetentionPolicy"] = retention
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


def _set_capabilities(pod_spec: JSON, spec: JSON) -> None:
    agent = next((c for c in pod_spec["containers"] if c["name"] == AGENT), None)
    if agent is None:
        return
    variables = agent.setdefault("env", [])
    variable = next((v for v in variables if v["name"] == CAPABILITIES_VARIABLE), None)
    if variable is None:
        variable = {"name": CAPABILITIES_VARIABLE, "value": ""}
        variables.append(variable)
    present = [c for c in str(variable.get("value", "")).split(",") if c]
    wanted = [*(spec.get("capabilities") or present), *(spec.get("extraCapabilities") or [])]
    variable["value"] = ",".join(wanted)


def _service(server: JSON, index: int) -> JSON:
    pod = f"{name_of(server)}-{index}"
    ports = {"server-http": 9000, "server-grpc": 9500, "server-agent": 9005}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": pod, "labels": {SERVER_LABEL: name_of(server)}},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "selector": {"statefulset.kubernetes.io/pod-name": pod},
            "ports": [
                {"name": name, "port": port, "targetPort": port, "protocol": "TCP"}
                for name, port in ports.items()
            ],
        },
    }


def _readiness(stateful_set: JSON, wanted: int) -> Condition:
    ready = int(dig(stateful_set, "status", "readyReplicas", default=0)) >= wanted
    matches = "matches" if ready else "does not match"
    return Condition(STATEFUL_SET_READY, ready, f"StatefulSet replicas {matches} desired replicas")


def _wanted(server: JSON) -> int:
    replicas = dig(server, "spec", "replicas")
    return int(replicas) if replicas is not None else 1
