"""A kubeconfig for a pod: what Kubernetes puts into every container that runs with a service account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runbook.target.kubeconfig import Kubeconfig

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONTEXT = "in-cluster"


def in_cluster(environment: Mapping[str, str], account: Path = ACCOUNT) -> Kubeconfig | None:
    """The cluster that this process is a pod of; None when it is in no pod. The token is read anew by the client."""
    host, port = (environment.get(f"KUBERNETES_SERVICE_{word}", "") for word in ("HOST", "PORT"))
    token, ca = account / "token", account / "ca.crt"
    if not host or not token.is_file():
        return None
    server = f"https://{f'[{host}]' if ':' in host else host}:{port or 443}"
    return Kubeconfig(
        files=(token,),
        current=CONTEXT,
        contexts={CONTEXT: {"cluster": CONTEXT, "user": CONTEXT}},
        clusters={CONTEXT: {"server": server, "certificate-authority": str(ca)}},
        users={CONTEXT: {"tokenFile": str(token)}},
    )
