"""MLflow's records as its REST answers spell them: empty lists and unset fields are left out. Pure."""

from __future__ import annotations

from runbook.practice.services.artifacts import Entry
from runbook.practice.services.mlflow_store import (
    JSON,
    Experiment,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Run,
)


def experiment_json(experiment: Experiment) -> JSON:
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "artifact_location": experiment.artifact_location,
        "lifecycle_stage": experiment.lifecycle_stage,
        "last_update_time": experiment.created,
        "creation_time": experiment.created,
        "workspace": "default",
    }


def run_json(run: Run) -> JSON:
    info: JSON = {
        "run_uuid": run.run_id,
        "run_id": run.run_id,
        "run_name": run.name,
        "experiment_id": run.experiment_id,
        "user_id": run.user_id,
        "status": run.status,
        "start_time": run.start_time,
        "artifact_uri": run.artifact_uri,
        "lifecycle_stage": run.lifecycle_stage,
    }
    if run.end_time is not None:
        info["end_time"] = run.end_time
    metrics = [
        {"key": key, "value": last.value, "timestamp": last.timestamp, "step": last.step}
        for key, last in ((key, history[-1]) for key, history in sorted(run.metrics.items()))
    ]
    outputs = [{"model_id": model_id, "step": step} for model_id, step in run.model_outputs]
    return {
        "info": info,
        "data": _filled(metrics=metrics, params=_pairs(run.params), tags=_pairs(run.tags)),
        "inputs": {},
        "outputs": _filled(model_outputs=outputs),
    }


def model_json(model: LoggedModel) -> JSON:
    info: JSON = {
        "model_id": model.model_id,
        "experiment_id": model.experiment_id,
        "name": model.name,
        "creation_timestamp_ms": model.created,
        "last_updated_timestamp_ms": model.updated,
        "artifact_uri": model.artifact_uri,
        "status": model.status,
        "source_run_id": model.source_run_id,
        "model_type": model.model_type,
        **_filled(tags=_pairs(model.tags)),
    }
    return {"info": info, "data": _filled(params=_pairs(model.params))}


def version_json(version: ModelVersion, aliases: list[str]) -> JSON:
    return {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.created,
        "last_updated_timestamp": version.created,
        "current_stage": "None",
        "source": version.source,
        "run_id": version.run_id,
        "status": "READY",
        "description": "",
        "run_link": "",
        **_filled(aliases=aliases),
    }


def registered_json(registered: RegisteredModel) -> JSON:
    aliases = [{"alias": name, "version": str(n)} for name, n in sorted(registered.aliases.items())]
    newest = [version_json(v, aliases_of(registered, v)) for v in registered.versions[-1:]]
    return {
        "name": registered.name,
        "creation_timestamp": registered.created,
        "last_updated_timestamp": registered.created,
        **_filled(latest_versions=newest, aliases=aliases),
    }


def aliases_of(registered: RegisteredModel, version: ModelVersion) -> list[str]:
    return sorted(name for name, n in registered.aliases.items() if n == version.version)


def listing_json(root: str, entries: list[Entry]) -> JSON:
    files = [
        {"path": entry.path, "is_dir": True}
        if entry.is_dir
        else {"path": entry.path, "is_dir": False, "file_size": entry.size}
        for entry in entries
    ]
    return {"root_uri": root, **_filled(files=files)}


def _pairs(values: dict[str, str]) -> list[JSON]:
    return [{"key": key, "value": value} for key, value in sorted(values.items())]


def _filled(**fields: object) -> JSON:
    return {name: value for name, value in fields.items() if value}
