"""The acceptance rows of a client that looks up models, against the server over HTTP."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from aiohttp.test_utils import TestClient, TestServer

from runbook.practice.services import mlflow
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from runbook.practice.services.s3_store import S3Store
from runbook.practice.services.training import EXPERIMENT, Trained, Trainer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AUTH = {"Authorization": encode_basic_auth("mlflow", "secret")}
BY_VARIANT = "params.`model_variant` = 'baseline' and attributes.status = 'FINISHED'"


@dataclass
class Server:
    client: TestClient[web.Request, web.Application]
    store: MlflowStore
    s3: S3Store
    trained: Trained
    switches: dict[str, bool] = field(default_factory=dict)

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        return await self._ask("POST", path, json=body)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
        data: str | None = None,
    ) -> tuple[int, Any]:
        url = f"/api/2.0/mlflow/{path}"
        async with self.client.request(
            method, url, headers=AUTH, params=params, json=json, data=data
        ) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    chance = random.Random(1)
    s3 = S3Store(lambda: NOW)
    s3.create_bucket("mlflow-artifacts")
    store = MlflowStore(lambda: NOW, chance, "s3://mlflow-artifacts")
    switches = {"reachable": True}
    artifacts = Artifacts(s3, lambda: switches["reachable"])
    trained = Trainer(store, artifacts, chance).train("baseline", started=NOW)
    app = mlflow.application(Tracking(store, artifacts), lambda: {"mlflow": "secret"})
    async with TestClient(TestServer(app)) as client:
        yield Server(client, store, s3, trained, switches)


async def test_a_trained_model_is_found_the_way_clients_look_for_it(server: Server) -> None:
    _, found = await server.get("experiments/get-by-name", experiment_name=EXPERIMENT)
    experiment = found["experiment"]["experiment_id"]
    query = {"experiment_ids": [experiment], "filter": BY_VARIANT, "max_results": 5}
    _, runs = await server.post("runs/search", query)
    [run] = runs["runs"]
    assert run["info"]["status"] == "FINISHED"
    [output] = run["outputs"]["model_outputs"]
    source = {"filter": f"source_run_id = '{run['info']['run_id']}'"}
    _, models = await server.post(
        "logged-models/search", {"experiment_ids": [experiment], **source}
    )
    [model] = models["models"]
    assert model["info"]["model_id"] == output["model_id"] == server.trained.model_id
    assert model["info"]["status"] == "LOGGED_MODEL_READY"
    status, listing = await server.get(f"logged-models/{output['model_id']}/artifacts/directories")
    assert status == 200
    assert "MLmodel" in [entry["path"] for entry in listing["files"]]
    assert listing["root_uri"] == model["info"]["artifact_uri"]


async def test_a_model_id_is_not_made_of_its_run_id(server: Server) -> None:
    assert server.trained.run_id not in server.trained.model_id


async def test_both_prefixes_answer_the_same(server: Server) -> None:
    answers = []
    for prefix in mlflow.PREFIXES:
        url = f"{prefix}/mlflow/runs/get?run_id={server.trained.run_id}"
        async with server.client.get(url, headers=AUTH) as answer:
            answers.append(await answer.read())
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "body",
    [
        {"experiment_ids": ["99"]},
        {"experiment_ids": []},
        {"experiment_ids": [1]},
        {"experiment_ids": ["1"], "filter": "attributes.status = 'finished'"},
        {"experiment_ids": ["1"], "filter": "params.model_variant = 'unheard-of'"},
        {"experiment_ids": ["1"], "run_view_type": "DELETED_ONLY"},
    ],
)
async def test_nothing_found_is_200_and_empty(server: Server, body: Any) -> None:
    assert await server.post("runs/search", body) == (200, {})


async def test_an_unknown_key_is_ignored_so_a_misspelt_filter_finds_everything(
    server: Server,
) -> None:
    body = {"experiment_ids": ["1"], "filter_string": "params.model_variant = 'nobody'"}
    _, found = await server.post("runs/search", body)
    assert len(found["runs"]) == 1


@pytest.mark.parametrize("body", ["{bad", "[" * 100_000])
async def test_malformed_json_is_200_and_empty(server: Server, body: str) -> None:
    url, headers = "/api/2.0/mlflow/runs/search", {**AUTH, "Content-Type": "application/json"}
    async with server.client.post(url, data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {})


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        (
            "GET",
            "experiments/get-by-name?experiment_name=x",
            None,
            (404, "RESOURCE_DOES_NOT_EXIST"),
        ),
        ("GET", "experiments/get-by-name", None, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "runs/get?run_id=abc", None, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "logged-models/m-1", None, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "runs/search", {"experiment_ids": "1"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "runs/search", {"max_results": 0}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "runs/create", {"experiment_id": "99"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "experiments/create", {"name": EXPERIMENT}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("GET", "registered-models/alias?name=x&alias=y", None, (404, "RESOURCE_DOES_NOT_EXIST")),
    ],
)
async def test_errors_are_json_with_a_code(
    server: Server, method: str, path: str, body: Any, expected: tuple[int, str]
) -> None:
    got, answer = await server._ask(method, path, json=body)
    assert (got, answer["error_code"]) == expected
    assert (answer["sqlstate"], bool(answer["error_class"])) == ("KAM00", True)


async def test_json_comes_without_a_character_set(server: Server) -> None:
    for query in ({"experiment_name": EXPERIMENT}, {"experiment_name": "never-made"}):
        url = "/api/2.0/mlflow/experiments/get-by-name"
        async with server.client.get(url, params=query, headers=AUTH) as answer:
            assert answer.headers["Content-Type"] == "application/json"


async def test_a_version_of_a_logged_model_names_its_run(server: Server) -> None:
    await server.post("registered-models/create", {"name": "Named"})
    source = f"models:/{server.trained.model_id}"
    _, made = await server.post("model-versions/create", {"name": "Named", "source": source})
    assert made["model_version"]["run_id"] == server.trained.run_id


async def test_searching_runs_with_get_is_405_and_without_json_is_400(server: Server) -> None:
    status, page = await server.get("runs/search")
    assert (status, "<h1>Method Not Allowed</h1>" in page) == (405, True)
    assert (await server._ask("POST", "runs/search", data="x"))[0] == 400


async def test_a_run_is_built_call_by_call(server: Server) -> None:
    _, made = await server.post("runs/create", {"experiment_id": "1", "run_name": "mine"})
    run_id = made["run"]["info"]["run_id"]
    for path, body in (
        ("runs/log-parameter", {"key": "p", "value": "1"}),
        ("runs/log-metric", {"key": "m", "value": 0.5, "timestamp": 1, "step": 2}),
        ("runs/set-tag", {"key": "t", "value": "v"}),
    ):
        assert await server.post(path, {"run_id": run_id, **body}) == (200, {})
    _, model = await server.post(
        "logged-models", {"experiment_id": "1", "name": "n", "source_run_id": run_id}
    )
    model_id = model["model"]["info"]["model_id"]
    assert model["model"]["info"]["status"] == "LOGGED_MODEL_PENDING"
    ready = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
    assert (await server._ask("PATCH", f"logged-models/{model_id}", json=ready))[0] == 200
    tags = {"tags": [{"key": "mlflow.model.isExternal", "value": "true"}]}
    assert await server._ask("PATCH", f"logged-models/{model_id}/tags", json=tags) == (200, {})
    _, tagged = await server.get(f"logged-models/{model_id}")
    assert tags["tags"][0] in tagged["model"]["info"]["tags"]
    outputs = {"run_id": run_id, "models": [{"model_id": model_id, "step": 3}]}
    await server.post("runs/outputs", outputs)
    await server.post("runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": 9})
    _, answer = await server.get("runs/get", run_id=run_id)
    run = answer["run"]
    assert run["info"]["status"] == "FINISHED"
    assert run["data"]["metrics"] == [{"key": "m", "value": 0.5, "timestamp": 1, "step": 2}]
    assert {"key": "p", "value": "1"} in run["data"]["params"]
    assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 3}]}


async def test_a_batch_is_logged_at_once_and_a_metric_keeps_its_history(server: Server) -> None:
    run_id = server.trained.run_id
    metrics = [{"key": "m", "value": v, "timestamp": v, "step": v} for v in (1, 2)]
    batch = {"params": [{"key": "p", "value": "1"}], "tags": [{"key": "t", "value": "v"}]}
    body = {"run_id": run_id, "metrics": metrics, **batch}
    assert await server.post("runs/log-batch", body) == (200, {})
    _, history = await server.get("metrics/get-history", run_id=run_id, metric_key="m")
    assert [one["value"] for one in history["metrics"]] == [1, 2]
    _, found = await server.get("runs/get", run_id=run_id)
    assert {"key": "p", "value": "1"} in found["run"]["data"]["params"]
    assert {"key": "t", "value": "v"} in found["run"]["data"]["tags"]
    bad = {"run_id": run_id, "metrics": [{"key": "m", "value": "high"}]}
    assert (await server.post("runs/log-batch", bad))[0] == 400


async def test_a_parameter_is_written_once(server: Server) -> None:
    body = {"run_id": server.trained.run_id, "key": "model_variant", "value": "other"}
    status, answer = await server.post("runs/log-parameter", body)
    assert (status, "Changing param values" in answer["message"]) == (400, True)


async def test_a_deleted_run_is_hidden_from_search_and_readable_by_id(server: Server) -> None:
    await server.post("runs/delete", {"run_id": server.trained.run_id})
    assert await server.post("runs/search", {"experiment_ids": ["1"]}) == (200, {})
    _, found = await server.get("runs/get", run_id=server.trained.run_id)
    assert found["run"]["info"]["lifecycle_stage"] == "deleted"


async def test_a_deleted_model_stays_in_its_runs_outputs(server: Server) -> None:
    path = f"logged-models/{server.trained.model_id}"
    assert (await server._ask("DELETE", path))[0] == 200
    assert (await server.get(path))[0] == 404
    _, found = await server.get("runs/get", run_id=server.trained.run_id)
    assert found["run"]["outputs"]["model_outputs"][0]["model_id"] == server.trained.model_id


async def test_a_deleted_experiment_is_still_found_by_name(server: Server) -> None:
    await server.post("experiments/delete", {"experiment_id": "1"})
    status, found = await server.get("experiments/get-by-name", experiment_name=EXPERIMENT)
    assert (status, found["experiment"]["lifecycle_stage"]) == (200, "deleted")
    assert await server.post("runs/search", {"experiment_ids": ["1"]}) == (200, {})


async def test_models_cannot_be_searched_by_status_and_unknown_attributes_are_500(
    server: Server,
) -> None:
    ids = {"experiment_ids": ["1"]}
    ready = {**ids, "filter": "status = 'READY'"}
    assert await server.post("logged-models/search", ready) == (200, {})
    assert (await server.post("logged-models/search", {**ids, "filter": "colour = 'x'"}))[0] == 500
    assert (await server.post("logged-models/search", {**ids, "order_by": ["name"]}))[0] == 400


async def test_models_are_ordered_by_objects(server: Server) -> None:
    for name in ("a", "b"):
        await server.post("logged-models", {"experiment_id": "1", "name": name})
    order = [{"field_name": "name", "ascending": False}]
    _, found = await server.post(
        "logged-models/search", {"experiment_ids": ["1"], "order_by": order}
    )
    assert [m["info"]["name"] for m in found["models"]] == [
        "stock_predictor_baseline_model",
        "b",
        "a",
    ]


async def test_missing_files_are_an_empty_listing(server: Server) -> None:
    for entry in server.s3.list("mlflow-artifacts").objects:
        server.s3.delete("mlflow-artifacts", entry.key)
    path = f"logged-models/{server.trained.model_id}/artifacts/directories"
    status, listing = await server.get(path)
    assert (status, "files" in listing) == (200, False)


async def test_a_run_of_mlflow_3_lists_nothing_of_its_model(server: Server) -> None:
    status, listing = await server.get("artifacts/list", run_id=server.trained.run_id)
    listed = [one["path"] for one in listing["files"]]
    assert (status, listed) == (200, ["config.json", "training_history.json"])


async def test_an_unreachable_store_is_500_and_a_missing_bucket_404(server: Server) -> None:
    path = f"logged-models/{server.trained.model_id}/artifacts/directories"
    server.switches["reachable"] = False
    status, body = await server.get(path)
    assert (status, "<title>500" in body) == (500, True)
    server.switches["reachable"] = True
    server.store.model(server.trained.model_id).artifact_uri = "s3://nowhere/x"
    status, body = await server.get(path)
    assert (status, "bucket does not exist" in body["message"]) == (404, True)


async def test_the_registry_resolves_a_version_to_the_models_files(server: Server) -> None:
    name = "FinancialDirectionPredictor_Baseline"
    await server.post(
        "registered-models/alias", {"name": name, "alias": "champion", "version": "1"}
    )
    _, found = await server.get("registered-models/alias", name=name, alias="champion")
    assert found["model_version"]["source"] == f"models:/{server.trained.model_id}"
    _, uri = await server.get("model-versions/get-download-uri", name=name, version="1")
    assert uri == {"artifact_uri": server.trained.artifact_uri}
    status, _ = await server.get("registered-models/alias", name=name, alias="nope")
    assert status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": encode_basic_auth("mlflow", "wrong")},
        {"Authorization": encode_basic_auth("nobody", "secret")},
    ],
)
async def test_wrong_credentials_look_all_the_same(server: Server, headers: dict[str, str]) -> None:
    async with server.client.get("/api/2.0/mlflow/runs/get", headers=headers) as answer:
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert answer.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'


@pytest.mark.parametrize("header", ["Bearer abc", "Basic !!!", "Basic /////w=="])
async def test_other_credentials_are_401_too(server: Server, header: str) -> None:
    async with server.client.get("/version", headers={"Authorization": header}) as answer:
        assert answer.status == 401


async def test_health_needs_no_login_and_version_does(server: Server) -> None:
    async with server.client.get("/health") as answer:
        assert (answer.status, await answer.text()) == (200, "OK")
    async with server.client.get("/version", headers=AUTH) as answer:
        assert await answer.text() == mlflow.VERSION


async def test_a_service_name_as_host_is_refused_except_for_health(server: Server) -> None:
    headers = {**AUTH, "Host": "mlflow.mlflow.svc.cluster.local:5000"}
    async with server.client.get("/version", headers=headers) as answer:
        assert (answer.status, "DNS rebinding" in await answer.text()) == (403, True)
    async with server.client.get("/health", headers=headers) as answer:
        assert answer.status == 200


async def test_a_foreign_origin_may_not_post(server: Server) -> None:
    url = "/api/2.0/mlflow/runs/search"
    for origin in ("http://evil.example", "null"):
        headers = {**AUTH, "Origin": origin}
        async with server.client.post(url, json={}, headers=headers) as answer:
            assert answer.status == 403


async def test_an_unknown_path_is_404_in_html(server: Server) -> None:
    async with server.client.get("/api/2.0/mlflow/nope", headers=AUTH) as answer:
        assert (answer.status, answer.content_type) == (404, "text/html")
