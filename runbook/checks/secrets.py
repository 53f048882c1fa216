"""`secret` and `sealed_secrets`: shapes and seals. No value of a Secret is ever part of a reading."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from runbook.checks import sealed_files
from runbook.checks.base import CheckContext
from runbook.checks.manifest_files import UnusableFile
from runbook.checks.sealed_files import Opened, SealingKey
from runbook.errors import CheckMisconfigured
from runbook.model.checks import SealedSecretsQuery, SecretQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, ApiStatusError, ResourceRef
from runbook.target.rows import condition_text, conditions, is_stale

SECRETS = ResourceRef("", "v1", "secrets", "Secret", namespaced=True)
ACTIVE_KEYS = "sealedsecrets.bitnami.com/sealed-secrets-key=active"


def expects_secret(query: SecretQuery) -> str:
    return f"Secret {query.name} in {query.namespace}{_shape(query)}"


def _shape(query: SecretQuery) -> str:
    wishes = [f"key {key}" for key in query.keys]
    if query.count is not None:
        wishes.append(f"exactly {query.count} key{'s' if query.count != 1 else ''}")
    if query.json_fields:
        wishes.append(f"values that are JSON with {', '.join(query.json_fields)}")
    return f" with {', '.join(wishes)}" if wishes else ""


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
    if problem := _shape_problem(data, query):
        return fails(expected, problem)
    return holds(expected, f"keys {_names(data)}")


def _shape_problem(data: dict[str, str], query: SecretQuery) -> str:
    """Why a Secret's data is not as asked; base64 values by their keys."""
    missing = [key for key in query.keys if key not in data]
    if missing:
        return f"lacks {', '.join(missing)}; it has {_names(data)}"
    if query.count is not None and len(data) != query.count:
        return f"{len(data)} keys: {_names(data)}"
    for key, value in data.items() if query.json_fields else ():
        if problem := _json_problem(value, query.json_fields):
            return f"the value of {key} {problem}"
    return "the Secret has no keys" if query.json_fields and not data else ""


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
    wishes = [keys + (f", each in {query.backup}" if query.backup else "")]
    if query.files:
        opener = "the backup" if query.backup else "them"
        wishes.append(f"all of {', '.join(query.files)} opening with {opener}")
    wishes += [f"{one.namespace}/{one.name} in it{_shape(one)}" for one in query.holding]
    if query.synced_in:
        wishes.append(f"all SealedSecrets in {', '.join(query.synced_in)} opened")
    return ", and ".join(wishes)


async def look_sealed(query: SealedSecretsQuery, context: CheckContext, expected: str) -> Reading:
    if query.holding and not query.files:
        raise CheckMisconfigured("`holding` is about what is in `files`, and none are named")
    offline = bool(query.backup or query.files)
    listed = await context.cluster.list(
        SECRETS,
        query.controller_namespace,
        label_selector=ACTIVE_KEYS,
        metadata_only=not offline,
    )
    keys = [key for key in listed.items if not key["metadata"].get("deletionTimestamp")]
    if len(keys) < query.min_keys:
        return fails(expected, f"{len(keys)} sealing keys: what was sealed before cannot be opened")
    told = f"{len(keys)} sealing key{'s' if len(keys) != 1 else ''}"
    if offline:
        try:
            # Arithmetic that takes long, and files: a screen must not wait for them.
            told = await asyncio.to_thread(_offline, query, context, keys)
        except (UnusableFile, _NotCovered) as fault:
            return fails(expected, str(fault))
    opened = 0
    for namespace in query.synced_in:
        problem, number = await _unopened(namespace, context)
        if problem:
            return fails(expected, problem)
        opened += number
    return holds(expected, f"{told}, {opened} opened" if query.synced_in else told)


class _NotCovered(Exception):
    """What a rebuild would miss."""


def _offline(query: SealedSecretsQuery, context: CheckContext, secrets: list[JSON]) -> str:
    """What the keys and files on this machine are good for. Raises UnusableFile, _NotCovered."""
    active = [_active_key(secret) for secret in secrets]
    told = f"active: {', '.join(map(str, active)) or 'no sealing key'}"
    if query.backup:
        backup = context.directory / query.backup
        keys = sealed_files.keys_of_backup(backup, query.backup)
        lacking = [str(key) for key in active if not sealed_files.is_among(key, keys)]
        if lacking:
            raise _NotCovered(f"{query.backup} lacks {', '.join(lacking)}: back up the keys anew")
        told += ", in the backup"
    else:
        keys = sealed_files.private_keys(secrets)
        if query.backup is not None:
            told += ", no backup was named, so none was looked at"
    return f"{told}; {_files_open(query, context, keys)}" if query.files else told


def _active_key(secret: JSON) -> SealingKey:
    try:
        return sealed_files.sealing_key(secret)
    except ValueError:
        name = secret["metadata"]["name"]
        raise _NotCovered(f"the active key {name} holds no certificate of an RSA key") from None


def _files_open(query: SealedSecretsQuery, context: CheckContext, keys: list[RSAPrivateKey]) -> str:
    opened = sealed_files.open_all(query.files, context.directory, keys)
    shut = [
        f"{one.file}: {one.namespace}/{one.name} {one.problem}" for one in opened if one.problem
    ]
    if shut:
        raise _NotCovered("; ".join(shut))
    for wanted in query.holding:
        if problem := _held(wanted, opened):
            raise _NotCovered(problem)
    return f"{len(opened)} opened from {', '.join(dict.fromkeys(one.file for one in opened))}"


def _held(wanted: SecretQuery, opened: Iterable[Opened]) -> str:
    """Why the files do not hold a Secret as it is asked for."""
    where = f"{wanted.namespace}/{wanted.name}"
    for one in opened:
        # What opens anywhere has no namespace of its own until it is applied to one.
        if one.name == wanted.name and one.namespace in (wanted.namespace, ""):
            problem = _shape_problem(one.data, wanted)
            return f"{one.file}: {where}: {problem}" if problem else ""
    return f"no file holds {where}"


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
