"""Which cluster a command without a run acts on: the one that was named, reached as a run reaches its own.

Rule 1: nothing is asked of a cluster that nobody named. A step of a run has named its own, and a pod
stands in its own, for commands that run there.
Rule 2: within a step of a run it is the run's cluster or none.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from runbook.cli import connecting
from runbook.cli.asked import kubeconfig_paths
from runbook.cli.run_directory import RunDirectory
from runbook.errors import TargetRefused, UsageError
from runbook.redact import Redactor
from runbook.target import identity, kubeconfig
from runbook.target.client import ClusterClient
from runbook.target.in_cluster import in_cluster


@dataclass(frozen=True, slots=True)
class Pinned:
    """A client for one cluster; its folder, and what its private kubeconfig holds, go with it."""

    client: ClusterClient
    context: str
    directory: RunDirectory

    async def identify(self) -> identity.Identity:
        """Who the cluster is now. Raises TargetRefused, TargetUnreachable."""
        return await identity.identify(self.client, self.context)

    def mask(self, redactor: Redactor) -> None:
        """Mask what it proves itself with, now and when that is renewed."""
        connecting.mask_credentials(self.client, self.directory, redactor)


def require_named(arguments: argparse.Namespace) -> None:
    """Raises UsageError when nothing says which cluster is meant."""
    if not arguments.context and not os.environ.get(identity.CLUSTER_UID):
        raise UsageError(
            "--context is missing: name the cluster",
            hint="kubectl config get-contexts lists them; `runbook practice start` makes one",
        )


@asynccontextmanager
async def pinned(arguments: argparse.Namespace, *, in_pod: bool = False) -> AsyncIterator[Pinned]:
    """The cluster of `--context` and `--kubeconfig`, or a step's own; `in_pod`: or a pod's own.

    Raises UsageError, TargetRefused, TargetUnreachable.
    """
    uid = os.environ.get(identity.CLUSTER_UID, "")
    said = arguments.context or arguments.kubeconfig or uid
    config = in_cluster(os.environ) if in_pod and not said else None
    if config is None:
        require_named(arguments)
    with tempfile.TemporaryDirectory(prefix="runbook-", ignore_cleanup_errors=True) as folder:
        directory = RunDirectory(Path(folder))
        paths = kubeconfig_paths(arguments.kubeconfig) if config is None else ()
        config = config or kubeconfig.read(paths)
        context = arguments.context or config.current or ""
        async with await connecting.connect_to(directory, config, paths, context) as client:
            cluster = Pinned(client, context, directory)
            if uid:
                await _require_uid(cluster, uid)
            yield cluster


async def _require_uid(cluster: Pinned, uid: str) -> None:
    seen = await cluster.identify()
    if seen.cluster_uid != uid:
        raise TargetRefused(
            f"this is not the cluster the run was pinned to: UID of namespace kube-system was "
            f"{uid!r}, is {seen.cluster_uid!r}",
            hint="nothing was changed",
        )
