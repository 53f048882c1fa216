"""Accounts that may do little, and kubeconfigs of theirs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

RBAC = "rbac.authorization.k8s.io"


async def account(cluster: Any, file: Path, name: str) -> Path:
    """Writes the kubeconfig of an account in namespace `a` that may do nothing."""
    if cluster.api.get("serviceaccounts", "a", name) is None:
        await cluster.put("serviceaccounts", {"metadata": {"name": name, "namespace": "a"}})
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    path = f"/api/v1/namespaces/a/serviceaccounts/{name}/token"
    answer = await cluster.client._json("POST", path, data=json.dumps(request).encode())
    config = cluster.server.kubeconfig()
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    await asyncio.to_thread(file.write_text, json.dumps(config))
    return file


async def grant(
    cluster: Any, name: str, *rules: dict[str, Any], namespace: str | None = None
) -> None:
    """Gives an account rules, everywhere or in one namespace."""
    kind = "Role" if namespace else "ClusterRole"
    meta = {"name": name, **({"namespace": namespace} if namespace else {})}
    api = {"apiVersion": f"{RBAC}/v1"}
    await cluster.put(
        f"{kind.lower()}s.{RBAC}", {**api, "kind": kind, "metadata": meta, "rules": list(rules)}
    )
    await cluster.put(
        f"{kind.lower()}bindings.{RBAC}",
        {
            **api,
            "kind": f"{kind}Binding",
            "metadata": meta,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "a"}],
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        },
    )


def rule(verbs: list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {"verbs": verbs, "apiGroups": [""], "resources": list(resources), **more}


async def reader(cluster: Any, folder: Path) -> Path:
    """An account that may get pod `full` in namespace `a`, and nothing else."""
    file = folder / "reader"
    if not file.exists():
        await account(cluster, file, "reader")
        one = rule(["get"], "pods", resourceNames=["full"])
        await grant(cluster, "reader", one, namespace="a")
    return file
