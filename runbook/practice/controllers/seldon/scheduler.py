"""The scheduler's mind: what it knows, and what each message makes it decide. No time, no input, no output.

Messages come in as method calls (from the operator and from agents); what is to be told to agents
and who has news waits in `outbox` and `news` until the process around it takes them.
Rule 1: a model that could not be placed or loaded is tried again only when any agent comes or goes,
or with a new generation; nothing retries by the clock.
Rule 2: an older version serves until the newest is available; then it is unloaded.
Rule 3: routes are written with the state: a loaded replica is available at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from runbook.practice.controllers.seldon.filters import NO_REPLICA, NO_SERVER, memory_used, suits
from runbook.practice.controllers.seldon.inventory import (
    LEAVING,
    LIVE,
    LOADING,
    AgentReplica,
    FailedPrecondition,
    ModelEntry,
    ModelSpec,
    ModelState,
    ModelStatus,
    ModelVersion,
    ReplicaState,
    ReplicaStatus,
    ServerEntry,
    VersionRef,
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """For the agent of one server replica: load or unload this version."""

    server: str
    index: int
    ref: VersionRef
    load: bool
    spec: ModelSpec


@dataclass(slots=True)
class News:
    """Whose status changed since it was last taken."""

    models: set[str] = field(default_factory=set)
    servers: set[str] = field(default_factory=set)


class Scheduler:
    """Servers, models and their placement."""

    def __init__(self) -> None:
        self.servers: dict[str, ServerEntry] = {}
        self.models: dict[str, ModelEntry] = {}
        self.outbox: list[Instruction] = []
        self.news = News()
        self._order = itertools.count(1)

    # -- said by the operator ------------------------------------------------------------------

    def expect_server(self, name: str, replicas: int) -> None:
        """How many replicas the Server object wants; 0 when it is gone."""
        server = self.servers.setdefault(name, ServerEntry(name))
        server.expected_replicas = replicas
        if replicas == 0 and not server.replicas:
            del self.servers[name]

    def load_model(self, spec: ModelSpec) -> None:
        """Accept a model, or its next version. Raises FailedPrecondition."""
        if "." in spec.name:
            raise FailedPrecondition(f"Model name '{spec.name}' is not valid: it has a dot in it")
        entry = self.models.get(spec.name)
        if entry is not None and entry.deleted and not entry.gone:
            raise FailedPrecondition(
                f"Model {spec.name} is in process of deletion - new model can not be created"
            )
        if entry is None or entry.gone:
            self.models[spec.name] = entry = ModelEntry([ModelVersion(1, spec)])
        elif entry.newest.spec.loads_like(spec):
            entry.newest.spec = spec
        else:
            entry.versions.append(ModelVersion(entry.newest.number + 1, spec))
        self._place(entry)

    def unload_model(self, name: str) -> None:
        entry = self.models.get(name)
        if entry is None:
            raise FailedPrecondition(f"Model {name} not found")
        if not entry.deleted:
            entry.deleted = True
            for version in entry.versions:
                self._unload(version)
            self._settle(entry)

    # -- said by agents ------------------------------------------------------------------------

    def holds(self, server: str, index: int, pod_uid: str) -> bool:
        """Whether another pod is connected under this name and index: the newcomer has to wait."""
        known = self.servers.get(server)
        replica = known.replicas.get(index) if known else None
        return replica is not None and replica.pod_uid != pod_uid

    def agent_subscribed(
        self, server: str, replica: AgentReplica, loaded: Sequence[tuple[VersionRef, ModelSpec]]
    ) -> None:
        entry = self.servers.setdefault(server, ServerEntry(server))
        entry.shared = True
        entry.replicas[replica.index] = replica
        self.news.servers.add(server)
        for ref, spec in loaded:
            self._adopt(server, replica.index, ref, spec)
        self._try_failed_again()

    def agent_left(self, server: str, index: int) -> None:
        known = self.servers.get(server)
        if known is None or known.replicas.pop(index, None) is None:
            return
        if known.expected_replicas == 0 and not known.replicas:
            del self.servers[server]
        self.news.servers.add(server)
        for entry in self.models.values():
            lost = [
                version
                for version in entry.versions
                if version.server == server and version.replicas.pop(index, None) is not None
            ]
            if lost and not entry.deleted:
                self._place(entry)
            elif lost:
                self._settle(entry)
        self._try_failed_again()

    def model_event(
        self, server: str, index: int, ref: VersionRef, state: ReplicaState | None, reason: str = ""
    ) -> None:
        """An agent's report about a version; a state of None means unloaded."""
        entry = self.models.get(ref.model)
        version = _find(entry, ref.version)
        if entry is None or version is None or version.server != server:
            return
        if index not in version.replicas:
            return
        if state is None:
            del version.replicas[index]
        else:
            self._set(version, index, state, reason)
        self._settle(entry)

    # -- asked -----------------------------------------------------------------------------------

    def model_status(self, name: str) -> ModelStatus | None:
        entry = self.models.get(name)
        if entry is None:
            return None
        newest = entry.newest
        available = len(newest.available)
        return ModelStatus(
            generation=newest.spec.generation,
            state=newest.state,
            reason=newest.reason,
            available=available,
            unavailable=0 if entry.deleted else max(0, newest.spec.replicas - available),
            server=newest.server,
            version=newest.number,
        )

    def is_available(self, name: str) -> bool:
        entry = self.models.get(name)
        return entry is not None and not entry.deleted and entry.serving is not None

    def loaded_models(self, server: str) -> int:
        """Models with an available version on this server, as the Server's status counts them."""
        return sum(
            any(v.server == server and v.available for v in entry.versions)
            for entry in self.models.values()
        )

    # -- decided ---------------------------------------------------------------------------------

    def restart(self) -> None:
        """A new process on the old volume: the models are remembered, who is connected is not."""
        self.servers.clear()
        self.outbox.clear()
        for entry in self.models.values():
            for version in entry.versions:
                version.replicas.clear()
            self._settle(entry)

    def _place(self, entry: ModelEntry) -> None:
        """Find replicas for the newest version, as many as are wanted."""
        version, spec = entry.newest, entry.newest.spec
        for index in version.in_state({ReplicaState.LOAD_FAILED}):
            del version.replicas[index]
        suitable = [server for server in self._by_preference(entry) if suits(server, spec)]
        for server in suitable:
            chosen = self._choose(entry, server)
            if len(chosen) >= spec.replicas or 0 < spec.min_replicas <= len(chosen):
                version.state = ModelState.PROGRESSING
                self._assign(version, server.name, chosen)
                self._settle(entry)
                return
        version.state = ModelState.SCHEDULE_FAILED
        version.reason = NO_REPLICA if suitable else NO_SERVER
        if not version.in_state(LIVE):
            version.server = ""
        self.news.models.add(spec.name)

    def _by_preference(self, entry: ModelEntry) -> list[ServerEntry]:
        """The server that already has the model first, then by name."""
        has_it = {version.server for version in entry.versions}
        return sorted(self.servers.values(), key=lambda s: (s.name not in has_it, s.name))

    def _choose(self, entry: ModelEntry, server: ServerEntry) -> list[int]:
        version, spec = entry.newest, entry.newest.spec
        kept = version.in_state(LIVE) if version.server == server.name else []
        free = [
            replica.index
            for replica in server.replicas.values()
            if replica.index not in kept
            and memory_used(self.models.values(), server.name, replica.index) + spec.memory
            <= replica.memory
        ]
        return [*kept, *sorted(free)][: spec.replicas]

    def _assign(self, version: ModelVersion, server: str, chosen: Sequence[int]) -> None:
        if version.server != server:
            self._unload(version)
            version.server = server
        for index in version.in_state(LIVE):
            if index not in chosen:
                self._tell_unload(version, index)
        for index in chosen:
            if index not in version.replicas:
                self._set(version, index, ReplicaState.LOAD_REQUESTED)
                self.outbox.append(Instruction(server, index, version.ref, True, version.spec))

    def _unload(self, version: ModelVersion) -> None:
        for index in version.in_state({ReplicaState.LOAD_FAILED}):
            del version.replicas[index]
        for index in version.in_state(LIVE):
            self._tell_unload(version, index)

    def _tell_unload(self, version: ModelVersion, index: int) -> None:
        self._set(version, index, ReplicaState.UNLOAD_REQUESTED)
        self.outbox.append(Instruction(version.server, index, version.ref, False, version.spec))

    def _settle(self, entry: ModelEntry) -> None:
        """Derive the states from the replicas, and let older versions go once they may."""
        for version in entry.versions:
            wanted = version is entry.newest and not entry.deleted
            state, reason = _state_of(version, entry) if wanted else _state_leaving(version)
            if version.state is not ModelState.SCHEDULE_FAILED or version.replicas or not wanted:
                version.state, version.reason = state, reason
        if entry.newest.state is ModelState.AVAILABLE:
            for version in entry.older:
                self._unload(version)
        entry.versions = [v for v in entry.versions if v is entry.newest or v.replicas]
        self.news.models.add(entry.newest.spec.name)
        self.news.servers |= {version.server for version in entry.versions if version.server}

    def _set(
        self, version: ModelVersion, index: int, state: ReplicaState, reason: str = ""
    ) -> None:
        version.replicas[index] = ReplicaStatus(state, reason, next(self._order))

    def _try_failed_again(self) -> None:
        for name in sorted(self.models):
            entry = self.models[name]
            unplaced = not entry.newest.replicas
            if not entry.deleted and (unplaced or entry.newest.state in _TRIED_AGAIN):
                self._place(entry)

    def _adopt(self, server: str, index: int, ref: VersionRef, spec: ModelSpec) -> None:
        """An agent brought a version along that it had loaded before it connected."""
        entry = self.models.get(ref.model)
        if entry is None:
            entry = self.models[ref.model] = ModelEntry([ModelVersion(ref.version, spec)])
        version = _find(entry, ref.version)
        if version is None or not version.spec.loads_like(spec):
            self.outbox.append(Instruction(server, index, ref, False, spec))
            return
        version.server = server
        self._set(version, index, ReplicaState.AVAILABLE)
        if entry.deleted:
            self._tell_unload(version, index)
        self._settle(entry)


_TRIED_AGAIN = frozenset({ModelState.SCHEDULE_FAILED, ModelState.FAILED})


def _find(entry: ModelEntry | None, number: int) -> ModelVersion | None:
    versions = entry.versions if entry is not None else []
    return next((version for version in versions if version.number == number), None)


def _state_of(version: ModelVersion, entry: ModelEntry) -> tuple[ModelState, str]:
    failures = [s for s in version.replicas.values() if s.state is ReplicaState.LOAD_FAILED]
    if failures:
        return ModelState.FAILED, max(failures, key=lambda status: status.order).reason
    available, spec = len(version.available), version.spec
    enough = available == spec.replicas or 0 < spec.min_replicas <= available
    if enough or (available and any(older.available for older in entry.older)):
        return ModelState.AVAILABLE, ""
    return ModelState.PROGRESSING, ""


def _state_leaving(version: ModelVersion) -> tuple[ModelState, str]:
    failed = [s for s in version.replicas.values() if s.state is ReplicaState.UNLOAD_FAILED]
    if failed:
        return ModelState.TERMINATE_FAILED, failed[-1].reason
    if version.in_state(LEAVING | LOADING | {ReplicaState.AVAILABLE}):
        return ModelState.TERMINATING, ""
    return ModelState.TERMINATED, ""
