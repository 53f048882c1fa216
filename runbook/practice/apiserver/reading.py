"""GET of one object and of a collection: selectors, pages, forms.

A continue token names the last object of the page and the resourceVersion of the first page; the rest
is read from the present. Once changes since then can no longer be replayed, it has expired.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from runbook.practice.apiserver.errors import ApiError, bad_request, expired
from runbook.practice.apiserver.messages import Request, Response
from runbook.practice.apiserver.negotiation import encode_list, encode_one, negotiated
from runbook.practice.apiserver.selectors import exact_name, field_selector, label_selector
from runbook.practice.apiserver.state import State, Target
from runbook.practice.apiserver.store import Stored

JSON = dict[str, Any]

_PAGE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a "
    "new list without the continue parameter, or use the continue token in this response to retrieve "
    "the remainder of the results. Continuing with the provided token results in an inconsistent "
    "list - objects that were created, modified, or deleted between the time the first chunk was "
    "returned and now may show up in the list."
)


def get(state: State, target: Target, request: Request) -> Response:
    form = negotiated(request)
    live = state.must(target)
    return Response(200, encode_one(target.resource, live, form, state.timeline.now()))


def select(state: State, target: Target, request: Request) -> list[Stored]:
    """What the request's selectors choose from the collection, in order."""
    resource = target.resource
    fields = request.query.get("fieldSelector", "")
    of_labels = label_selector(request.query.get("labelSelector", ""))
    of_fields = field_selector(fields, resource)
    pinned = exact_name(fields)
    if pinned is not None and (target.namespace is not None or not resource.namespaced):
        found = state.store.get(resource.name, target.namespace, pinned)
        candidates = [found] if found is not None else []
    else:
        candidates = state.store.select(resource.name, target.namespace)
    return [
        obj
        for obj in candidates
        if (of_labels is None or of_labels(obj)) and (of_fields is None or of_fields(obj))
    ]


def list_objects(state: State, target: Target, request: Request) -> Response:
    form = negotiated(request)
    version = state.store.version
    objects = select(state, target, request)
    token = request.query.get("continue", "")
    if token:
        version, last = _read_token(token)
        if version < state.store.oldest(target.resource.name):
            raise _expired_token(state, last)
        objects = [obj for obj in objects if _place(obj) > last]
    else:
        check_version(state, request)
    meta: JSON = {"resourceVersion": str(version)}
    limit = _limit(request)
    if 0 < limit < len(objects):
        meta["continue"] = _write_token(version, _place(objects[limit - 1]))
        if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
            meta["remainingItemCount"] = len(objects) - limit
        objects = objects[:limit]
    now = state.timeline.now()
    return Response(200, encode_list(target.resource, objects, form, meta, now))


def check_version(state: State, request: Request) -> int:
    """The resourceVersion asked for (0 when none); refuses the future and the exact past."""
    asked = version_of(request)
    current = state.store.version
    if asked > current:
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        raise ApiError(
            504,
            "Timeout",
            f"Too large resource version: {asked}, current: {current}",
            {"causes": [cause], "retryAfterSeconds": 1},
        )
    if request.query.get("resourceVersionMatch") == "Exact" and 0 < asked < current:
        raise expired(f"The resourceVersion for the provided list is too old: {asked} ({current})")
    return asked


def version_of(request: Request) -> int:
    text = request.query.get("resourceVersion", "")
    if not text:
        return 0
    if not text.isdecimal() or len(text) > 19:
        raise bad_request(f'Invalid value: "{text}": resourceVersion must be a whole number')
    return int(text)


def _limit(request: Request) -> int:
    text = request.query.get("limit") or "0"
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _place(obj: JSON) -> tuple[str, str]:
    meta = obj["metadata"]
    return (meta.get("namespace") or "", meta["name"])


def _write_token(version: int, last: tuple[str, str]) -> str:
    text = json.dumps({"v": "practice/v1", "rv": version, "start": last})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = found["start"]
        return int(found["rv"]), (str(namespace), str(name))
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise bad_request("continue key is not valid: it must be the one a list returned") from None


def _expired_token(state: State, last: tuple[str, str]) -> ApiError:
    """410, with a token that continues in the present if the client can live with that."""
    error = expired(_PAGE_EXPIRED)
    fresh = _write_token(state.store.version, last)
    return ExpiredToken(error, fresh)


class ExpiredToken(ApiError):
    """A 410 whose Status carries a token to go on inconsistently."""

    def __init__(self, error: ApiError, token: str) -> None:
        super().__init__(error.code, error.reason, error.message)
        self._token = token

    def status(self) -> JSON:
        return {**super().status(), "metadata": {"continue": self._token}}
