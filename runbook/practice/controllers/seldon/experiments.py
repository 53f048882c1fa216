"""The operator's Experiment controller.

Rule 1: an experiment follows its candidates: it becomes active and inactive with them, without anyone
starting it again. Rule 2: its finalizer goes when the scheduler reported it inactive, when it does
not know it, or not at all. Rule 3: a refusal by the scheduler also leaves a condition `ModelReady`
behind, as upstream does by a wrong constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    finalizers_of,
    key_of,
    name_of,
    uid_of,
)
from runbook.practice.controllers.seldon.conditions import Condition, with_conditions, without
from runbook.practice.controllers.seldon.inventory import (
    Candidate,
    ExperimentSpec,
    FailedPrecondition,
)
from runbook.practice.controllers.seldon.names import EXPERIMENT_FINALIZER, EXPERIMENTS
from runbook.practice.controllers.seldon.operator import Operator, Retries, is_news
from runbook.practice.controllers.seldon.processes import Process
from runbook.practice.controllers.seldon.scheduler import News
from runbook.practice.controllers.writing import add_finalizer, drop_finalizer, write_status

STOP_TAKES = 5.0  # until routes are taken out and the scheduler reports it inactive
CANDIDATES_READY = "CandidatesReady"
MIRROR_READY = "MirrorReady"
EXPERIMENT_READY = "ExperimentReady"
DEPENDENTS = (CANDIDATES_READY, EXPERIMENT_READY, MIRROR_READY)
STRAY = "ModelReady"


class ExperimentController:
    """Part of the operator."""

    def __init__(self, cluster: Cluster, controllers: Controllers, operator: Operator) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._operator = operator
        self._retries = Retries(cluster)
        self._refused: dict[str, int] = {}
        self._stopping: set[str] = set()

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {}

    def observe(self, change: Change) -> Iterable[Key]:
        mine = change.resource == EXPERIMENTS and is_news(change)
        return [key_of(EXPERIMENTS, change.new)] if mine else []

    def replay(self, namespace: str | None) -> None:
        for experiment in self._cluster.select(EXPERIMENTS, namespace):
            self._refused.pop(uid_of(experiment), None)
            self._controllers.queue(self, key_of(EXPERIMENTS, experiment))

    def hear(self, namespace: str, news: News, experiments: Iterable[str]) -> None:
        for name in experiments:
            self._controllers.queue(self, (EXPERIMENTS, namespace, name))

    async def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        experiment = self._cluster.get(EXPERIMENTS, namespace, name)
        if experiment is None or namespace is None or not self._operator.available:
            return None
        if being_deleted(experiment):
            return await self._delete(experiment, namespace)
        if EXPERIMENT_FINALIZER not in finalizers_of(experiment):
            experiment = await add_finalizer(
                self._cluster, EXPERIMENTS, experiment, EXPERIMENT_FINALIZER
            )
        process = self._operator.reach(namespace)
        if process is None:
            return await self._unreachable(experiment, namespace)
        self._retries.clear(uid_of(experiment))
        if self._refused.get(uid_of(experiment)) == _generation(experiment):
            return None
        try:
            self._start(process, experiment)
        except FailedPrecondition as refusal:
            self._refused[uid_of(experiment)] = _generation(experiment)
            self._log("Failed to start experiment", experiment, level="error", error=refusal)
            await self._write_error(experiment, str(refusal))
            return None
        self._operator.publish(process)
        await self._write_status(process, experiment)
        return None

    def _start(self, process: Process, experiment: JSON) -> None:
        spec = experiment_spec(experiment)
        entry = process.book.entries.get(spec.name)
        if entry is None or entry.stopping or entry.spec != spec:
            self._log("Start experiment", experiment)
            process.book.start(spec)

    async def _delete(self, experiment: JSON, namespace: str) -> float | None:
        if EXPERIMENT_FINALIZER not in finalizers_of(experiment):
            return None
        uid = uid_of(experiment)
        process = self._operator.reach(namespace)
        if process is None:
            error = self._operator.dial_error(namespace)
            self._log("Scheduler not ready", experiment, level="error", error=error)
            return self._retries.next_delay(uid)
        try:
            process.book.begin_stop(name_of(experiment))
        except FailedPrecondition:
            self._retries.clear(uid)
            self._refused.pop(uid, None)
            self._log("Removing finalizer", experiment)
            await drop_finalizer(self._cluster, EXPERIMENTS, experiment, EXPERIMENT_FINALIZER)
            return None
        if uid not in self._stopping:
            self._log("Stop experiment", experiment)
            self._finish_later(process, experiment)
        self._operator.publish(process)
        await self._write_status(process, experiment)
        return None

    def _finish_later(self, process: Process, experiment: JSON) -> None:
        """The scheduler reports the stop after a while, if it lives that long."""
        key, uid = key_of(EXPERIMENTS, experiment), uid_of(experiment)
        _, namespace, name = key
        self._stopping.add(uid)

        async def stopped() -> None:
            self._stopping.discard(uid)
            if self._operator.reach(str(namespace)) == process:
                process.book.end_stop(name)
                self._operator.publish(process)
            self._controllers.queue(self, key)

        self._cluster.timeline.after(STOP_TAKES, stopped)

    async def _unreachable(self, experiment: JSON, namespace: str) -> float:
        uid = uid_of(experiment)
        error = self._operator.dial_error(namespace)
        self._log("Scheduler not ready", experiment, level="error", error=error)
        delay = self._retries.next_delay(uid)
        if self._retries.exhausted(uid):
            await self._write_error(experiment, error)
        return delay

    async def _write_status(self, process: Process, experiment: JSON) -> None:
        told = process.book.status(name_of(experiment))
        if told is None:
            return
        if told.generation != _generation(experiment) and not being_deleted(experiment):
            return
        ready, not_ready = "ready", "not ready"
        said = [
            Condition(
                CANDIDATES_READY,
                told.candidates_ready,
                f"Candidates {ready if told.candidates_ready else not_ready}",
            ),
            Condition(
                MIRROR_READY,
                told.mirror_ready,
                f"Mirror {ready if told.mirror_ready else not_ready}",
            ),
            Condition(EXPERIMENT_READY, told.active, told.text),
        ]
        await self._write(experiment, said, drop_stray=True)

    async def _write_error(self, experiment: JSON, error: str) -> None:
        said = [Condition(EXPERIMENT_READY, False, error), Condition(STRAY, False, error)]
        await self._write(experiment, said, drop_stray=False)

    async def _write(self, experiment: JSON, said: list[Condition], *, drop_stray: bool) -> None:
        status = dict(experiment.get("status") or {})
        earlier = status.get("conditions") or []
        if drop_stray:
            earlier = without(earlier, [STRAY])
        now = self._cluster.timeline.stamp()
        status["conditions"] = with_conditions(earlier, said, DEPENDENTS, now)
        status["observedGeneration"] = _generation(experiment)
        await write_status(self._cluster, EXPERIMENTS, experiment, status)

    def _log(
        self, message: str, experiment: JSON, *, level: str = "info", **fields: object
    ) -> None:
        metadata = experiment["metadata"]
        names = {"name": metadata["name"], "namespace": metadata["namespace"]}
        self._operator.log("schedulerClient.Experiment", message, level=level, **names, **fields)


def experiment_spec(experiment: JSON) -> ExperimentSpec:
    spec = experiment["spec"]
    return ExperimentSpec(
        name=name_of(experiment),
        candidates=tuple(
            Candidate(str(c["name"]), int(c.get("weight") or 0))
            for c in spec.get("candidates") or []
        ),
        generation=_generation(experiment),
        default=str(spec.get("default") or ""),
        mirror=str(dig(spec, "mirror", "name", default="")),
        resource_type=str(spec.get("resourceType") or "model"),
    )


def _generation(experiment: JSON) -> int:
    return int(dig(experiment, "metadata", "generation", default=1))
