"""What a test cluster is before anything runs: a directory, credentials, and processes by name."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.cluster.api import Api
from tests.cluster.credentials import (
    Authority,
    signing_key,
    with_certificate,
    with_token,
    write_kubeconfig,
)
from tests.cluster.processes import Process, free_ports

NAME = "test-cluster"
SHORTEST_TOKEN = 600
"""Seconds; the API server gives no token for less."""


class Base:
    """Everything lives in `directory`, which goes with `down()`."""

    def __init__(self, within: float, *, keep: bool = False) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="runbook-cluster-"))
        self.processes: dict[str, Process] = {}
        """By the names of their programs, in the order of their start."""
        self.started_in: dict[str, float] = {}
        """Seconds from a process's first start until it was ready."""
        self.within = within
        self._keep = keep
        (port,) = free_ports(1)
        self.server = f"https://127.0.0.1:{port}"
        self._authority = Authority()
        self.ca = self.directory / "ca.crt"
        self.ca.write_bytes(self._authority.certificate)
        self.ca_key = self._private("ca.key", self._authority.key)
        self.accounts_key = self._private("accounts.key", signing_key())
        self.tls = self._authority.server().write(self.directory, "server")
        admin = self._authority.client("admin", ["system:masters"])
        self.api = Api(self.server, self.ca, *admin.write(self.directory, "admin"))
        self.kubeconfig = self._kubeconfig("kubeconfig", with_certificate(admin))

    def down(self) -> None:
        """Stops everything in reverse, and leaves nothing."""
        for process in reversed(self.processes.values()):
            process.stop()
        if not self._keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, name: str) -> None:
        """A process that was stopped, on its ports and with its data; returns when it is ready."""
        process = self.processes[name]
        began = time.monotonic()
        process.launch()
        self.await_ready(process, began)

    def stop(self, name: str) -> None:
        self.processes[name].stop()

    def kill(self, name: str) -> None:
        """With no chance to say goodbye."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def add(
        self,
        name: str,
        command: Sequence[str],
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """One more process that ends with the cluster; not started yet."""
        process = Process(
            name=name,
            command=command,
            log=self.directory / f"{name}.log",
            ready=ready,
            environment={"HOME": str(self.directory), **(environment or {})},
        )
        self.processes[name] = process
        return process

    def await_ready(self, process: Process, began: float) -> None:
        process.wait_ready(self.within)
        self.started_in.setdefault(process.name, time.monotonic() - began)

    def token(self, account: str, namespace: str = "default", seconds: int = SHORTEST_TOKEN) -> str:
        """A service account's token, by TokenRequest; it ends early if the account is deleted."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        asked = {"spec": {"expirationSeconds": seconds}}
        return str(self.api.create(path, asked)["status"]["token"])

    def kubeconfig_for_account(
        self, account: str, namespace: str = "default", seconds: int = SHORTEST_TOKEN
    ) -> Path:
        """A second kubeconfig, with a token in it."""
        token = with_token(self.token(account, namespace, seconds))
        return self._kubeconfig(f"account-{namespace}-{account}.kubeconfig", token, namespace)

    def kubeconfig_for_user(
        self, user: str, groups: Sequence[str] = (), seconds: float = 3600
    ) -> Path:
        """A second kubeconfig, with a certificate that may expire within seconds (401 then)."""
        pair = self._authority.client(user, groups, dt.timedelta(seconds=seconds))
        return self._kubeconfig(f"user-{user}.kubeconfig", with_certificate(pair))

    def _kubeconfig(self, name: str, user: Mapping[str, str], namespace: str = "default") -> Path:
        return write_kubeconfig(
            self.directory / name,
            server=self.server,
            authority=self._authority.certificate,
            user=user,
            name=NAME,
            namespace=namespace,
        )

    def _private(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path
