"""The practice machine as the process it is: announced on stdout, ended by a signal or by neglect."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def start(directory: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "runbook.practice", "--directory", str(directory), *more]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def said(process: subprocess.Popen[str]) -> dict[str, object]:
    assert process.stdout is not None
    line: dict[str, object] = json.loads(process.stdout.readline())
    return line


def logged(directory: Path) -> list[str]:
    return [
        json.loads(line)["event"] for line in (directory / "practice.log").read_text().splitlines()
    ]


def ended(directory: Path, *more: str) -> tuple[int, str]:
    process = start(directory, *more)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_and_ends_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "--context", "drill-here", "--speed", "10")
    try:
        line = said(process)
        kubeconfig = tmp_path / "kubeconfig"
        assert line["pid"] == process.pid
        assert line["context"] == "drill-here"
        assert line["kubeconfig"] == str(kubeconfig)
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        document = json.loads(kubeconfig.read_text())
        assert document["current-context"] == "drill-here"
        assert document["clusters"][0]["cluster"]["server"] == line["server"]
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert not kubeconfig.exists()
    events = logged(tmp_path)
    assert events[-1] == "stopped"


def test_it_ends_by_itself_when_nobody_asks_it_anything(tmp_path: Path) -> None:
    code, _ = ended(tmp_path, "--idle-exit", "0.5")
    assert code == 0
    events = logged(tmp_path)
    assert "nobody asked for anything" in events


@pytest.mark.parametrize(
    ("more", "code", "expected"),
    [
        (["--speed", "0"], 2, "'0' is not a number greater than 0"),
        (["--speed", "fast"], 2, "'fast' is not a number greater than 0"),
        (["--idle-exit", "inf"], 2, "'inf' is not a number greater than 0"),
        (["--seed", "/nowhere.yaml"], 1, "/nowhere.yaml: cannot read the manifest"),
    ],
)
def test_what_it_cannot_do_is_said_in_words(
    tmp_path: Path, more: Sequence[str], code: int, expected: str
) -> None:
    got, err = ended(tmp_path, *more)
    assert (got, expected in err, "Traceback" in err) == (code, True, False)
