"""Probing an experiment, against the practice cluster's mesh by real HTTP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.clock import RealClock
from runbook.errors import TargetUnreachable
from runbook.mlops.inference import Mesh
from runbook.mlops.probing import HOPELESS, NOT_HEALTHY, NoInputs, Probe, inputs_of
from runbook.mlops.split import judge
from runbook.practice.services import mesh
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate
from runbook.run.readings import Verdict

A, B = LoadedModel("a", 3), LoadedModel("b", 4)
WEIGHTS = {"a": 70.0, "b": 30.0}


def routes(*, healthy: bool = True) -> Sequence[Candidate]:
    return (Candidate(A, 70, healthy=True), Candidate(B, 30, healthy=healthy))


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[Mesh]:
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        yield Mesh(http)


def practice(*, healthy: bool = True) -> web.Application:
    table = {"ab.experiment": routes(healthy=healthy)}
    return mesh.application(lambda name: table.get(name, ()), random.Random(7))


async def probed(
    app: web.Application, *, requests: int = 400, ended: asyncio.Event | None = None
) -> Probe:
    async with serving(app) as target:
        inputs = [{"name": "x", "datatype": "FP32", "shape": [1, 10, 35]}]
        probe = Probe(target, "ab", inputs, RealClock(), 5.0)
        await probe.send(requests, 8, ended or asyncio.Event(), lambda _: None)
    return probe


async def test_the_practice_mesh_splits_by_its_weights() -> None:
    probe = await probed(practice())
    split = judge(probe.samples, WEIGHTS)
    assert (split.sent, split.verdict) == (400, Verdict.HOLDS)
    assert all(one.latency[50] <= one.latency[99] for one in split.shares)


async def test_no_request_carries_the_route_of_an_answer() -> None:
    carried: list[str] = []
    at_once: list[int] = [0, 0]

    async def answer(request: web.Request) -> web.Response:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await request.read()
        await asyncio.sleep(0)
        carried.extend(name for name in request.headers if name.lower() == "x-seldon-route")
        at_once[0] -= 1
        return web.json_response({"outputs": [1]}, headers={"x-seldon-route": ":a_3:"})

    app = web.Application()
    app.router.add_post("/v2/models/ab/infer", answer)
    probe = await probed(app, requests=50)
    assert (len(probe.samples), carried) == (50, [])
    assert at_once[1] <= 8
    assert judge(probe.samples, WEIGHTS).verdict is Verdict.FAILS  # all by one candidate


async def test_the_faults_of_one_candidate_are_counted_by_kind() -> None:
    probe = await probed(practice(healthy=False))
    split = judge(probe.samples, WEIGHTS)
    assert split.verdict is Verdict.FAILS
    assert list(split.faults) == [NOT_HEALTHY]
    assert split.faults[NOT_HEALTHY] + split.told == 400


async def test_two_hundred_and_an_empty_document_is_no_answer() -> None:
    async def empty(_: web.Request) -> web.Response:
        return web.json_response({}, headers={"x-seldon-route": ":a_3:"})

    app = web.Application()
    app.router.add_post("/v2/models/ab/infer", empty)
    split = judge((await probed(app, requests=30)).samples, {"a": 1.0})
    assert split.verdict is Verdict.FAILS
    assert split.faults == {"HTTP 200 without outputs, such as: {}": 30}


async def test_texts_that_differ_by_request_are_one_kind() -> None:
    async def bad(request: web.Request) -> web.Response:
        return web.Response(status=500, text=f"request {id(request)} failed")

    app = web.Application()
    app.router.add_post("/v2/models/ab/infer", bad)
    split = judge((await probed(app, requests=30)).samples, WEIGHTS)
    assert list(split.faults.values()) == [30]


async def test_when_it_is_ended_what_was_seen_stays() -> None:
    ended = asyncio.Event()
    served = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal served
        served += 1
        if served == 40:
            ended.set()
        return web.json_response({"outputs": [1]}, headers={"x-seldon-route": ":a_3:"})

    app = web.Application()
    app.router.add_post("/v2/models/ab/infer", answer)
    probe = await probed(app, requests=100_000, ended=ended)
    assert 0 < len(probe.samples) < 200


async def test_a_mesh_that_nobody_answers_for_is_given_up_soon() -> None:
    async with httpx.AsyncClient(base_url="http://127.0.0.1:1") as http:
        probe = Probe(Mesh(http), "ab", [], RealClock(), 5.0)
        await probe.send(10_000, 8, asyncio.Event(), lambda _: None)
        assert probe.gave_up
        assert HOPELESS <= len(probe.samples) < HOPELESS + 8
        assert judge(probe.samples, WEIGHTS).verdict is Verdict.UNKNOWN
        with pytest.raises(TargetUnreachable):
            await inputs_of(Mesh(http), "ab")


async def test_a_request_that_is_not_answered_in_time_is_neither_red_nor_green() -> None:
    async def silent(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    transport = httpx.MockTransport(silent)
    async with httpx.AsyncClient(base_url="http://mesh", transport=transport) as http:
        probe = Probe(Mesh(http), "ab", [], RealClock(), 0.01)
        await probe.send(4, 4, asyncio.Event(), lambda _: None)
    split = judge(probe.samples, WEIGHTS)
    assert split.faults == {"no answer within 0.01s": 4}
    assert split.verdict is Verdict.UNKNOWN


async def test_a_404_with_a_route_comes_from_the_model_it_names() -> None:
    async def missing(_: web.Request) -> web.Response:
        return web.Response(status=404, headers={"x-seldon-route": ":a_3:"})

    app = web.Application()
    app.router.add_post("/v2/models/ab/infer", missing)
    split = judge((await probed(app, requests=10)).samples, WEIGHTS)
    assert split.faults == {"HTTP 404 by a": 10}


async def test_a_mesh_that_goes_away_meanwhile_is_given_up_too() -> None:
    answers = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal answers
        answers += 1
        if answers > 100:
            raise httpx.ReadError("gone", request=request)
        return httpx.Response(200, json={"outputs": [1]}, headers={"x-seldon-route": ":a_3:"})

    async with httpx.AsyncClient(
        base_url="http://mesh", transport=httpx.MockTransport(answer)
    ) as http:
        probe = Probe(Mesh(http), "ab", [], RealClock(), 5.0)
        await probe.send(10_000, 8, asyncio.Event(), lambda _: None)
    assert probe.gave_up
    split = judge(probe.samples, {"a": 1.0})
    assert (split.told, split.verdict) == (100, Verdict.UNKNOWN)
    assert HOPELESS <= sum(split.faults.values()) < HOPELESS + 8


async def test_what_a_model_takes_is_asked_of_it() -> None:
    async with serving(practice()) as target:
        assert await inputs_of(target, "ab") == [
            {"name": "input-0", "datatype": "FP32", "shape": [1, 10, 35]}
        ]
        assert await inputs_of(target, "no-route") == []


@pytest.mark.parametrize("described", [{}, {"inputs": [{"name": "x"}]}, {"inputs": "x"}])
async def test_a_model_that_does_not_say_what_it_takes_is_not_guessed(
    described: dict[str, object],
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(described)

    app = web.Application()
    app.router.add_get("/v2/models/ab", answer)
    async with serving(app) as target:
        with pytest.raises(NoInputs):
            await inputs_of(target, "ab")
