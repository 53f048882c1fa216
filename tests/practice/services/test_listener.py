from __future__ import annotations

import random
import socket

import pytest
from aiohttp import ClientConnectorError, ClientSession, web

from runbook.practice.services.listener import HOST, Listener, reserve


def application() -> web.Application:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    return app


async def test_a_listener_answers_only_while_it_is_open() -> None:
    listener = Listener(application, reserve(random.Random(1)))
    async with ClientSession() as session:
        with pytest.raises(ClientConnectorError):
            await session.get(listener.url)
        for _ in range(2):
            await listener.open()
            await listener.open()
            async with session.get(listener.url) as answer:
                assert await answer.text() == "hello"
            await listener.close()
            assert not listener.answers
            with pytest.raises(ClientConnectorError):
                await session.get(listener.url)
    await listener.release()


async def test_a_closed_listener_keeps_its_port() -> None:
    listener = Listener(application, reserve(random.Random(2)))
    with socket.socket() as other, pytest.raises(OSError):
        other.bind((HOST, listener.port))
    await listener.release()
    with socket.socket() as other:
        other.bind((HOST, listener.port))


def test_a_taken_port_is_passed_over() -> None:
    with reserve(random.Random(3)) as first:
        taken = first.getsockname()[1]
        with reserve(random.Random(3)) as second:
            assert second.getsockname()[1] != taken
        with pytest.raises(OSError, match="no free port"):
            reserve(random.Random(3), range(taken, taken + 1))
