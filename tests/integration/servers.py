"""Real servers for the session: MLflow with basic auth, and an S3 store that checks signatures.

They run from a virtual environment of their own, `.venv-integration`, since MLflow and MLServer bring
most of a gigabyte. What it misses is said as `NotInstalled`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.cluster.processes import Process, free_ports

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BUCKET = "mlflow-artifacts"
USER, PASSWORD = "admin", "integration-admin-1"
START = 120.0
"""Seconds; MLflow is ready in 7, and in 18 when its files are read for the first time."""
REGION = "us-east-1"


class NotInstalled(Exception):
    """The environment with the real servers is not there."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment with MLflow in it."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)


def environment(given: str | None = None) -> Environment:
    found = Environment(Path(given or ROOT / ".venv-integration"))
    if not Path(found.program("mlflow")).exists():
        raise NotInstalled(f"no MLflow in {found.folder}; `make test-integration` installs it")
    return found


@dataclass(frozen=True)
class Store:
    """An S3 endpoint and the keys that open it."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def settings(self) -> Mapping[str, str]:
        """As MLflow's server and client, and the AWS tools, read them."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",
        }


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    """All at once, until each is ready."""
    try:
        for process in processes:
            process.launch()
        for process in processes:
            process.wait_ready(START)
        yield
    finally:
        for process in processes:
            process.stop()


@contextmanager
def moto(where: Environment, directory: Path) -> Iterator[tuple[Store, Store]]:
    """An empty store with one bucket. From then on it wants signatures by keys it has given out.

    Gives the keys of a user who may do all, and those of one who may do nothing.
    """
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    command = [where.program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    settings = {"INITIAL_NO_AUTH_ACTION_COUNT": "1000"}
    ready = f"{endpoint}/moto-api/data.json"
    log = directory / "moto.log"
    with running(Process("moto", command, log, lambda: answers(ready), settings)):
        unlocked = Store(endpoint, "nobody", "nobody")
        made = run(where, HERE / "accounts.py", unlocked.settings, BUCKET)
        httpx.post(f"{endpoint}/moto-api/reset-auth", content=b"0").raise_for_status()
        access_key, secret_key, *denied = made.split()
        yield Store(endpoint, access_key, secret_key), Store(endpoint, *denied)


OWN_KEYS = ("--no-serve-artifacts", "--default-artifact-root", f"s3://{BUCKET}")
"""Clients read and write the store with keys of their own."""
PROXYING = ("--serve-artifacts", "--artifacts-destination", f"s3://{BUCKET}/team/x")
"""Clients need no keys, and locations name no bucket."""


def mlflow_server(
    where: Environment, directory: Path, store: Store, options: Sequence[str] = OWN_KEYS
) -> tuple[str, Process]:
    """The address of an MLflow server, and its process; its database is in the directory."""
    (port,) = free_ports(1)
    directory.mkdir(exist_ok=True)
    auth = directory / "auth.ini"
    auth.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{directory}/auth.db\n"
        f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"
    )
    settings = {
        **store.settings,
        "PATH": f"{where.folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(directory),
        "MLFLOW_AUTH_CONFIG_PATH": str(auth),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "integration",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [where.program("mlflow"), "server", "--app-name", "basic-auth", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{directory}/mlflow.db"]
    endpoint = f"http://127.0.0.1:{port}"
    log = directory / f"mlflow-{port}.log"

    def ready() -> bool:
        return answers(f"{endpoint}/health")

    return endpoint, Process("mlflow", [*command, *options], log, ready, settings)


def run(where: Environment, script: Path, settings: Mapping[str, str], *words: str) -> str:
    """A script with the environment's Python; its standard output."""
    done = subprocess.run(
        [where.python, str(script), *words],
        env={
            "PATH": f"{where.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(f"{script.name} ended with {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout
