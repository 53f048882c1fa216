"""`s3`, `mlflow` and `inference`: the platform's own services, as an operator needs them to be."""

from __future__ import annotations

from runbook.checks.base import CheckContext
from runbook.checks.expectation import shortened
from runbook.clock import RealClock
from runbook.errors import CheckMisconfigured
from runbook.mlops.failures import MlflowError
from runbook.mlops.inference import InferenceAnswer, Mesh
from runbook.mlops.logged_models import find_model
from runbook.mlops.mlflow import MlflowApi
from runbook.mlops.s3 import Keys, S3Error, S3Store
from runbook.model.checks import InferenceQuery, MlflowQuery, S3Query
from runbook.run.readings import Reading, fails, holds, unknown

TRIES = 20
"""Requests after which another candidate's answers are no longer chance: a model that is an
experiment's default is answered for by the others too, by their weights.
"""


def expects_s3(query: S3Query) -> str:
    if query.key is not None:
        return f"object {query.key} in bucket {query.bucket}"
    if query.prefix is not None:
        return f"an object under {query.prefix} in bucket {query.bucket}"
    return f"bucket {query.bucket} at {query.endpoint}"


async def look_s3(query: S3Query, context: CheckContext, expected: str) -> Reading:
    if query.key is not None and query.prefix is not None:
        raise CheckMisconfigured("an s3 check asks for a key or for a prefix, not for both")
    if (query.access_key is None) != (query.secret_key is None):
        raise CheckMisconfigured("access_key and secret_key are given together or not at all")
    keys = None
    if query.access_key is not None:
        keys = Keys(query.access_key, query.secret_key or "", query.region)
    async with context.cluster.services.open(query.endpoint, timeout=context.timeout) as (http, _):
        store = S3Store(http, keys, RealClock().now)
        try:
            found = await store.list_keys(query.bucket, query.key or query.prefix or "", limit=1)
        except S3Error as error:
            judge = unknown if error.says_nothing_of_objects else fails
            return judge(expected, error.message)
    if query.key is not None:
        # Of all keys that begin so, the one that is no longer sorts first.
        return (
            holds(expected, "it is there")
            if found == [query.key]
            else fails(expected, "no such object")
        )
    if query.prefix is not None:
        return (
            holds(expected, found[0]) if found else fails(expected, "nothing is under this prefix")
        )
    return holds(expected, "the bucket is there")


def expects_mlflow(query: MlflowQuery) -> str:
    variants = ", ".join(query.variants)
    return f"a usable model of the newest finished run in {query.experiment} for {variants}"


async def look_mlflow(query: MlflowQuery, context: CheckContext, expected: str) -> Reading:
    auth = (query.username, query.password or "") if query.username is not None else None
    found: list[str] = []
    failures: list[tuple[str, MlflowError]] = []
    async with context.cluster.services.open(
        query.endpoint, timeout=context.timeout, auth=auth
    ) as (http, _):
        api = MlflowApi(http)
        for variant in query.variants:
            try:
                model = await find_model(
                    api, query.experiment, variant, variant_param=query.variant_param
                )
            except MlflowError as error:
                failures.append((variant, error))
            else:
                found.append(f"{variant}: {model.model_id or model.name}")
    told = "; ".join(f"{variant}: {error.message}" for variant, error in failures)
    if any(not error.cannot_tell for _, error in failures):
        return fails(expected, told)
    if failures:
        return unknown(expected, f"{told} ({failures[0][1].hint})")
    return holds(expected, "; ".join(found))


def expects_inference(query: InferenceQuery) -> str:
    what = f"experiment {query.experiment}" if query.experiment else f"model {query.model}"
    return f"{what} {'answers a request' if query.inputs else 'is ready'} through the mesh"


async def look_inference(query: InferenceQuery, context: CheckContext, expected: str) -> Reading:
    if (query.model is None) == (query.experiment is None):
        raise CheckMisconfigured("an inference check names a model or an experiment")
    async with context.cluster.services.open(query.endpoint, timeout=context.timeout) as (http, _):
        mesh = Mesh(http)
        others: set[str] = set()
        for _ in range(TRIES):
            answer = await _ask(mesh, query)
            problem = _problem(query, answer)
            if problem:
                return fails(expected, problem)
            if query.model is None or query.model in (*_answered_by(answer), _own_name(answer)):
                return holds(expected, _success(answer))
            if not _answered_by(answer):
                return unknown(expected, "the answer does not say which model gave it")
            others.update(_answered_by(answer))
    told = f"{TRIES} answers came from {', '.join(sorted(others))}, none from {query.model}"
    return fails(expected, told)


async def _ask(mesh: Mesh, query: InferenceQuery) -> InferenceAnswer:
    name = query.experiment or query.model or ""
    if query.inputs is None:
        return await mesh.ready(name, experiment=query.experiment is not None)
    return await mesh.infer(name, query.inputs, experiment=query.experiment is not None)


def _problem(query: InferenceQuery, answer: InferenceAnswer) -> str:
    """Why an answer is not the wanted one, as far as one answer can say."""
    if answer.status == 404 and not answer.answered_by and not answer.text:
        return "HTTP 404: the mesh has no route for it"
    if answer.status == 503:
        return "HTTP 503: there is a route, but nothing healthy behind it"
    if answer.status != 200:
        routed = (
            f" by {', '.join(answer.answered_by)}, so routing works" if answer.answered_by else ""
        )
        return f"HTTP {answer.status}{routed}: {shortened(answer.text)}"
    if query.inputs is not None and not answer.outputs:
        return f"HTTP 200 without outputs: {shortened(answer.text)}"
    return ""


def _answered_by(answer: InferenceAnswer) -> tuple[str, ...]:
    """The model behind an answer: by the mesh's header, else as the model server names itself."""
    if answer.answered_by:
        return answer.answered_by
    name = _own_name(answer)
    stem, _, version = name.rpartition("_")
    return (stem if stem and version.isdigit() else name,) if name else ()


def _own_name(answer: InferenceAnswer) -> str:
    """As the model server itself calls the model; behind a mesh this ends in a version."""
    return str((answer.document or {}).get("model_name") or "")


def _success(answer: InferenceAnswer) -> str:
    by = ", ".join(_answered_by(answer))
    return f"answered by {by}" if by else "HTTP 200"
