from __future__ import annotations

import random
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.practice.services import mesh, mlflow, s3
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from runbook.practice.services.s3_store import S3Store
from runbook.practice.services.training import EXPERIMENT, Trainer
from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
Serve = Callable[[web.Application], Any]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as open_servers:

        async def start(app: web.Application) -> str:
            server = await open_servers.enter_async_context(TestServer(app))
            return str(server.make_url("/")).rstrip("/")

        yield start


def nobody() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def bucket() -> S3Store:
    store = S3Store(now)
    store.create_bucket("artifacts")
    return store


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({}, (HOLDS, "the bucket is there")),
        ({"key": "1/MLmodel"}, (FAILS, "no such object")),
        ({"key": "1/MLmodel.bak"}, (HOLDS, "it is there")),
        ({"prefix": "1/ML"}, (HOLDS, "1/MLmodel.bak")),
        ({"prefix": "2/"}, (FAILS, "nothing is under this prefix")),
        ({"bucket": "other"}, (FAILS, "NoSuchBucket")),
        ({"secret_key": "wrong"}, (UNKNOWN, "SignatureDoesNotMatch")),
        ({"access_key": "nobody"}, (UNKNOWN, "InvalidAccessKeyId")),
        ({"key": "a", "prefix": "b"}, (UNKNOWN, "not for both")),
        ({"secret_key": None}, (UNKNOWN, "given together")),
    ],
)
async def test_objects_are_looked_for(
    cluster: Any,
    serve: Serve,
    bucket: S3Store,
    wish: dict[str, Any],
    told: tuple[Verdict, str],
) -> None:
    verdict, observed = told
    bucket.put("artifacts", "1/MLmodel.bak", b"x")
    endpoint = await serve(s3.application(bucket, lambda: {"user": "secret"}, now))
    query = {
        "endpoint": endpoint,
        "bucket": "artifacts",
        "access_key": "user",
        "secret_key": "secret",
    }
    reading = await cluster.look(s3=query | wish)
    assert reading.verdict is verdict
    assert observed in reading.observed


async def test_a_store_that_is_gone_is_unknown(cluster: Any) -> None:
    assert await cluster.verdict(s3={"endpoint": nobody(), "bucket": "b"}) is UNKNOWN


async def test_each_variant_needs_its_model(cluster: Any, serve: Serve, bucket: S3Store) -> None:
    bucket.create_bucket("mlflow-artifacts")
    store = MlflowStore(now, random.Random(1), "s3://mlflow-artifacts")
    switches = {"reachable": True}
    artifacts = Artifacts(bucket, lambda: switches["reachable"])
    trainer = Trainer(store, artifacts, random.Random(1))
    baseline = trainer.train("baseline")
    app = mlflow.application(Tracking(store, artifacts), lambda: {"user": "secret"})
    query = {
        "endpoint": await serve(app),
        "experiment": EXPERIMENT,
        "variants": ["baseline", "enhanced"],
        "username": "user",
        "password": "secret",
    }
    one_missing = await cluster.look(mlflow=query)
    assert one_missing.verdict is FAILS
    assert one_missing.observed.startswith("enhanced: no-finished-run: no run carries")
    enhanced = trainer.train("enhanced")
    both = await cluster.look(mlflow=query)
    assert both.verdict is HOLDS
    assert both.observed == f"baseline: {baseline.model_id}; enhanced: {enhanced.model_id}"
    wrong = await cluster.look(mlflow=query | {"password": "other"})
    assert wrong.verdict is UNKNOWN
    assert "bad-credentials" in wrong.observed
    assert "MLFLOW_TRACKING_PASSWORD" in wrong.observed
    switches["reachable"] = False
    assert await cluster.verdict(mlflow=query) is UNKNOWN
    red = await cluster.look(mlflow=query | {"variants": ["baseline", "third"]})
    assert red.verdict is FAILS
    assert "baseline: store-unreachable" in red.observed
    gone = await cluster.look(mlflow=query | {"endpoint": nobody()})
    assert (gone.verdict, "server-down" in gone.observed) == (UNKNOWN, True)


async def test_an_answer_of_a_form_that_mlflow_never_has_is_unknown(
    cluster: Any, serve: Serve
) -> None:
    async def strange(request: web.Request) -> web.Response:
        experiment = {"experiment_id": "7", "lifecycle_stage": "active"}
        return web.json_response({"experiment": experiment, "runs": [1]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", strange)
    query = {"endpoint": await serve(app), "experiment": "e", "variants": ["v"]}
    reading = await cluster.look(mlflow=query)
    assert reading.verdict is UNKNOWN
    assert "makes no sense" in reading.observed


BASELINE, ENHANCED = LoadedModel("baseline", 1), LoadedModel("enhanced", 2)
SPLIT = (Candidate(BASELINE, 70, healthy=True), Candidate(ENHANCED, 30, healthy=True))
INPUTS = [{"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.5] * 350}]


@pytest.mark.parametrize(
    ("routes", "wish", "told"),
    [
        ({"baseline": SPLIT[:1]}, {"model": "baseline"}, (HOLDS, "answered by baseline")),
        ({"baseline": SPLIT[:1]}, {"model": "baseline", "inputs": INPUTS}, (HOLDS, "by baseline")),
        # The default model of an experiment is answered for by all candidates.
        ({"baseline": SPLIT}, {"model": "baseline"}, (HOLDS, "answered by baseline")),
        (
            {"baseline": SPLIT[1:]},
            {"model": "baseline"},
            (FAILS, "20 answers came from enhanced, none from baseline"),
        ),
        ({"ab.experiment": SPLIT}, {"experiment": "ab", "inputs": INPUTS}, (HOLDS, "answered by")),
        ({}, {"model": "baseline"}, (FAILS, "HTTP 404: the mesh has no route")),
        ({}, {"experiment": "ab"}, (FAILS, "HTTP 404: the mesh has no route")),
        (
            {"baseline": (Candidate(BASELINE, 1, healthy=False),)},
            {"model": "baseline"},
            (FAILS, "HTTP 503: there is a route, but nothing healthy"),
        ),
        (
            {"baseline": SPLIT[:1]},
            {"model": "baseline", "inputs": [{"name": "x"}]},
            (FAILS, "HTTP 422 by baseline, so routing works"),
        ),
        ({}, {}, (UNKNOWN, "names a model or an experiment")),
        ({}, {"model": "a", "experiment": "b"}, (UNKNOWN, "names a model or an experiment")),
    ],
)
async def test_inference_is_judged_by_who_answers_and_what(
    cluster: Any,
    serve: Serve,
    routes: dict[str, tuple[Candidate, ...]],
    wish: dict[str, Any],
    told: tuple[Verdict, str],
) -> None:
    verdict, observed = told
    app = mesh.application(lambda name: routes.get(name, ()), random.Random(5))
    reading = await cluster.look(inference={"endpoint": await serve(app), **wish})
    assert reading.verdict is verdict
    assert observed in reading.observed


async def test_an_answer_that_names_nobody_is_no_proof(cluster: Any, serve: Serve) -> None:
    asked = 0

    async def anything(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.json_response({"outputs": [1]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", anything)
    endpoint = await serve(app)
    assert await cluster.verdict(inference={"endpoint": endpoint, "model": "m"}) is UNKNOWN
    assert asked == 1


async def test_a_model_server_without_a_mesh_names_itself(cluster: Any, serve: Serve) -> None:
    async def infer(request: web.Request) -> web.Response:
        return web.json_response({"model_name": "baseline_4", "outputs": [{"data": [1]}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", infer)
    query = {"endpoint": await serve(app), "inputs": INPUTS}
    for name in ("baseline", "baseline_4"):
        assert await cluster.verdict(inference={**query, "model": name}) is HOLDS
    assert await cluster.verdict(inference={**query, "model": "baseline_3"}) is FAILS


async def test_a_model_server_without_a_mesh_says_itself_what_is_missing(
    cluster: Any, serve: Serve
) -> None:
    async def missing(request: web.Request) -> web.Response:
        return web.json_response({"error": "Model m not found"}, status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", missing)
    reading = await cluster.look(inference={"endpoint": await serve(app), "model": "m"})
    assert reading.verdict is FAILS
    assert reading.observed == 'HTTP 404: {"error": "Model m not found"}'


@pytest.mark.parametrize("body", [{}, {"outputs": []}, {"outputs": "none"}])
async def test_two_hundred_without_outputs_is_not_an_inference(
    cluster: Any, serve: Serve, body: dict[str, Any]
) -> None:
    async def empty(request: web.Request) -> web.Response:
        return web.json_response(body, headers={"x-seldon-route": ":baseline_1:"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", empty)
    query = {"endpoint": await serve(app), "model": "baseline", "inputs": INPUTS}
    reading = await cluster.look(inference=query)
    assert reading.verdict is FAILS
    assert reading.observed.startswith("HTTP 200 without outputs: {")


async def test_a_mesh_that_is_gone_is_unknown(cluster: Any) -> None:
    assert await cluster.verdict(inference={"endpoint": nobody(), "model": "m"}) is UNKNOWN
