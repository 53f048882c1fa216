"""The calls of MLflow's tracking API: named arguments in, a JSON answer out, no HTTP.

Rules: a required argument that is missing is a 400, an argument nobody knows is ignored (that is how
MLflow treats `filter_string`), and nothing found is an empty object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.mlflow_arguments import number, objects, optional, text, texts
from runbook.practice.services.mlflow_json import (
    aliases_of,
    experiment_json,
    listing_json,
    model_json,
    registered_json,
    run_json,
    version_json,
)
from runbook.practice.services.mlflow_search import (
    holds,
    model_field,
    order_runs,
    page,
    parse_filter,
    run_field,
)
from runbook.practice.services.mlflow_store import (
    JSON,
    Experiment,
    LoggedModel,
    Measurement,
    MlflowStore,
    ModelVersion,
    invalid,
)

Route = tuple[str, str, Callable[[JSON], JSON]]
_VIEWS = {
    "ACTIVE_ONLY": ("active",),
    "DELETED_ONLY": ("deleted",),
    "ALL": ("active", "deleted"),
}
_PAGE = 1000
_MODEL_ORDERS = {"creation_timestamp", "creation_time", "last_updated_timestamp", "name"}


class Tracking:
    """One tracking server's API over its store and the object store it lists."""

    def __init__(self, store: MlflowStore, artifacts: Artifacts) -> None:
        self._store = store
        self._artifacts = artifacts

    def routes(self) -> list[Route]:
        """(method, path below `/mlflow/`, call)."""
        return [
            ("GET", "experiments/get-by-name", self.experiment_by_name),
            ("GET", "experiments/get", self.experiment),
            ("GET", "experiments/search", self.search_experiments),
            ("POST", "experiments/search", self.search_experiments),
            ("POST", "experiments/create", self.create_experiment),
            ("POST", "experiments/delete", self.delete_experiment),
            ("POST", "runs/search", self.search_runs),
            ("GET", "runs/get", self.run),
            ("POST", "runs/create", self.create_run),
            ("POST", "runs/update", self.update_run),
            ("POST", "runs/delete", self.delete_run),
            ("POST", "runs/log-parameter", self.log_parameter),
            ("POST", "runs/log-metric", self.log_metric),
            ("POST", "runs/set-tag", self.set_tag),
            ("POST", "runs/log-batch", self.log_batch),
            ("GET", "metrics/get-history", self.metric_history),
            ("POST", "runs/outputs", self.log_outputs),
            ("POST", "logged-models/search", self.search_models),
            ("POST", "logged-models", self.create_model),
            ("GET", "logged-models/{model_id}", self.model),
            ("PATCH", "logged-models/{model_id}", self.finalize_model),
            ("DELETE", "logged-models/{model_id}", self.delete_model),
            ("PATCH", "logged-models/{model_id}/tags", self.set_model_tags),
            ("GET", "logged-models/{model_id}/artifacts/directories", self.model_files),
            ("GET", "artifacts/list", self.run_files),
            ("POST", "registered-models/create", self.register),
            ("GET", "registered-models/get", self.registered),
            ("GET", "registered-models/alias", self.version_by_alias),
            ("POST", "registered-models/alias", self.set_alias),
            ("POST", "model-versions/create", self.create_version),
            ("GET", "model-versions/get", self.version),
            ("GET", "model-versions/get-download-uri", self.download_uri),
        ]

    # experiments

    def experiment_by_name(self, given: JSON) -> JSON:
        found = self._store.experiment_named(text(given, "experiment_name"))
        return {"experiment": experiment_json(found)}

    def experiment(self, given: JSON) -> JSON:
        return {"experiment": experiment_json(self._store.experiment(text(given, "experiment_id")))}

    def search_experiments(self, given: JSON) -> JSON:
        clauses = parse_filter(optional(given, "filter"))

        def wanted(experiment: Experiment) -> bool:
            for clause in clauses:
                if clause.key != "name":
                    raise invalid(
                        f"Invalid attribute key '{clause.key}' specified. Valid keys are '['name']'"
                    )
            return all(holds(clause, experiment.name) for clause in clauses)

        stages = _view(given)
        found = [
            e for e in self._store.experiments.values() if e.lifecycle_stage in stages and wanted(e)
        ]
        found.sort(key=lambda experiment: int(experiment.experiment_id), reverse=True)
        chosen, token = page(
            found, number(given, "max_results"), optional(given, "page_token"), _PAGE
        )
        return _some("experiments", [experiment_json(e) for e in chosen], token)

    def create_experiment(self, given: JSON) -> JSON:
        made = self._store.create_experiment(
            text(given, "name"), artifact_location=optional(given, "artifact_location")
        )
        return {"experiment_id": made.experiment_id}

    def delete_experiment(self, given: JSON) -> JSON:
        self._store.experiment(text(given, "experiment_id")).lifecycle_stage = "deleted"
        return {}

    # runs

    def search_runs(self, given: JSON) -> JSON:
        experiments = self._searched_experiments(given)
        clauses = parse_filter(optional(given, "filter"))
        stages = _view(given, key="run_view_type")
        found = [
            run
            for run in self._store.runs.values()
            if run.experiment_id in experiments
            and run.lifecycle_stage in stages
            and all(holds(c, run_field(run, c.kind, c.key)) for c in clauses)
        ]
        ordered = order_runs(found, texts(given, "order_by"))
        chosen, token = page(
            ordered, number(given, "max_results"), optional(given, "page_token"), _PAGE
        )
        return _some("runs", [run_json(run) for run in chosen], token)

    def run(self, given: JSON) -> JSON:
        return {"run": run_json(self._store.run(text(given, "run_id")))}

    def create_run(self, given: JSON) -> JSON:
        made = self._store.create_run(
            text(given, "experiment_id"),
            name=optional(given, "run_name"),
            user_id=optional(given, "user_id"),
            start_time=number(given, "start_time"),
            tags={text(tag, "key"): text(tag, "value") for tag in objects(given, "tags")},
        )
        return {"run": run_json(made)}

    def update_run(self, given: JSON) -> JSON:
        run = self._store.update_run(
            text(given, "run_id"),
            status=optional(given, "status"),
            end_time=number(given, "end_time"),
        )
        return {"run_info": run_json(run)["info"]}

    def delete_run(self, given: JSON) -> JSON:
        self._store.run(text(given, "run_id")).lifecycle_stage = "deleted"
        return {}

    def log_parameter(self, given: JSON) -> JSON:
        self._store.log_parameter(
            text(given, "run_id"), text(given, "key"), optional(given, "value")
        )
        return {}

    def log_metric(self, given: JSON) -> JSON:
        run_id = text(given, "run_id")
        self._store.log_metric(run_id, text(given, "key"), self._measurement(given))
        return {}

    def set_tag(self, given: JSON) -> JSON:
        run = self._store.run(text(given, "run_id"))
        run.tags[text(given, "key")] = optional(given, "value")
        return {}

    def log_batch(self, given: JSON) -> JSON:
        run = self._store.run(text(given, "run_id"))
        for entry in objects(given, "params"):
            self._store.log_parameter(run.run_id, text(entry, "key"), optional(entry, "value"))
        for entry in objects(given, "metrics"):
            self._store.log_metric(run.run_id, text(entry, "key"), self._measurement(entry))
        run.tags |= {text(tag, "key"): optional(tag, "value") for tag in objects(given, "tags")}
        return {}

    def metric_history(self, given: JSON) -> JSON:
        key = text(given, "metric_key")
        history = self._store.run(text(given, "run_id")).metrics.get(key, [])
        chosen, token = page(
            history, number(given, "max_results"), optional(given, "page_token"), _PAGE
        )
        return _some("metrics", [{"key": key, **asdict(one)} for one in chosen], token)

    def log_outputs(self, given: JSON) -> JSON:
        outputs = [
            (text(entry, "model_id"), number(entry, "step") or 0)
            for entry in objects(given, "models")
        ]
        self._store.add_outputs(text(given, "run_id"), outputs)
        return {}

    # logged models

    def search_models(self, given: JSON) -> JSON:
        experiments = self._searched_experiments(given)
        clauses = parse_filter(optional(given, "filter"))
        found = [
            model
            for model in self._store.models.values()
            if model.experiment_id in experiments
            and not model.deleted
            and all(holds(c, model_field(model, c.kind, c.key)) for c in clauses)
        ]
        ordered = _ordered_models(found, given)
        chosen, token = page(
            ordered, number(given, "max_results"), optional(given, "page_token"), 50
        )
        return _some("models", [model_json(model) for model in chosen], token)

    def create_model(self, given: JSON) -> JSON:
        made = self._store.create_model(
            text(given, "experiment_id"),
            name=optional(given, "name"),
            source_run_id=optional(given, "source_run_id"),
            model_type=optional(given, "model_type"),
        )
        made.params = {text(p, "key"): text(p, "value") for p in objects(given, "params")}
        made.tags = {text(t, "key"): text(t, "value") for t in objects(given, "tags")}
        return {"model": model_json(made)}

    def model(self, given: JSON) -> JSON:
        return {"model": model_json(self._store.model(text(given, "model_id")))}

    def finalize_model(self, given: JSON) -> JSON:
        model = self._store.finalize_model(text(given, "model_id"), text(given, "status"))
        return {"model": model_json(model)}

    def set_model_tags(self, given: JSON) -> JSON:
        model = self._store.model(text(given, "model_id"))
        model.tags |= {text(tag, "key"): optional(tag, "value") for tag in objects(given, "tags")}
        return {}

    def delete_model(self, given: JSON) -> JSON:
        self._store.model(text(given, "model_id")).deleted = True
        return {}

    def model_files(self, given: JSON) -> JSON:
        root = self._store.model(text(given, "model_id")).artifact_uri
        path = optional(given, "artifact_directory_path")
        return listing_json(root, self._artifacts.list(root, path))

    def run_files(self, given: JSON) -> JSON:
        root = self._store.run(text(given, "run_id")).artifact_uri
        return listing_json(root, self._artifacts.list(root, optional(given, "path")))

    # registered models

    def register(self, given: JSON) -> JSON:
        return {"registered_model": registered_json(self._store.register(text(given, "name")))}

    def registered(self, given: JSON) -> JSON:
        return {"registered_model": registered_json(self._store.registered(text(given, "name")))}

    def create_version(self, given: JSON) -> JSON:
        source, run_id = text(given, "source"), optional(given, "run_id")
        model = self._store.models.get(source.removeprefix("models:/"))
        if model is not None and not run_id:
            run_id = model.source_run_id
        made = self._store.add_version(text(given, "name"), source, run_id)
        return self._version(made)

    def version(self, given: JSON) -> JSON:
        return self._version(self._store.version(text(given, "name"), text(given, "version")))

    def version_by_alias(self, given: JSON) -> JSON:
        return self._version(self._store.aliased(text(given, "name"), text(given, "alias")))

    def set_alias(self, given: JSON) -> JSON:
        self._store.set_alias(text(given, "name"), text(given, "alias"), text(given, "version"))
        return {}

    def download_uri(self, given: JSON) -> JSON:
        """Where a version's files are; it still answers after the logged model is deleted."""
        source = self._store.version(text(given, "name"), text(given, "version")).source
        model = self._store.models.get(source.removeprefix("models:/"))
        return {"artifact_uri": source if model is None else model.artifact_uri}

    def _measurement(self, given: JSON) -> Measurement:
        value = given.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(
                f"Invalid value {value!r} for parameter 'value' supplied: must be a number"
            )
        timestamp = number(given, "timestamp")
        at = self._store.clock() if timestamp is None else timestamp
        return Measurement(float(value), at, number(given, "step") or 0)

    def _version(self, version: ModelVersion) -> JSON:
        registered = self._store.registered(version.name)
        return {"model_version": version_json(version, aliases_of(registered, version))}

    def _searched_experiments(self, given: JSON) -> set[str]:
        """Known, active ones among those asked for; the rest silently find nothing."""
        asked = given.get("experiment_ids", [])
        if not isinstance(asked, list):
            raise invalid(
                f"Invalid value {asked!r} for parameter 'experiment_ids' supplied: not a list"
            )
        return {
            name
            for name in asked
            if isinstance(name, str)
            and name in self._store.experiments
            and self._store.experiments[name].lifecycle_stage == "active"
        }


def _ordered_models(models: list[LoggedModel], given: JSON) -> list[LoggedModel]:
    ordered = sorted(models, key=lambda model: model.model_id)
    ordered.sort(key=lambda model: model.created, reverse=True)
    for order in reversed(objects(given, "order_by")):
        key = text(order, "field_name")
        if key not in _MODEL_ORDERS:
            raise invalid(f"Invalid order by field name: {key}")

        def rank(model: LoggedModel, key: str = key) -> tuple[float, str]:
            value = model_field(model, "attributes", key)
            return (0.0, value) if isinstance(value, str) else (value or 0.0, "")

        ordered.sort(key=rank, reverse=order.get("ascending") is False)
    return ordered


def _view(given: JSON, key: str = "view_type") -> tuple[str, ...]:
    name = optional(given, key) or "ACTIVE_ONLY"
    if name not in _VIEWS:
        raise invalid(f"Invalid value {name!r} for parameter '{key}', one of {sorted(_VIEWS)}")
    return _VIEWS[name]


def _some(name: str, items: list[JSON], token: str) -> JSON:
    answer: JSON = {name: items} if items else {}
    if token:
        answer["next_page_token"] = token
    return answer
