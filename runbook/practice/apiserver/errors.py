"""What an API server answers when it refuses: a `Status` with a code, a reason and the text clients print.

Rule: the wording is the real server's, because kubectl shows it to a person unchanged. Knows nothing of
requests; a resource is anything that has a group, a plural, a kind and a name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

JSON = dict[str, Any]

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class Named(Protocol):
    """The part of a resource that appears in error texts."""

    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def home(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A kind that is only sent and answered, and of which no object is kept."""

    group: str
    plural: str
    kind: str

    @property
    def home(self) -> str:
        return self.group


class ApiError(Exception):
    """A refused request. `status()` is the body that goes out."""

    def __init__(self, code: int, reason: str, message: str, details: JSON | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> JSON:
        body: JSON = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that was refused: its path, the machine's reason, the sentence."""

    field: str
    reason: str
    message: str

    @classmethod
    def required(cls, field: str, why: str = "") -> Cause:
        return cls(field, "FieldValueRequired", f"Required value{': ' + why if why else ''}")

    @classmethod
    def invalid(cls, field: str, value: str, why: str) -> Cause:
        """`value` is already written the way the server shows it (strings in quotes)."""
        return cls(field, "FieldValueInvalid", f"Invalid value: {value}: {why}")

    @classmethod
    def forbidden(cls, field: str, why: str) -> Cause:
        return cls(field, "FieldValueForbidden", f"Forbidden: {why}")

    @classmethod
    def unsupported(cls, field: str, value: str, supported: Iterable[str]) -> Cause:
        values = ", ".join(f'"{one}"' for one in supported)
        message = f"Unsupported value: {value}: supported values: {values}"
        return cls(field, "FieldValueNotSupported", message)


def compact(value: object) -> str:
    """JSON as Go writes it, which is how field errors show a value that is no scalar."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def details(resource: Named, name: str = "", causes: Sequence[JSON] = (), **more: object) -> JSON:
    """The `details` of a Status about one object; `kind` is the plural, as upstream has it."""
    found: JSON = {}
    if name:
        found["name"] = name
    if resource.group:
        found["group"] = resource.group
    found["kind"] = resource.plural
    if causes:
        found["causes"] = list(causes)
    return {**found, **more}


def _called(resource: Named) -> str:
    return f"{resource.plural}.{resource.group}" if resource.group else resource.plural


def success(resource: Named, name: str, uid: str) -> JSON:
    """The Status that answers a DELETE of something that is gone now."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details(resource, name, uid=uid),
    }


def not_found(resource: Named, name: str) -> ApiError:
    message = f'{_called(resource)} "{name}" not found'
    return ApiError(404, "NotFound", message, details(resource, name))


def unknown_resource() -> ApiError:
    """A path in a group that is served, to a resource that it does not have."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Named, name: str, *, dying: bool = False) -> ApiError:
    message = (
        f'{"object is being deleted: " if dying else ""}{_called(resource)} "{name}" already exists'
    )
    return ApiError(409, "AlreadyExists", message, details(resource, name))


def conflict(resource: Named, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {_called(resource)} "{name}": {why}'
    return ApiError(409, "Conflict", message, details(resource, name))


def precondition_failed(resource: Named, name: str, why: str) -> ApiError:
    """A delete that was meant for another object; here the kind stands in the plural's place."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
    found = details(resource, name)
    return ApiError(409, "Conflict", message, {**found, "kind": resource.kind})


def apply_conflict(conflicts: Sequence[tuple[str, str]]) -> ApiError:
    """Server-side apply met other owners: (`"manager" using v1`, path of the field) pairs."""
    count = len(conflicts)
    if count == 1:
        text = f"conflict with {conflicts[0][0]}: {conflicts[0][1]}"
    else:
        owners: dict[str, list[str]] = {}
        for owner, field in conflicts:
            owners.setdefault(owner, []).append(f"- {field}")
        text = "\n".join(
            "\n".join([f"conflicts with {owner}:", *owners[owner]]) for owner in sorted(owners)
        )
    head = f"Apply failed with {count} conflict{'s' if count != 1 else ''}: "
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": field}
        for owner, field in conflicts
    ]
    return ApiError(409, "Conflict", head + text, {"causes": causes})


def invalid(resource: Named, name: str, causes: Sequence[Cause]) -> ApiError:
    """422; here `details.kind` is the kind itself, as upstream has it."""
    kind = f"{resource.kind}.{resource.home}" if resource.home else resource.kind
    found: JSON = {"name": name} if name else {}
    if resource.home:
        found["group"] = resource.home
    found["kind"] = resource.kind
    return _invalid(f'{kind} "{name}"', found, causes)


def invalid_request(causes: Sequence[Cause]) -> ApiError:
    """422 about the request as a whole; kubectl prints `The request is invalid: ...`."""
    return _invalid(' ""', {}, causes)


def invalid_options(kind: str, causes: Sequence[Cause]) -> ApiError:
    """422 about query parameters, for example `ListOptions`."""
    found: JSON = {"group": "meta.k8s.io", "kind": kind}
    return _invalid(f'{kind}.meta.k8s.io ""', found, causes)


def _invalid(subject: str, found: JSON, causes: Sequence[Cause]) -> ApiError:
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    found["causes"] = [
        {"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes
    ]
    return ApiError(422, "Invalid", f"{subject} is invalid: {text}", found)


def forbidden(resource: Named, name: str, why: str, causes: Sequence[JSON] = ()) -> ApiError:
    message = f'{_called(resource)} "{name}" is forbidden: {why}'
    return ApiError(403, "Forbidden", message, details(resource, name, causes))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def undecodable(kind: str, version: str, why: str) -> ApiError:
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def verb_not_supported(resource: Named, verb: str) -> ApiError:
    """405 in the words of those who serve custom resources."""
    message = f'{verb} is not supported on resources of kind "{_called(resource)}"'
    return ApiError(405, "MethodNotAllowed", message, details(resource))


def unsupported_media_type(accepted: Iterable[str]) -> ApiError:
    types = ", ".join(accepted)
    message = (
        f"the body of the request was in an unknown format - accepted media types include: {types}"
    )
    return ApiError(415, "UnsupportedMediaType", message)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def unavailable(message: str) -> ApiError:
    return ApiError(503, "ServiceUnavailable", message)


def internal(message: str) -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}")
