"""What the faces of a failing server are taken for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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


def one_by_one(*answers: Answer) -> Answer:
    """The answers in turn, the last one for ever."""
    left = list(answers)

    async def answer(request: web.Request) -> web.Response:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


@asynccontextmanager
async def serving(answer: Answer, base: str = "/") -> AsyncIterator[MlflowApi]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url(base))) as http,
    ):
        yield MlflowApi(http)


async def ask(answer: Answer, base: str = "/") -> Any:
    async with serving(answer, base) as api:
        return await api.experiment("e")


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
        (document({"message": "Permission denied"}, 403), Failure.NO_PERMISSION),
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
        (html(403, "No access to /api/2.0/mlflow/logged-models/artifacts"), Failure.NO_PERMISSION),
        (html(500), Failure.STORE_UNREACHABLE),
    ],
)
async def test_trouble_of_the_servers_store_is_not_taken_for_ours(
    answer: Answer, expected: Failure
) -> None:
    async def listing(request: web.Request) -> web.Response:
        return await (answer if "artifacts" in request.path else document(EXPERIMENT))(request)

    async with serving(listing) as api:
        await api.experiment("e")
        with pytest.raises(MlflowError) as failed:
            await api.files_of_model("m-1")
    assert failed.value.failure is expected


@pytest.mark.parametrize(
    "asked",
    [
        lambda api: api.experiment("other"),
        lambda api: api.logged_model("m-1"),
        lambda api: api.version_by_alias("N", "champion"),
    ],
)
async def test_a_404_that_is_not_mlflows_tells_nothing_of_what_is_there(
    asked: Callable[[MlflowApi], Awaitable[Any]],
) -> None:
    async with serving(one_by_one(document(EXPERIMENT), html(404))) as api:
        await api.experiment("e")
        with pytest.raises(MlflowError) as failed:
            await asked(api)
    assert failed.value.failure is Failure.WRONG_PATH


async def test_a_server_of_2x_has_no_logged_models_and_says_so_in_html() -> None:
    async with serving(one_by_one(document(EXPERIMENT), html(404))) as api:
        await api.experiment("e")
        assert await api.search_logged_models("7", "r") == []
    in_json = document({"error_code": "RESOURCE_DOES_NOT_EXIST"}, 404)
    async with serving(in_json) as api:
        with pytest.raises(MlflowError):
            await api.search_logged_models("7", "r")


async def test_logged_models_are_read_to_the_last_page() -> None:
    async def page(request: web.Request) -> web.Response:
        if (await request.json()).get("page_token"):
            return web.json_response({"models": [{"info": {"model_id": "m-2"}}]})
        return web.json_response(
            {"models": [{"info": {"model_id": "m-1"}}], "next_page_token": "more"}
        )

    async with serving(page) as api:
        found = await api.search_logged_models("7", "r")
    assert [model["info"]["model_id"] for model in found] == ["m-1", "m-2"]


async def test_a_model_that_may_not_be_seen_looks_like_none() -> None:
    async with serving(html(403, "Permission denied")) as api:
        assert await api.logged_model("m-1") is None


async def test_a_folder_is_no_file() -> None:
    files = [{"path": "MLmodel", "is_dir": True}, {"path": "conda.yaml", "is_dir": False}]
    async with serving(document({"files": files})) as api:
        assert await api.files_of_model("m-1") == ["conda.yaml"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (document({"message": "Registered model alias x not found."}, 400), Failure.ALIAS_MISSING),
        (document({"message": "Invalid model name"}, 400), Failure.SERVER_ERROR),
        (document({"message": "no such model"}, 404), Failure.MODEL_NOT_REGISTERED),
        (document({}), Failure.WRONG_PATH),
    ],
)
async def test_each_answer_about_an_alias_has_its_name(answer: Answer, expected: Failure) -> None:
    async with serving(answer) as api:
        with pytest.raises(MlflowError) as failed:
            await api.version_by_alias("N", "x")
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


async def test_http_to_an_https_port_is_a_matter_of_tls() -> None:
    async def alert(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x15\x03\x01\x00\x02\x02\x46")  # TLS: this is no handshake
        writer.close()

    async with await asyncio.start_server(alert, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            with pytest.raises(MlflowError) as failed:
                await MlflowApi(http).experiment("e")
    assert failed.value.failure is Failure.TLS
    assert "is this an https port?" in failed.value.message


async def test_an_endpoint_without_a_scheme_is_refused() -> None:
    async with httpx.AsyncClient(base_url="ftp://mlflow") as http:
        with pytest.raises(MlflowError) as failed:
            await MlflowApi(http).experiment("e")
    assert failed.value.failure is Failure.BAD_ENDPOINT


def run_of(variant: str, status: str) -> dict[str, Any]:
    return {
        "info": {"run_id": "r", "experiment_id": "7", "status": status, "start_time": 1},
        "data": {"params": [{"key": "model_variant", "value": variant}]},
    }


STRANGER = {"info": {"model_id": "m-1", "source_run_id": "of another run"}}


@pytest.mark.parametrize(
    "answers",
    [
        [{"runs": [run_of("enhanced", "FINISHED")]}],
        [{"runs": [run_of("baseline", "RUNNING")]}],
        [{}, {"runs": [run_of("enhanced", "FAILED")]}],
        [{"runs": [run_of("baseline", "FINISHED")]}, {"models": [STRANGER]}],
    ],
    ids=["variant", "status", "variant of those that count", "source run"],
)
async def test_a_server_that_ignores_the_filter_is_not_believed(
    answers: list[dict[str, Any]],
) -> None:
    in_turn = one_by_one(document(EXPERIMENT), *map(document, answers))
    async with serving(in_turn) as api:
        with pytest.raises(MlflowError) as failed:
            await find_model(api, "e", "baseline")
    assert failed.value.failure is Failure.SERVER_IGNORED_FILTER


RED = {
    Failure.EXPERIMENT_MISSING,
    Failure.EXPERIMENT_DELETED,
    Failure.NO_FINISHED_RUN,
    Failure.NO_MODEL,
    Failure.AMBIGUOUS_MODEL,
    Failure.ARTIFACTS_MISSING,
    Failure.BUCKET_MISSING,
    Failure.UNSUPPORTED_STORE,
    Failure.WRONG_BUCKET,
    Failure.MODEL_NOT_REGISTERED,
    Failure.ALIAS_MISSING,
}
"""What MLflow says about models; all else is about the asking."""


def test_every_failure_has_a_next_action_and_a_verdict() -> None:
    assert set(NEXT_ACTION) == set(Failure)
    assert set(Failure) - CANNOT_TELL == RED
    assert MlflowError(Failure.NO_MODEL, "x").hint == NEXT_ACTION[Failure.NO_MODEL]
    assert not MlflowError(Failure.NO_MODEL, "x").cannot_tell
