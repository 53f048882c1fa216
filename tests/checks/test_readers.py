from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck as Health, given, settings, strategies as st

from runbook.checks.base import CheckContext, CommandResult, Reader
from runbook.checks.readers import READERS, expectation
from runbook.errors import CheckMisconfigured
from runbook.model.checks import (
    CHECK_KINDS,
    HealthCheck,
    InferenceQuery,
    KubernetesCheck,
    KubernetesQuery,
    MlflowQuery,
    S3Query,
)
from runbook.run.readings import Verdict
from runbook.target.api import status_error
from runbook.target.services import Services

UNKNOWN = Verdict.UNKNOWN


def test_every_kind_has_a_reader_but_the_one_that_names_another_check() -> None:
    readers: Mapping[str, Reader] = READERS
    assert set(readers) == set(CHECK_KINDS) - {"health"}


def test_what_a_check_expects_can_be_said_without_looking() -> None:
    check = KubernetesCheck(
        kubernetes=KubernetesQuery(
            kind="Pod",
            namespace="a",
            selector="app=x",
            count=2,
            ready_containers=3,
            condition="Ready=False",
            current_generation=True,
        )
    )
    assert expectation(check) == (
        "2 × Pod -l app=x in a with Ready False, 3/3 containers ready, "
        "status of the current generation"
    )


def test_a_check_that_names_another_one_is_not_read_here() -> None:
    with pytest.raises(CheckMisconfigured):
        expectation(HealthCheck(health="models-ready"))


async def test_a_reader_takes_only_its_own_query(cluster: Any) -> None:
    with pytest.raises(CheckMisconfigured):
        await READERS["http"](KubernetesQuery(kind="Pod"), cluster.client)


async def test_a_look_ends_in_time(cluster: Any) -> None:
    async def endless(script: str, shell: str | None, env: object, timeout: float) -> CommandResult:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    cluster._run = endless
    cluster.timeout = 0.05
    reading = await cluster.look(run="sleep inf")
    assert (reading.verdict, reading.observed) == (UNKNOWN, "no answer within 50ms")


async def test_what_is_not_allowed_is_unknown(cluster: Any) -> None:
    cluster.client.credentials = replace(cluster.client.credentials, authorization="Bearer wrong")
    cluster.client._kubeconfig.write_text(
        cluster.client._kubeconfig.read_text().replace(cluster.server.token, "wrong")
    )
    reading = await cluster.look(kubernetes={"kind": "Pod", "absent": True})
    assert reading.verdict is UNKNOWN
    assert "401" in reading.observed


@pytest.mark.parametrize(
    ("code", "body", "told"),
    [
        (404, b"default backend - 404", "a 404 that no API server says: default backend - 404"),
        (403, b'{"kind": "Status", "message": "no"}', "the API server answers 403: no"),
    ],
)
@pytest.mark.parametrize(
    "check",
    [
        {"kubernetes": {"kind": "ConfigMap", "namespace": "a", "name": "x", "absent": True}},
        {"kubernetes": {"kind": "ConfigMap", "namespace": "a", "name": "x", "count": 0}},
        {"secret": {"namespace": "a", "name": "x"}},
        {"gitops": {"namespaces": ["x"]}},
        {"quotas": {"namespaces": ["x"]}},
        {"http": {"url": "service://a/x:80/"}},
    ],
    ids=lambda check: next(iter(check)),
)
async def test_what_no_api_server_says_makes_nothing_absent(
    cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
    check: dict[str, Any],
    code: int,
    body: bytes,
    told: str,
) -> None:
    whole = cluster.client.get

    async def get(path: str, *others: Any, **more: Any) -> Any:
        if path.endswith("/x"):
            raise status_error(code, body)
        return await whole(path, *others, **more)

    monkeypatch.setattr(cluster.client, "get", get)
    reading = await cluster.look(**check)
    assert (reading.verdict, reading.observed) == (UNKNOWN, told)


KEYS = [
    "experiment",
    "experiment_id",
    "lifecycle_stage",
    "runs",
    "info",
    "data",
    "params",
    "models",
    "outputs",
    "files",
    "model_name",
    "next_page_token",
]
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner | st.just("active"),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[Health.function_scoped_fixture])
@given(shape=SHAPES)
def test_answers_of_any_shape_are_read_without_an_exception(shape: Any) -> None:
    asyncio.run(_look_at(shape))


async def _look_at(shape: Any) -> None:
    class NoCluster:
        """Services at plain addresses need nothing of a cluster."""

        services = Services(None)  # type: ignore[arg-type]  # plain addresses never ask it

    async def anything(request: web.Request) -> web.Response:
        return web.json_response(shape)

    async def no_command(script: str, shell: str | None, timeout: float) -> CommandResult:
        raise AssertionError("not asked")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", anything)
    async with TestServer(app) as server:
        endpoint = str(server.make_url("/"))
        context = CheckContext(NoCluster(), no_command)  # type: ignore[arg-type]  # see above
        mlflow = MlflowQuery(endpoint=endpoint, experiment="e", variants=["v"])
        assert (await READERS["mlflow"](mlflow, context)).verdict is not Verdict.HOLDS
        s3 = S3Query(endpoint=endpoint, bucket="b")
        assert (await READERS["s3"](s3, context)).verdict is not Verdict.HOLDS
        inference = InferenceQuery(endpoint=endpoint, model="m")
        assert (await READERS["inference"](inference, context)).verdict is not Verdict.HOLDS
