"""`runbook models update-uris --apply` in a pod, as far as a platform notices it.

Rule: it has the rights of its pod's account and the network of its pod, prints what the program
prints, and is done when the Model is ready at the generation it made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from urllib.parse import urlsplit

from runbook.practice.apiserver.authorization import Attributes, User, check
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.jobs import Act, JobFailed, JobRun, Trainer, command_line
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.network import api_server_address, end_of, reaches_api_server
from runbook.practice.controllers.objects import dig
from runbook.practice.controllers.seldon.hosts import dial

GROUP, RESOURCE = "mlops.seldon.io", "models"
MODELS = f"{RESOURCE}.{GROUP}"
READY_WITHIN = 600.0
UNABLE, NOT_READY = 6, 1
"""Exit codes: somebody could not be asked, or refused; not ready in time."""


def update_uris(run: JobRun, trainer: Trainer) -> Iterator[float | Act]:
    words = command_line(run.pod)
    variants = _given(words, "--model-variant")
    namespace = (_given(words, "-n", "--namespace") or ["financial-inference"])[-1]
    yield 1.5
    if not reaches_api_server(run.cluster, end_of(run.pod)):
        yield 10.0
        raise _unable(
            f"https://{api_server_address(run.cluster)} does not answer: no answer in time"
        )
    if refusal := _refusal(run, "list", namespace):
        raise JobFailed(
            f"runbook: Models of namespace {namespace} cannot be listed: {refusal}",
            "hint: is Seldon Core there, and may this account list models?",
            code=UNABLE,
        )
    _reach_mlflow(run)
    yield 1.0
    for variant in variants:
        yield from _update(run, trainer, variant, namespace)


def _update(run: JobRun, trainer: Trainer, variant: str, namespace: str) -> Iterator[float | Act]:
    trained, name = trainer.newest(variant), f"{variant}-predictor"
    model = run.cluster.get(MODELS, namespace, name)
    if model is None:
        raise _unable(f"there is no Model {name!r}")
    if trained is None:
        raise _unable(f"{variant}: no finished run with a READY model")
    old = str(dig(model, "spec", "storageUri", default=""))
    new = trained.artifact_uri.rstrip("/") + "/" * old.endswith("/")
    run.print(f"{variant}: run {trained.run_id}, model {trained.model_id}")
    run.print(f"  {new}")
    if old != new:
        if refusal := _refusal(run, "patch", namespace, name):
            raise JobFailed(f"{name} as it was, not ready: not patched: {refusal}", code=NOT_READY)
        patch = {"spec": {"storageUri": new}}

        async def patched() -> None:
            await run.cluster.patch(MODELS, namespace, name, patch)

        yield patched
    waited = 0.0
    while not _is_ready(run.cluster.get(MODELS, namespace, name) or {}):
        if waited >= READY_WITHIN:
            raise JobFailed(f"{name} patched, not ready", code=NOT_READY)
        yield 1.0
        waited += 1.0
    run.print(f"{name} {'patched' if old != new else 'as it was'}, ready")


def _given(words: Sequence[str], *options: str) -> list[str]:
    return [value for word, value in pairwise(words) if word in options]


def _is_ready(model: JSON) -> bool:
    """At its present generation: a condition of the one before says nothing."""
    status = model.get("status") or {}
    if status.get("observedGeneration") != dig(model, "metadata", "generation"):
        return False
    conditions = status.get("conditions") or []
    return any(c.get("type") == "ModelReady" and c.get("status") == "True" for c in conditions)


def _refusal(run: JobRun, verb: str, namespace: str, name: str = "") -> str:
    """Why the pod's account may not, in the API server's words; empty when it may."""
    account = dig(run.pod, "spec", "serviceAccountName", default="default")
    user = User.service_account(run.namespace, account)
    wanted = Attributes(verb, GROUP, RESOURCE, namespace=namespace, name=name)
    try:
        check(run.cluster, user, wanted)
    except ApiError as refusal:
        return refusal.message
    return ""


def _reach_mlflow(run: JobRun) -> None:
    uri = run.environment.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        raise JobFailed(
            "runbook: no MLflow endpoint", "hint: --mlflow-endpoint or MLFLOW_TRACKING_URI", code=2
        )
    parts = urlsplit(uri)
    try:
        dial(run.cluster, run.pod, parts.hostname or "", parts.port or 80)
    except Unreachable as fault:
        raise _unable(f"MLflow at {uri} does not answer: {fault}") from fault


def _unable(message: str) -> JobFailed:
    return JobFailed(
        f"runbook: {message}", "nothing was written: all variants or none", code=UNABLE
    )
