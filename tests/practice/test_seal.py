from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.errors import UsageError
from runbook.practice import manifests, seal
from runbook.sealing import NotUnsealed, Scope, label, read_key, unseal

ROOT = Path(__file__).parents[2]
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "n"},
    "type": "Opaque",
    "stringData": {"password": "häslich"},
}


def packaged_secret(name: str, namespace: str) -> dict[str, str]:
    for obj in manifests.packaged():
        where = obj["metadata"].get("name"), obj["metadata"].get("namespace")
        if obj["kind"] == "Secret" and where == (name, namespace):
            values: dict[str, str] = obj["stringData"]
            return values
    raise AssertionError(f"no packaged secret {namespace}/{name}")


PRACTICE_KEY = read_key(
    packaged_secret("sealed-secrets-keyp7x2c", "kube-system")["tls.key"].encode()
)


def opened(sealed: dict[str, Any], bound: bytes) -> dict[str, str]:
    data = sealed["spec"]["encryptedData"]
    return {key: unseal(value, [PRACTICE_KEY], bound).decode() for key, value in data.items()}


def test_what_is_sealed_opens_under_its_own_name_only() -> None:
    made = seal.sealed(SECRET, seal.practice_certificate())
    assert opened(made, label("n", "s")) == {"password": "häslich"}
    with pytest.raises(NotUnsealed):
        opened(made, label("n", "other"))


def test_the_certificate_file_belongs_to_the_packaged_key() -> None:
    stored = packaged_secret("sealed-secrets-keyp7x2c", "kube-system")["tls.crt"]
    assert stored.encode() == seal.practice_certificate()


@pytest.mark.parametrize("scope", [Scope.CLUSTER_WIDE, Scope.NAMESPACE_WIDE])
def test_annotations_widen_the_scope(scope: Scope) -> None:
    metadata = {**SECRET["metadata"], "annotations": {f"sealedsecrets.bitnami.com/{scope}": "true"}}
    made = seal.sealed({**SECRET, "metadata": metadata}, seal.practice_certificate())
    assert opened(made, label("n", "any", scope)) == {"password": "häslich"}
    assert made["metadata"]["annotations"] == metadata["annotations"]


def test_only_secrets_with_a_namespace_are_sealed() -> None:
    certificate = seal.practice_certificate()
    with pytest.raises(UsageError, match="got a ConfigMap"):
        seal.sealed({**SECRET, "kind": "ConfigMap"}, certificate)
    with pytest.raises(UsageError, match="names no namespace"):
        seal.sealed({**SECRET, "metadata": {"name": "s"}}, certificate)


def test_the_command_reads_stdin_and_writes_manifests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(SECRET)))
    assert seal.main([]) == 0
    [made] = manifests.parse(capsys.readouterr().out, "stdout")
    assert opened(made, label("n", "s")) == {"password": "häslich"}


def test_a_certificate_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    monkeypatch.setattr("sys.stdin", io.StringIO(yaml.safe_dump(SECRET)))
    assert seal.main(["--cert", str(tmp_path / "no.pem")]) == 1
    assert capsys.readouterr().err.startswith("seal: ")


def test_the_repositorys_files_open_and_fit_the_platforms_accounts() -> None:
    files = {o["metadata"]["name"]: o for o in manifests.read(ROOT / "k8s" / "secrets")}
    accounts = packaged_secret("minio-users", "minio")
    [config] = opened(
        files["seldon-rclone-gs-public"], label("financial-inference", "seldon-rclone-gs-public")
    ).values()
    remote = yaml.safe_load(config)
    assert (remote["name"], remote["type"]) == ("s3", "s3")
    parameters = remote["parameters"]
    assert accounts[parameters["access_key_id"]] == parameters["secret_access_key"]
    values = opened(files["ml-platform"], label("financial-mlops-pytorch", "ml-platform"))
    assert accounts[values["AWS_ACCESS_KEY_ID"]] == values["AWS_SECRET_ACCESS_KEY"]
    tracking = packaged_secret("ml-platform", "mlflow")
    for key in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        assert values[key] == tracking[key]
