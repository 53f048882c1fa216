from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
REMOTE = {"name": "s3", "type": "s3", "parameters": {"secret_access_key": "hush-hush"}}
SEALED = "sealedsecrets.bitnami.com"
ACTIVE = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}


async def put_secret(cluster: Any, **data: str) -> None:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    await cluster.put(
        "secrets", {"metadata": {"name": "rclone", "namespace": "a"}, "data": encoded}
    )


QUERY = {"namespace": "a", "name": "rclone"}


@pytest.mark.parametrize(
    ("data", "wish", "verdict", "observed"),
    [
        ({"conf": json.dumps(REMOTE)}, {}, HOLDS, "keys conf"),
        ({"conf": json.dumps(REMOTE)}, {"keys": ["conf"], "count": 1}, HOLDS, "keys conf"),
        (
            {"conf": json.dumps(REMOTE)},
            {"json_fields": ["name", "type", "parameters"]},
            HOLDS,
            "keys conf",
        ),
        ({"a": "1", "b": "2"}, {"count": 1}, FAILS, "2 keys: a, b"),
        ({"a": "1"}, {"keys": ["a", "b"]}, FAILS, "lacks b; it has a"),
        ({}, {"json_fields": ["name"]}, FAILS, "the Secret has no keys"),
        (
            {"conf": '{"name": "s3",\n "secret": "hush-hush",}'},
            {"json_fields": ["name"]},
            FAILS,
            "the value of conf is no JSON: fault at line 2 column",
        ),
        ({"conf": '["hush-hush"]'}, {"json_fields": ["name"]}, FAILS, "is JSON but no object"),
        ({"conf": '{"a": "hush-hush"}'}, {"json_fields": ["name"]}, FAILS, "lacks the field name"),
    ],
)
async def test_a_secret_is_judged_by_its_shape_and_never_shown(
    cluster: Any, data: dict[str, str], wish: dict[str, Any], verdict: Verdict, observed: str
) -> None:
    await put_secret(cluster, **data)
    reading = await cluster.look(secret=QUERY | wish)
    assert reading.verdict is verdict
    assert observed in reading.observed
    assert "hush" not in reading.observed + reading.expected


async def test_a_missing_secret_is_red_and_one_that_is_being_deleted_too(cluster: Any) -> None:
    assert (await cluster.look(secret=QUERY)).observed == "there is no such Secret"
    await cluster.put(
        "secrets", {"metadata": {"name": "rclone", "namespace": "a", "finalizers": ["x.io/y"]}}
    )
    assert await cluster.verdict(secret=QUERY) is HOLDS
    await cluster.api.delete("secrets", "a", "rclone")
    assert (await cluster.look(secret=QUERY)).observed == "the Secret is being deleted"


async def put_key(cluster: Any, name: str, **labels: str) -> None:
    await cluster.put(
        "secrets",
        {
            "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": "eA==", "tls.key": "eA=="},
        },
    )


async def put_sealed(cluster: Any, status: str | None, **more: Any) -> None:
    condition = {"type": "Synced", "status": status, **more}
    told = {"conditions": [condition], "observedGeneration": 1} if status else None
    await cluster.put(
        SEALED,
        {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": "rclone", "namespace": "a"},
            "spec": {"encryptedData": {"conf": "x"}},
        },
        told,
    )


async def test_active_sealing_keys_are_counted(cluster: Any) -> None:
    await put_key(cluster, "old", **dict.fromkeys(ACTIVE, "compromised"))
    reading = await cluster.look(sealed_secrets={})
    assert reading.verdict is FAILS
    assert "0 sealing keys" in reading.observed
    await put_key(cluster, "key", **ACTIVE)
    assert (await cluster.look(sealed_secrets={})).observed == "1 sealing key"
    assert await cluster.verdict(sealed_secrets={"min_keys": 2}) is FAILS
    await cluster.api.patch(
        "secrets", "kube-system", "key", {"metadata": {"finalizers": ["x.io/y"]}}
    )
    await cluster.api.delete("secrets", "kube-system", "key")
    assert "0 sealing keys" in (await cluster.look(sealed_secrets={})).observed


async def test_what_was_sealed_must_be_opened_now(cluster: Any) -> None:
    await put_key(cluster, "key", **ACTIVE)
    query = {"synced_in": ["a"]}
    assert "no SealedSecret in a" in (await cluster.look(sealed_secrets=query)).observed
    await put_sealed(cluster, "True")
    # The condition outlives the Secret when the controller is gone.
    assert "its Secret is missing" in (await cluster.look(sealed_secrets=query)).observed
    await put_secret(cluster, conf="x")
    reading = await cluster.look(sealed_secrets=query)
    assert (reading.verdict, reading.observed) == (HOLDS, "1 sealing key, 1 opened")
    await cluster.api.patch(SEALED, "a", "rclone", {"spec": {"encryptedData": {"conf": "y"}}})
    assert "older version" in (await cluster.look(sealed_secrets=query)).observed


async def test_a_seal_that_cannot_be_opened_says_why(cluster: Any) -> None:
    await put_key(cluster, "key", **ACTIVE)
    await put_sealed(cluster, "False", message="no key could decrypt secret (conf)")
    reading = await cluster.look(sealed_secrets={"synced_in": ["a"]})
    assert reading.verdict is FAILS
    assert reading.observed == "a/rclone is not opened: no key could decrypt secret (conf)"


async def test_a_seal_that_nobody_looked_at_is_red(cluster: Any) -> None:
    await put_key(cluster, "key", **ACTIVE)
    await put_sealed(cluster, None)
    reading = await cluster.look(sealed_secrets={"synced_in": ["a"]})
    assert reading.verdict is FAILS
    assert reading.observed == "a/rclone has not been looked at by the controller"


async def test_sealed_secrets_that_are_not_installed_are_red(cluster: Any) -> None:
    await put_key(cluster, "key", **ACTIVE)
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    await cluster.api.delete(crds, None, SEALED)
    if cluster.api.get(crds, None, SEALED):
        # No controller is there to take the finalizer off.
        await cluster.api.patch(crds, None, SEALED, {"metadata": {"finalizers": None}})
    reading = await cluster.look(sealed_secrets={"synced_in": ["a"]})
    assert (reading.verdict, "serves no kind" in reading.observed) == (FAILS, True)
