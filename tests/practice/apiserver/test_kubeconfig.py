from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

from runbook.practice.apiserver.kubeconfig import kubeconfig, write_kubeconfig


def test_it_holds_one_of_everything() -> None:
    document = kubeconfig("https://127.0.0.1:1", b"PEM", "t", context="drill", namespace="n")
    assert document["current-context"] == "drill"
    (context,) = document["contexts"]
    assert context["context"] == {"cluster": "drill", "user": "practice-admin", "namespace": "n"}
    (cluster,) = document["clusters"]
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"PEM"
    assert document["users"][0]["user"] == {"token": "t"}


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"
    for token in ("first", "second"):
        write_kubeconfig(path, kubeconfig("https://127.0.0.1:1", b"PEM", token))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["users"][0]["user"]["token"] == "second"
    assert [entry.name for entry in path.parent.iterdir()] == ["config"]
