from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice.cluster import JSON
from runbook.sealing import Scope, label, new_key, seal
from tests.practice.controllers.lab import Lab

SEALED = "sealedsecrets.bitnami.com"
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
PREFIX = "sealedsecrets.bitnami.com"
PEM, CERTIFICATE = new_key(datetime(2026, 1, 1, tzinfo=UTC), bits=2048)

SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD: JSON = {
    "metadata": {"name": SEALED},
    "spec": {
        "group": "bitnami.com",
        "scope": "Namespaced",
        "names": {"plural": "sealedsecrets", "kind": "SealedSecret"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": SCHEMA},
            }
        ],
    },
}


def _key_secret() -> JSON:
    return {
        "metadata": {
            "name": "sealed-secrets-keyabcde",
            "namespace": "kube-system",
            "labels": {KEY_LABEL: "active"},
        },
        "type": "kubernetes.io/tls",
        "data": {
            "tls.key": base64.b64encode(PEM).decode(),
            "tls.crt": base64.b64encode(CERTIFICATE).decode(),
        },
    }


def _sealed(
    name: str = "creds",
    *,
    scope: Scope = Scope.STRICT,
    sealed_as: str = "creds",
    annotations: Mapping[str, str] | None = None,
    **template: Any,
) -> JSON:
    scope_label = label("default", sealed_as, scope)
    marks = dict(annotations or {})
    if scope is not Scope.STRICT:
        marks[f"{PREFIX}/{scope}"] = "true"
    spec: JSON = {"encryptedData": {"password": seal(b"hunter2", CERTIFICATE, scope_label)}}
    if template:
        spec["template"] = template
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": marks},
        "spec": spec,
    }


def _synced(lab: Lab, name: str = "creds") -> tuple[str, str]:
    condition = lab.conditions(SEALED, name)["Synced"]
    return condition["status"], condition.get("message", "")


def _password(lab: Lab, name: str = "creds") -> bytes:
    return base64.b64decode(lab.get("secrets", name)["data"]["password"])


async def _restart(lab: Lab) -> None:
    for name in lab.names("pods", "kube-system"):
        await lab.delete("pods", name, "kube-system")
    await lab.run(30)


@pytest.fixture
async def bare(lab: Lab) -> Lab:
    """The controller is installed and ready, and had to make itself a key."""
    await lab.create(CRDS, CRD)
    controller = lab.workload("sealed-secrets-controller")
    controller["metadata"]["namespace"] = "kube-system"
    await lab.create("deployments.apps", controller)
    await lab.run(30)
    return lab


@pytest.fixture
async def keyed(lab: Lab) -> Lab:
    """The key was restored before the controller started."""
    await lab.create("secrets", _key_secret())
    await lab.create(CRDS, CRD)
    controller = lab.workload("sealed-secrets-controller")
    controller["metadata"]["namespace"] = "kube-system"
    await lab.create("deployments.apps", controller)
    await lab.run(30)
    return lab


CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_sealed_secret_becomes_a_secret_it_owns(keyed: Lab, scope: Scope) -> None:
    await keyed.create(SEALED, _sealed(scope=scope))
    await keyed.run(1)
    assert _password(keyed) == b"hunter2"
    owner = keyed.get("secrets", "creds")["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("SealedSecret", "creds", True)
    assert _synced(keyed) == ("True", "")
    assert keyed.get(SEALED, "creds")["status"]["observedGeneration"] == 1
    assert keyed.events("creds") == [("Unsealed", "SealedSecret unsealed successfully")]


async def test_a_strict_secret_does_not_open_under_another_name(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed("copy"))
    await keyed.run(1)
    assert not keyed.has("secrets", "copy")
    assert _synced(keyed, "copy") == ("False", "no key could decrypt secret (password)")
    message = "Failed to unseal: no key could decrypt secret (password)"
    assert ("ErrUnsealFailed", message) in keyed.events("copy")


async def test_a_namespace_wide_secret_opens_under_another_name(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed("copy", scope=Scope.NAMESPACE_WIDE))
    await keyed.run(1)
    assert _password(keyed, "copy") == b"hunter2"


async def test_it_gives_up_after_five_tries_until_something_else_is_sealed(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed("copy"))
    await keyed.run(600)

    def tries() -> int:
        failed = [e for e in keyed.server.select("events") if e["reason"] == "ErrUnsealFailed"]
        return sum(int(event["count"]) for event in failed)

    assert tries() == 5
    await keyed.patch(SEALED, "copy", {"metadata": {"annotations": {"touched": "yes"}}})
    await keyed.run(600)
    assert tries() == 5
    await keyed.patch(SEALED, "copy", {"spec": {"template": {"type": "example.com/other"}}})
    await keyed.run(600)
    assert tries() == 10


async def test_a_lost_key_is_replaced_silently_and_opens_nothing(bare: Lab) -> None:
    keys = bare.names("secrets", "kube-system", {KEY_LABEL: "active"})
    assert len(keys) == 1
    assert keys[0].startswith("sealed-secrets-key")
    await bare.create(SEALED, _sealed())
    await bare.run(5)
    assert _synced(bare) == ("False", "no key could decrypt secret (password)")
    assert bare.plane.sealed_secrets.certificate() != CERTIFICATE


async def test_a_restored_key_needs_a_restart_of_the_pod(bare: Lab) -> None:
    await bare.create(SEALED, _sealed())
    await bare.run(30)
    await bare.create("secrets", _key_secret())
    await bare.run(60)
    assert _synced(bare)[0] == "False"
    await _restart(bare)
    assert _synced(bare) == ("True", "")
    assert _password(bare) == b"hunter2"


async def test_while_the_controller_is_scaled_to_zero_nothing_is_unsealed(keyed: Lab) -> None:
    deployment = "sealed-secrets-controller"
    down, up = ({"spec": {"replicas": count}} for count in (0, 1))
    await keyed.patch("deployments.apps", deployment, down, "kube-system")
    await keyed.run(30)
    await keyed.create(SEALED, _sealed())
    await keyed.run(60)
    assert "status" not in keyed.get(SEALED, "creds")
    assert keyed.plane.sealed_secrets.certificate() is None
    await keyed.patch("deployments.apps", deployment, up, "kube-system")
    await keyed.run(30)
    assert _password(keyed) == b"hunter2"


async def test_a_deleted_secret_is_made_again(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed())
    await keyed.run(1)
    await keyed.delete("secrets", "creds")
    await keyed.run(1)
    assert _password(keyed) == b"hunter2"


async def test_deleting_the_sealed_secret_takes_its_secret_along(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed())
    await keyed.run(1)
    await keyed.delete(SEALED, "creds")
    await keyed.run(1)
    assert not keyed.has("secrets", "creds")


async def test_a_secret_of_somebody_else_is_left_alone(keyed: Lab) -> None:
    by_hand = {"metadata": {"name": "creds", "namespace": "default"}, "data": {"own": "eA=="}}
    await keyed.create("secrets", by_hand)
    await keyed.create(SEALED, _sealed())
    await keyed.run(1)
    why = 'Resource "creds" already exists and is not managed by SealedSecret'
    assert _synced(keyed) == ("False", f"failed update: {why}")
    assert ("ErrUpdateFailed", why) in keyed.events("creds")
    assert keyed.get("secrets", "creds")["data"] == {"own": "eA=="}


@pytest.mark.parametrize(
    ("annotation", "keys", "owned"),
    [("managed", {"password"}, True), ("patch", {"own", "password"}, False)],
)
async def test_an_annotation_hands_the_secret_over_or_lets_it_be_merged(
    keyed: Lab, annotation: str, keys: set[str], owned: bool
) -> None:
    metadata = {
        "name": "creds",
        "namespace": "default",
        "annotations": {f"{PREFIX}/{annotation}": "true"},
    }
    await keyed.create("secrets", {"metadata": metadata, "data": {"own": "eA=="}})
    await keyed.create(SEALED, _sealed())
    await keyed.run(1)
    secret = keyed.get("secrets", "creds")
    assert set(secret["data"]) == keys
    assert ("ownerReferences" in secret["metadata"]) is owned


async def test_the_template_decides_type_labels_and_composed_values(keyed: Lab) -> None:
    template: JSON = {
        "type": "kubernetes.io/basic-auth",
        "metadata": {"labels": {"app": "store"}},
        "data": {"url": "https://admin:{{ .password }}@store"},
    }
    await keyed.create(SEALED, _sealed(**template))
    await keyed.run(1)
    secret = keyed.get("secrets", "creds")
    assert (secret["type"], secret["metadata"]["labels"]) == (
        "kubernetes.io/basic-auth",
        {"app": "store"},
    )
    assert base64.b64decode(secret["data"]["url"]) == b"https://admin:hunter2@store"


async def test_a_secret_can_be_decoupled_from_its_sealed_secret(keyed: Lab) -> None:
    marks = {"annotations": {f"{PREFIX}/skip-set-owner-references": "true"}}
    await keyed.create(SEALED, _sealed(metadata=marks))
    await keyed.run(1)
    assert "ownerReferences" not in keyed.get("secrets", "creds")["metadata"]
    why = 'Resource "creds" already exists and is not managed by SealedSecret'
    assert _synced(keyed) == ("False", f"failed update: {why}")  # of what it has just made


async def test_a_secret_it_owns_becomes_exactly_what_is_sealed(keyed: Lab) -> None:
    await keyed.create(SEALED, _sealed(metadata={"labels": {"first": "label"}}))
    await keyed.run(1)
    change = {"spec": {"template": {"metadata": {"labels": {"first": None, "second": "label"}}}}}
    await keyed.patch(SEALED, "creds", change)
    await keyed.run(1)
    secret = keyed.get("secrets", "creds")
    assert secret["metadata"]["labels"] == {"second": "label"}
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["controller"], "blockOwnerDeletion" in owner) == (True, False)


async def test_an_old_message_stays_while_status_and_generation_stay(keyed: Lab) -> None:
    sealed = _sealed(scope=Scope.NAMESPACE_WIDE)
    scope = sealed["metadata"].pop("annotations")
    await keyed.create("secrets", {"metadata": {"name": "creds", "namespace": "default"}})
    await keyed.create(SEALED, sealed)
    await keyed.run(60)
    first = _synced(keyed)
    assert first == ("False", "no key could decrypt secret (password)")
    await keyed.patch(SEALED, "creds", {"metadata": {"annotations": scope}})
    await _restart(keyed)
    assert "ErrUpdateFailed" in [reason for reason, _ in keyed.events("creds")]
    assert _synced(keyed) == first


async def test_the_log_of_the_pod_tells_of_keys_and_failures(bare: Lab) -> None:
    await bare.create(SEALED, _sealed())
    await bare.run(60)
    (pod,) = bare.names("pods", "kube-system")
    text = "\n".join(line for _, line in bare.plane.logs.read("kube-system", pod, "controller"))
    assert 'msg="New key written"' in text
    assert 'msg="Error updating, giving up" key="default/creds"' in text
