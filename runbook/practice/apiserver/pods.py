"""Subresources that act on pods and their accounts: eviction, binding, service account tokens."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook.practice.apiserver import apply
from runbook.practice.apiserver.authorization import User
from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.deleting import delete, read_options
from runbook.practice.apiserver.errors import (
    Answered,
    ApiError,
    Cause,
    conflict,
    invalid,
    undecodable,
)
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.selectors import equality_selector
from runbook.practice.apiserver.state import State, Target, WriteOptions
from runbook.practice.apiserver.webhooks import admit, question_of
from runbook.practice.apiserver.writing import update

JSON = dict[str, Any]

_BUDGETS = "poddisruptionbudgets.policy"
_SHORTEST_TOKEN = 600  # seconds
_LONGEST_TOKEN = 1 << 32
_TOKENS_IN = "authentication.k8s.io/v1"
API_AUDIENCE = "https://kubernetes.default.svc.cluster.local"
"""Before whom a token is valid that says nothing else: this API server."""
_TOKEN_REQUEST = Answered("authentication.k8s.io", "tokenrequests", "TokenRequest")


async def evict(state: State, target: Target, eviction: JSON, options: WriteOptions) -> JSON:
    """Delete a pod unless a disruption budget forbids it (429, and the client tries again)."""
    pod = state.must(target)
    for budget in state.store.select(_BUDGETS, target.namespace):
        labels = ((budget.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        status = budget.get("status") or {}
        if labels and equality_selector(labels)(pod) and not status.get("disruptionsAllowed"):
            raise _budget_forbids(budget)
    sent = eviction.get("deleteOptions")
    await _admit(state, target, eviction, ("policy", "v1", "Eviction"), options)
    wanted = read_options(sent if isinstance(sent, dict) else {}, {}, dry_run=options.dry_run)
    await delete(state, Target(target.resource, target.namespace, target.name), wanted, admit=False)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _budget_forbids(budget: JSON) -> ApiError:
    name, status = budget["metadata"]["name"], budget.get("status") or {}
    cause = {
        "reason": "DisruptionBudget",
        "message": (
            f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} healthy pods "
            f"and has {status.get('currentHealthy', 0)} currently"
        ),
    }
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return ApiError(429, "TooManyRequests", message, {"causes": [cause]})


async def bind(state: State, target: Target, binding: JSON, options: WriteOptions) -> JSON:
    """Put a pod on a node, as a scheduler does."""
    pod = state.must(target)
    wanted = binding.get("target")
    node = wanted.get("name") if isinstance(wanted, dict) else None
    if not node:
        raise invalid(target.resource, target.name, [Cause.required("target.name")])
    present = pod["spec"].get("nodeName")
    if present:
        why = f'pod {target.name} is already assigned to node "{present}"'
        raise conflict(target.resource, target.name, why)
    await _admit(state, target, binding, ("", "v1", "Binding"), options)
    new = {**pod, "spec": {**pod["spec"], "nodeName": node}}
    main = Target(target.resource, target.namespace, target.name)
    await update(state, main, normal(new), options, admit=False)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def _admit(
    state: State, target: Target, sent: JSON, kind: tuple[str, str, str], options: WriteOptions
) -> None:
    """What is posted to a pod's subresource is created there, as webhooks see it."""
    group, version, name = kind
    obj = {"kind": name, "apiVersion": f"{group}/{version}".lstrip("/"), **sent}
    question = question_of(target, "CREATE", obj, None, options)
    question.kind = kind
    await admit(state, question)


@dataclass(frozen=True, slots=True)
class Held:
    """A token: who has it, until when, and before whom it is valid."""

    user: User
    until: datetime
    audiences: tuple[str, ...]


class Tokens:
    """Tokens that were handed out for service accounts, and whom they stand for."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}

    def admit(self, token: str, user: User) -> None:
        """A token that was not issued here, and never expires."""
        self._held[token] = Held(user, datetime.max.replace(tzinfo=UTC), (API_AUDIENCE,))

    def issue(self, state: State, target: Target, request: JSON, options: WriteOptions) -> JSON:
        """Answer a TokenRequest."""
        account = state.must(target)
        spec = request.get("spec")
        spec = spec if isinstance(spec, dict) else {}
        seconds = _seconds(spec.get("expirationSeconds", 3600))
        namespace, uid = target.namespace or "", account["metadata"]["uid"]
        identity = str(uuid.uuid4())
        user = User.service_account(namespace, target.name, uid, f"JTI={identity}")
        now = state.timeline.now()
        until = now + timedelta(seconds=min(seconds, 10**9))
        audiences = spec.get("audiences") or [API_AUDIENCE]
        token = _jwt(
            {
                "aud": audiences,
                "exp": int(until.timestamp()),
                "iat": int(now.timestamp()),
                "iss": API_AUDIENCE,
                "jti": identity,
                "kubernetes.io": {
                    "namespace": namespace,
                    "serviceaccount": {"name": target.name, "uid": uid},
                },
                "nbf": int(now.timestamp()),
                "sub": user.name,
            }
        )
        self._forget_expired(now)
        self._held[token] = Held(user, until, tuple(map(str, audiences)))
        managed = apply.track_update(
            {"metadata": {}, "spec": {}},
            {"spec": spec},
            kind=_TOKEN_REQUEST.kind,
            api_version=_TOKENS_IN,
            manager=options.manager,
            time=state.timeline.stamp(),
            subresource="token",
        )
        return {
            "kind": _TOKEN_REQUEST.kind,
            "apiVersion": _TOKENS_IN,
            "metadata": {
                "name": target.name,
                "namespace": target.namespace,
                "uid": uid,
                "creationTimestamp": state.timeline.stamp(),
                "managedFields": managed,
            },
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }

    def user(self, token: str, now: datetime) -> User | None:
        """Whose token it is, if it is valid here."""
        held = self.held(token, now)
        return held.user if held is not None and API_AUDIENCE in held.audiences else None

    def held(self, token: str, now: datetime) -> Held | None:
        """What is known of a token that has not expired, whomever it is for."""
        found = self._held.get(token)
        return found if found is not None and now < found.until else None

    def _forget_expired(self, now: datetime) -> None:
        self._held = {token: held for token, held in self._held.items() if now < held.until}


def _seconds(asked: Any) -> int:
    """How long a token is to live; refuses what is no number, too short or too long."""
    if not isinstance(asked, int) or isinstance(asked, bool):
        field = (
            "json: cannot unmarshal {} into Go struct field TokenRequestSpec.spec.expirationSeconds"
        )
        raise undecodable("TokenRequest", "v1", f"{field.format(go_type(asked))} of type int64")
    why = ""
    if asked < _SHORTEST_TOKEN:
        why = "may not specify a duration less than 10 minutes"
    elif asked > _LONGEST_TOKEN:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        raise invalid(
            _TOKEN_REQUEST, "", [Cause.invalid("spec.expirationSeconds", str(asked), why)]
        )
    return asked


def _jwt(claims: JSON) -> str:
    """Looks like a service account token; its last part is random, and only this server knows it."""
    header = {"alg": "RS256", "kid": "practice"}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    parts.append(secrets.token_bytes(64))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
