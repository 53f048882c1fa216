"""What a test of the command line starts ends with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.cli.practice_cluster import STATE, find


@pytest.fixture(autouse=True)
def no_cluster_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A held run keeps its practice cluster, and nobody takes up a test's."""
    used = "tmp_path" in request.fixturenames
    folder: Path | None = request.getfixturevalue("tmp_path") if used else None
    yield
    for state in folder.rglob(STATE) if folder else ():
        if (cluster := find(state.parent)) is not None:
            cluster.stop()
