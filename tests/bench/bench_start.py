"""How long the front door takes: `runbook --version` and `runbook validate`, as whole processes.

.venv/bin/python tests/bench/bench_start.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "runbook --version": [sys.executable, "-m", "runbook.cli.main", "--version"],
    "runbook validate": [sys.executable, "-m", "runbook.cli.main", "validate"],
}


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        for name, command in CASES.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append((time.perf_counter() - began) * 1000)
    for name, taken in times.items():
        print(f"{name:<20} median {statistics.median(taken):6.0f} ms  min {min(taken):6.0f} ms")


if __name__ == "__main__":
    main()
