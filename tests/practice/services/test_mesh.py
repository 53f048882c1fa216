from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from runbook.practice.services import mesh
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate

BASELINE, ENHANCED = LoadedModel("baseline-predictor", 1), LoadedModel("enhanced-predictor", 4)
EXPERIMENT = "financial-ab-test-experiment.experiment"
INPUT = {
    "inputs": [
        {"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.5] * 350}
    ]
}
ROUTES = {
    "baseline-predictor": (Candidate(BASELINE, 100, healthy=True),),
    "enhanced-predictor": (Candidate(ENHANCED, 100, healthy=False),),
    EXPERIMENT: (
        Candidate(BASELINE, 70, healthy=True),
        Candidate(ENHANCED, 30, healthy=True),
    ),
}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    def routes(name: str) -> Sequence[Candidate]:
        return ROUTES.get(name, ())

    async with TestClient(TestServer(mesh.application(routes, random.Random(7)))) as opened:
        yield opened


async def test_a_model_answers_by_header_whatever_the_path_names(client: Client) -> None:
    headers = {"seldon-model": "baseline-predictor"}
    async with client.post("/v2/models/anything/infer", json=INPUT, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["x-seldon-route"] == ":baseline-predictor_1:"
        assert answer.headers["Server"] == "envoy"
        assert (await answer.json())["outputs"][0]["shape"] == [1, 1]


async def test_without_the_header_the_path_names_the_model(client: Client) -> None:
    async with client.get("/v2/models/baseline-predictor/ready") as answer:
        assert (answer.status, await answer.text()) == (200, "")


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("/v2/models", None),
        ("/v2/health/ready", None),
        ("/v2/models/baseline-predictor_1/infer", None),
        ("/", "baseline-predictor"),
        ("/v2/models/x/infer", "nobody"),
    ],
)
async def test_no_route_is_an_empty_404_of_envoy(
    client: Client, path: str, header: str | None
) -> None:
    headers = {"seldon-model": header} if header else {}
    async with client.get(path, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (404, "")
        assert answer.headers["Server"] == "envoy"
        assert "x-seldon-route" not in answer.headers


async def test_a_route_without_a_live_replica_is_503_without_x_seldon_route(client: Client) -> None:
    async with client.get("/v2/models/enhanced-predictor/ready") as answer:
        assert (answer.status, await answer.text()) == (503, "no healthy upstream")
        assert "x-seldon-route" not in answer.headers


async def test_what_is_no_request_is_422_and_proves_the_routing(client: Client) -> None:
    headers = {"seldon-model": "baseline-predictor"}
    for body in (b"{", b"[" * 100_000, b"[]", b'{"inputs": [{"name": "x"}]}'):
        async with client.post("/v2/models/x/infer", data=body, headers=headers) as answer:
            assert answer.status == 422
            assert answer.headers["x-seldon-route"] == ":baseline-predictor_1:"
            assert (await answer.json())["detail"][0]["msg"]


async def test_what_the_model_cannot_take_is_400(client: Client) -> None:
    headers = {"seldon-model": "baseline-predictor"}
    tensors: tuple[list[Any], ...] = ([], [{**INPUT["inputs"][0], "shape": [1, 350]}])
    for inputs in tensors:
        body = {"inputs": inputs}
        async with client.post("/v2/models/x/infer", json=body, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]


async def test_an_experiment_splits_by_its_weights(client: Client) -> None:
    headers = {"seldon-model": EXPERIMENT}
    seen: Counter[str] = Counter()
    for _ in range(800):
        async with client.post("/v2/models/x/infer", json=INPUT, headers=headers) as answer:
            seen[answer.headers["x-seldon-route"]] += 1
    assert set(seen) == {":baseline-predictor_1:", ":enhanced-predictor_4:"}
    assert abs(seen[":baseline-predictor_1:"] / 800 - 0.7) < 0.05


async def test_a_sticky_client_stays_with_its_candidate(client: Client) -> None:
    headers = {"seldon-model": EXPERIMENT, "x-seldon-route": ":enhanced-predictor_4:"}
    for _ in range(20):
        async with client.post("/v2/models/x/infer", json=INPUT, headers=headers) as answer:
            assert answer.headers["x-seldon-route"] == ":enhanced-predictor_4:"


async def test_a_sticky_route_alone_names_no_model(client: Client) -> None:
    headers = {"x-seldon-route": ":baseline-predictor_1:"}
    async with client.get("/v2/models/baseline-predictor/ready", headers=headers) as answer:
        assert answer.status == 404


async def test_metadata_health_and_wrong_methods_come_from_the_model_server(client: Client) -> None:
    headers = {"seldon-model": "baseline-predictor"}
    async with client.get("/v2/models/x", headers=headers) as answer:
        assert (await answer.json())["name"] == "baseline-predictor_1"
    async with client.get("/v2/health/ready", headers=headers) as answer:
        assert answer.status == 200
    async with client.get("/v2", headers=headers) as answer:
        assert (await answer.json())["name"] == "mlserver"
    async with client.get("/v2/models/x/infer", headers=headers) as answer:
        assert answer.status == 405
    async with client.post("/v2/models/x/ready", headers=headers) as answer:
        assert answer.status == 405
    async with client.get("/v2/else", headers=headers) as answer:
        assert answer.status == 404
        assert "x-seldon-route" in answer.headers
