"""What the faces of a failing server are taken for."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.mlops.failures import CANNOT_TELL, NEXT_ACTION, Failure, MlflowError
from runbook.mlops.logged_models import find_model
from runbook.mlops.mlflow import MlflowApi

EXPERIMENT = {
    "experiment": {"experiment_id": "7", "name": "e", "lifecycle_stage": "active"},
}
Answer = Callable[[web.Request], Awaitable[web.Response]]


def html(status: int, text: str = "<!doctype html><p>page</p>") -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, content_type="text/html")

    return answer


def document(body: Any, status: int = 200) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


async def ask(answer: Answer, base: str = "/", path: str = "/{path:.*}") -> Any:
    app = web.Application()
    app.router.add_route("*", path, answer)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url(base))) as http,
    ):
        return await MlflowApi(http).experiment("e")


async def failure(answer: Answer) -> Failure:
    with pytest.raises(MlflowError) as failed:
        await ask(answer)
    return failed.value.failure


async def test_an_active_experiment_is_found() -> None:
    assert (await ask(document(EXPERIMENT)))["experiment_id"] == "7"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (html(401, "You are not authenticated."), Failure.BAD_CREDENTIALS),
        (html(403, "Permission denied"), Failure.NO_PERMISSION),
        (
            html(403, "Invalid Host header - possible DNS rebinding attack detected"),
            Failure.HOST_REJECTED,
        ),
        (document({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404), Failure.EXPERIMENT_MISSING),
        (html(404), Failure.WRONG_PATH),
        (html(200), Failure.WRONG_PATH),
        (document({}), Failure.WRONG_PATH),
        (document([]), Failure.WRONG_PATH),
        (html(302), Failure.REDIRECT),
        (html(502), Failure.SERVER_ERROR),
        (document({"message": "boom"}, 500), Failure.SERVER_ERROR),
        (
            document({"experiment": {"experiment_id": "7", "lifecycle_stage": "deleted"}}),
            Failure.EXPERIMENT_DELETED,
        ),
    ],
)
async def test_each_face_has_its_name(answer: Answer, expected: Failure) -> None:
    assert await failure(answer) is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            document({"message": "Failed to list artifacts in s3://b: InvalidAccessKeyId"}, 401),
            Failure.STORE_BAD_KEY,
        ),
        (
            document({"message": "Failed to list artifacts in s3://b: Access Denied"}, 403),
            Failure.STORE_DENIED,
        ),
        (
            document({"message": "The specified bucket does not exist"}, 404),
            Failure.BUCKET_MISSING,
        ),
        (
            document(
                {
                    "message": f"Failed to list artifacts in s3://b/{'x' * 300}: "
                    "The specified bucket does not exist"
                },
                404,
            ),
            Failure.BUCKET_MISSING,
        ),
        (html(500), Failure.STORE_UNREACHABLE),
    ],
)
async def test_trouble_of_the_servers_store_is_not_taken_for_ours(
    answer: Answer, expected: Failure
) -> None:
    async def listing(request: web.Request) -> web.Response:
        return await (answer if "artifacts" in request.path else document(EXPERIMENT))(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", listing)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        api = MlflowApi(http)
        await api.experiment("e")
        with pytest.raises(MlflowError) as failed:
            await api.files_of_model("m-1")
    assert failed.value.failure is expected


@pytest.mark.parametrize("other", [html(404), html(200), html(302)])
async def test_a_server_that_answers_only_under_ajax_api_is_used_there(other: Answer) -> None:
    async def answer(request: web.Request) -> web.Response:
        ajax = request.path.startswith("/prefix/ajax-api/2.0/mlflow/")
        return await (document(EXPERIMENT) if ajax else other)(request)

    assert (await ask(answer, base="/prefix"))["experiment_id"] == "7"


async def test_a_server_that_is_not_there_is_down() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url) as http:
        with pytest.raises(MlflowError) as failed:
            await MlflowApi(http).experiment("e")
    assert failed.value.failure is Failure.SERVER_DOWN
    assert url in failed.value.message


async def test_https_to_an_http_port_is_a_matter_of_tls() -> None:
    app = web.Application()
    async with TestServer(app) as server:
        url = str(server.make_url("/")).replace("http://", "https://")
        async with httpx.AsyncClient(base_url=url) as http:
            with pytest.raises(MlflowError) as failed:
                await MlflowApi(http).experiment("e")
    assert failed.value.failure is Failure.TLS


async def test_an_endpoint_without_a_scheme_is_refused() -> None:
    async with httpx.AsyncClient(base_url="ftp://mlflow") as http:
        with pytest.raises(MlflowError) as failed:
            await MlflowApi(http).experiment("e")
    assert failed.value.failure is Failure.BAD_ENDPOINT


async def test_a_server_that_ignores_the_filter_is_not_believed() -> None:
    stranger = {
        "info": {"run_id": "r", "experiment_id": "7", "status": "FINISHED", "start_time": 1},
        "data": {"params": [{"key": "model_variant", "value": "enhanced"}]},
    }

    async def answer(request: web.Request) -> web.Response:
        found = {"runs": [stranger]} if "runs" in request.path else EXPERIMENT
        return web.json_response(found)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        with pytest.raises(MlflowError) as failed:
            await find_model(MlflowApi(http), "e", "baseline")
    assert failed.value.failure is Failure.SERVER_IGNORED_FILTER


def test_every_failure_has_a_next_action_and_a_verdict() -> None:
    assert set(NEXT_ACTION) == set(Failure)
    assert set(Failure) > CANNOT_TELL
    assert MlflowError(Failure.NO_MODEL, "x").hint == NEXT_ACTION[Failure.NO_MODEL]
    assert not MlflowError(Failure.NO_MODEL, "x").cannot_tell
