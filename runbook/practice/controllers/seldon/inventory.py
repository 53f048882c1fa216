"""What the scheduler knows: servers with their connected replicas, models with their versions.

Data and the questions asked of it; nothing here decides. Servers and models are keyed by name alone,
as in the real scheduler, whatever namespaces they are in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class ReplicaState(StrEnum):
    """Of one model version on one server replica."""

    LOAD_REQUESTED = "LoadRequested"
    LOADING = "Loading"
    AVAILABLE = "Available"  # loaded, and its route written
    LOAD_FAILED = "LoadFailed"
    UNLOAD_REQUESTED = "UnloadRequested"
    UNLOADING = "Unloading"
    UNLOAD_FAILED = "UnloadFailed"


LOADING = frozenset({ReplicaState.LOAD_REQUESTED, ReplicaState.LOADING})
LIVE = LOADING | {ReplicaState.AVAILABLE}
LEAVING = frozenset({ReplicaState.UNLOAD_REQUESTED, ReplicaState.UNLOADING})


class ModelState(StrEnum):
    """As the operator hears it; the names are those of the scheduler's API."""

    PROGRESSING = "ModelProgressing"
    AVAILABLE = "ModelAvailable"
    FAILED = "ModelFailed"
    TERMINATING = "ModelTerminating"
    TERMINATED = "ModelTerminated"
    TERMINATE_FAILED = "ModelTerminateFailed"
    SCHEDULE_FAILED = "ScheduleFailed"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A Model as the operator hands it to the scheduler, defaults filled in."""

    name: str
    storage_uri: str
    generation: int = 1
    requirements: tuple[str, ...] = ()
    server: str = ""
    secret_name: str = ""
    memory: int = 0
    replicas: int = 1
    min_replicas: int = 0

    def loads_like(self, other: ModelSpec) -> bool:
        """Whether both ask for the same thing in memory: no new version is needed between them."""
        return _content(self) == _content(other)


def _content(spec: ModelSpec) -> tuple[object, ...]:
    return spec.storage_uri, spec.requirements, spec.server, spec.secret_name, spec.memory


@dataclass(frozen=True, slots=True)
class VersionRef:
    """A version inside a model server, where it is called `model_version`."""

    model: str
    version: int

    def __str__(self) -> str:
        return f"{self.model}:{self.version}"

    @property
    def internal_name(self) -> str:
        return f"{self.model}_{self.version}"


@dataclass(slots=True)
class ReplicaStatus:
    state: ReplicaState
    reason: str = ""
    order: int = 0  # grows with each change, so the newest failure can be told


@dataclass(slots=True)
class ModelVersion:
    number: int
    spec: ModelSpec
    server: str = ""
    replicas: dict[int, ReplicaStatus] = field(default_factory=dict)
    state: ModelState = ModelState.PROGRESSING
    reason: str = ""

    @property
    def ref(self) -> VersionRef:
        return VersionRef(self.spec.name, self.number)

    def in_state(self, states: Iterable[ReplicaState]) -> list[int]:
        wanted = frozenset(states)
        return sorted(index for index, status in self.replicas.items() if status.state in wanted)

    @property
    def available(self) -> list[int]:
        return self.in_state({ReplicaState.AVAILABLE})


@dataclass(slots=True)
class ModelEntry:
    """All versions of one model, oldest first; only the newest is wanted."""

    versions: list[ModelVersion]
    deleted: bool = False

    @property
    def newest(self) -> ModelVersion:
        return self.versions[-1]

    @property
    def older(self) -> list[ModelVersion]:
        return self.versions[:-1]

    @property
    def serving(self) -> ModelVersion | None:
        """The version requests go to: the newest that is loaded anywhere."""
        return next((version for version in reversed(self.versions) if version.available), None)

    @property
    def gone(self) -> bool:
        return self.deleted and not any(version.replicas for version in self.versions)


@dataclass(frozen=True, slots=True)
class AgentReplica:
    """One connected agent: which pod it is, and what it can take."""

    index: int
    pod_uid: str
    namespace: str
    capabilities: tuple[str, ...]
    memory: int


@dataclass(slots=True)
class ServerEntry:
    name: str
    expected_replicas: int | None = None  # None until the operator said
    shared: bool = False  # an agent's subscription makes it so
    replicas: dict[int, AgentReplica] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    name: str
    weight: int


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    name: str
    candidates: tuple[Candidate, ...]
    generation: int = 1
    default: str = ""
    mirror: str = ""
    resource_type: str = "model"

    @property
    def members(self) -> tuple[str, ...]:
        names = [candidate.name for candidate in self.candidates]
        return (*names, self.mirror) if self.mirror else tuple(names)


@dataclass(slots=True)
class ExperimentEntry:
    spec: ExperimentSpec
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """What the scheduler tells the operator about a model's newest version."""

    generation: int
    state: ModelState
    reason: str
    available: int
    unavailable: int
    server: str
    version: int


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    generation: int
    active: bool
    text: str
    candidates_ready: bool
    mirror_ready: bool
    stopping: bool


class FailedPrecondition(Exception):
    """A refusal that repeating will not change; the operator does not try again."""
