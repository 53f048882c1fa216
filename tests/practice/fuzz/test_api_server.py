"""Whatever is asked, the API server answers in its own words, and can still be asked afterwards."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, note, strategies as st

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Answer, Stream
from tests.practice.fuzz.calls import Call, calls, collection
from tests.practice.fuzz.cases import SECONDS, cases, nothing_stumbles
from tests.practice.fuzz.cluster import run, seeded

pytestmark = pytest.mark.timeout(SECONDS)

# The real API server answers these with 500 as well.
_UPSTREAM_500 = (
    "failed to create typed patch object",
    "does not contain declared merge key",
    "unknown patch type: ",
    "resourceVersion should not be set on objects to be created",
    r"resourceVersion: Invalid value: \"",
)
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@cases(250)
@given(st.lists(calls(), min_size=1, max_size=4))
def test_every_request_is_answered(asked: list[Call]) -> None:
    with nothing_stumbles():
        run(lambda: _ask(asked))


async def _ask(asked: list[Call]) -> None:
    about = {call.about for call in asked if call.about is not None}
    api = await seeded({resource.kind for resource in about})
    for call in asked:
        async with asyncio.timeout(5):
            answer = await api.handle(call.request())
        status, said = await _read(answer)
        note(f"{call.method} {call.path} {status} {said[:200]!r}")
        check(call, status, said, answer.content_type)
    for resource in about:
        for accept in ("application/json", _TABLE):
            await _still_listed(api, Call("GET", collection(resource, None), accept=accept))
    await api.close()


async def _read(answer: Answer) -> tuple[int, bytes]:
    """Status and body; of a stream what comes at once."""
    if not isinstance(answer, Stream):
        return answer.status, answer.body
    said = b""
    try:
        async with asyncio.timeout(0.002):
            async for chunk in answer.chunks:
                said += chunk
    except TimeoutError:
        pass
    await answer.chunks.aclose()
    return answer.status, said


def check(call: Call, status: int, said: bytes, content_type: str) -> None:
    text = said.decode()
    if status < 400:
        if content_type == "application/json":
            for line in text.splitlines() if "watch" in call.query else [text]:
                json.loads(line)
    elif content_type == "application/json":
        body: Any = json.loads(text)
        assert (body["kind"], body["code"], body["status"]) == ("Status", status, "Failure")
        assert isinstance(body["message"], str)
    else:
        empty = call.path.startswith("/openapi/v3/")
        assert (status, text) == (404, "" if empty else "404 page not found\n"), call
    assert status != 500 or any(words in text for words in _UPSTREAM_500), text


async def _still_listed(api: ApiServer, call: Call) -> None:
    answer = await api.handle(call.request())
    status, said = await _read(answer)
    assert status in {200, 404, 405}, said
    if status == 200:
        json.loads(said)
