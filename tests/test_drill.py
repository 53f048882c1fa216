"""The whole drill as a stranger meets it: processes, the real kubectl, a practice cluster, kill -9."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.journal.file import EVENTS, read
from tests.tui.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RUNBOOK = [sys.executable, "-m", "runbook.cli.main"]


class Machine:
    """An empty home to run in; whatever still runs there is ended afterwards."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": f"{os.environ['PATH']}:{Path(sys.executable).parent}",
            "HOME": str(home),
            "RUNBOOK_STATE_DIR": str(home / "state"),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*RUNBOOK, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=200)
        return process.returncode, output

    @property
    def runs(self) -> list[Path]:
        return sorted((self.home / "state" / "runs").glob("*"))

    def kinds(self) -> list[str]:
        return [record.event.kind for record in read(self.runs[-1])]

    def wait_for(self, kind: str, step: str) -> None:
        """Return when the newest run has recorded this of a step."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if self.runs and (self.runs[-1] / EVENTS).exists():
                for record in read(self.runs[-1]):
                    if record.event.kind == kind and getattr(record.event, "step", "") == step:
                        return
            time.sleep(0.05)
        raise AssertionError(f"{kind} of {step} was never recorded")

    def end(self) -> None:
        for state in (self.home / "state" / "practice").glob("*/cluster.json"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(json.loads(state.read_text())["pid"], signal.SIGTERM)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.end()


def test_the_drill_recovers_by_itself_and_leaves_a_report_an_auditor_can_check(
    machine: Machine,
) -> None:
    code, output = machine.run("run", "--speed", "30")
    assert code == 0, output
    assert "practice gates are pre-authorised" in output
    assert "\nrecovered\nrecovery clock " in output
    report: dict[str, Any] = json.loads((machine.runs[-1] / "report.json").read_text())
    assert report["status"] == "recovered"
    assert report["recovery"]["within"] is True
    assert {step["status"] for step in report["steps"]} == {"passed", "failed", "skipped"}
    skipped = [step["title"] for step in report["steps"] if step["status"] == "skipped"]
    assert skipped == ["kubectl is within one minor version of the cluster"]
    failed = [step["title"] for step in report["steps"] if step["status"] == "failed"]
    assert failed == ["The serving namespace goes by itself"]
    assert sum(report["split_seconds"].values()) == pytest.approx(report["seconds"])
    code, verified = machine.run("verify")
    assert code == 0
    assert verified.startswith("VALID, CLOSED")
    assert not list((machine.home / "state" / "practice").glob("*/cluster.json"))


def test_kill_9_in_a_step_loses_nothing_and_nothing_runs_twice_by_itself(
    machine: Machine,
) -> None:
    process = machine.start("run", "--speed", "30")
    machine.wait_for("command.starting", "delete-base")
    process.kill()
    process.communicate()
    before = read(machine.runs[-1])
    code, output = machine.run("resume")
    assert code == 5, output
    after = read(machine.runs[-1])
    assert after[: len(before)] == before
    starts = [r for r in after if r.event.kind == "command.starting"]
    started = [getattr(r.event, "step", "") for r in starts]
    assert started.count("delete-base") == 1
    if "step.passed" not in [
        r.event.kind for r in before if getattr(r.event, "step", "") == "delete-base"
    ]:
        assert "delete-base interrupted, outcome unknown" in output
        code, output = machine.run("resume", "--retry", "delete-base")
    assert code == 0, output
    assert "\nrecovered" in output
    assert machine.run("verify")[0] == 0


def test_term_holds_the_run_and_resume_goes_on(machine: Machine) -> None:
    process = machine.start("run", "--speed", "30")
    machine.wait_for("step.started", "gone-by-itself")
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 5, output
    assert "held; go on with: runbook resume" in output
    assert machine.kinds()[-1] == "step.interrupted"
    code, output = machine.run("resume", "--retry", "gone-by-itself")
    assert code == 0, output


def test_a_terminal_that_is_closed_holds_the_run_and_leaves_no_process(machine: Machine) -> None:
    with Terminal.python(
        "-m", "runbook.cli.main", "run", environment=machine.environment
    ) as screen:
        screen.wait_for(b"YOUR APPROVAL", 60)
        assert screen.hang_up() == 5
    assert machine.kinds()[-1] == "run.held"


def test_a_second_runbook_may_watch_a_started_cluster_with_kubectl(machine: Machine) -> None:
    code, output = machine.run("practice", "start", "--speed", "30")
    assert code == 0, output
    kubeconfig = next(line for line in output.splitlines() if line.startswith("/"))
    environment = {**machine.environment, "KUBECONFIG": kubeconfig}

    def kubectl(*words: str) -> str:
        done = subprocess.run(
            ["kubectl", *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "baseline-predictor" in kubectl("get", "models,experiments,servers,pods", "-A")
    root = Path(__file__).parents[1]
    assert not kubectl("diff", "-k", str(root / "k8s" / "base"))
    kubectl("delete", "-k", str(root / "k8s" / "base"), "--wait=false")
    assert "Terminating" in kubectl("get", "ns", "financial-inference")
    assert machine.run("practice", "status")[1].startswith("default  pid ")
    assert machine.run("practice", "stop")[0] == 0
