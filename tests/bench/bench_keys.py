"""From a key to its repaint, in a real terminal of 160x45: idle, and under 200 pod events/s with 2,000 lines/s.

.venv/bin/python -m tests.bench.bench_keys

*typing* is a letter in the line that searches; *sorting* is `o`, which repaints the pods in another order.
"""

from __future__ import annotations

import random
import resource
import statistics
import string
import time

from tests.tui.terminal import Terminal

KEYS = 150
ORDERS = ("status", "restarts", "age", "name")


def gaps() -> float:
    return random.uniform(0.03, 0.12)


def typing(terminal: Terminal) -> list[float]:
    """Letters typed one by one, each seen at the end of what is typed so far."""
    terminal.send(b"3/")
    terminal.wait_for(b"find in output")
    taken: list[float] = []
    while len(taken) < KEYS:
        typed = b""
        for letter in random.choices(string.ascii_lowercase, k=12):
            typed += letter.encode()
            terminal.drain(gaps())
            start = len(terminal.seen)
            began = terminal.send(letter.encode())
            taken.append(terminal.wait_for(typed, start=start) - began)
        terminal.send(b"\x7f" * 12)
        terminal.drain(0.5)
    terminal.send(b"\r")
    terminal.drain(0.3)
    return taken


def sorting(terminal: Terminal) -> list[float]:
    taken: list[float] = []
    for turn in range(KEYS):
        terminal.drain(gaps())
        start = len(terminal.seen)
        began = terminal.send(b"o")
        marker = f"Pods by {ORDERS[turn % len(ORDERS)]}.".encode()
        taken.append(terminal.wait_for(marker, start=start) - began)
    return taken


def figures(name: str, taken: list[float]) -> str:
    cuts = [q * 1000 for q in statistics.quantiles(taken, n=100)]
    return (
        f"  {name:<28} p50 {cuts[49]:5.1f}  p95 {cuts[94]:5.1f}  p99 {cuts[98]:5.1f}"
        f"  max {max(taken) * 1000:5.1f} ms"
    )


def main() -> None:
    for events, lines in ((0, 0), (200, 2000)):
        with Terminal.python(
            "-m", "tests.bench.load", str(events), str(lines), columns=160, rows=45
        ) as terminal:
            terminal.wait_for(b"LIVE", 60)
            terminal.drain(2)
            before, began = len(terminal.seen), time.perf_counter()
            print(f"{events} pod events/s, {lines} lines/s")
            print(figures("typing", typing(terminal)))
            print(figures("sorting 2,000 pods", sorting(terminal)))
            seconds = time.perf_counter() - began
            sent = (len(terminal.seen) - before) / seconds / 1000
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"  {sent:.0f} KB/s to the terminal, {used.ru_maxrss / 1024:.0f} MB at most")


if __name__ == "__main__":
    main()
