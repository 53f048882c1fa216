"""A model by the alias that a person or a gate gave it in the registry, proven to be there.

A version may name any place as its source, and answers after its model was deleted: so the model's state and
its MLmodel file are asked for here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.logged_models import usable_problem
from runbook.mlops.mlflow import MlflowApi

_LOGGED = re.compile(r"/models/(m-[0-9a-f]+)/artifacts/?$")


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version that an alias points to. `model_id` is None for a model in the 2.x layout."""

    name: str
    version: str
    run_id: str
    model_id: str | None
    uri: str
    proven: bool
    """Whether the server lists its MLmodel; it can list only what it logged itself."""


async def find_by_alias(api: MlflowApi, name: str, alias: str) -> RegisteredModel:
    """Raises MlflowError."""
    version = await api.version_by_alias(name, alias)
    number, run_id = str(version.get("version") or ""), str(version.get("run_id") or "")
    if version.get("status") not in (None, "READY"):
        raise MlflowError(Failure.NO_MODEL, f"{name} version {number} is {version.get('status')}")
    uri = (await api.download_uri(name, number)).rstrip("/")
    logged = _LOGGED.search(uri)
    model_id = logged[1] if logged else None
    if model_id is not None:
        model = await api.logged_model(model_id)
        why = "deleted, or not to be seen by this user" if model is None else usable_problem(model)
        if why:
            raise MlflowError(Failure.NO_MODEL, f"{name} version {number}: {model_id} is {why}")
        files, proven = await api.files_of_model(model_id), True
    else:
        path = await _path_in_run(api, run_id, uri)
        proven = path is not None
        files = [f.rpartition("/")[2] for f in await api.files_of_run(run_id, path)] if path else []
    if proven and "MLmodel" not in files:
        raise MlflowError(Failure.ARTIFACTS_MISSING, f"no MLmodel file under {uri}")
    return RegisteredModel(name, number, run_id, model_id, uri, proven)


async def _path_in_run(api: MlflowApi, run_id: str, uri: str) -> str | None:
    """The path of a location among the artifacts of a run; None when it is not there."""
    if not run_id:
        return None
    root = str(((await api.run(run_id)).get("info") or {}).get("artifact_uri") or "").rstrip("/")
    return uri.removeprefix(f"{root}/") if root and uri.startswith(f"{root}/") else None
