"""The operator's SeldonRuntime controller: scheduler, envoy, gateways, their Services and settings.

Rule 1: ready means ready replicas >= wanted ones, so a component scaled to zero is ready; a disabled
one has no condition at all, which leaves `Ready` unknown. Rule 2: the finalizer goes when no Server
is left in the namespace; the children then follow by their owner references.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    dig,
    finalizers_of,
    has_condition,
    is_controlled_by,
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.seldon.children import ensure, terminating
from runbook.practice.controllers.seldon.components import (
    CONDITIONS,
    Component,
    wanted_accounts,
    wanted_components,
    wanted_config_maps,
    wanted_services,
)
from runbook.practice.controllers.seldon.conditions import (
    READY,
    Condition,
    with_conditions,
    without,
)
from runbook.practice.controllers.seldon.names import (
    OPERATOR_NAMESPACE,
    RUNTIME_FINALIZER,
    RUNTIMES,
    SELDON_CONFIGS,
    SERVERS,
)
from runbook.practice.controllers.seldon.operator import Operator, Retries, is_news
from runbook.practice.controllers.seldon.scheduler import News
from runbook.practice.controllers.writing import add_finalizer, drop_finalizer, write_status

SOURCE = "seldon-v2-controller-manager"
_CHILDREN = frozenset(
    {"statefulsets.apps", "deployments.apps", "services", "configmaps", "serviceaccounts"}
)


class RuntimeController:
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
        if change.resource == RUNTIMES:
            return [key_of(RUNTIMES, change.new)] if is_news(change) else []
        if change.resource in _CHILDREN:
            return controller_key(change.new, "SeldonRuntime", RUNTIMES)
        if change.resource == SERVERS and change.type == "DELETED":
            return self._keys(namespace_of(change.new))
        if change.resource == SELDON_CONFIGS and is_news(change):
            return self._keys(None)
        return []

    def replay(self, namespace: str | None) -> None:
        for key in self._keys(namespace):
            self._controllers.queue(self, key)

    def hear(self, namespace: str, news: News, experiments: Iterable[str]) -> None:
        """Scheduler events say nothing about the runtime."""

    def _keys(self, namespace: str | None) -> list[Key]:
        return [key_of(RUNTIMES, runtime) for runtime in self._cluster.select(RUNTIMES, namespace)]

    async def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        runtime = self._cluster.get(RUNTIMES, namespace, name)
        if runtime is None or namespace is None or not self._operator.available:
            return None
        if being_deleted(runtime):
            return await self._delete(runtime, namespace)
        if RUNTIME_FINALIZER not in finalizers_of(runtime):
            runtime = await add_finalizer(self._cluster, RUNTIMES, runtime, RUNTIME_FINALIZER)
        if terminating(self._cluster, namespace):
            return None
        config_name = str(dig(runtime, "spec", "seldonConfig", default=""))
        config = self._cluster.get(SELDON_CONFIGS, OPERATOR_NAMESPACE, config_name)
        if config is None:
            self._log(runtime, f'SeldonConfig.mlops.seldon.io "{config_name}" not found')
            return self._retries.next_delay(uid_of(runtime))
        self._retries.clear(uid_of(runtime))
        await self._settings(runtime, config)
        workloads = [await self._workload(runtime, c) for c in wanted_components(runtime, config)]
        await self._write(runtime, [condition for condition in workloads if condition])
        return None

    async def _delete(self, runtime: JSON, namespace: str) -> float | None:
        if RUNTIME_FINALIZER not in finalizers_of(runtime):
            return None
        if self._cluster.select(SERVERS, namespace):
            text = f"Runtime is being deleted but servers still running in namespace {namespace}"
            self._log(runtime, text)
            return self._retries.next_delay(uid_of(runtime))
        self._retries.clear(uid_of(runtime))
        await drop_finalizer(self._cluster, RUNTIMES, runtime, RUNTIME_FINALIZER)
        return None

    async def _settings(self, runtime: JSON, config: JSON) -> None:
        for resource, obj in wanted_accounts(str(namespace_of(runtime))):
            await ensure(self._cluster, resource, runtime, obj)
        for obj in wanted_config_maps(runtime, config):
            await ensure(self._cluster, "configmaps", runtime, obj)
        for obj in wanted_services(runtime, config):
            await ensure(self._cluster, "services", runtime, obj)

    async def _workload(self, runtime: JSON, component: Component) -> Condition | None:
        if component.workload is None:
            await self._remove(runtime, component)
            return None
        live = await ensure(self._cluster, component.resource, runtime, component.workload)
        ready = int(dig(live, "status", "readyReplicas", default=0)) >= component.replicas
        matches = "matches" if ready else "does not match"
        kind = component.workload["kind"]
        return Condition(component.condition, ready, f"{kind} replicas {matches} desired replicas")

    async def _remove(self, runtime: JSON, component: Component) -> None:
        live = self._cluster.get(component.resource, namespace_of(runtime), component.name)
        if live is not None and is_controlled_by(live, runtime) and not being_deleted(live):
            await self._cluster.delete(component.resource, namespace_of(live), component.name)

    async def _write(self, runtime: JSON, said: list[Condition]) -> None:
        present = [condition.type for condition in said]
        absent = [type_ for type_ in CONDITIONS.values() if type_ not in present]
        status = dict(runtime.get("status") or {})
        earlier = without(status.get("conditions") or [], absent)
        now = self._cluster.timeline.stamp()
        status["conditions"] = with_conditions(earlier, said, sorted(CONDITIONS.values()), now)
        status["observedGeneration"] = dig(runtime, "metadata", "generation", default=1)
        was_ready = has_condition(runtime, READY)
        written = await write_status(self._cluster, RUNTIMES, runtime, status)
        ready, name = has_condition(written, READY), name_of(runtime)
        if ready and not was_ready:
            text = f"SeldonRuntime [{name}] is Ready"
            await self._events.record(written, "RuntimeReady", text, source=SOURCE)
        elif was_ready and not ready:
            text = f"SeldonRuntime [{name}] is no longer Ready"
            await self._events.record(
                written, "SeldonRuntimeNotReady", text, "Warning", source=SOURCE
            )

    def _log(self, runtime: JSON, message: str) -> None:
        name, namespace = name_of(runtime), namespace_of(runtime)
        self._operator.log("SeldonRuntime", message, level="error", name=name, namespace=namespace)
