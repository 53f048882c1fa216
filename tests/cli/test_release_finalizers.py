"""`runbook release-finalizers` as a process on a practice cluster, which the real kubectl brings about."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import practice_faults
from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start
from runbook.clock import RealClock
from runbook.target.client import connect
from runbook.target.finalizers import SAFE
from runbook.target.hanging import HangingFeed
from runbook.target.rows import Decisions, RowKey
from runbook.target.watch import FeedBatch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
NS = "financial-inference"
MODELS = ("baseline-predictor", "enhanced-predictor")
EXPERIMENT = "financial-ab-test-experiment"
HOLD = '{"metadata":{"finalizers":["example.com/hold"]}}'
RUNTIME = """\
apiVersion: mlops.seldon.io/v1alpha1
kind: SeldonRuntime
metadata: {name: central, namespace: seldon-system}
spec: {seldonConfig: default}
"""


class Bench:
    """A practice cluster, kubectl, and the command."""

    def __init__(self, cluster: PracticeCluster) -> None:
        self.cluster = cluster
        tools = Path(sys.executable).parent
        self.environment = {"PATH": f"{os.environ['PATH']}:{tools}", "HOME": str(cluster.directory)}

    def kubectl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            ["kubectl", *words],
            env={**self.environment, "KUBECONFIG": str(self.cluster.kubeconfig)},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        where = ("-n", NS, "--kubeconfig", str(self.cluster.kubeconfig))
        context = () if more else ("--context", self.cluster.context)
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "runbook.cli.main",
                "release-finalizers",
                *where,
                *context,
                *words,
            ],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def decided(self, *words: str) -> dict[str, Any]:
        """What the command says, by `Kind finalizer`-less name of the object."""
        document = json.loads(self.release("--json", *words).stdout)
        return {one["name"]: one for one in document["objects"]}

    def until(self, verdict: str, name: str = MODELS[0]) -> dict[str, Any]:
        """What is said once this object is judged so."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = self.decided("--dry-run")
            if name in found and found[name]["verdict"] == verdict:
                return found
        raise AssertionError(f"{name} is never {verdict!r}: {self.decided('--dry-run')}")

    def finalizers(self, what: str) -> str:
        return self.kubectl(
            "get", what, "-n", NS, "--ignore-not-found", "-o", "jsonpath={.metadata.finalizers}"
        )

    def gone(self, what: str) -> None:
        deadline = time.monotonic() + 60
        while self.kubectl("get", what, "--ignore-not-found", "-o", "name"):
            assert time.monotonic() < deadline, f"{what} never goes"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    cluster = start(tmp_path_factory.mktemp("cluster"), speed=20, say=lambda _: None)
    yield cluster
    cluster.stop()


@pytest.fixture
def bench(running: PracticeCluster) -> Bench:
    async def reset() -> None:
        async with await connect(running.kubeconfig) as client:
            await practice_faults.ask_through(client, "reset")

    asyncio.run(reset())
    return Bench(running)


def hang(bench: Bench) -> None:
    """The whole platform is deleted, and its models hang."""
    bench.kubectl("delete", "namespace", NS, "--wait=false")


def test_what_hangs_is_released_in_order_and_a_second_time_finds_nothing(bench: Bench) -> None:
    hang(bench)
    done = bench.release("--wait", "1m")
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert lines == [
        f"Experiment {EXPERIMENT}: released seldon.experiment.finalizer",
        *(f"Model {name}: released seldon.model.finalizer" for name in MODELS),
        "3 released",
    ]
    assert "  namespace financial-inference is being deleted; no scheduler is left" in done.stdout
    assert "uid " in done.stdout and "resourceVersion " in done.stdout
    bench.gone(f"namespace/{NS}")
    again = bench.release()
    assert (again.returncode, again.stdout) == (Exit.OK, f"there is no namespace {NS}\n")


def test_a_dry_run_says_the_same_and_changes_nothing(bench: Bench) -> None:
    hang(bench)
    bench.until("safe")
    before = bench.kubectl("get", "models,experiments", "-n", NS, "-o", "yaml")
    done = bench.release("--dry-run")
    assert done.returncode == Exit.OK
    assert done.stdout.count("safe to release seldon.") == 3
    assert done.stdout.endswith("\n3 safe to release\n")
    assert bench.kubectl("get", "models,experiments", "-n", NS, "-o", "yaml") == before


def test_a_namespace_that_stays_is_left_to_its_operator(bench: Bench) -> None:
    operator = ("deployment/seldon-v2-controller-manager", "-n", "seldon-system")
    bench.kubectl("scale", *operator, "--replicas=0")
    deadline = time.monotonic() + 60
    while operator[0].partition("/")[2] in bench.kubectl("get", "pods", *operator[1:]):
        assert time.monotonic() < deadline
    bench.kubectl("delete", "model", MODELS[1], "-n", NS, "--wait=false")
    done = bench.release()
    assert done.returncode == Exit.NOT_RECOVERED
    assert f"Model {MODELS[1]}: never: seldon.model.finalizer" in done.stdout
    assert "is not being deleted, so its platform can come back" in done.stdout
    assert "seldon-scheduler-0 is there and may still do it" in done.stdout
    assert "scheduler-state-seldon-scheduler-0 stays" in done.stdout
    assert "model server mlserver-0 runs" in done.stdout
    assert f"Experiment {EXPERIMENT} must go first" in done.stdout
    assert "  next: bring operator and scheduler back" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"1 never: namespace {NS} is not being deleted")
    assert "seldon.model.finalizer" in bench.finalizers(f"model/{MODELS[1]}")


def test_nothing_is_released_while_scheduler_volume_or_server_are_there(tmp_path: Path) -> None:
    """At a real cluster's pace, so that each of them is met on its way out."""
    cluster = start(tmp_path, speed=1, say=lambda _: None)
    try:
        bench = Bench(cluster)
        hang(bench)
        seen = " ".join(bench.until("not yet", EXPERIMENT)[EXPERIMENT]["reasons"])
        while (found := bench.decided("--dry-run"))[EXPERIMENT]["verdict"] == "not yet":
            assert found[MODELS[0]]["verdict"] == "not yet"
            assert bench.finalizers(f"model/{MODELS[0]}")
            seen += " ".join(found[EXPERIMENT]["reasons"])
        assert found[EXPERIMENT]["verdict"] == "safe"
        assert "seldon-scheduler-0" in seen
        assert "model server mlserver-0 is shutting down" in seen
    finally:
        cluster.stop()


def test_a_claim_that_stays_is_a_scheduler_that_remembers(bench: Bench) -> None:
    """Without its namespace the platform is deleted but for the volume, as Seldon leaves it."""
    bench.kubectl("delete", "statefulset", "seldon-scheduler", "-n", NS, "--wait=false")
    kinds = "experiments,models,servers,seldonruntimes"
    bench.kubectl("delete", kinds, "--all", "-n", NS, "--wait=false")
    deadline = time.monotonic() + 60
    while bench.kubectl("get", "pods", "-n", NS, "-o", "name"):
        assert time.monotonic() < deadline
    reasons = bench.decided()[MODELS[0]]["reasons"]
    assert reasons == [
        f"namespace {NS} is not being deleted, so its platform can come back",
        "volume claim scheduler-state-seldon-scheduler-0 stays, and a rebuilt scheduler would"
        " remember this",
        f"Experiment {EXPERIMENT} must go first",
    ]
    assert bench.finalizers(f"model/{MODELS[0]}")


def test_another_scheduler_is_vouched_for_or_nothing_is_released(bench: Bench) -> None:
    bench.kubectl("apply", "-f", "-", given=RUNTIME)
    hang(bench)
    only = ["a scheduler runs in seldon-system, and nothing here shows that this one had its own"]
    while bench.until("cannot tell", EXPERIMENT)[EXPERIMENT]["reasons"] != only:
        pass  # its own scheduler and servers are still on their way out
    assert bench.release().returncode == Exit.NOT_RECOVERED
    assert bench.finalizers(f"model/{MODELS[0]}")
    done = bench.release("--no-other-scheduler")
    assert done.returncode == Exit.OK, done.stdout
    assert "the operator says that no other scheduler serves it" in done.stdout
    bench.gone(f"namespace/{NS}")


def test_only_seldons_own_entry_is_taken_off(bench: Bench) -> None:
    both = '[{"op":"add","path":"/metadata/finalizers/0","value":"example.com/hold"}]'
    bench.kubectl("patch", "model", MODELS[0], "-n", NS, "--type=json", "-p", both)
    hang(bench)
    bench.until("safe", MODELS[1])
    done = bench.release()
    assert done.returncode == Exit.NOT_RECOVERED
    assert f"Model {MODELS[0]}: released seldon.model.finalizer" in done.stdout
    assert f"Model {MODELS[0]}: never: example.com/hold" in done.stdout
    assert bench.finalizers(f"model/{MODELS[0]}") == '["example.com/hold"]'


def test_what_is_named_is_released_alone_and_in_its_turn(bench: Bench) -> None:
    hang(bench)
    bench.until("safe")
    early = bench.release(f"model/{MODELS[0]}")
    assert early.returncode == Exit.NOT_RECOVERED
    assert f"Experiment {EXPERIMENT} must go first" in early.stdout
    assert bench.release(f"mlx/{EXPERIMENT}").returncode == Exit.OK
    assert not bench.finalizers(f"experiment/{EXPERIMENT}")
    assert bench.release(f"models.mlops.seldon.io/{MODELS[0]}").returncode == Exit.OK
    assert bench.finalizers(f"model/{MODELS[1]}")
    absent = bench.release("model/nobody")
    assert (absent.returncode, absent.stdout) == (
        Exit.OK,
        "models.mlops.seldon.io/nobody is not there\n",
    )


def test_a_step_of_a_run_acts_on_its_own_cluster_and_hands_on_what_it_did(
    bench: Bench, tmp_path: Path
) -> None:
    hang(bench)
    bench.until("safe")
    output = tmp_path / "output"
    refused = bench.release(RUNBOOK_CLUSTER_UID="another", RUNBOOK_OUTPUT=str(output))
    assert refused.returncode == Exit.TARGET
    assert "not the cluster the run was pinned to" in refused.stderr
    assert bench.finalizers(f"model/{MODELS[0]}")
    assert not output.exists()
    uid = bench.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    done = bench.release(RUNBOOK_CLUSTER_UID=uid, RUNBOOK_OUTPUT=str(output))
    assert done.returncode == Exit.OK, done.stderr
    first, *lines, last = output.read_text(encoding="utf-8").splitlines()
    assert (first, last) == ("finalizers<<END_OF_FINALIZERS", "END_OF_FINALIZERS")
    assert len(lines) == 3
    assert lines[0].startswith(f"Experiment {EXPERIMENT}: released seldon.experiment.finalizer; ")
    assert "no model server is left" in lines[0] and "resourceVersion " in lines[0]


def test_the_screens_feed_brings_the_same_decisions_until_nothing_hangs(bench: Bench) -> None:
    said: list[Decisions] = []
    key = RowKey("models.mlops.seldon.io", NS, MODELS[0])

    async def follow() -> None:
        done = asyncio.Event()
        async with await connect(bench.cluster.kubeconfig) as client, asyncio.TaskGroup() as tasks:

            def take(batch: FeedBatch) -> None:
                assert len(batch.states) == 2
                if batch.decisions is not None:
                    said.append(batch.decisions)
                    if batch.decisions == {}:
                        done.set()
                    elif key in batch.decisions and all(
                        decision.verdict is SAFE
                        for found in batch.decisions.values()
                        for decision in found.values()
                    ):
                        tasks.create_task(asyncio.to_thread(bench.release))

            feed = HangingFeed(client, ("models", "experiments"), (NS,), RealClock())
            following = tasks.create_task(feed.run(take))
            await asyncio.to_thread(hang, bench)
            await asyncio.wait_for(done.wait(), 60)
            following.cancel()

    asyncio.run(follow())
    *_, last, nothing = said
    assert nothing == {}
    assert {decision.verdict for found in last.values() for decision in found.values()} == {SAFE}
    assert [key.name for key in last] == [EXPERIMENT, *MODELS]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model"], "'model' is not KIND/NAME"),
        (["namespace/x"], "Namespace x is in no namespace"),
        (["modle/x"], "no kind 'modle'"),
        (["--wait", "soon"], "--wait: 'soon' is no duration"),
        (["-n", ""], "'' is no name of a namespace"),
        (["-n", "a/../b"], "'a/../b' is no name of a namespace"),
        (["--context", "nowhere"], "no context 'nowhere'"),
    ],
)
def test_nonsense_is_refused_in_words(bench: Bench, words: list[str], said: str) -> None:
    refused = bench.release(*words)
    assert refused.returncode == Exit.USAGE
    assert said in refused.stderr


def test_no_cluster_is_changed_that_was_not_named(bench: Bench) -> None:
    refused = bench.release(NOTHING="")
    assert refused.returncode == Exit.USAGE
    assert "--context is missing" in refused.stderr
