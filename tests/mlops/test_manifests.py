"""Byte by byte: one text of a file changes, or the file is refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings, strategies as st

from runbook.mlops.manifests import CannotEdit, edited, read, write

OLD = "s3://mlflow-artifacts/1/models/m-old/artifacts/"
NEW = "s3://mlflow-artifacts/1/models/m-new/artifacts/"
HEAD = "apiVersion: mlops.seldon.io/v1alpha1\nkind: Model\n"
META = "metadata:\n  name: iris\n  namespace: serving\n"
MODEL = f"{HEAD}{META}spec:\n  storageUri: {OLD}\n  memory: 100Ki\n"
OTHER = MODEL.replace("iris", "iris-two")
REPOSITORY = Path(__file__).parents[2] / "k8s/base/financial-predictor-ab-test.yaml"

ACCEPTED = {
    "plain": MODEL,
    "windows line ends": MODEL.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + MODEL,
    "no final newline": MODEL.rstrip("\n"),
    "comment at the end of the line": MODEL.replace(OLD, f"{OLD}   # keep me"),
    "odd spacing": MODEL.replace("storageUri: ", "storageUri:      "),
    "indented by four": f"# top\n{HEAD}{META}spec:\n    # odd\n    storageUri: {OLD}\n    memory: 1Gi\n",
    "single quotes": MODEL.replace(OLD, f"'{OLD}'"),
    "double quotes": MODEL.replace(OLD, f'"{OLD}"'),
    "a quoted key": MODEL.replace("storageUri:", '"storageUri":'),
    "flow": f"{HEAD}metadata: {{name: iris}}\nspec: {{storageUri: '{OLD}', memory: 1Gi}}\n",
    "flow in JSON": '{"apiVersion": "mlops.seldon.io/v1", "kind": "Model", "metadata": {"name": "iris"},'
    f' "spec": {{"storageUri": "{OLD}"}}}}\n',
    "a question mark": MODEL.replace(f"storageUri: {OLD}", f"? storageUri\n  : {OLD}"),
    "the value on the next line": MODEL.replace(f" {OLD}", f"\n    {OLD}"),
    "an anchor of its own": MODEL.replace(OLD, f"&uri {OLD}"),
    "a tag": MODEL.replace(OLD, f"!!str {OLD}"),
    "documents around it": f"%YAML 1.1\n---\nkind: ConfigMap\ndata: {{on: yes, a: 070}}\n---\n{MODEL}...\n",
    "the text also in a block": f"kind: ConfigMap\ndata:\n  x: |\n    storageUri: {OLD}\n---\n{MODEL}",
    "other models named alike": f"{OTHER}---\n{MODEL}",
    "an experiment of the same name": MODEL.replace("kind: Model", "kind: Experiment")
    + f"---\n{MODEL}",
    "spec before metadata": f"{HEAD}spec:\n  storageUri: {OLD}\n{META}---\n{OTHER}",
    "items of a list": "kind: List\napiVersion: v1\nitems:\n"
    + "".join(f"{'- ' if n == 0 else '  '}{line}\n" for n, line in enumerate(MODEL.splitlines())),
    "a strategic merge patch": f"{HEAD}{META}spec:\n  storageUri: {OLD}\n",
    "braces that are texts": f"kind: W\nargs: ['{{{{x}}}}']\n---\n{MODEL}",
    "not ASCII": f"# größer 🚀\n{MODEL}",
    "no namespace": f"{HEAD}metadata: {{name: iris}}\nspec:\n  storageUri: {OLD}\n",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_only_the_bytes_of_the_value_change(text: str) -> None:
    content = text.encode()
    made = edited(content, {"iris": NEW}, "f.yaml")
    spot = read(content, "f.yaml")["iris"]
    quoted = f"{spot.quote}{NEW}{spot.quote}"
    assert made.decode() == text[: spot.start] + quoted + text[spot.end :]
    assert read(made, "f.yaml")["iris"].value == NEW
    assert edited(made, {"iris": NEW}, "f.yaml") == made


REFUSED = {
    "an alias": (f"uri: &u {OLD}\n---\n{MODEL.replace(OLD, '*u')}", "undefined alias"),
    "an alias of this document": (
        f"{HEAD}x-uri: &u {OLD}\n{META}spec:\n  storageUri: *u\n",
        "storageUri of Model 'iris' is an alias",
    ),
    "an alias of the whole spec": (
        f"{HEAD}x-spec: &s {{storageUri: '{OLD}'}}\n{META}spec: *s\n",
        "spec of Model 'iris' is an alias",
    ),
    "a merge key": (
        f"{HEAD}x-spec: &s {{storageUri: '{OLD}'}}\n{META}spec:\n  <<: *s\n",
        "has no storageUri of its own, it is merged in",
    ),
    "an anchor that is used elsewhere": (
        f"{HEAD}{META}spec:\n  storageUri: &u {OLD}\n  env: [*u]\n",
        "another value would change with it",
    ),
    "a literal block": (MODEL.replace(OLD, f"|\n    {OLD}"), "is a block of lines"),
    "a folded block": (MODEL.replace(OLD, f">-\n    {OLD}"), "is a block of lines"),
    "null": (MODEL.replace(OLD, "null"), "is no text"),
    "tagged and empty": (MODEL.replace(OLD, "!!str"), "is an alias"),
    "empty": (MODEL.replace(f" {OLD}", ""), "is no text"),
    "a number": (MODEL.replace(OLD, "5"), "is no text"),
    "missing": (f"{HEAD}{META}spec:\n  memory: 1Gi\n", "has no storageUri of its own"),
    "no spec": (f"{HEAD}{META}", "has no spec of its own"),
    "twice": (f"{MODEL}  storageUri: {NEW}\n", "stands there twice"),
    "two models of one name": (f"{MODEL}---\n{MODEL}", "two Models are called 'iris'"),
    "a template's value": (MODEL.replace(OLD, "{{ .Values.uri }}"), "is no text"),
    "a template's condition": (f"{{{{- if .Values.on }}}}\n{MODEL}{{{{- end }}}}\n", "not YAML"),
    "a tab before a comment": (MODEL.replace(OLD, f"{OLD}\n\t# tab"), "not YAML"),
    "a JSON patch": (
        f"- op: replace\n  path: /spec/storageUri\n  value: {OLD}\n",
        "a list of patches changes storageUri",
    ),
    "a kustomization that patches": (
        "kind: Kustomization\npatches:\n- target: {kind: Model}\n  patch: |-\n"
        f"    - {{op: replace, path: /spec/storageUri, value: '{OLD}'}}\n",
        "`patches` of this kustomization changes storageUri",
    ),
    "no name": (MODEL.replace("  name: iris\n", ""), "a Model without a name"),
    "a model of another kind of platform": (
        MODEL.replace("mlops.seldon.io", "other.io"),
        "there is no Model 'iris'; Models there: none",
    ),
    "another model": (OTHER, "there is no Model 'iris'; Models there: iris-two"),
    "nothing": ("", "there is no Model 'iris'; Models there: none"),
    "a text": ("just text\n", "Models there: none"),
    "bytes": (b"\xff\xfe", "byte 0 is no UTF-8"),
    "an alias of itself": (f"x: &x [*x]\n---\n{MODEL}", "contains itself"),
    "nested beyond measure": ("[" * 5000, "not YAML"),
    "a bomb": (
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8))
        + f"---\n{MODEL}",
        "values when its aliases are followed",
    ),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_changed_alone_is_refused_with_its_reason(
    text: str | bytes, why: str
) -> None:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(CannotEdit) as refused:
        edited(content, {"iris": NEW}, "f.yaml")
    assert why in refused.value.message
    assert (refused.value.where or "").startswith("f.yaml")


def test_a_place_is_told_by_its_line() -> None:
    with pytest.raises(CannotEdit) as refused:
        read(f"a: b\n---\n{MODEL.replace(OLD, 'null')}".encode(), "f.yaml")
    assert refused.value.where == "f.yaml:9"


def test_our_own_manifests_are_changed_both_at_once() -> None:
    content = REPOSITORY.read_bytes()
    changes = {"baseline-predictor": NEW, "enhanced-predictor": NEW.replace("new", "newer")}
    made = edited(content, changes, "f.yaml")
    before, after = content.splitlines(), made.splitlines()
    assert [a for b, a in zip(before, after, strict=True) if b != a] == [
        f"  storageUri: {uri}".encode() for uri in changes.values()
    ]
    assert {name: spot.namespace for name, spot in read(made, "f").items()} == dict.fromkeys(
        changes, "financial-inference"
    )


@pytest.mark.parametrize(
    ("quote", "value"),
    [
        ("", "s3://b/a: c"),
        ("", "s3://b/a #c"),
        ("'", "s3://b/it's"),
        ('"', 's3://b/"x"'),
        ("", "a\nb"),
        ("", "s3://b/\u202ecba"),
    ],
)
def test_a_value_that_would_not_be_read_as_itself_is_refused(quote: str, value: str) -> None:
    content = MODEL.replace(OLD, f"{quote}{OLD}{quote}").encode()
    with pytest.raises(CannotEdit):
        edited(content, {"iris": value}, "f.yaml")


@given(st.text(max_size=20), st.sampled_from(sorted(ACCEPTED)))
@settings(max_examples=200, deadline=None)
def test_whatever_is_written_is_read_back_or_refused(value: str, name: str) -> None:
    content = ACCEPTED[name].encode()
    try:
        made = edited(content, {"iris": value}, "f.yaml")
    except CannotEdit:
        return
    assert read(made, "f.yaml")["iris"].value == value


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_is_replaced_whole_with_its_mode_and_a_link_stays_one(
    tmp_path: Path, mode: int
) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_bytes(b"old")
    real.chmod(mode)
    link.symlink_to(real)
    write(link, b"new")
    assert (real.read_bytes(), real.stat().st_mode & 0o777) == (b"new", mode)
    assert link.is_symlink()
    assert {path.name for path in tmp_path.iterdir()} == {"link.yaml", "real.yaml"}


def test_when_it_cannot_be_replaced_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f.yaml"]


def test_the_test_data_is_what_it_says() -> None:
    assert dedent(MODEL) == MODEL
    assert len(ACCEPTED) >= 20
    assert len(REFUSED) >= 12
