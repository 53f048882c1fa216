"""Every runbook that is shipped, run on practice as it is: green, without a deviation, its record closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook.cli.content import content_root
from runbook.cli.exit_codes import Exit
from runbook.model.loader import load_file
from tests.cli.test_main import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SHIPPED = sorted((content_root() / "runbooks").glob("*.yaml"))
ALONE = [path for path in SHIPPED if path.stem != "infrastructure-reproduction"]
"""The drill itself has tests of its own."""


def test_the_shipped_set_is_whole() -> None:
    assert [path.stem for path in SHIPPED] == [
        "health-check",
        "infrastructure-reproduction",
        "model-rollback",
        "rebuild",
        "sealing-key-restore",
        "teardown",
        "validate",
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_name_is_that_of_its_file(path: Path) -> None:
    assert load_file(path).runbook.name == path.stem


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_it_runs_green_on_practice(path: Path, tmp_path: Path) -> None:
    ended = run("run", path.stem, "--headless", "--speed", "30", state=tmp_path)
    assert ended.returncode == Exit.OK, ended.stdout + ended.stderr
    (kept,) = (tmp_path / "runs").iterdir()
    assert run("verify", kept.name, state=tmp_path).stdout.startswith("VALID, CLOSED")
    report = json.loads((kept / "report.json").read_text(encoding="utf-8"))
    assert report["status"] == "recovered"
