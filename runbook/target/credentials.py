"""How to reach an API server and prove who we are; the only importer of `kubernetes.aio`.

The library reads what a kubeconfig can say (tokens, certificates, credential plugins, proxies), and
nothing more is used of it. Its import waits until it is needed and runs in a thread, because it takes
longer than the screen's first frame.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

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
    namespace: str = "default"
    """Where what names none is taken to be."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """Headers that say as whom to act, for a user with `as` in the kubeconfig; a name may repeat."""


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
    user = _user(loader)
    _refuse_silent_plugin(user, authorization, configuration.cert_file)
    impersonation = tuple(_impersonation(user))
    for name, value in (("token", authorization or ""), *impersonation):
        if _CONTROL.search(value):
            told = f"unusable kubeconfig: a control character, such as a line's end, in {name}"
            raise UsageError(told, where=str(kubeconfig))
    secure = configuration.host.startswith("https")
    return Credentials(
        server=configuration.host,
        authorization=authorization,
        tls=tls if secure else None,
        tls_files=(configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file),
        tls_server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
        ca_sha256=_fingerprint(configuration.ssl_ca_cert),
        namespace=_namespace(loader),
        impersonation=impersonation,
    )


def _import_kubernetes() -> tuple[Any, Any]:
    from kubernetes.aio import client
    from kubernetes.aio.config import kube_config

    return client, kube_config


def _user(loader: Any) -> Mapping[str, Any]:
    """The kubeconfig's user, as it is written there."""
    user = loader._user  # noqa: SLF001 - the library offers no other way to see it
    return user.value if user is not None else {}


def _namespace(loader: Any) -> str:
    context = loader._current_context  # noqa: SLF001 - the library offers no other way to see it
    return str(context.value["context"].get("namespace") or "default")


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What client-go sends for `as` and its kin; the library passes over them.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    if name := user.get("as"):
        yield "Impersonate-User", str(name)
    if uid := user.get("as-uid"):
        yield "Impersonate-Uid", str(uid)
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in values or ():
            yield f"Impersonate-Extra-{quote(str(key), safe=_IN_NAMES)}", str(value)


_IN_NAMES = "!#$&'*+-.^_`|~"
"""What the name of a header may hold besides letters and digits, except the sign that escapes the rest."""


_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""No header can carry it, and kubectl sends none either."""


def _refuse_silent_plugin(
    user: Mapping[str, Any], authorization: str | None, certificate: str | None
) -> None:
    """The library only logs a failing credential plugin; the requests would then be anonymous."""
    plugin = user.get("exec") or {}
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
