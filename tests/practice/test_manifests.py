from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.practice import manifests

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def names(path: Path) -> list[str]:
    return [obj["metadata"]["name"] for obj in manifests.read(path)]


def test_a_file_holds_many_documents_and_lists_are_taken_apart() -> None:
    text = (
        CONFIG.replace("NAME", "a")
        + "---\n---\napiVersion: v1\nkind: List\nitems:\n- "
        + (CONFIG.replace("NAME", "b").replace("\n", "\n  "))
    )
    assert [obj["metadata"]["name"] for obj in manifests.parse(text, "x")] == ["a", "b"]


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    write(tmp_path, b=CONFIG.replace("NAME", "two"), a=CONFIG.replace("NAME", "one"))
    (tmp_path / "README.md").write_text("no manifest")
    assert names(tmp_path) == ["one", "two"]


def test_a_kustomization_is_read_through_its_resources(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", only=CONFIG.replace("NAME", "deep"))
    listed = "resources: [b.yaml, deep]\n"
    write(tmp_path, a=CONFIG, b=CONFIG.replace("NAME", "b"), kustomization=listed)
    assert names(tmp_path) == ["b", "deep"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resources: [gone.yaml]", "'gone.yaml' does not exist"),
        ("namePrefix: x-\nresources: []", "found namePrefix"),
        ("[]", "a list of resources is needed"),
        ("a: b: c", "cannot read the kustomization"),
    ],
)
def test_a_kustomization_that_cannot_be_seeded_is_refused(
    tmp_path: Path, text: str, expected: str
) -> None:
    write(tmp_path, kustomization=text)
    with pytest.raises(UsageError, match=expected):
        manifests.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not YAML"),
        ("just text", "needs apiVersion and kind"),
        ("apiVersion: v1\nkind: ConfigMap\n", "without metadata.name"),
        ("apiVersion: v1\nkind: List\nitems: [3]", "needs apiVersion and kind"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_file(text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected) as caught:
        manifests.parse(text, "some.yaml")
    assert caught.value.where == "some.yaml"


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the manifest"):
        manifests.read(tmp_path / "gone.yaml")
    with pytest.raises(UsageError, match="no manifest here"):
        manifests.read(tmp_path)


def test_a_date_stays_a_text() -> None:
    [read] = manifests.parse(CONFIG.replace("NAME", "a") + "data: {from: 2018-01-01}\n", "x")
    assert read["data"] == {"from": "2018-01-01"}


def test_string_data_of_a_secret_becomes_data() -> None:
    secret = {"kind": "Secret", "metadata": {}, "data": {"a": "QQ=="}, "stringData": {"b": "é"}}
    stored = manifests.stored_form(secret)
    assert "stringData" not in stored
    assert base64.b64decode(stored["data"]["b"]).decode() == "é"
    assert stored["data"]["a"] == "QQ=="


def test_the_applied_form_carries_what_kubectl_would_write() -> None:
    [obj] = manifests.parse(CONFIG.replace("NAME", "a") + "data: {t: 'a<b'}\n", "x")
    written = manifests.as_applied(obj)["metadata"]["annotations"][manifests.LAST_APPLIED]
    assert written == (
        '{"apiVersion":"v1","data":{"t":"a\\u003cb"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"a"}}\n'
    )
    assert json.loads(written)["data"] == {"t": "a<b"}
