from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientConnectorError, ClientSession, web

from runbook.practice.services.listener import HOST, Listener, hold, is_free


def application() -> web.Application:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    return app


async def test_a_listener_answers_only_while_it_is_open() -> None:
    listener = Listener(application)
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
    listener = Listener(application)
    with socket.socket() as other, pytest.raises(OSError):
        other.bind((HOST, listener.port))
    await listener.release()
    with socket.socket() as other:
        other.bind((HOST, listener.port))


def test_a_port_is_held_by_one_only() -> None:
    with hold() as first:
        taken = first.getsockname()[1]
        assert not is_free(taken)
        with pytest.raises(OSError):
            hold(taken)
        with pytest.raises(OSError):
            Listener(application, taken)
    assert is_free(taken)


async def test_a_released_port_can_be_taken_again() -> None:
    first = Listener(application)
    await first.open()
    await first.release()
    second = Listener(application, first.port)
    assert second.port == first.port
    await second.release()


async def test_closing_waits_for_no_client_that_says_no_more() -> None:
    def reading() -> web.Application:
        async def upload(request: web.Request) -> web.Response:
            begun.set()
            return web.Response(text=str(len(await request.read())))

        app = web.Application()
        app.router.add_put("/", upload)
        return app

    begun = asyncio.Event()
    listener = Listener(reading)
    await listener.open()
    reader, writer = await asyncio.open_connection(HOST, listener.port)
    writer.write(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    await asyncio.wait_for(begun.wait(), 5)
    async with asyncio.timeout(5):
        await listener.close()
        assert await reader.read() == b""
    writer.close()
    await listener.release()
