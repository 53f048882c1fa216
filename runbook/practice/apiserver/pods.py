"""Subresources that act on pods and their accounts: eviction, binding, service account tokens."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook.practice.apiserver.authorization import User
from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.deleting import delete, read_options
from runbook.practice.apiserver.errors import ApiError, Cause, bad_request, conflict, invalid
from runbook.practice.apiserver.selectors import equality_selector
from runbook.practice.apiserver.state import State, Target, WriteOptions
from runbook.practice.apiserver.webhooks import admit, question_of
from runbook.practice.apiserver.writing import update

JSON = dict[str, Any]

_BUDGETS = "poddisruptionbudgets.policy"
_SHORTEST_TOKEN = 600  # seconds
_LONGEST_TOKEN = 1 << 32


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


class Tokens:
    """Tokens that were handed out for service accounts, and whom they stand for."""

    def __init__(self) -> None:
        self._users: dict[str, tuple[User, datetime]] = {}

    def issue(self, state: State, target: Target, request: JSON) -> JSON:
        """Answer a TokenRequest."""
        account = state.must(target)
        spec = request.get("spec")
        spec = spec if isinstance(spec, dict) else {}
        seconds = spec.get("expirationSeconds", 3600)
        if not isinstance(seconds, int) or not _SHORTEST_TOKEN <= seconds <= _LONGEST_TOKEN:
            raise bad_request(
                f"expirationSeconds must be a whole number from {_SHORTEST_TOKEN} to {_LONGEST_TOKEN}"
            )
        namespace, uid = target.namespace or "", account["metadata"]["uid"]
        user = User.service_account(namespace, target.name, uid)
        now = state.timeline.now()
        until = now + timedelta(seconds=min(seconds, 10**9))
        token = _jwt(
            {
                "aud": spec.get("audiences") or ["https://kubernetes.default.svc.cluster.local"],
                "exp": int(until.timestamp()),
                "iat": int(now.timestamp()),
                "iss": "https://kubernetes.default.svc.cluster.local",
                "kubernetes.io": {
                    "namespace": namespace,
                    "serviceaccount": {"name": target.name, "uid": uid},
                },
                "sub": user.name,
            }
        )
        self._forget_expired(now)
        self._users[token] = (user, until)
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": target.name, "namespace": target.namespace},
            "spec": {**spec, "expirationSeconds": seconds},
            "status": {"token": token, "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
        }

    def user(self, token: str, now: datetime) -> User | None:
        user, until = self._users.get(token, (None, datetime.max.replace(tzinfo=UTC)))
        return user if user is not None and now < until else None

    def _forget_expired(self, now: datetime) -> None:
        self._users = {token: held for token, held in self._users.items() if now < held[1]}


def _jwt(claims: JSON) -> str:
    """Looks like a service account token; its last part is random, and only this server knows it."""
    header = {"alg": "RS256", "kid": "practice"}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    parts.append(secrets.token_bytes(64))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
