"""Sealing keys, their backup, and the sealed files to restore from: real cryptography, real files."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from runbook.checks.sealed_files import Opened
from runbook.practice.seal import sealed
from runbook.run.readings import Reading, Verdict
from runbook.sealing import new_key, read_key

HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
REMOTE = {"name": "s3", "type": "s3", "parameters": {"secret_access_key": "hush-hush"}}
KEY, CERTIFICATE = new_key(NOW, bits=2048)
NEWER_KEY, NEWER_CERTIFICATE = new_key(NOW, bits=2048)
LOST_KEY, LOST_CERTIFICATE = new_key(NOW, bits=2048)
PROTECTED = (
    read_key(KEY)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush-hush"))
    .decode()
)


def key_secret(name: str, key: bytes, certificate: bytes) -> dict[str, Any]:
    made = {"tls.key": key, "tls.crt": certificate}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {LABEL: "active"}},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(pem).decode() for name, pem in made.items()},
    }


def sealed_remote(certificate: bytes = CERTIFICATE, **metadata: Any) -> dict[str, Any]:
    place = {"name": "rclone", "namespace": "a", **metadata}
    text = {"rclone.conf": json.dumps(REMOTE)}
    return sealed({"kind": "Secret", "metadata": place, "stringData": text}, certificate)


@dataclass
class Desk:
    """A cluster with one active key, and the folder in which the files are."""

    cluster: Any
    folder: Path

    def write(self, name: str, *documents: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump_all(documents))

    async def look(self, **query: Any) -> Reading:
        reading = await self.cluster.look(sealed_secrets=query)
        assert "hush" not in reading.expected + reading.observed
        assert "PRIVATE" not in reading.observed
        assert isinstance(reading, Reading)
        return reading


@pytest.fixture
async def desk(cluster: Any, tmp_path: Path) -> Desk:
    await cluster.put("secrets", key_secret("key-1", KEY, CERTIFICATE))
    cluster.directory = tmp_path
    made = Desk(cluster, tmp_path)
    made.write("sealed/rclone.yaml", sealed_remote())
    made.write("backup.yaml", key_secret("key-1", KEY, CERTIFICATE))
    return made


async def test_the_active_keys_are_named_with_the_fingerprints_of_their_certificates(
    desk: Desk,
) -> None:
    (desk.folder / "cert.pem").write_bytes(CERTIFICATE)
    reading = await desk.look(backup="backup.yaml")
    assert reading.verdict is HOLDS
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    digest = x509.load_pem_x509_certificate(CERTIFICATE).fingerprint(hashes.SHA256()).hex()
    assert reading.observed == f"active: key-1 (sha256 {digest[:12]}), in the backup"


async def test_a_backup_that_a_runbook_has_a_place_for_and_nobody_named_is_told(desk: Desk) -> None:
    asked: dict[str, Any] = {"files": ["sealed"]}
    assert "backup" not in (await desk.look(**asked)).observed
    reading = await desk.look(**asked, backup="")
    assert reading.verdict is HOLDS
    assert ", no backup was named, so none was looked at; 1 opened" in reading.observed


@pytest.mark.parametrize("form", ["secret", "list", "stringData", "renamed", "pem"])
async def test_a_backup_may_have_any_form_that_holds_the_keys(desk: Desk, form: str) -> None:
    secret = key_secret("key-1", KEY, CERTIFICATE)
    match form:
        case "list":
            desk.write("backup.yaml", {"kind": "List", "apiVersion": "v1", "items": [secret]})
        case "stringData":
            plain = {"tls.key": KEY.decode()}
            desk.write("backup.yaml", {"kind": "Secret", "stringData": plain})
        case "renamed":
            desk.write("backup.yaml", {**secret, "data": {"newest.key": secret["data"]["tls.key"]}})
        case "pem":
            (desk.folder / "backup.yaml").write_bytes(b"# two\n" + LOST_KEY + KEY)
    assert (await desk.look(backup="backup.yaml")).verdict is HOLDS


async def test_a_backup_older_than_the_newest_key_is_red_and_names_that_key(desk: Desk) -> None:
    await desk.cluster.put("secrets", key_secret("key-2", NEWER_KEY, NEWER_CERTIFICATE))
    reading = await desk.look(backup="backup.yaml")
    assert reading.verdict is FAILS
    assert "backup.yaml lacks key-2 (sha256 " in reading.observed
    assert "key-1" not in reading.observed
    desk.write(
        "backup.yaml",
        key_secret("key-1", KEY, CERTIFICATE),
        key_secret("key-2", NEWER_KEY, NEWER_CERTIFICATE),
    )
    assert (await desk.look(backup="backup.yaml")).verdict is HOLDS


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "backup.yaml: No such file or directory"),
        ("", "backup.yaml is empty"),
        ("a: [", "backup.yaml is no YAML (line "),
        ("kind: Secret\nmetadata: x\n", "backup.yaml: metadata of a Secret is no mapping"),
        ("kind: Pod\nspec: [x]\n", "backup.yaml: spec of a Pod is no mapping"),
        ("kind: Secret\ndata: {tls.key: eA==}\n", "backup.yaml holds no private key"),
        ("kind: ConfigMap\n", "backup.yaml holds no private key"),
        (PROTECTED, "backup.yaml holds no private key"),
    ],
    ids=[
        "missing",
        "empty",
        "no YAML",
        "odd metadata",
        "odd spec",
        "no PEM",
        "no Secret",
        "behind a passphrase",
    ],
)
async def test_a_backup_that_is_none_is_red(desk: Desk, content: str | None, told: str) -> None:
    path = desk.folder / "backup.yaml"
    path.unlink() if content is None else path.write_text(content)
    reading = await desk.look(backup="backup.yaml")
    assert reading.verdict is FAILS
    assert told in reading.observed


async def test_an_active_key_that_is_no_certificate_is_red(desk: Desk) -> None:
    await desk.cluster.put("secrets", key_secret("odd", b"x", b"x"))
    reading = await desk.look(backup="backup.yaml")
    assert reading.verdict is FAILS
    assert reading.observed == "the active key odd holds no certificate of an RSA key"


@pytest.mark.parametrize("backup", [{}, {"backup": "backup.yaml"}])
async def test_sealed_files_open_offline_and_each_is_named(
    desk: Desk, backup: dict[str, str]
) -> None:
    desk.write("sealed/more.json", sealed_remote(name="other"))
    desk.write("sealed/config.yaml", {"kind": "ConfigMap", "apiVersion": "v1"})
    (desk.folder / "sealed" / "README.md").write_text("how it was sealed: [see")
    reading = await desk.look(files=["sealed"], **backup)
    assert reading.verdict is HOLDS
    assert reading.observed.endswith("; 2 opened from sealed/more.json, sealed/rclone.yaml")


async def test_a_file_sealed_for_a_key_that_nobody_has_is_red_and_named(desk: Desk) -> None:
    desk.write("sealed/lost.yaml", sealed_remote(LOST_CERTIFICATE, name="lost"))
    reading = await desk.look(files=["sealed"])
    assert reading.verdict is FAILS
    assert reading.observed == (
        "sealed/lost.yaml: a/lost none of the keys (1) opens it as a/lost: rclone.conf"
    )


async def test_what_only_the_cluster_can_open_does_not_open_with_the_backup(desk: Desk) -> None:
    await desk.cluster.put("secrets", key_secret("key-2", NEWER_KEY, NEWER_CERTIFICATE))
    desk.write("sealed/new.yaml", sealed_remote(NEWER_CERTIFICATE, name="new"))
    assert (await desk.look(files=["sealed"])).verdict is HOLDS
    assert (await desk.look(files=["sealed"], backup="backup.yaml")).verdict is FAILS


def moved(document: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], **metadata}}


WIDE: dict[str, Any] = {"annotations": {"sealedsecrets.bitnami.com/namespace-wide": "true"}}
WIDEST: dict[str, Any] = {"annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}}
BOTH = {**WIDE["annotations"], **WIDEST["annotations"]}


@pytest.mark.parametrize(
    ("document", "verdict"),
    [
        (sealed_remote(), HOLDS),
        (moved(sealed_remote(), name="other"), FAILS),
        (moved(sealed_remote(), namespace="b"), FAILS),
        (sealed_remote(**WIDE), HOLDS),
        (moved(sealed_remote(**WIDE), name="other"), HOLDS),
        (moved(sealed_remote(**WIDE), namespace="b"), FAILS),
        (moved(sealed_remote(**WIDE), annotations={}), FAILS),
        (sealed_remote(**WIDEST), HOLDS),
        (moved(sealed_remote(**WIDEST), name="other", namespace="b"), HOLDS),
        (moved(sealed_remote(**WIDEST), annotations={}), FAILS),
        (moved(sealed_remote(**WIDEST), namespace="b", annotations=BOTH), HOLDS),
        (moved(sealed_remote(), annotations=dict.fromkeys(BOTH, "false")), HOLDS),
        (moved(sealed_remote(), namespace=None), FAILS),
        ({**sealed_remote(), "spec": {"encryptedData": {}}}, FAILS),
    ],
)
async def test_what_is_sealed_opens_in_its_scope_alone(
    desk: Desk, document: dict[str, Any], verdict: Verdict
) -> None:
    desk.write("sealed/rclone.yaml", document)
    assert (await desk.look(files=["sealed"])).verdict is verdict


async def test_a_sealed_file_without_the_namespace_it_is_bound_to_says_so(desk: Desk) -> None:
    document = sealed_remote()
    del document["metadata"]["namespace"]
    desk.write("sealed/rclone.yaml", document)
    reading = await desk.look(files=["sealed"])
    assert reading.verdict is FAILS
    assert "names no namespace, to which what is sealed is bound" in reading.observed


def test_what_was_opened_is_never_shown() -> None:
    assert "aHVzaA==" not in repr(Opened("f.yaml", "a", "s", {"k": "aHVzaA=="}))


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["nowhere"], "nowhere: No such file or directory"),
        (["empty.yaml"], "empty.yaml is empty"),
        (["config.yaml"], "config.yaml holds no SealedSecret"),
        (["bare"], "no SealedSecret in bare"),
    ],
)
async def test_files_that_hold_nothing_sealed_are_red(
    desk: Desk, files: list[str], told: str
) -> None:
    (desk.folder / "empty.yaml").write_text("\n")
    (desk.folder / "bare").mkdir()
    desk.write("config.yaml", {"kind": "ConfigMap", "apiVersion": "v1"})
    reading = await desk.look(files=files)
    assert (reading.verdict, reading.observed) == (FAILS, told)


RCLONE = {"namespace": "a", "name": "rclone", "count": 1, "json_fields": ["name", "type"]}


@pytest.mark.parametrize(
    ("data", "wanted", "told"),
    [
        ({"rclone.conf": json.dumps(REMOTE)}, RCLONE, ""),
        ({"a": "{}", "b": "{}"}, RCLONE, "a/rclone: 2 keys: a, b"),
        ({"a": '{"name": "hush-hush"}'}, RCLONE, "the value of a lacks the field type"),
        ({"a": "hush-hush"}, RCLONE, "the value of a is no JSON"),
        ({"a": "1"}, {**RCLONE, "name": "other"}, "no file holds a/other"),
        ({"a": "1"}, {**RCLONE, "namespace": "b"}, "no file holds b/rclone"),
    ],
)
async def test_the_secrets_in_the_files_have_the_shape_that_is_asked_for(
    desk: Desk, data: dict[str, str], wanted: dict[str, Any], told: str
) -> None:
    place = {"name": "rclone", "namespace": "a"}
    secret = {"kind": "Secret", "metadata": place, "stringData": data}
    desk.write("sealed/rclone.yaml", sealed(secret, CERTIFICATE))
    reading = await desk.look(files=["sealed"], holding=[wanted])
    assert reading.verdict is (FAILS if told else HOLDS)
    assert told in reading.observed


async def test_what_opens_anywhere_may_be_of_any_namespace(desk: Desk) -> None:
    document = sealed_remote(**WIDEST)
    del document["metadata"]["namespace"]
    desk.write("sealed/rclone.yaml", document)
    reading = await desk.look(files=["sealed"], holding=[{**RCLONE, "namespace": "b"}])
    assert reading.verdict is HOLDS


async def test_a_shape_without_files_is_a_mistake_and_not_red(desk: Desk) -> None:
    reading = await desk.look(holding=[RCLONE])
    assert reading.verdict is Verdict.UNKNOWN
    assert "none are named" in reading.observed
