"""A kubeconfig with one cluster, one user, one context: everything a client needs, and nothing else."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

JSON = dict[str, Any]

USER = "practice-admin"


def kubeconfig(
    server: str, authority: bytes, token: str, *, context: str = "practice", namespace: str = ""
) -> JSON:
    """The document; `namespace` is the context's default one, if any."""
    inside: JSON = {"cluster": context, "user": USER}
    if namespace:
        inside["namespace"] = namespace
    ca = base64.b64encode(authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": context, "cluster": {"server": server, "certificate-authority-data": ca}}
        ],
        "users": [{"name": USER, "user": {"token": token}}],
        "contexts": [{"name": context, "context": inside}],
        "current-context": context,
        "preferences": {},
    }


def write_kubeconfig(path: Path, document: JSON) -> None:
    """Write it for the owner alone. Readers see the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(fresh, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    fresh.replace(path)
