"""Messages on their way: to a real server, a real program, a desktop."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.clock import VirtualClock
from runbook.errors import RunbookError
from runbook.model.document import Notification
from runbook.notify import ways
from runbook.notify.message import Message
from runbook.notify.ways import NotDelivered, Ways

MESSAGE = Message(
    event="waiting",
    headline="[drill] Rebuild on <staging>: 1.1 Go? waits for approval",
    text="Delete a & b.",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    run="r",
    runbook="rebuild",
    title="Rebuild",
    mode="drill",
    context="staging",
    operator="ann",
)
HOOK = Notification(webhook="hook")


class Naps(VirtualClock):
    """Time that passes at once, and is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Sending:
    def __init__(self, folder: Path, url: str = "", path: str | None = None) -> None:
        self.clock = Naps()
        environment = {**os.environ, "PATH": path if path is not None else os.environ["PATH"]}

        async def read_secret(name: str) -> str:
            assert name == "hook"
            return url

        self.ways = Ways(read_secret, environment, folder, self.clock)

    async def fails(self, notification: Notification) -> str:
        with pytest.raises(NotDelivered) as caught:
            await self.ways(notification, MESSAGE)
        return caught.value.message


@asynccontextmanager
async def answering(*answers: Callable[[], web.Response]) -> AsyncIterator[tuple[str, list[Any]]]:
    """A webhook with one answer a request, the last one for ever; and what it was sent."""
    got: list[Any] = []

    async def hook(request: web.Request) -> web.Response:
        got.append(await request.json())
        return answers[min(len(got), len(answers)) - 1]()

    app = web.Application()
    app.router.add_post("/services/T0/secret", hook)
    async with TestServer(app) as server:
        yield str(server.make_url("/services/T0/secret")), got


def status(code: int, text: str = "", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=code, text=text, headers=headers)


async def test_a_webhook_gets_one_text_with_slacks_marks_made_harmless(tmp_path: Path) -> None:
    async with answering(status(200, "ok")) as (url, got):
        sending = Sending(tmp_path, f"  {url}\n")
        await sending.ways(HOOK, MESSAGE)
    first = "*[drill] Rebuild on &lt;staging&gt;: 1.1 Go? waits for approval*"
    assert got == [{"text": f"{first}\nDelete a &amp; b."}]
    assert sending.clock.slept == []


async def test_a_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    async with answering(status(502), status(200)) as (url, got):
        sending = Sending(tmp_path, url)
        await sending.ways(HOOK, MESSAGE)
    assert (len(got), sending.clock.slept) == (2, [2.0])


async def test_a_server_that_stays_in_trouble_is_given_up(tmp_path: Path) -> None:
    async with answering(status(503, "come  back\nlater")) as (url, got):
        sending = Sending(tmp_path, url)
        assert await sending.fails(HOOK) == "HTTP 503 come back later"
    assert (len(got), sending.clock.slept) == (3, [2.0, 2.0])


@pytest.mark.parametrize(
    ("wanted", "slept"),
    [
        ("7", 7.0),
        ("86400", ways.LONGEST_WAIT),
        ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", 2.0),
    ],
)
async def test_a_server_that_wants_time_gets_it_up_to_a_limit(
    wanted: str, slept: float, tmp_path: Path
) -> None:
    slow = status(429, **{"Retry-After": wanted})
    async with answering(slow, status(200)) as (url, _):
        sending = Sending(tmp_path, url)
        await sending.ways(HOOK, MESSAGE)
    assert sending.clock.slept == [slept]


@pytest.mark.parametrize("code", [301, 400, 404, 410])
async def test_a_refusal_is_final_and_no_redirect_is_followed(code: int, tmp_path: Path) -> None:
    async with answering(status(code, "no_service", Location="http://127.0.0.1:1/")) as (url, got):
        sending = Sending(tmp_path, url)
        assert await sending.fails(HOOK) == f"HTTP {code} no_service"
    assert (len(got), sending.clock.slept) == (1, [])


async def test_nobody_there_is_told_without_the_address(tmp_path: Path) -> None:
    sending = Sending(tmp_path, "http://127.0.0.1:1/services/T0/secret")
    why = await sending.fails(HOOK)
    assert why.startswith("no answer: ")
    assert "secret" not in why
    assert len(sending.clock.slept) == 2


async def test_a_server_without_tls_is_told(tmp_path: Path) -> None:
    async with answering(status(200)) as (url, got):
        why = await Sending(tmp_path, url.replace("http:", "https:")).fails(HOOK)
    assert "SSL" in why
    assert got == []


@pytest.mark.parametrize("value", ["swordfish", "ftp://a/b", "http://", ""])
async def test_a_secret_that_is_no_address_is_told_by_its_name_alone(
    value: str, tmp_path: Path
) -> None:
    why = await Sending(tmp_path, value).fails(HOOK)
    assert why == "secret hook is no http(s) URL"


async def test_a_secret_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async def read_secret(name: str) -> str:
        raise RunbookError(f"secret {name}: there is none")

    sending = Ways(read_secret, os.environ, tmp_path, Naps())
    with pytest.raises(NotDelivered, match="secret hook: there is none"):
        await sending(HOOK, MESSAGE)


async def test_a_command_reads_the_message_as_json(tmp_path: Path) -> None:
    sending = Sending(tmp_path)
    await sending.ways(Notification(command=["tee", "got it.json"]), MESSAGE)
    assert json.loads((tmp_path / "got it.json").read_text()) == MESSAGE.document()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (["sh", "-c", "echo wrong room >&2; exit 3"], "sh: exit 3 wrong room"),
        (["sh", "-c", "kill -9 $$"], "sh: ended by SIGKILL"),
        (["no-such-program"], "no-such-program: "),
    ],
)
async def test_a_command_that_fails_is_told_with_what_it_said(
    command: list[str], why: str, tmp_path: Path
) -> None:
    assert (await Sending(tmp_path).fails(Notification(command=command))).startswith(why)


async def test_a_command_that_hangs_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "TIMEOUT", 0.1)
    why = await Sending(tmp_path).fails(Notification(command=["sleep", "60"]))
    assert why == "sleep took more than 0.1 seconds, and was ended"


@pytest.mark.parametrize("program", ["notify-send", "osascript"])
async def test_the_desktop_shows_it_by_the_program_that_is_there(
    program: str, tmp_path: Path
) -> None:
    script = tmp_path / program
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {tmp_path}/shown\n")
    script.chmod(0o755)
    await Sending(tmp_path, path=str(tmp_path)).ways(Notification(desktop=True), MESSAGE)
    shown = (tmp_path / "shown").read_text().splitlines()
    assert shown[-2:] == [MESSAGE.headline, MESSAGE.text]


async def test_a_machine_without_a_desktop_is_told(tmp_path: Path) -> None:
    why = await Sending(tmp_path, path=str(tmp_path)).fails(Notification(desktop=True))
    assert why == "there is neither notify-send nor osascript on PATH"
