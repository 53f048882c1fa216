"""From a variant to the model that its newest finished run logged, proven to be there.

A model's location cannot be computed from the run: the `m-…` in it is an id of the model itself. So it
is asked for: models found by their source run and those the run names as its outputs, together, since
each list misses some. Only a model that is READY, not external, and whose `MLmodel` file the server
lists counts. Servers ignore filters they do not know, so every run that comes back is checked again.
An older run is never taken instead: a finished run without a model means that logging it failed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.mlflow import JSON, MlflowApi

READY = "LOGGED_MODEL_READY"
EXTERNAL_TAG = "mlflow.model.isExternal"
HISTORY_TAG = "mlflow.log-model.history"


@dataclass(frozen=True, slots=True)
class Run:
    run_id: str
    experiment_id: str
    variant: str
    start_time: int
    """Milliseconds, by the clock of whoever trained."""
    end_time: int
    artifact_uri: str
    tags: tuple[tuple[str, str], ...]
    tied_with: tuple[str, ...] = ()
    """Other runs that started and ended at the same moment; the greatest id was taken."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model whose MLmodel file is where MLflow says it is."""

    variant: str
    run: Run
    name: str
    model_id: str | None
    """None for a model in the 2.x layout, which lies under its run."""
    uri: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    model_id: str | None
    uri: str
    created: int
    problem: str = ""


async def find_model(
    api: MlflowApi,
    experiment: str,
    variant: str,
    *,
    variant_param: str = "model_variant",
    model_name: str | None = None,
    skip_modelless: bool = False,
) -> FoundModel:
    """The usable model of the newest finished run of a variant. Raises `MlflowError`.

    With `skip_modelless`, of the newest of the last finished runs that has one.
    """
    where = param_filter(variant_param, variant)
    experiment_id = str((await api.experiment(experiment))["experiment_id"])
    runs = await finished_runs(
        api, experiment_id, where, variant_param, variant, limit=50 if skip_modelless else 5
    )
    run, model = await _first_with_a_model(api, runs if skip_modelless else runs[:1], model_name)
    if model.model_id is not None:
        present = "MLmodel" in await api.files_of_model(model.model_id)
    else:
        path = model.uri.removeprefix(run.artifact_uri).strip("/")
        present = f"{path}/MLmodel" in await api.files_of_run(run.run_id, path)
    if not present:
        raise MlflowError(Failure.ARTIFACTS_MISSING, f"no MLmodel file under {model.uri}")
    return FoundModel(variant, run, model.name, model.model_id, model.uri)


def param_filter(param: str, value: str) -> str:
    """A search condition. MLflow has no way to escape a quote, so the value decides which is used."""
    quote = next((mark for mark in ("'", '"') if mark not in value), None)
    if quote is None or "`" in param:
        raise MlflowError(Failure.BAD_VARIANT, f"cannot search for {param} = {value}")
    return f"params.`{param}` = {quote}{value}{quote}"


async def _first_with_a_model(
    api: MlflowApi, runs: Sequence[Run], model_name: str | None
) -> tuple[Run, _Candidate]:
    """Raises what is wrong with the newest run when none has a usable model."""
    first: MlflowError | None = None
    for run in runs:
        try:
            return run, _choose(run, await _candidates(api, run), model_name)
        except MlflowError as error:
            if error.failure is not Failure.NO_MODEL:
                raise
            first = first or error
    assert first is not None
    raise first


async def finished_runs(
    api: MlflowApi,
    experiment_id: str,
    where: str,
    variant_param: str,
    variant: str,
    *,
    limit: int,
) -> list[Run]:
    """The last finished runs, newest first; there is one at least. Raises `MlflowError`."""
    finished = f"{where} and attributes.status = 'FINISHED'"
    found = await api.search_runs(experiment_id, finished, limit=limit)
    for run in found:
        _refuse_other(run, variant_param, variant, status="FINISHED")
    runs = sorted((_run(run, variant) for run in found), key=_newest_last, reverse=True)
    if runs:
        moment = _newest_last(runs[0])[:2]
        tied = [run.run_id for run in runs[1:] if _newest_last(run)[:2] == moment]
        return [replace(runs[0], tied_with=tuple(tied)), *runs[1:]]
    others = await api.search_runs(experiment_id, where, limit=100)
    for run in others:
        _refuse_other(run, variant_param, variant)
    raise MlflowError(Failure.NO_FINISHED_RUN, _why_none(others, variant_param, variant))


async def _candidates(api: MlflowApi, run: Run) -> list[_Candidate]:
    """Everything the run may have logged, usable or not."""
    models = {
        str(model["info"]["model_id"]): model
        for model in await api.search_logged_models(run.experiment_id, run.run_id)
    }
    if any(m["info"].get("source_run_id") != run.run_id for m in models.values()):
        raise MlflowError(Failure.SERVER_IGNORED_FILTER, "a model of another run came back")
    candidates = [_logged(model) for model in models.values()]
    outputs = (await api.run(run.run_id)).get("outputs") or {}
    for output in outputs.get("model_outputs") or ():
        model_id = str(output.get("model_id"))
        if model_id not in models:
            model = await api.logged_model(model_id)
            gone = _Candidate(model_id, model_id, "", 0, "deleted, or not to be seen by this user")
            candidates.append(_logged(model) if model else gone)
    return candidates + _history(run)


def usable_problem(model: JSON) -> str:
    """Why a logged model cannot be served; empty when it can."""
    info = model.get("info") or {}
    tags = {tag.get("key"): tag.get("value") for tag in info.get("tags") or ()}
    if info.get("status") != READY:
        return str(info.get("status") or "without status").removeprefix("LOGGED_MODEL_")
    external = str(tags.get(EXTERNAL_TAG, "")).lower() == "true"
    return "external: MLflow holds no files of it" if external else ""


def _logged(model: JSON) -> _Candidate:
    info = model.get("info") or {}
    return _Candidate(
        name=str(info.get("name") or ""),
        model_id=str(info.get("model_id")),
        uri=str(info.get("artifact_uri") or "").rstrip("/"),
        created=int(info.get("creation_timestamp_ms") or 0),
        problem=usable_problem(model),
    )


def _history(run: Run) -> list[_Candidate]:
    """Models that 2.x clients logged: files under the run, told of in a tag, oldest first."""
    try:
        entries = json.loads(dict(run.tags).get(HISTORY_TAG, "[]"))
        paths = [str(entry["artifact_path"]) for entry in entries if entry.get("artifact_path")]
    except (ValueError, TypeError, KeyError, AttributeError):
        # The tag is text that anyone may set; one that cannot be read names no model.
        return []
    root = run.artifact_uri.rstrip("/")
    return [_Candidate(path, None, f"{root}/{path}", at) for at, path in enumerate(paths)]


def _choose(run: Run, candidates: list[_Candidate], model_name: str | None) -> _Candidate:
    usable = [c for c in candidates if not c.problem and model_name in (None, c.name)]
    # What a 3.x client logged is preferred: the tag of the older layout may outlive the files.
    usable = [c for c in usable if c.model_id is not None] or usable
    names = sorted({candidate.name for candidate in usable})
    if not usable:
        raise MlflowError(Failure.NO_MODEL, _why_unusable(run, candidates, model_name))
    if len(names) > 1:
        raise MlflowError(
            Failure.AMBIGUOUS_MODEL, f"run {run.run_id} logged several models: {', '.join(names)}"
        )
    return max(usable, key=lambda candidate: (candidate.created, candidate.model_id or ""))


def _why_unusable(run: Run, candidates: Iterable[_Candidate], model_name: str | None) -> str:
    seen = [f"{c.name or c.model_id} ({c.problem or 'READY'})" for c in candidates]
    wanted = f"model {model_name!r}" if model_name else "usable model"
    return f"run {run.run_id} has no {wanted}; it has {', '.join(seen) or 'none at all'}"


def _why_none(runs: list[JSON], param: str, variant: str) -> str:
    if not runs:
        return f"no run carries {param} = {variant!r}"
    counts = Counter(str(run["info"].get("status")) for run in runs)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"no run with {param} = {variant!r} has finished; there are {told}"


def _refuse_other(run: JSON, param: str, variant: str, status: str | None = None) -> None:
    info = run.get("info") or {}
    params = {p.get("key"): p.get("value") for p in (run.get("data") or {}).get("params") or ()}
    if params.get(param) != variant or status not in (None, info.get("status")):
        raise MlflowError(
            Failure.SERVER_IGNORED_FILTER,
            f"asked for {param} = {variant!r}, got run {info.get('run_id')} with "
            f"{params.get(param)!r} in status {info.get('status')}",
        )


def _run(run: JSON, variant: str) -> Run:
    info = run["info"]
    tags = (run.get("data") or {}).get("tags") or ()
    return Run(
        run_id=str(info["run_id"]),
        experiment_id=str(info["experiment_id"]),
        variant=variant,
        start_time=int(info.get("start_time") or 0),
        end_time=int(info.get("end_time") or 0),
        artifact_uri=str(info.get("artifact_uri") or ""),
        tags=tuple((str(tag.get("key")), str(tag.get("value"))) for tag in tags),
    )


def _newest_last(run: Run) -> tuple[int, int, str]:
    return run.start_time, run.end_time, run.run_id
