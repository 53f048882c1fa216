"""Both clusters, once for the whole session; a test without a real one is skipped and says why.

`RUNBOOK_REQUIRE_CLUSTER=1` makes a missing real cluster an error instead, for CI.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import sides
from tests.cluster.building import CannotBuild
from tests.cluster.conformance import runner
from tests.cluster.sides import Side

TALLY = pytest.StashKey[runner.Tally]()


@pytest.fixture(scope="session")
def real() -> Iterator[Side]:
    try:
        opened = sides.real()
        side = opened.__enter__()
    except CannotBuild as fault:
        if os.environ.get("RUNBOOK_REQUIRE_CLUSTER"):
            raise
        pytest.skip(f"no real control plane: {fault}")
    try:
        yield side
    finally:
        opened.__exit__(None, None, None)


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    directory: Path = tmp_path_factory.mktemp("practice")
    with sides.practice(directory) as side:
        yield side


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> runner.Tally:
    return request.config.stash.setdefault(TALLY, runner.new_tally())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if (found := config.stash.get(TALLY, None)) is not None:
        terminalreporter.write_line(found.summary())
