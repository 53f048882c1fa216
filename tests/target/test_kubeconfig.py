from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.errors import UsageError
from runbook.target import kubeconfig


def config(name: str, **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "n"}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}", **cluster}}],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}}],
    }


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def test_the_private_file_holds_one_context_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    both = config("prod")
    other = config("stage")
    for part in ("contexts", "clusters", "users"):
        both[part] += other[part]
    source = write(tmp_path / "config", both)
    private = tmp_path / "private"
    kubeconfig.write_private(kubeconfig.read([source]), "stage", private)
    assert private.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(private.read_text()) == {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        **other,
    }
    assert "prod" not in private.read_text()


def test_writing_again_replaces_the_file_whatever_its_former_rights(tmp_path: Path) -> None:
    source = write(tmp_path / "config", config("prod"))
    private = write(tmp_path / "private", "old")
    private.chmod(0o644)
    kubeconfig.write_private(kubeconfig.read([source]), "prod", private)
    assert private.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "private"]


def test_relative_files_and_plugins_count_from_the_file_that_names_them(tmp_path: Path) -> None:
    document = config("prod", **{"certificate-authority": "ca.pem"})
    document["users"][0]["user"] = {
        "client-certificate": "certs/me.pem",
        "client-key": "/abs/key.pem",
        "exec": {"command": "./bin/login", "apiVersion": "v1"},
    }
    source = write(tmp_path / "deep" / "config", document)
    only = kubeconfig.read([source]).only("prod")
    base = tmp_path.resolve() / "deep"
    assert only["clusters"][0]["cluster"]["certificate-authority"] == str(base / "ca.pem")
    user = only["users"][0]["user"]
    assert user["client-certificate"] == str(base / "certs/me.pem")
    assert user["client-key"] == "/abs/key.pem"
    assert user["exec"]["command"] == str(base / "bin/login")


def test_relative_files_count_from_a_link_and_not_from_what_it_leads_to(tmp_path: Path) -> None:
    write(tmp_path / "real" / "config", config("prod", **{"certificate-authority": "ca.pem"}))
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "config").symlink_to("../real/config")
    only = kubeconfig.read([tmp_path / "link" / "config"]).only("prod")
    wanted = str(tmp_path / "link" / "ca.pem")
    assert only["clusters"][0]["cluster"]["certificate-authority"] == wanted


def test_a_plugin_without_a_slash_is_left_to_the_path(tmp_path: Path) -> None:
    document = config("prod")
    document["users"][0]["user"] = {"exec": {"command": "aws", "args": ["eks"]}}
    source = write(tmp_path / "config", document)
    user = kubeconfig.read([source]).only("prod")["users"][0]["user"]
    assert user == {"exec": {"command": "aws", "args": ["eks"]}}


def test_of_several_files_the_first_wins_and_a_missing_one_is_passed_over(tmp_path: Path) -> None:
    first = write(tmp_path / "a", config("prod"))
    later = config("prod", server="https://elsewhere")
    later["contexts"][0]["context"]["namespace"] = "elsewhere"
    later["users"][0]["user"] = {"token": "elsewhere"}
    second = write(tmp_path / "b", later)
    third = write(tmp_path / "c", config("stage"))
    merged = kubeconfig.read([tmp_path / "missing", first, second, third])
    assert merged.current == "prod"
    assert list(merged.contexts) == ["prod", "stage"]
    assert merged.server("prod") == "https://prod"
    assert merged.server("stage") == "https://stage"
    assert "elsewhere" not in str(merged.only("prod"))


def test_an_unknown_context_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    merged = kubeconfig.read([write(tmp_path / "config", config("production"))])
    with pytest.raises(UsageError) as refused:
        merged.only("prodcution")
    assert "no context 'prodcution'; contexts there: production" in str(refused.value)
    assert "did you mean production?" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"clusters": []}, "names cluster 'prod', which is not defined; clusters there: none"),
        ({"users": None}, "names user 'prod', which is not defined"),
        ({"clusters": [{"name": "prod", "cluster": {}}]}, "has no server"),
        ({"contexts": [{"context": {}}]}, "every entry of contexts needs a name"),
        ({"contexts": [{"name": "prod", "context": {"cluster": "prod"}}]}, "names no user"),
    ],
)
def test_a_broken_kubeconfig_says_what_is_wrong(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    source = write(tmp_path / "config", config("prod") | change)
    with pytest.raises(UsageError) as refused:
        kubeconfig.read([source]).only("prod")
    assert message in str(refused.value)
    assert str(source) in str(refused.value)


@pytest.mark.parametrize("text", ["a: [", "\x00", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        kubeconfig.read([write(tmp_path / "config", text)])


def test_no_file_at_all_is_refused_with_its_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        kubeconfig.read([tmp_path / "none"])
    assert str(tmp_path / "none") in str(refused.value)


def test_an_empty_file_has_no_contexts(tmp_path: Path) -> None:
    assert not kubeconfig.read([write(tmp_path / "config", "")]).contexts


def test_paths_come_from_kubeconfig_or_from_home() -> None:
    home = Path("/home/me")
    assert kubeconfig.default_paths({}, home) == (home / ".kube/config",)
    listed = {"KUBECONFIG": f"/a{os.pathsep}{os.pathsep}/b"}
    assert kubeconfig.default_paths(listed, home) == (Path("/a"), Path("/b"))


def pinned(tmp_path: Path) -> tuple[Path, Path]:
    """An operator's file, and the private one made of it."""
    source = write(tmp_path / "config", config("prod"))
    private = tmp_path / "private"
    kubeconfig.write_private(kubeconfig.read([source]), "prod", private)
    return source, private


def test_newer_credentials_are_taken_over_and_nothing_else(tmp_path: Path) -> None:
    source, private = pinned(tmp_path)
    before = yaml.safe_load(private.read_text())
    newer = config("prod")
    newer["users"] = [{"name": "next", "user": {"token": "newer"}}]
    newer["contexts"][0]["context"] |= {"user": "next", "namespace": "elsewhere"}
    write(source, newer)
    assert kubeconfig.renew([source], "prod", private)
    after = yaml.safe_load(private.read_text())
    assert after["users"] == [{"name": "prod", "user": {"token": "newer"}}]
    assert {**after, "users": before["users"]} == before
    assert private.stat().st_mode & 0o777 == 0o600
    assert not kubeconfig.renew([source], "prod", private)


@pytest.mark.parametrize(
    "changed",
    [
        {"clusters": [{"name": "prod", "cluster": {"server": "https://elsewhere"}}]},
        {"clusters": [{"name": "prod", "cluster": {"server": "https://prod", "proxy-url": "x"}}]},
        {"contexts": []},
        {"users": []},
    ],
)
def test_credentials_of_another_cluster_or_of_none_are_not_taken_over(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    source, private = pinned(tmp_path)
    before = private.read_bytes()
    newer = [{"name": "prod", "user": {"token": "newer"}}]
    write(source, {**config("prod"), "users": newer, **changed})
    assert not kubeconfig.renew([source], "prod", private)
    assert private.read_bytes() == before


def test_a_kubeconfig_that_is_just_being_written_changes_nothing(tmp_path: Path) -> None:
    source, private = pinned(tmp_path)
    before = private.read_bytes()
    for content in ("users: [", "", "[]"):
        write(source, content)
        assert not kubeconfig.renew([source], "prod", private)
    source.unlink()
    assert not kubeconfig.renew([source], "prod", private)
    assert private.read_bytes() == before
