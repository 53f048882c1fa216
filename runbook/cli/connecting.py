"""How a command reaches a cluster: over a kubeconfig of its own that holds one context and nothing else."""

from __future__ import annotations

from pathlib import Path

from runbook.cli import known_secrets
from runbook.cli.run_directory import RunDirectory
from runbook.plan import TargetFacts
from runbook.redact import Redactor
from runbook.target import identity, kubeconfig
from runbook.target.client import ClusterClient, connect
from runbook.target.credentials import Credentials


async def pin_target(
    directory: RunDirectory, paths: tuple[Path, ...], context: str
) -> tuple[ClusterClient, TargetFacts]:
    """Write the private kubeconfig and ask the cluster who it is."""
    client = await connect_to(directory, kubeconfig.read(paths), paths, context)
    try:
        seen = await identity.identify(client, context)
    except BaseException:
        await client.close()
        raise
    return client, facts_of(seen)


def facts_of(seen: identity.Identity) -> TargetFacts:
    return TargetFacts(seen.context, seen.server, seen.cluster_uid, seen.ca_sha256)


def identity_of(target: TargetFacts) -> identity.Identity:
    return identity.Identity(target.context, target.server, target.cluster_uid, target.ca_sha256)


async def connect_to(
    directory: RunDirectory, config: kubeconfig.Kubeconfig, paths: tuple[Path, ...], context: str
) -> ClusterClient:
    """Write the private kubeconfig, and a client for it. `paths`: where newer credentials come from."""
    sources = [str(path.absolute()) for path in paths]
    directory.kubeconfig_sources.write_text("\n".join(sources), encoding="utf-8")
    kubeconfig.write_private(config, context, directory.kubeconfig)
    return await connect_as_pinned(directory, context)


async def connect_as_pinned(directory: RunDirectory, context: str) -> ClusterClient:
    """A client for the private kubeconfig. Expired credentials are renewed as the operator's are."""

    def renew() -> None:
        if directory.kubeconfig_sources.exists():
            listed = directory.kubeconfig_sources.read_text(encoding="utf-8").splitlines()
            kubeconfig.renew(map(Path, listed), context, directory.kubeconfig)

    return await connect(directory.kubeconfig, renew=renew)


def mask_credentials(client: ClusterClient, directory: RunDirectory, redactor: Redactor) -> None:
    """Mask what a client proves itself with, now and whenever it is renewed."""

    def known(credentials: Credentials) -> None:
        users = kubeconfig.read((directory.kubeconfig,)).users
        known_secrets.register_credentials(redactor, users, credentials.authorization or "")

    known(client.credentials)
    client.on_renewed = known


async def require_target(client: ClusterClient, target: TargetFacts) -> None:
    """Raises TargetRefused or TargetUnreachable unless the run's own cluster answers."""
    await identity.verify(client, identity_of(target))
