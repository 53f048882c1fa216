"""The operator's Model controller: finalizer, load and unload calls, and the status from scheduler events.

Rule 1: a finalizer goes only when the scheduler answered, or refused for good. Rule 2: a status
event of another generation than the object's is dropped. Rule 3: in a condition the state's name is
in `message` and the free text in `reason` (the setter's arguments are the wrong way round upstream).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    finalizers_of,
    has_condition,
    key_of,
    name_of,
    uid_of,
)
from runbook.practice.controllers.seldon.conditions import Condition, with_conditions
from runbook.practice.controllers.seldon.inventory import (
    FailedPrecondition,
    ModelSpec,
    ModelState,
    ModelStatus,
)
from runbook.practice.controllers.seldon.names import MODEL_FINALIZER, MODELS
from runbook.practice.controllers.seldon.operator import Operator, Retries, is_news
from runbook.practice.controllers.seldon.processes import Process
from runbook.practice.controllers.seldon.scheduler import News
from runbook.practice.controllers.writing import add_finalizer, drop_finalizer, write_status
from runbook.quantities import parse_quantity

MODEL_READY = "ModelReady"
LETS_GO = frozenset(
    {
        ModelState.TERMINATED,
        ModelState.TERMINATE_FAILED,
        ModelState.FAILED,
        ModelState.SCHEDULE_FAILED,
    }
)


class ModelController:
    """Part of the operator."""

    def __init__(
        self, cluster: Cluster, controllers: Controllers, operator: Operator, events: EventRecorder
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._operator = operator
        self._events = events
        self._retries = Retries(cluster)
        self._refused: dict[str, int] = {}  # uid -> the generation the scheduler will not have

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {}

    def observe(self, change: Change) -> Iterable[Key]:
        return [key_of(MODELS, change.new)] if change.resource == MODELS and is_news(change) else []

    def replay(self, namespace: str | None) -> None:
        for model in self._cluster.select(MODELS, namespace):
            self._refused.pop(uid_of(model), None)
            self._controllers.queue(self, key_of(MODELS, model))

    def hear(self, namespace: str, news: News, experiments: Iterable[str]) -> None:
        for name in sorted(news.models):
            self._controllers.queue(self, (MODELS, namespace, name))

    async def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        model = self._cluster.get(MODELS, namespace, name)
        if model is None or namespace is None or not self._operator.available:
            return None
        if being_deleted(model):
            return await self._delete(model, namespace)
        if MODEL_FINALIZER not in finalizers_of(model):
            model = await add_finalizer(self._cluster, MODELS, model, MODEL_FINALIZER)
        process = self._operator.reach(namespace)
        if process is None:
            return await self._unreachable(model, namespace)
        self._retries.clear(uid_of(model))
        if self._refused.get(uid_of(model)) == _generation(model):
            return None
        try:
            self._load(process, model)
        except FailedPrecondition as refusal:
            self._refused[uid_of(model)] = _generation(model)
            self._log("Failed to load model", model, level="error", error=refusal)
            await self._write(model, ModelState.FAILED, f"{_PRECONDITION}{refusal}")
            return None
        status = process.scheduler.model_status(name)
        self._operator.publish(process)
        if status is not None and status.generation == _generation(model):
            await self._write(model, status.state, status.reason, status)
        return None

    def _load(self, process: Process, model: JSON) -> None:
        """Call LoadModel, unless the scheduler has this very spec already."""
        spec = model_spec(model)
        entry = process.scheduler.models.get(spec.name)
        if entry is None or entry.deleted or entry.newest.spec != spec:
            self._log("Load", model)
            process.scheduler.load_model(spec)

    async def _delete(self, model: JSON, namespace: str) -> float | None:
        if MODEL_FINALIZER not in finalizers_of(model):
            return None
        process = self._operator.reach(namespace)
        if process is None:
            error = self._operator.dial_error(namespace)
            self._log("Scheduler not ready", model, level="error", error=error)
            return self._retries.next_delay(uid_of(model))
        name = name_of(model)
        status = process.scheduler.model_status(name)
        if status is None or not process.scheduler.models[name].deleted:
            self._log("Unload", model)
            try:
                process.scheduler.unload_model(name)
            except FailedPrecondition:
                await self._let_go(model)
                return None
            status = process.scheduler.model_status(name)
        self._operator.publish(process)
        if status is None or status.state in LETS_GO:
            await self._let_go(model)
        else:
            await self._write(model, status.state, status.reason, status)
        return None

    async def _let_go(self, model: JSON) -> None:
        self._retries.clear(uid_of(model))
        self._refused.pop(uid_of(model), None)
        self._log("Removing finalizer", model)
        await drop_finalizer(self._cluster, MODELS, model, MODEL_FINALIZER)

    async def _unreachable(self, model: JSON, namespace: str) -> float:
        """Try again for ever; only after the reconcile's whole time does it show."""
        uid = uid_of(model)
        error = self._operator.dial_error(namespace)
        self._log("Scheduler not ready", model, level="error", error=error)
        delay = self._retries.next_delay(uid)
        if self._retries.exhausted(uid):
            await self._write(model, ModelState.PROGRESSING, error)
        return delay

    async def _write(
        self, model: JSON, state: ModelState, reason: str, told: ModelStatus | None = None
    ) -> None:
        now = self._cluster.timeline.stamp()
        ready = state is ModelState.AVAILABLE
        said = Condition(MODEL_READY, ready, reason=reason, message=state.value)
        status = dict(model.get("status") or {})
        status["conditions"] = with_conditions(
            status.get("conditions") or [], [said], [MODEL_READY], now
        )
        status["observedGeneration"] = _generation(model)
        if told is not None:
            status["replicas"] = told.available + told.unavailable
            status["availableReplicas"] = told.available
            status["selector"] = f"server={told.server}"
        was_ready = has_condition(model, MODEL_READY)
        written = await write_status(self._cluster, MODELS, model, status)
        if ready and not was_ready:
            text = f"Model [{name_of(model)}] is Ready"
            await self._events.record(written, "ModelReady", text, source=SOURCE)
        elif was_ready and not ready:
            text = f"Model [{name_of(model)}] is no longer Ready"
            await self._events.record(written, "ModelNotReady", text, "Warning", source=SOURCE)

    def _log(self, message: str, model: JSON, *, level: str = "info", **fields: object) -> None:
        metadata = model["metadata"]
        names = {"name": metadata["name"], "namespace": metadata["namespace"]}
        self._operator.log("schedulerClient.Model", message, level=level, **names, **fields)


SOURCE = "seldon-v2-controller-manager"
_PRECONDITION = "rpc error: code = FailedPrecondition desc = "


def model_spec(model: JSON) -> ModelSpec:
    """What LoadModel is called with; an absent replica count is minReplicas, or else 1."""
    spec = model["spec"]
    minimum = int(spec.get("minReplicas") or 0)
    replicas = spec.get("replicas")
    return ModelSpec(
        name=name_of(model),
        storage_uri=str(spec.get("storageUri", "")),
        generation=_generation(model),
        requirements=tuple(spec.get("requirements") or ()),
        server=str(spec.get("server") or ""),
        secret_name=str(spec.get("secretName") or ""),
        memory=int(parse_quantity(spec.get("memory"))),
        replicas=int(replicas) if replicas is not None else (minimum or 1),
        min_replicas=minimum,
    )


def _generation(model: JSON) -> int:
    return int(dig(model, "metadata", "generation", default=1))
