"""A whole cluster that listens, and requests to it as bytes: what no HTTP library would send."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from runbook.practice.host import Host
from runbook.practice.machine import Machine
from tests.practice.fuzz.hostile import JSON
from tests.practice.fuzz.world import application

PATIENCE = 10.0  # seconds, of which a request that is answered takes a thousandth

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Listening:
    """A host and its services, in an event loop that turns while somebody asks."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.host: Host = self.do(self._begun)
        self.machine: Machine = self.host.machine
        self._errors = _Errors()
        logging.getLogger("aiohttp").addHandler(self._errors)
        logging.getLogger("asyncio").addHandler(self._errors)

    def do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._loop.run_until_complete(work())

    def port(self, namespace: str, service: str) -> int:
        found = self.machine.api.get("services", namespace, service)
        assert found is not None
        return int(found["spec"]["ports"][0]["nodePort"])

    def ask(self, port: int, sent: bytes, *, tls: bool = False) -> Reply | None:
        """The answer; None when the server hung up without one. A hang is a failure."""
        said = self.do(lambda: self._exchange(port, sent, tls=tls))
        assert self._errors.told == [], self._errors.told.pop()
        return _parsed(said) if said else None

    def ask_and_leave(self, port: int, sent: bytes, *, tls: bool) -> Reply | None:
        """As `ask`, for what may not be the end of a request: the client says that it is done."""
        said = self.do(lambda: self._exchange(port, sent, tls=tls, leave=True))
        assert self._errors.told == [], self._errors.told.pop()
        return _parsed(said) if said else None

    def close(self) -> None:
        for name in ("aiohttp", "asyncio"):
            logging.getLogger(name).removeHandler(self._errors)
        self.do(self.machine.stop)
        self._loop.close()

    async def _begun(self) -> Host:
        documents: list[JSON] = list(application())
        host = Host(documents)
        assert await host.build() == []
        await host.machine.listen()
        return host

    async def _exchange(self, port: int, sent: bytes, *, tls: bool, leave: bool = False) -> bytes:
        context = _unverified() if tls else None
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            try:
                writer.write(sent)
                if leave:
                    # What is complete is answered at once; what is not, is waited for.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.1):
                            return await reader.read(-1)
                    return b""
                return await reader.read(-1)
            except ConnectionError:
                return b""
            finally:
                writer.close()


class _Errors(logging.Handler):
    """What the HTTP library had to say of its server."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # A request that is no HTTP is worth a line to the library, and answered with 400.
        if record.exc_info and record.exc_info[0] is not None:
            name = record.exc_info[0].__name__
            if name not in {"BadHttpMessage", "BadStatusLine", "InvalidHeader", "LineTooLong"}:
                self.told.append(logging.Formatter().format(record))


def message(
    method: str,
    target: str | bytes,
    headers: Mapping[str, str | bytes],
    body: bytes = b"",
) -> bytes:
    """The bytes of a request whose connection ends with its answer."""
    given = {"Connection": "close", "Content-Length": str(len(body)), **headers}
    lines = [method.encode() + b" " + _bytes(target) + b" HTTP/1.1"]
    lines += [name.encode() + b": " + _bytes(value) for name, value in given.items()]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def _parsed(said: bytes) -> Reply:
    head, _, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Reply(int(first.split()[1]), headers, body)


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        found, body = found + body[:length], body[length + 2 :]
    return found


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
