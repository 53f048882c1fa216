"""`secret` and `sealed_secrets`: shapes and seals. No value of a Secret is ever part of a reading."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from runbook.checks.base import CheckContext
from runbook.model.checks import SealedSecretsQuery, SecretQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, ApiStatusError, ResourceRef
from runbook.target.rows import condition_text, conditions, is_stale

SECRETS = ResourceRef("", "v1", "secrets", "Secret", namespaced=True)
ACTIVE_KEYS = "sealedsecrets.bitnami.com/sealed-secrets-key=active"


def expects_secret(query: SecretQuery) -> str:
    wishes = [f"key {key}" for key in query.keys]
    if query.count is not None:
        wishes.append(f"exactly {query.count} key{'s' if query.count != 1 else ''}")
    if query.json_fields:
        wishes.append(f"values that are JSON with {', '.join(query.json_fields)}")
    shape = f" with {', '.join(wishes)}" if wishes else ""
    return f"Secret {query.name} in {query.namespace}{shape}"


async def look_secret(query: SecretQuery, context: CheckContext, expected: str) -> Reading:
    try:
        secret = await context.cluster.get(SECRETS.path(query.namespace, query.name))
    except ApiStatusError as error:
        if not error.says_absent:
            raise
        return fails(expected, "there is no such Secret")
    if (secret.get("metadata") or {}).get("deletionTimestamp"):
        return fails(expected, "the Secret is being deleted")
    data: dict[str, str] = secret.get("data") or {}
    missing = [key for key in query.keys if key not in data]
    if missing:
        return fails(expected, f"lacks {', '.join(missing)}; it has {_names(data)}")
    if query.count is not None and len(data) != query.count:
        return fails(expected, f"{len(data)} keys: {_names(data)}")
    for key, value in data.items() if query.json_fields else ():
        if problem := _json_problem(value, query.json_fields):
            return fails(expected, f"the value of {key} {problem}")
    if query.json_fields and not data:
        return fails(expected, "the Secret has no keys")
    return holds(expected, f"keys {_names(data)}")


def _names(data: dict[str, str]) -> str:
    return ", ".join(sorted(data)) or "no keys"


def _json_problem(encoded: str, fields: list[str]) -> str:
    """Why a value is not the JSON object that is wanted, without a word of it."""
    try:
        document: Any = json.loads(base64.b64decode(encoded, validate=True).decode("utf-8"))
    except json.JSONDecodeError as error:
        return f"is no JSON: fault at line {error.lineno} column {error.colno}"
    except (binascii.Error, UnicodeDecodeError):
        return "is no text"
    if not isinstance(document, dict):
        return "is JSON but no object"
    missing = [field for field in fields if field not in document]
    return f"lacks the field {', '.join(missing)}" if missing else ""


def expects_sealed(query: SealedSecretsQuery) -> str:
    keys = f"{query.min_keys} or more sealing keys in {query.controller_namespace}"
    where = ", ".join(query.synced_in)
    return f"{keys}, and all SealedSecrets in {where} opened" if where else keys


async def look_sealed(query: SealedSecretsQuery, context: CheckContext, expected: str) -> Reading:
    keys = await context.cluster.list(
        SECRETS, query.controller_namespace, label_selector=ACTIVE_KEYS, metadata_only=True
    )
    count = sum(1 for key in keys.items if not key["metadata"].get("deletionTimestamp"))
    if count < query.min_keys:
        return fails(expected, f"{count} sealing keys: what was sealed before cannot be opened")
    opened = 0
    for namespace in query.synced_in:
        problem, number = await _unopened(namespace, context)
        if problem:
            return fails(expected, problem)
        opened += number
    told = f"{count} sealing key{'s' if count != 1 else ''}"
    return holds(expected, f"{told}, {opened} opened" if query.synced_in else told)


async def _unopened(namespace: str, context: CheckContext) -> tuple[str, int]:
    """What keeps a namespace's SealedSecrets from being opened, and how many there are."""
    sealed = await context.cluster.resolve("sealedsecrets", "bitnami.com")
    items = (await context.cluster.list(sealed, namespace)).items
    if not items:
        return f"there is no SealedSecret in {namespace}", 0
    secrets = await context.cluster.list(SECRETS, namespace, metadata_only=True)
    present = {secret["metadata"]["name"] for secret in secrets.items}
    for item in items:
        name = item["metadata"]["name"]
        if problem := _not_synced(item):
            return f"{namespace}/{name} {problem}", len(items)
        if name not in present:
            # The condition stays as it was when nobody is there to change it.
            return f"{namespace}/{name} says Synced, yet its Secret is missing", len(items)
    return "", len(items)


def _not_synced(item: JSON) -> str:
    condition = conditions(item).get("Synced")
    if condition is None:
        return "has not been looked at by the controller"
    if condition.get("status") != "True":
        return f"is not opened: {condition_text(condition) or 'no reason given'}"
    return "says Synced for an older version of itself" if is_stale(item) else ""
