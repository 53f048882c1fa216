"""GET of one object and of a collection: selectors, pages, forms.

A continue token names the last object of the page and the resourceVersion of the first page; the rest
is read from the present. Once changes since then can no longer be replayed, it has expired.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    bad_request,
    expired,
    invalid_options,
)
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
    _check_asked(request, state.store.version)
    live = state.must(target)
    return Response(200, encode_one(target.resource, live, form, state.timeline.now()))


def select(state: State, target: Target, request: Request) -> list[Stored]:
    """What the request's selectors choose from the collection, in order."""
    return _chosen(target, request, _collection(state, target, request))


def _collection(state: State, target: Target, request: Request) -> list[Stored]:
    """All that the selectors have to look at: one object, if they name it."""
    resource = target.resource
    pinned = exact_name(request.query.get("fieldSelector", ""))
    if pinned is not None and (target.namespace is not None or not resource.namespaced):
        found = state.store.get(resource.name, target.namespace, pinned)
        return [found] if found is not None else []
    return state.store.select(resource.name, target.namespace)


def _chosen(target: Target, request: Request, objects: list[Stored]) -> list[Stored]:
    of_labels = label_selector(request.query.get("labelSelector", ""))
    of_fields = field_selector(request.query.get("fieldSelector", ""), target.resource)
    return [
        obj
        for obj in objects
        if (of_labels is None or of_labels(obj)) and (of_fields is None or of_fields(obj))
    ]


def list_objects(state: State, target: Target, request: Request) -> Response:
    form = negotiated(request)
    limit = _limit(request)
    _number(request, "timeoutSeconds")
    version, last = _starting_point(state, target, request)
    if version == state.store.version:
        collection = _collection(state, target, request)
    else:
        collection = state.store.select_at(target.resource.name, target.namespace, version)
    if last is not None:
        collection = [obj for obj in collection if _place(obj) > last]
    objects = _chosen(target, request, collection)
    meta: JSON = {"resourceVersion": str(version)}
    if 0 < limit <= len(objects):
        meta |= _more(request, version, objects, collection, limit)
        objects = objects[:limit]
    now = state.timeline.now()
    return Response(200, encode_list(target.resource, objects, form, meta, now))


def _more(
    request: Request, version: int, objects: list[Stored], collection: list[Stored], limit: int
) -> JSON:
    """What a page says of those that follow. Whether a selector chooses any of them is not known."""
    last = _place(objects[limit - 1])
    if last == _place(collection[-1]):
        return {}
    more: JSON = {"continue": _write_token(version, last)}
    if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
        more["remainingItemCount"] = len(objects) - limit
    return more


def _starting_point(
    state: State, target: Target, request: Request
) -> tuple[int, tuple[str, str] | None]:
    """The version a list is read at, and the object after which it begins."""
    _check_match(request)
    oldest = state.store.oldest(target.resource.name)
    if token := request.query.get("continue", ""):
        if version_of(request):
            raise bad_request("specifying resource version is not allowed when using continue")
        version, last = _read_token(token)
        if version < oldest:
            raise _expired_token(state, last)
        return version, last
    asked = check_version(state, request)
    exact = request.query.get("resourceVersionMatch") == "Exact"
    if asked and (exact or (_limit(request) and not request.query.get("resourceVersionMatch"))):
        if asked < oldest:
            raise expired(f"The provided resource version is too old: {asked} ({oldest})")
        return asked, None
    return state.store.version, None


def _check_match(request: Request) -> None:
    field, query = "resourceVersionMatch", request.query
    match, version = query.get(field), query.get("resourceVersion", "")
    causes = []
    if match:
        if not version:
            why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            causes.append(Cause.forbidden(field, why))
        if query.get("continue"):
            why = "resourceVersionMatch is forbidden when continue is provided"
            causes.append(Cause.forbidden(field, why))
        if match not in {"Exact", "NotOlderThan"}:
            causes.append(Cause.unsupported(field, f'"{match}"', ["Exact", "NotOlderThan", ""]))
        if match == "Exact" and version == "0":
            why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            causes.append(Cause.forbidden(field, why))
    if "sendInitialEvents" in query:
        why = "sendInitialEvents is forbidden for list"
        causes.append(Cause.forbidden("sendInitialEvents", why))
    if causes:
        raise invalid_options("ListOptions", causes)


def check_version(state: State, request: Request) -> int:
    """The resourceVersion asked for (0 when none); refuses the future."""
    asked = version_of(request)
    if asked > state.store.version:
        raise _too_large(asked, state.store.version)
    return asked


def _check_asked(request: Request, current: int) -> None:
    """A GET of one object words a version that is no number in its own way."""
    text = request.query.get("resourceVersion") or "0"
    if not _is_version(text):
        raise ApiError(500, "", not_a_version(text))
    if int(text) > current:
        raise _too_large(int(text), current)


def _too_large(asked: int, current: int) -> ApiError:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def not_a_version(text: str) -> str:
    why = f'strconv.ParseUint: parsing "{text}": invalid syntax'
    return f'resourceVersion: Invalid value: "{text}": {why}'


def _is_version(text: str) -> bool:
    return text.isdecimal() and len(text) <= 19


def version_of(request: Request) -> int:
    text = request.query.get("resourceVersion", "")
    if not text:
        return 0
    if not _is_version(text):
        raise bad_request(f"invalid resource version: {not_a_version(text)}")
    return int(text)


def _limit(request: Request) -> int:
    """How many at most. What is read at version 0 comes whole, as from a cache that knows no pages."""
    limit = _number(request, "limit")
    return 0 if request.query.get("resourceVersion") == "0" else limit


def _number(request: Request, parameter: str) -> int:
    text = request.query.get(parameter) or "0"
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
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise bad_request(
            "invalid continue token: continue key is not valid: it must be the one a list returned"
        ) from None


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
