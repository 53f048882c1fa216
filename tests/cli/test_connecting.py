"""What a command knows of the cluster it is connected to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runbook.cli.connecting import mask_credentials
from runbook.cli.run_directory import RunDirectory
from runbook.redact import Redactor
from runbook.target.client import connect
from tests.target.conftest import CannedApi, api

__all__ = ["api"]


async def test_a_token_is_masked_and_so_is_the_one_that_renews_it(
    api: CannedApi, tmp_path: Path
) -> None:
    directory, redactor = RunDirectory(tmp_path), Redactor()
    api.token = "first-token-12345"
    api.answers["/version"] = {"minor": "37"}
    path = api.write_kubeconfig(directory.kubeconfig)
    async with await connect(path, renew=lambda: api.write_kubeconfig(path)) as client:
        mask_credentials(client, directory, redactor)
        assert redactor.text("it is first-token-12345") == "it is [REDACTED:kubeconfig]"
        assert redactor.text("next-token-67890") == "next-token-67890"
        api.token = "next-token-67890"
        await client.get("/version")
    assert redactor.text("it is next-token-67890") == "it is [REDACTED:kubeconfig]"


async def test_what_a_credential_plugin_gives_is_masked(api: CannedApi, tmp_path: Path) -> None:
    directory, redactor = RunDirectory(tmp_path), Redactor()
    given: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "plugin-token-12345"},
    }
    plugin = tmp_path / "plugin"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(given)}'\n")
    plugin.chmod(0o755)
    path = api.write_kubeconfig(
        directory.kubeconfig, exec={"apiVersion": given["apiVersion"], "command": str(plugin)}
    )
    async with await connect(path) as client:
        mask_credentials(client, directory, redactor)
    assert redactor.text("plugin-token-12345") == "[REDACTED:kubeconfig]"
