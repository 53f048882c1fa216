"""What the server warns of although it takes the object."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from runbook.practice.apiserver.cautions import of
from runbook.practice.apiserver.crd_approval import approval, approval_causes
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
DEPLOYMENTS = "deployments.apps"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"
OLD_ZONE = "failure-domain.beta.kubernetes.io/zone"


def _workload(name: str = "web", generation: int = 1, **spec: Any) -> JSON:
    spec.setdefault("containers", [])
    return {
        "metadata": {"name": name, "generation": generation},
        "spec": {"template": {"spec": spec}},
    }


def _container(**fields: Any) -> JSON:
    return {"containers": [{"name": "c", **fields}]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" '
            "instead",
        ),
        (
            {"topologySpreadConstraints": [{"topologyKey": OLD_ZONE, "labelSelector": {}}]},
            f"spec.template.spec.topologySpreadConstraints[0].topologyKey: {OLD_ZONE} is deprecated since v1.17; "
            'use "topology.kubernetes.io/zone" instead',
        ),
        (
            {"volumes": [{"name": "v", "gitRepo": {"repository": "r"}}]},
            "spec.template.spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (
            _container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
            'spec.template.spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when '
            "using apply",
        ),
        (
            _container(resources={"limits": {"memory": "100m"}}),
            'spec.template.spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, '
            "must be an integer",
        ),
        (
            _container(ports=[{"containerPort": 80}, {"containerPort": 80}]),
            "spec.template.spec.containers[0].ports[1]: duplicate port definition with "
            "spec.template.spec.containers[0].ports[0]",
        ),
        (
            {"imagePullSecrets": [{"name": "a"}, {"name": "a"}]},
            'spec.template.spec.imagePullSecrets[1].name: duplicate name "a"',
        ),
    ],
)
def test_a_template_is_warned_of(spec: JSON, says: str) -> None:
    assert of(DEPLOYMENTS, _workload(**spec), None) == [says]


def test_a_later_value_that_builds_on_the_earlier_hides_nothing() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]
    assert of(DEPLOYMENTS, _workload(**_container(env=env)), None) == []


def test_a_name_with_dots_is_warned_of_once() -> None:
    new = _workload("web-1.2")
    (said,) = of(DEPLOYMENTS, new, None)
    assert said.endswith("a DNS label is recommended: [must not contain dots]")
    assert of(DEPLOYMENTS, _workload("web-1.2", 2), new) == []
    assert of("statefulsets.apps", new, None) == []  # its pods' names say nothing of it


def test_what_did_not_change_is_not_warned_of_again() -> None:
    old = _workload(nodeSelector={"beta.kubernetes.io/os": "linux"})
    assert of(DEPLOYMENTS, old, old) == []
    assert len(of(DEPLOYMENTS, {**old, "metadata": {"name": "web", "generation": 2}}, old)) == 1


@pytest.mark.parametrize(
    ("resource", "obj", "says"),
    [
        (
            "ingresses.networking.k8s.io",
            {"metadata": {"annotations": {"kubernetes.io/ingress.class": "nginx"}}, "spec": {}},
            'annotation "kubernetes.io/ingress.class" is deprecated, please use '
            "'spec.ingressClassName' instead",
        ),
        (
            "services",
            {"metadata": {}, "spec": {"type": "ClusterIP", "externalIPs": ["10.0.0.1"]}},
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
        ),
        (
            "persistentvolumes",
            {"metadata": {}, "spec": {"persistentVolumeReclaimPolicy": "Recycle"}},
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning.",
        ),
        (
            "persistentvolumeclaims",
            {"metadata": {}, "spec": {"resources": {"requests": {"storage": "1500m"}}}},
            'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, '
            "must be an integer",
        ),
    ],
)
def test_other_kinds_are_warned_of(resource: str, obj: JSON, says: str) -> None:
    assert of(resource, obj, None) == [says]


def _pem(key: Any) -> tuple[bytes, bytes]:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate, key.private_bytes(*form)


def _tls(certificate: bytes, key: bytes) -> list[str]:
    files = {"tls.crt": certificate, "tls.key": key}
    data = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return of("secrets", {"metadata": {}, "type": "kubernetes.io/tls", "data": data}, None)


def test_a_certificate_is_held_against_its_key() -> None:
    one, other = (_pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    of_other_type = _pem(rsa.generate_private_key(65537, 2048))
    assert _tls(*one) == []
    assert _tls(one[0], other[1]) == ["tls: private key does not match public key"]
    assert _tls(one[0], of_other_type[1]) == [
        "tls: private key type does not match public key type"
    ]
    assert _tls(b"", b"") == ["tls: failed to find any PEM data in certificate input"]
    assert _tls(one[0], b"x") == ["tls: failed to find any PEM data in key input"]
    assert _tls(one[1], one[0]) == [
        "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
        "PEM inputs may have been switched"
    ]
    assert _tls(one[0], one[0]) == [
        "tls: found a certificate rather than a key in the PEM for the private key"
    ]


def _definition(group: str = "example.org", **annotations: str) -> JSON:
    port = {"anyOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}
    size = {"type": "integer", "format": "int64"}
    schema = {"type": "object", "properties": {"port": port, "size": size}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "kind": "Thing"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}", "annotations": annotations},
        "spec": {"group": group, "scope": "Cluster", "names": names, "versions": [version]},
    }


def test_a_format_that_nobody_knows_is_warned_of_once() -> None:
    crd = _definition()
    assert of(CRDS, crd, None) == ['unrecognized format "int-or-string"']
    assert of(CRDS, crd, crd) == []


def test_groups_of_the_community_need_an_approval() -> None:
    key = "api-approved.kubernetes.io"
    said = {
        given: (approval(_definition("x.k8s.io", **{key: given})) or ("", ""))[0]
        for given in ("", "https://example.org/1", "unapproved, a test", "by me")
    }
    assert list(said.values()) == ["Missing", "Approved", "Unapproved", "Invalid"]
    assert approval(_definition("k8s.io.example.org")) is None

    missing = _definition("x.k8s.io")
    (cause,) = approval_causes(missing, None)
    assert (cause.field, cause.reason) == (f"metadata.annotations[{key}]", "FieldValueRequired")
    assert approval_causes(missing, missing) == []


async def test_the_answer_carries_the_warnings(client: Client, deployment: JSON) -> None:
    deployment["metadata"]["name"] = "web-1.2"
    reply = await client.ask("POST", "/apis/apps/v1/namespaces/default/deployments", deployment)
    assert reply.status == 201
    assert "a DNS label is recommended: [must not contain dots]" in reply.headers["Warning"]


async def test_a_deprecated_version_says_so_in_every_answer(client: Client) -> None:
    crd = _definition()
    (version,) = crd["spec"]["versions"]
    old = {**version, "name": "v1beta1", "storage": False, "deprecated": True}
    older = {**old, "name": "v1alpha1", "deprecationWarning": "move on"}
    crd["spec"]["versions"] += [old, older]
    await client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)

    said = {
        name: (await client.ask("GET", f"/apis/example.org/{name}/things")).headers.get("Warning")
        for name in ("v1", "v1beta1", "v1alpha1")
    }
    assert said == {
        "v1": None,
        "v1beta1": '299 - "example.org/v1beta1 Thing is deprecated; use example.org/v1 Thing"',
        "v1alpha1": '299 - "move on"',
    }
