"""What an MLflow 3 tracking server remembers: experiments, runs, logged models, registered models.

Rules taken from the real one: a logged model's id is `m-` and random hex that has nothing to do with
its run; deleted things stay readable by id; a parameter is written once; times are integer
milliseconds. Files are not here: they lie in an object store that `artifact_uri` points into.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

JSON = dict[str, Any]
RUN_STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")
MODEL_STATUSES = ("LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")


class MlflowFault(Exception):
    """An answer MLflow gives with an error code, e.g. RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def missing(message: str) -> MlflowFault:
    return MlflowFault("RESOURCE_DOES_NOT_EXIST", message, 404)


def invalid(message: str) -> MlflowFault:
    return MlflowFault("INVALID_PARAMETER_VALUE", message, 400)


@dataclass(slots=True)
class Experiment:
    experiment_id: str
    name: str
    artifact_location: str
    created: int
    lifecycle_stage: str = "active"


@dataclass(frozen=True, slots=True)
class Measurement:
    value: float
    timestamp: int
    step: int


@dataclass(slots=True)
class Run:
    run_id: str
    experiment_id: str
    name: str
    user_id: str
    artifact_uri: str
    start_time: int
    status: str = "RUNNING"
    end_time: int | None = None
    lifecycle_stage: str = "active"
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[Measurement]] = field(default_factory=dict)
    model_outputs: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class LoggedModel:
    model_id: str
    experiment_id: str
    name: str
    artifact_uri: str
    source_run_id: str
    created: int
    updated: int
    model_type: str = ""
    status: str = "LOGGED_MODEL_PENDING"
    deleted: bool = False
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelVersion:
    name: str
    version: int
    source: str
    run_id: str
    created: int


@dataclass(slots=True)
class RegisteredModel:
    name: str
    created: int
    versions: list[ModelVersion] = field(default_factory=list)
    aliases: dict[str, int] = field(default_factory=dict)


class MlflowStore:
    """One tracking server's database; `chance` makes its ids."""

    def __init__(
        self, now: Callable[[], datetime], chance: random.Random, artifact_root: str
    ) -> None:
        self._now = now
        self._chance = chance
        self._artifact_root = artifact_root.rstrip("/")
        self.experiments: dict[str, Experiment] = {}
        self.runs: dict[str, Run] = {}
        self.models: dict[str, LoggedModel] = {}
        self.registry: dict[str, RegisteredModel] = {}
        self.create_experiment("Default", experiment_id="0")

    def clock(self) -> int:
        return int(self._now().timestamp() * 1000)

    def create_experiment(
        self, name: str, *, artifact_location: str = "", experiment_id: str = ""
    ) -> Experiment:
        if any(known.name == name for known in self.experiments.values()):
            raise MlflowFault(
                "RESOURCE_ALREADY_EXISTS", f"Experiment(name={name}) already exists.", 400
            )
        chosen = experiment_id or str(max((int(i) for i in self.experiments), default=-1) + 1)
        location = artifact_location.rstrip("/") or f"{self._artifact_root}/{chosen}"
        self.experiments[chosen] = Experiment(chosen, name, location, self.clock())
        return self.experiments[chosen]

    def experiment(self, experiment_id: str) -> Experiment:
        try:
            return self.experiments[experiment_id]
        except KeyError:
            raise missing(f"No Experiment with id={experiment_id} exists") from None

    def experiment_named(self, name: str) -> Experiment:
        """Also a deleted one: MLflow answers 200 and only `lifecycle_stage` tells."""
        for experiment in self.experiments.values():
            if experiment.name == name:
                return experiment
        raise missing(f"Could not find experiment with name '{name}'")

    def create_run(
        self,
        experiment_id: str,
        *,
        name: str = "",
        user_id: str = "",
        start_time: int | None = None,
        tags: dict[str, str] | None = None,
        run_id: str = "",
    ) -> Run:
        experiment = self.experiment(experiment_id)
        chosen = run_id or self._hex()
        run = Run(
            run_id=chosen,
            experiment_id=experiment_id,
            name=name or f"run-{chosen[:8]}",
            user_id=user_id,
            artifact_uri=f"{experiment.artifact_location}/{chosen}/artifacts",
            start_time=self.clock() if start_time is None else start_time,
            tags=dict(tags or {}),
        )
        run.tags.setdefault("mlflow.runName", run.name)
        self.runs[chosen] = run
        return run

    def run(self, run_id: str) -> Run:
        try:
            return self.runs[run_id]
        except KeyError:
            raise missing(f"Run with id={run_id} not found") from None

    def update_run(self, run_id: str, *, status: str = "", end_time: int | None = None) -> Run:
        run = self.run(run_id)
        if status and status not in RUN_STATUSES:
            raise invalid(f"Invalid value {status!r} for parameter 'status' supplied")
        run.status = status or run.status
        run.end_time = run.end_time if end_time is None else end_time
        return run

    def log_parameter(self, run_id: str, key: str, value: str) -> None:
        known = self.run(run_id).params.setdefault(key, value)
        if known != value:
            raise invalid(
                f"Changing param values is not allowed. Param with key='{key}' was already logged "
                f"with value='{known}' for run ID='{run_id}'. Attempted logging new value '{value}'."
            )

    def log_metric(self, run_id: str, key: str, measurement: Measurement) -> None:
        self.run(run_id).metrics.setdefault(key, []).append(measurement)

    def create_model(
        self,
        experiment_id: str,
        *,
        name: str = "",
        source_run_id: str = "",
        model_type: str = "",
        model_id: str = "",
    ) -> LoggedModel:
        """A model in state PENDING; its id is drawn anew, whatever the run's id is."""
        experiment = self.experiment(experiment_id)
        if source_run_id:
            self.run(source_run_id)
        chosen = model_id or f"m-{self._hex()}"
        at = self.clock()
        self.models[chosen] = LoggedModel(
            model_id=chosen,
            experiment_id=experiment_id,
            name=name or f"model-{chosen[2:10]}",
            artifact_uri=f"{experiment.artifact_location}/models/{chosen}/artifacts",
            source_run_id=source_run_id,
            created=at,
            updated=at,
            model_type=model_type,
        )
        return self.models[chosen]

    def model(self, model_id: str) -> LoggedModel:
        found = self.models.get(model_id)
        if found is None or found.deleted:
            raise missing(f"Logged model with ID '{model_id}' not found.")
        return found

    def finalize_model(self, model_id: str, status: str) -> LoggedModel:
        model = self.model(model_id)
        if status not in MODEL_STATUSES:
            raise invalid(f"Invalid model status: {status}. Expected one of {MODEL_STATUSES}")
        model.status = status
        model.updated = self.clock()
        return model

    def add_outputs(self, run_id: str, outputs: list[tuple[str, int]]) -> None:
        run = self.run(run_id)
        for model_id, step in outputs:
            self.model(model_id)
            run.model_outputs.append((model_id, step))

    def register(self, name: str) -> RegisteredModel:
        if name in self.registry:
            raise MlflowFault(
                "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.", 400
            )
        self.registry[name] = RegisteredModel(name, self.clock())
        return self.registry[name]

    def registered(self, name: str) -> RegisteredModel:
        try:
            return self.registry[name]
        except KeyError:
            raise missing(f"Registered Model with name={name} not found") from None

    def add_version(self, name: str, source: str, run_id: str) -> ModelVersion:
        registered = self.registered(name)
        version = ModelVersion(name, len(registered.versions) + 1, source, run_id, self.clock())
        registered.versions.append(version)
        return version

    def version(self, name: str, number: str) -> ModelVersion:
        for version in self.registered(name).versions:
            if str(version.version) == number:
                return version
        raise missing(f"Model Version (name={name}, version={number}) not found")

    def set_alias(self, name: str, alias: str, number: str) -> None:
        self.registered(name).aliases[alias] = self.version(name, number).version

    def aliased(self, name: str, alias: str) -> ModelVersion:
        number = self.registered(name).aliases.get(alias)
        if number is None:
            # A wrong alias is a 400 and not a 404; clients trip over it.
            raise invalid(f"Registered model alias {alias} not found.")
        return self.version(name, str(number))

    def _hex(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"
