"""What stands between a user and MLflow: credentials, rights, proxies, and MLflow's own trouble with S3."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.logged_models import FoundModel, find_model
from runbook.mlops.mlflow import MlflowApi
from tests.cluster.processes import free_ports
from tests.integration import servers, sides
from tests.integration.servers import PASSWORD, USER, Environment, Store
from tests.integration.sides import Side
from tests.integration.test_find_model import EXPERIMENT

READER, READER_PASSWORD = "reader", "integration-reader-1"

Rule = Callable[[web.Request], web.Response | None]
"""What a proxy answers by itself; None passes the request on."""


async def find(http: httpx.AsyncClient, experiment: str = EXPERIMENT) -> FoundModel:
    return await find_model(MlflowApi(http), experiment, "baseline")


async def failure(http: httpx.AsyncClient, experiment: str = EXPERIMENT) -> MlflowError:
    with pytest.raises(MlflowError) as failed:
        await find(http, experiment)
    assert PASSWORD not in failed.value.message
    return failed.value


@pytest.mark.parametrize(
    "auth",
    [(USER, "wrong"), ("nobody", PASSWORD), None, httpx.BasicAuth(USER, "")],
    ids=["wrong-password", "unknown-user", "none", "user-only"],
)
async def test_a_login_that_is_refused(
    side: Side, auth: httpx.Auth | tuple[str, str] | None
) -> None:
    async with sides.client(side.endpoint, auth=auth) as http:
        assert (await failure(http)).failure is Failure.BAD_CREDENTIALS


async def test_a_token_is_not_for_the_built_in_login(side: Side) -> None:
    headers = {"Authorization": "Bearer token"}
    async with sides.client(side.endpoint, headers=headers) as http:
        failed = await failure(http)
    # MLflow itself stumbles over a login without a password when it remembers logins, as it does here.
    stumbled = side.name != "practice" and failed.failure is Failure.SERVER_ERROR
    assert stumbled or failed.failure is Failure.BAD_CREDENTIALS


async def test_a_service_name_is_a_foreign_host(real: Side, practice: Side) -> None:
    headers = {"Host": "mlflow.mlflow.svc.cluster.local:5000"}
    for side in (real, practice):
        async with sides.client(side.endpoint, auth=(USER, PASSWORD), headers=headers) as http:
            assert (await failure(http)).failure is Failure.HOST_REJECTED


async def test_a_path_that_is_not_mlflows(side: Side) -> None:
    async with sides.client(f"{side.endpoint}/nowhere", auth=(USER, PASSWORD)) as http:
        assert (await failure(http)).failure is Failure.WRONG_PATH


async def test_a_user_who_may_read_and_one_who_may_not(real: Side) -> None:
    async with sides.client(real.endpoint, auth=(USER, PASSWORD)) as admin:
        await _post(admin, "2.0/mlflow/users/create", username=READER, password=READER_PASSWORD)
        experiment = await MlflowApi(admin).experiment("with-its-own-place")
        await _post(
            admin,
            "3.0/mlflow/users/permissions/grant",
            username=READER,
            resource_type="experiment",
            resource_id=experiment["experiment_id"],
            permission="DENY",
        )
    async with sides.client(real.endpoint, auth=(READER, READER_PASSWORD)) as http:
        assert (await find(http)).model_id == real.told["baseline"]["model_id"]
        denied = await failure(http, "with-its-own-place")
    assert denied.failure is Failure.NO_PERMISSION


async def _post(http: httpx.AsyncClient, path: str, **body: str) -> None:
    answer = await http.post(f"api/{path}", json=body)
    assert answer.status_code == 200, answer.text


@asynccontextmanager
async def behind(side: Side, rule: Rule) -> AsyncIterator[httpx.AsyncClient]:
    """A client that reaches the side only through a proxy with a mind of its own."""
    async with sides.client(side.endpoint) as upstream:

        async def handle(request: web.Request) -> web.Response:
            body = await request.read()
            request["body"] = body
            own = rule(request)
            if own is not None:
                return own
            kept = ("Authorization", "Content-Type")
            answer = await upstream.request(
                request.method,
                request.path_qs,
                content=request["body"],
                headers={name: request.headers[name] for name in kept if name in request.headers},
            )
            media = answer.headers.get("content-type", "text/html").partition(";")[0]
            return web.Response(status=answer.status_code, body=answer.content, content_type=media)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        async with (
            TestServer(app) as server,
            sides.client(str(server.make_url("/")), auth=(USER, PASSWORD)) as http,
        ):
            yield http


def page(status: int) -> web.Response:
    """What answers instead: the single page, a login elsewhere, an upstream that is down."""
    headers = {"Location": "https://login.example/"} if status == 302 else {}
    text = "<!doctype html><title>MLflow</title>"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


@pytest.mark.parametrize("status", [200, 302, 404])
async def test_a_proxy_that_lets_only_ajax_api_through(side: Side, status: int) -> None:
    def rule(request: web.Request) -> web.Response | None:
        return None if request.path.startswith("/ajax-api/") else page(status)

    async with behind(side, rule) as http:
        assert (await find(http)).model_id == side.told["baseline"]["model_id"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(200, Failure.WRONG_PATH), (302, Failure.REDIRECT), (502, Failure.SERVER_ERROR)],
)
async def test_a_proxy_that_lets_nothing_through(
    side: Side, status: int, expected: Failure
) -> None:
    async with behind(side, lambda _: page(status)) as http:
        assert (await failure(http)).failure is expected


async def test_a_filter_that_gets_lost_is_noticed(side: Side) -> None:
    """The server answers 200 with runs of all variants: nothing but the answer tells."""

    def rule(request: web.Request) -> web.Response | None:
        if request.path.endswith("runs/search"):
            asked = json.loads(request["body"])
            asked["filter_string"] = asked.pop("filter")
            request["body"] = json.dumps(asked).encode()
        return None

    async with behind(side, rule) as http:
        assert (await failure(http)).failure is Failure.SERVER_IGNORED_FILTER


@pytest.fixture(scope="module")
def troubled(
    installed: Environment, real: Side, stores: tuple[Store, Store], directory: Path
) -> Iterator[dict[Failure, str]]:
    """Servers with the same database, each with other trouble with its store; by what it is called."""
    (closed,) = free_ports(1)
    trouble = {
        Failure.STORE_BAD_KEY: replace(real.store, access_key="AKIAUNKNOWN000000000"),
        Failure.STORE_DENIED: stores[1],
        Failure.STORE_UNREACHABLE: replace(real.store, endpoint=f"http://127.0.0.1:{closed}"),
    }
    made = {
        name: servers.mlflow_server(installed, directory / "real", store)
        for name, store in trouble.items()
    }
    with servers.running(*(process for _, process in made.values())):
        yield {name: endpoint for name, (endpoint, _) in made.items()}


@pytest.mark.parametrize(
    "expected", [Failure.STORE_BAD_KEY, Failure.STORE_DENIED, Failure.STORE_UNREACHABLE]
)
async def test_mlflows_own_trouble_with_its_store_is_not_a_missing_model(
    troubled: dict[Failure, str], expected: Failure
) -> None:
    async with sides.client(troubled[expected], auth=(USER, PASSWORD)) as http:
        failed = await failure(http)
    assert (failed.failure, failed.cannot_tell) == (expected, True)
