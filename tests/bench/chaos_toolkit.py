"""What a step costs Chaos Toolkit. Run by the Python of an environment that has it.

    python chaos_toolkit.py STEPS

For each line on its input it says the seconds that so many no-op steps take beyond a run of one.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
import time
from pathlib import Path

from chaostoolkit.cli import cli

SHELL = {
    "type": "process",
    "path": "bash",
    "arguments": ["--noprofile", "--norc", "-euo", "pipefail", "-c", ":"],
}


def took(steps: int) -> float:
    method = [{"type": "action", "name": f"s{n}", "provider": SHELL} for n in range(steps)]
    experiment = {"version": "1.0.0", "title": "t", "description": "d", "method": method}
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        Path("experiment.json").write_text(json.dumps(experiment), encoding="utf-8")
        said = io.StringIO()
        began = time.perf_counter()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            cli(["--no-version-check", "run", "experiment.json"], standalone_mode=False)
        seconds = time.perf_counter() - began
        journal = json.loads(Path("journal.json").read_text(encoding="utf-8"))
    assert journal["status"] == "completed", said.getvalue()
    return seconds


def main() -> None:
    steps = int(sys.argv[1])
    took(1)  # the first loads what all need
    for _ in sys.stdin:
        print(took(steps + 1) - took(1), flush=True)


if __name__ == "__main__":
    main()
