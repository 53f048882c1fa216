"""Both sides, once for the whole session; without the environment, tests are skipped and say why.

`RUNBOOK_REQUIRE_INTEGRATION=1` makes a missing environment an error instead, for CI.
`RUNBOOK_TEST_OLD_MLFLOW` names a virtual environment with an older MLflow: its client then trains
against the newer server, and against its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.processes import Process, free_ports
from tests.integration import servers, sides
from tests.integration.servers import HERE, Environment, NotInstalled, Store
from tests.integration.sides import Side

OLD = os.environ.get("RUNBOOK_TEST_OLD_MLFLOW")
SIDES = ("real", "practice", *(("old-client", "old-server") if OLD else ()))


@pytest.fixture(scope="session")
def installed() -> Environment:
    try:
        return servers.environment()
    except NotInstalled as fault:
        if os.environ.get("RUNBOOK_REQUIRE_INTEGRATION"):
            raise
        pytest.skip(str(fault))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def stores(installed: Environment, directory: Path) -> Iterator[tuple[Store, Store]]:
    """By the keys of one who may do all, and of one who may do nothing."""
    with servers.moto(installed, directory) as opened:
        yield opened


@pytest.fixture(scope="session")
def store(stores: tuple[Store, Store]) -> Store:
    return stores[0]


@pytest.fixture(scope="session")
def real(installed: Environment, store: Store, directory: Path) -> Iterator[Side]:
    with sides.real("real", installed, installed, store, directory / "real") as side:
        yield side


@pytest.fixture(scope="session")
def practice(installed: Environment) -> Iterator[Side]:
    with sides.practice(installed) as side:
        yield side


@pytest.fixture(scope="session")
def old_client(installed: Environment, directory: Path) -> Iterator[Side]:
    older = servers.environment(OLD)
    with (
        servers.moto(installed, directory) as (store, _),
        sides.real("old-client", installed, older, store, directory / "old-client") as side,
    ):
        yield side


@pytest.fixture(scope="session")
def old_server(installed: Environment, directory: Path) -> Iterator[Side]:
    older = servers.environment(OLD)
    with (
        servers.moto(installed, directory) as (store, _),
        sides.real("old-server", older, older, store, directory / "old-server") as side,
    ):
        yield side


@pytest.fixture(scope="session")
def proxying(installed: Environment, store: Store, directory: Path) -> Iterator[Side]:
    """A server that serves the files itself, below a prefix that no location names."""
    endpoint, process = servers.mlflow_server(
        installed, directory / "proxying", store, servers.PROXYING
    )
    with servers.running(process):
        told = sides.train(installed, endpoint, store, "two")
        yield Side("proxying", endpoint, store, told)


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> Side:
    found: Side = request.getfixturevalue(request.param.replace("-", "_"))
    return found


@pytest.fixture(scope="session")
def mlserver(installed: Environment, directory: Path) -> Iterator[str]:
    """The address of a model server that holds one model, `baseline`."""
    folder = directory / "mlserver"
    folder.mkdir()
    servers.run(installed, HERE / "classifier.py", {}, str(folder / "model.joblib"))
    http, grpc, metrics = free_ports(3)
    settings: Mapping[str, Any] = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "baseline",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    command = [installed.program("mlserver"), "start", str(folder)]
    endpoint = f"http://127.0.0.1:{http}"
    environment = {"HOME": str(folder)}

    def ready() -> bool:
        return servers.answers(f"{endpoint}/v2/models/baseline/ready")

    with servers.running(Process("mlserver", command, folder / "log", ready, environment)):
        yield endpoint
