"""From the start of the practice cluster's process to its first answers, in turns with Python alone.

.venv/bin/python -m tests.bench.bench_practice_start

The seed is loaded when `ready` is said; *first GET* is all pods as a table over a new TLS connection,
*kubectl* is `kubectl get pods -A` with an empty cache. Once with bytecode on disk, as an installed
program has it, and once without.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.bench.practice_process import KUBECTL, ROOT, TABLE, Connection, command

ROUNDS = 7
Times = dict[str, list[float]]


@contextmanager
def started(environment: Mapping[str, str], note: Callable[[str], None]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        words = command(Path(folder))
        process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            note("ready")
            yield Path(folder)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def one_start(environment: Mapping[str, str], times: Times) -> None:
    began = time.perf_counter()

    def note(what: str) -> None:
        times.setdefault(what, []).append(time.perf_counter() - began)

    with started(environment, note) as folder:
        connection = Connection(folder / "kubeconfig")
        assert b"mlserver-0" in connection.ask("GET", "/api/v1/pods?limit=500", accept=TABLE)
        connection.close()
        note("first GET")
        words = [str(KUBECTL), "--kubeconfig", str(folder / "kubeconfig"), "get", "pods", "-A"]
        own = {**environment, "KUBECACHEDIR": str(folder / "cache")}
        assert (
            b"mlserver-0" in subprocess.run(words, check=True, capture_output=True, env=own).stdout
        )
        note("kubectl")


def alone(environment: Mapping[str, str], times: Times) -> None:
    began = time.perf_counter()
    words = [sys.executable, "-c", "import kubernetes.client.models, aiohttp, cryptography.x509"]
    subprocess.run(words, check=True, env=environment)
    times.setdefault("the libraries alone", []).append(time.perf_counter() - began)


def main() -> None:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as bytecode:
        kept["PYTHONPYCACHEPREFIX"] = bytecode
        without = {
            **kept,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPYCACHEPREFIX": bytecode + "/none",
        }
        for name, environment in (("with bytecode", kept), ("without any bytecode", without)):
            times: Times = {}
            one_start(environment, {})  # writes the bytecode, if any is written
            for _ in range(ROUNDS):
                alone(environment, times)
                one_start(environment, times)
            print(f"{name}, seconds, least and median of {ROUNDS}, in turns")
            for what, taken in times.items():
                print(f"  {what:<20} {min(taken):5.2f} {statistics.median(taken):5.2f}")


if __name__ == "__main__":
    main()
