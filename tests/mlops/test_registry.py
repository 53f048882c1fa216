"""A model by its alias, and a location that only its server knows: proven, or refused by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.mlops.failures import MlflowError
from runbook.mlops.locations import Locator
from runbook.mlops.mlflow import MlflowApi
from runbook.mlops.registry import find_by_alias
from runbook.mlops.s3 import Keys, S3Store
from runbook.mlops.updating import AHEAD, Search, find_all, named
from runbook.practice.services import s3
from tests.mlops.test_logged_models import NOW, Platform, platform
from tests.mlops.test_mlflow import document, serving

__all__ = ["platform"]
NAME = "FinancialDirectionPredictor_Baseline"
CHAMPION = Search("", alias="champion", registered_model="FinancialDirectionPredictor_{Variant}")


def promote(platform: Platform, source: str, run_id: str = "") -> None:
    store = platform.store
    if NAME not in store.registry:
        store.register(NAME)
    version = store.add_version(NAME, source, run_id)
    store.set_alias(NAME, "champion", str(version.version))


async def failure(work: Any) -> str:
    with pytest.raises(MlflowError) as failed:
        await work
    return failed.value.failure.value


async def test_an_alias_leads_to_a_model_whichever_run_is_the_newest(platform: Platform) -> None:
    model = await platform.find()
    platform.trainer.train("baseline", started=NOW + timedelta(hours=1))
    promote(platform, f"models:/{model.model_id}", model.run.run_id)
    found = await find_by_alias(platform.api, NAME, "champion")
    assert (found.model_id, found.uri, found.proven) == (model.model_id, model.uri, True)
    (told,) = await find_all(Locator(platform.api), CHAMPION, ["baseline"], NOW)
    assert (told.location, told.version) == (model.uri, found.version)
    assert told.run_id == model.run.run_id


async def test_what_is_missing_in_the_registry_has_a_name(platform: Platform) -> None:
    assert (
        await failure(find_by_alias(platform.api, "Nosuch", "champion")) == "model-not-registered"
    )
    assert await failure(find_by_alias(platform.api, NAME, "champion")) == "alias-missing"


async def test_a_version_outlives_its_model_and_is_not_taken(platform: Platform) -> None:
    model = await platform.find()
    promote(platform, f"models:/{model.model_id}", model.run.run_id)
    logged = platform.store.models[str(model.model_id)]
    logged.tags["mlflow.model.isExternal"] = "true"
    with pytest.raises(MlflowError, match="is external"):
        await find_by_alias(platform.api, NAME, "champion")
    logged.deleted = True
    with pytest.raises(MlflowError, match="is deleted, or not to be seen"):
        await find_by_alias(platform.api, NAME, "champion")


async def test_a_version_whose_files_are_gone_is_not_taken(platform: Platform) -> None:
    model = await platform.find()
    promote(platform, f"models:/{model.model_id}", model.run.run_id)
    platform.s3.delete(
        "mlflow-artifacts", model.uri.removeprefix("s3://mlflow-artifacts/") + "/MLmodel"
    )
    assert await failure(find_by_alias(platform.api, NAME, "champion")) == "artifacts-missing"


async def test_a_version_that_is_not_ready_is_not_taken() -> None:
    version = {"version": "3", "status": "PENDING_REGISTRATION"}
    async with serving(document({"model_version": version})) as api:
        with pytest.raises(MlflowError, match="version 3 is PENDING_REGISTRATION"):
            await find_by_alias(api, NAME, "champion")


async def test_a_place_beside_those_of_a_run_is_none_of_its_own(platform: Platform) -> None:
    run_id = platform.run()
    promote(platform, f"{platform.store.run(run_id).artifact_uri}-old/model", run_id)
    assert not (await find_by_alias(platform.api, NAME, "champion")).proven


async def test_a_version_may_name_any_place_and_is_then_not_proven(platform: Platform) -> None:
    promote(platform, "s3://mlflow-artifacts/elsewhere/dir")
    found = await find_by_alias(platform.api, NAME, "champion")
    assert (found.model_id, found.proven) == (None, False)
    (told,) = await find_all(Locator(platform.api), CHAMPION, ["baseline"], NOW)
    assert told.failure is not None
    assert told.failure.failure == "not-proven"


async def test_with_keys_of_our_own_any_place_is_looked_at(platform: Platform) -> None:
    promote(platform, "s3://mlflow-artifacts/elsewhere/dir")
    app = s3.application(platform.s3, lambda: {"key": "secret"}, lambda: NOW)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        store = S3Store(http, Keys("key", "secret"), lambda: NOW)
        locator = Locator(platform.api, store=store)
        (before,) = await find_all(locator, CHAMPION, ["baseline"], NOW)
        platform.s3.put("mlflow-artifacts", "elsewhere/dir/MLmodel", b"flavors: {}")
        (after,) = await find_all(locator, CHAMPION, ["baseline"], NOW)
        wrong = Locator(platform.api, store=S3Store(http, Keys("key", "other"), lambda: NOW))
        (denied,) = await find_all(wrong, CHAMPION, ["baseline"], NOW)
        lost = failure(locator.located("s3://no-such-bucket/x"))
        assert await lost == "bucket-missing"
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1") as nobody:
        silent = Locator(platform.api, store=S3Store(nobody, None, lambda: NOW))
        assert await failure(silent.located("s3://mlflow-artifacts/x")) == "not-proven"
    assert before.failure is not None
    assert before.failure.failure == "artifacts-missing"
    assert after.location == "s3://mlflow-artifacts/elsewhere/dir"
    assert denied.failure is not None
    assert denied.failure.failure == "not-proven"


async def test_an_older_run_is_taken_only_when_asked_for(platform: Platform) -> None:
    model = await platform.find()
    platform.run(hours=1)
    assert (await platform.failure()).failure == "no-model"
    older = await platform.find(skip_modelless=True)
    assert older.model_id == model.model_id


async def test_a_run_of_the_future_is_told(platform: Platform) -> None:
    ahead = NOW + AHEAD + timedelta(minutes=1)
    platform.trainer.train("baseline", started=ahead)
    search = Search("financial-mlops-pytorch")
    (told,) = await find_all(Locator(platform.api), search, ["baseline"], NOW)
    assert "which is in the future" in told.warnings[0]
    (quiet,) = await find_all(Locator(platform.api), search, ["baseline"], ahead)
    assert quiet.warnings == ()


def test_a_name_is_made_for_a_variant() -> None:
    assert named("train-{variant}", "baseline") == "train-baseline"
    assert named("P_{Variant}", "baseline") == "P_Baseline"


# -- a server that serves artifacts itself


@asynccontextmanager
async def proxying(answer: Callable[[str], web.Response]) -> AsyncIterator[MlflowApi]:
    """A tracking server as far as it says where a file is."""

    async def presigned(request: web.Request) -> web.Response:
        return answer(request.match_info["path"])

    app = web.Application()
    app.router.add_get("/api/2.0/mlflow-artifacts/presigned/{path:.*}", presigned)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        yield MlflowApi(http)


PROXIED = "mlflow-artifacts:/1/models/m-2/artifacts"


async def test_the_server_says_where_a_proxied_model_is() -> None:
    def answer(path: str) -> web.Response:
        return web.json_response({"url": f"http://minio/bucket/team/{path}?X-Amz-Signature=c0ffee"})

    async with proxying(answer) as api:
        found = await Locator(api).located(PROXIED)
    assert found == "s3://bucket/team/1/models/m-2/artifacts"


async def test_the_destination_that_was_given_needs_no_server() -> None:
    async with proxying(lambda _: web.Response(status=500)) as api:
        found = await Locator(api, "s3://bucket").located(PROXIED)
    assert found == "s3://bucket/1/models/m-2/artifacts"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda: web.json_response({"message": "no such file"}, status=404), "artifacts-missing"),
        (lambda: web.Response(status=404, text="<html>"), "needs-translation"),
        (lambda: web.Response(text="<html>"), "needs-translation"),
        (lambda: web.json_response({}, status=503), "not-proxying"),
        (lambda: web.json_response({"url": ""}), "needs-translation"),
        (lambda: web.json_response({"url": "http://b.s3/x?sig=c0ffee"}), "needs-translation"),
        (lambda: web.Response(status=401, text="who"), "bad-credentials"),
    ],
)
async def test_a_server_that_does_not_say_it_is_told_by_name(
    answer: Callable[[], web.Response], name: str
) -> None:
    async with proxying(lambda _: answer()) as api:
        with pytest.raises(MlflowError) as failed:
            await Locator(api).located(PROXIED)
    assert failed.value.failure == name
    assert "c0ffee" not in str(failed.value)


async def test_another_store_than_s3_is_refused() -> None:
    async with proxying(lambda _: web.Response(status=500)) as api:
        assert await failure(Locator(api).located("gs://bucket/x")) == "unsupported-store"
