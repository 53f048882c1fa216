"""The official Python client's answers as a scenario's transcript: results, refusals, events.

What a model of the client became is compared, not what went over the wire: a field that the client
cannot read, or reads as something else, is a difference too.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from importlib import import_module
from typing import Any

from tests.cluster.sides import Side
from tests.cluster.talk import Talk

# Its types allow every field of an answer to be missing, and half of it has none.
client: Any = import_module("kubernetes.client")
config: Any = import_module("kubernetes.config")
dynamic: Any = import_module("kubernetes.dynamic")
informer: Any = import_module("kubernetes.informer")
utils: Any = import_module("kubernetes.utils")
watch: Any = import_module("kubernetes.watch")
aio_client: Any = import_module("kubernetes.aio.client")
aio_config: Any = import_module("kubernetes.aio.config")
aio_dynamic: Any = import_module("kubernetes.aio.dynamic")
aio_utils: Any = import_module("kubernetes.aio.utils")
aio_watch: Any = import_module("kubernetes.aio.watch")

JSON = dict[str, Any]
_OFFSET = re.compile(r"(?<=\d)\+00:00$")
_REFUSALS = (client.ApiException, aio_client.ApiException)


def connected(side: Side) -> Any:
    """The client as its documentation sets it up: from a kubeconfig."""
    return config.new_client_from_config(str(side.kubeconfig))


async def connected_aio(side: Side) -> Any:
    return await aio_config.new_client_from_config(str(side.kubeconfig))


class Told:
    """Calls of a client and what came of them, noted under a name the test gives."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.namespace = talk.namespace

    def __call__(
        self,
        what: str,
        call: Callable[..., Any],
        *words: Any,
        without: str = "",
        **more: Any,
    ) -> Any:
        """The result, or the exception where the server refused. `without` names one field of the
        object that controllers write meanwhile.
        """
        try:
            found = call(*words, **more)
        except _REFUSALS as refused:
            return self._refused(what, refused)
        self.talk.note(what, {"result": plain(found, without)})
        return found

    async def later(
        self,
        what: str,
        call: Callable[..., Awaitable[Any]],
        *words: Any,
        without: str = "",
        **more: Any,
    ) -> Any:
        """The same for a call that is awaited."""
        try:
            found = await call(*words, **more)
        except _REFUSALS as refused:
            return self._refused(what, refused)
        self.talk.note(what, {"result": plain(found, without)})
        return found

    def events(self, what: str, stream: Iterable[Any]) -> None:
        """Everything a watch gives until it ends, and how it ends."""
        seen: list[Any] = []
        try:
            seen.extend(_event(one) for one in stream)
        except _REFUSALS as refused:
            self._refused(f"{what}, its end", refused)
        self.talk.note(what, {"events": _told(seen)})

    async def events_later(self, what: str, stream: AsyncIterable[Any]) -> None:
        seen: list[Any] = []
        try:
            async for one in stream:
                seen.append(_event(one))  # noqa: PERF401 - what came before an error counts
        except _REFUSALS as refused:
            self._refused(f"{what}, its end", refused)
        self.talk.note(what, {"events": _told(seen)})

    def _refused(self, what: str, refused: Any) -> Any:
        said = {
            "class": type(refused).__name__,
            "status": refused.status,
            "reason": refused.reason,
            "body": _read(refused.body),
        }
        self.talk.note(what, {"refused": said})
        return refused


def _told(events: Iterable[Any]) -> list[Any]:
    """Without the bookmarks that a server sends whenever it likes."""
    return [one for one in events if not _at_its_discretion(one)]


def _at_its_discretion(event: Any) -> bool:
    if not isinstance(event, dict) or event.get("type") != "BOOKMARK":
        return False
    return "annotations" not in event["raw_object"]["metadata"]


def _event(event: Any) -> Any:
    """Both forms a watch gives: the client's model and the object as it came."""
    if isinstance(event, dict):
        return {key: plain(value) for key, value in event.items()}
    return event


def plain(value: Any, without: str = "") -> Any:
    """A model, a dynamic object or a tuple of them as JSON would show it."""
    found = _plain(value)
    if isinstance(found, dict):
        found.pop(without, None)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return _with_z(client.ApiClient().sanitize_for_serialization(value))


def _with_z(value: Any) -> Any:
    """Times as the server writes them; the client shows them in Python's way."""
    match value:
        case dict():
            return {key: _with_z(one) for key, one in value.items()}
        case list():
            return [_with_z(one) for one in value]
        case str():
            return _OFFSET.sub("Z", value)
        case _:
            return value


def _read(body: Any) -> Any:
    text = body.decode() if isinstance(body, bytes) else body
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
