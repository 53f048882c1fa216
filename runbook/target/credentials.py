"""How to reach an API server and prove who we are; the only importer of `kubernetes.aio`.

The library reads what a kubeconfig can say (tokens, certificates, credential plugins, proxies), and
nothing more is used of it. Its import waits until it is needed and runs in a thread, because it takes
longer than the screen's first frame.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.errors import TargetUnreachable, UsageError


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to reach the API server and prove who we are."""

    server: str
    authorization: str | None
    tls: ssl.SSLContext | None
    tls_files: tuple[str | None, ...]
    tls_server_name: str | None
    proxy: str | None
    ca_sha256: str


async def load_credentials(kubeconfig: Path, context: str | None) -> Credentials:
    """Read credentials as kubectl would, running a credential plugin when there is one."""
    rest, kube_config = await asyncio.to_thread(_import_kubernetes)
    configuration = rest.Configuration()
    try:
        loader = await kube_config.load_kube_config(
            str(kubeconfig),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
        # The library turns the CA, client certificate and "insecure" settings into one TLS context.
        tls = rest.rest.RESTClientObject(configuration).ssl_context
    except (kube_config.ConfigException, OSError, ValueError) as error:
        raise UsageError(f"unusable kubeconfig: {error}", where=str(kubeconfig)) from error
    authorization = configuration.api_key.get("BearerToken")
    _refuse_silent_plugin(loader, authorization, configuration.cert_file)
    secure = configuration.host.startswith("https")
    return Credentials(
        server=configuration.host,
        authorization=authorization,
        tls=tls if secure else None,
        tls_files=(configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file),
        tls_server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        ca_sha256=_fingerprint(configuration.ssl_ca_cert),
    )


def _import_kubernetes() -> tuple[Any, Any]:
    from kubernetes.aio import client
    from kubernetes.aio.config import kube_config

    return client, kube_config


def _refuse_silent_plugin(loader: Any, authorization: str | None, certificate: str | None) -> None:
    """The library only logs a failing credential plugin; the requests would then be anonymous."""
    user = loader._user  # noqa: SLF001 - the library offers no other way to see it
    plugin = (user.value.get("exec") if user is not None else None) or {}
    if plugin and not (authorization or certificate):
        command = plugin.get("command", "?")
        raise TargetUnreachable(
            f"the credential plugin {command!r} gave no credentials",
            hint="kubectl get ns shows what it says",
        )


def _fingerprint(ca_file: str | None) -> str:
    if not ca_file:
        return ""
    lines = Path(ca_file).read_text(encoding="utf-8", errors="replace").split()
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
