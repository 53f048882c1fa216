"""From the start of a process to its first painted screen, in a real terminal of 120x35, in turns.

.venv/bin/python -m tests.bench.bench_first_frame

*runbook run* is the whole program up to its first frame, which says that the run is being opened;
*plan shown* is the same program up to the plan of the shipped drill. The ratios are the figures.
"""

from __future__ import annotations

import statistics
import tempfile

from tests.tui.terminal import Terminal

ROUNDS = 11
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("PAINTED")
Minimal().run()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as state:
        own = {"RUNBOOK_STATE_DIR": state}
        cases = {
            "minimal Textual app": (["-c", MINIMAL], b"PAINTED"),
            "runbook run": (["-m", "runbook.cli.main", "run"], b"OPENING"),
            "runbook run, plan shown": (["-m", "runbook.cli.main", "run"], b" phases, "),
        }
        taken: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, (arguments, marker) in cases.items():
                with Terminal.python(*arguments, environment=own) as terminal:
                    taken[name].append(terminal.wait_for(marker, 60) - terminal.began)
                    terminal.end()  # so that no practice cluster outlives its run
    first = statistics.median(taken["minimal Textual app"])
    print(f"first frame, median and least of {ROUNDS}, in turns")
    for name, times in taken.items():
        middle = statistics.median(times)
        ratios = [a / b for a, b in zip(times, taken["minimal Textual app"], strict=True)]
        print(
            f"  {name:<24} {middle * 1000:6.0f} ms  {min(times) * 1000:6.0f} ms"
            f"  {middle / first:5.2f}x  (paired {statistics.median(ratios):.2f}x)"
        )


if __name__ == "__main__":
    main()
