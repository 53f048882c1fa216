"""A home in which the program is really called: runbooks, keys, runs that were kept, a cluster to name.

Each call is made in a copy of the home, so that no case meets what another left.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import yaml

from runbook.cli import practice_cluster
from runbook.cli.main import main
from runbook.cli.practice_cluster import PracticeCluster
from runbook.journal.file import EVENTS, read
from runbook.run.countersigning import NAMESPACE, packed
from runbook.run.events import Event, RunOpened
from tests.journal.test_signing import allow, make_key
from tests.tui.terminal import Terminal

PROGRAM = (sys.executable, "-m", "runbook.cli.main")
TARGET = ("--mode", "drill", "--context", "practice", "--kubeconfig", "{home}/kubeconfig")
"""The cluster that stands for a real one."""
REQUEST = packed(f"{NAMESPACE}/v1\nstep: 1.1 go\ntyped: yes\n")
"""What a second person is sent."""
REPOSITORY = Path(__file__).parents[2]
MLFLOW = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
HEAD = "apiVersion: runbook/v1\nname: {name}\n"
PLAIN = """\
inputs: {word: {default: hello}}
phases:
  - id: only
    steps:
      - {id: say, run: "echo said-${{ inputs.word }}"}
      - {id: there, check: {kubernetes: {kind: Namespace, name: kube-system}}}
"""
GATED = """\
phases:
  - {id: only, steps: [{id: go, approve: {message: "Go on?"}}, {id: end, run: "true"}]}
"""
EYES = """\
phases:
  - {id: only, steps: [{id: go, approve: {message: "Go on?", approvers: [leads]}}]}
"""
DYING = """\
phases:
  - id: only
    steps:
      - {id: first, run: "true", rollback: 'touch "$HOME/undone"'}
      - {id: dies, skippable: true, run: 'if mkdir "$HOME/died"; then kill -9 $PPID; fi'}
      - {id: last, run: "true"}
"""
LEAVING = """\
phases:
  - id: only
    steps:
      - {id: leaves, run: 'if mkdir "$HOME/left"; then kill -TERM $PPID; sleep 60; fi'}
"""
SEEN = """\
inputs: {space: {default: kube-system}}
health:
  first: {check: {kubernetes: {kind: Namespace, name: "${{ inputs.space }}"}}}
  second: {check: {kubernetes: {kind: Namespace, name: default}}}
preflight:
  - {id: before, check: {kubernetes: {kind: Namespace, name: "${{ inputs.space }}"}}}
  - {id: only, when: "run.mode == 'recovery'", check: {kubernetes: {kind: Namespace, name: default}}}
phases:
  - id: last
    steps:
      - {id: end, run: "true"}
      - {id: listed, check: {kubernetes: {kind: Namespace, name: default}}}
"""
# What was begun within one second is ordered by its name: the run that died is the newest of the home's.
BOOKS = {
    "plain": PLAIN,
    "gated": GATED,
    "eyes": EYES,
    "seen": SEEN,
    "torn": DYING,
    "unfinished": LEAVING,
}


@dataclass(frozen=True)
class Left:
    """What a call of the program leaves to be looked at."""

    code: int | None
    out: str
    err: str
    home: Path
    seen: bytes = b""

    @property
    def runs(self) -> list[Path]:
        """Oldest first, also within one second."""
        found = (self.home / "state" / "runs").glob("*")
        return sorted(found, key=lambda run: (run / EVENTS).stat().st_mtime_ns)

    @property
    def events(self) -> list[Event]:
        """Those of the newest run."""
        return [record.event for record in read(self.runs[-1])] if self.runs else []

    @property
    def opened(self) -> RunOpened | None:
        first = self.events[:1]
        return first[0] if first and isinstance(first[0], RunOpened) else None

    def kinds(self, step: str) -> list[str]:
        return [event.kind for event in self.events if getattr(event, "step", "") == step]

    def cluster(self, name: str = "*") -> PracticeCluster | None:
        """A practice cluster that still runs."""
        found = map(practice_cluster.find, (self.home / "state" / "practice").glob(name))
        return next((one for one in found if one is not None), None)


class World:
    def __init__(self, home: Path, cluster: PracticeCluster) -> None:
        self._home, self._copies = home, 0
        self._mlflow = {name: _secret(cluster, name) for name in MLFLOW}
        home.mkdir()
        config = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
        (practice,) = config["contexts"]
        config["contexts"].append({**practice, "name": "other"})
        (home / "kubeconfig").write_text(yaml.safe_dump(config), encoding="utf-8")
        for name, text in BOOKS.items():
            folder = home / name
            folder.mkdir()
            file = folder / f"{name}.yaml"
            file.write_text(HEAD.format(name=name) + text, encoding="utf-8")
        shutil.copy(REPOSITORY / "k8s/base/financial-predictor-ab-test.yaml", home / "models.yaml")
        (home / "poor.yaml").write_text(HEAD.format(name="poor") + "phases: []\n")
        (home / "page.md").write_text("# Do it\n\n```sh\necho hello\n```\n")
        (home / "keys").mkdir()
        key = make_key(home / "keys", "bob")
        allow(home / "keys", bob_leads=key)
        plain = ("run", "{home}/plain/plain.yaml", "--headless", *TARGET)
        assert self.call(home, *plain).code == 0
        self.call(home, "run", "{home}/torn/torn.yaml", "--headless", *TARGET)
        assert Left(None, "", "", home).kinds("dies")[-1] == "command.starting"
        planned = ("plan", "{home}/gated/gated.yaml", *TARGET, "--format", "json")
        digest = json.loads(self.call(home, *planned).out)["digest"]
        gate = {"step": "go", "by": "bob", "reason": "x", "expires": "2999-01-01T00:00Z"}
        given = {"plan": digest, "gates": [gate]}
        (home / "given.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")

    def call(self, home: Path, *words: str, typed: str = "") -> Left:
        """The program at no terminal: a process for what performs a run, else this very one."""
        if words[0] in ("run", "resume"):
            done = subprocess.run(
                [*PROGRAM, *self._words(home, words)],
                env=self._environment(home),
                cwd=home,
                input=typed,
                capture_output=True,
                text=True,
                check=False,
            )
            return Left(done.returncode, done.stdout, done.stderr, home)
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self._environment(home), clear=True),
            patch.object(sys, "stdin", io.StringIO(typed)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            contextlib.chdir(home),
        ):
            try:
                code = main(self._words(home, words))
            except SystemExit as left:  # argparse's own way out
                code = int(left.code or 0)
        return Left(code, out.getvalue(), err.getvalue(), home)

    def terminal(self, home: Path, *words: str) -> Terminal:
        """The program at a terminal of its own."""
        argv = [*PROGRAM, *self._words(home, words)]
        return Terminal(argv, environment=self._environment(home) | {"KUBECONFIG": "/nowhere"})

    def at_a_terminal(self, home: Path, *words: str, until: bytes) -> Left:
        """The program at a terminal, until it shows something or ends."""
        with self.terminal(home, *words) as terminal:
            with contextlib.suppress(TimeoutError):
                terminal.wait_for(until, 60)
            terminal.drain(0.3)
            terminal.end(20)
        return Left(None, "", "", home, terminal.seen)

    @contextlib.contextmanager
    def copied(self) -> Iterator[Path]:
        """A home of its own. What of it still runs is ended afterwards."""
        self._copies += 1
        home = self._home.with_name(f"copy-{self._copies}")
        shutil.copytree(self._home, home, symlinks=True)
        try:
            yield home
        finally:
            while (running := Left(None, "", "", home).cluster()) is not None:
                running.stop()

    def _words(self, home: Path, words: Sequence[str]) -> list[str]:
        return [word.replace("{home}", str(home)).replace("{request}", REQUEST) for word in words]

    def _environment(self, home: Path) -> dict[str, str]:
        return {
            "PATH": f"{os.environ['PATH']}:{Path(sys.executable).parent}",
            "HOME": str(home),
            "RUNBOOK_STATE_DIR": str(home / "state"),
            "RUNBOOK_OPERATOR": "ann",
            "PYTHONPATH": str(REPOSITORY),
            **self._mlflow,
        }


def _secret(cluster: PracticeCluster, key: str) -> str:
    words = ("get", "secret", "ml-platform", "-n", "financial-mlops-pytorch", "-o")
    done = subprocess.run(
        ["kubectl", "--kubeconfig", str(cluster.kubeconfig), *words, f"jsonpath={{.data.{key}}}"],
        env={"PATH": practice_cluster.path_for_commands(), "HOME": str(cluster.directory)},
        capture_output=True,
        check=True,
    )
    return base64.b64decode(done.stdout).decode()
