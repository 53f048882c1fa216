"""What masking costs: megabytes a second of CPU of kubectl-like output, with many secrets and with few.

    .venv/bin/python tests/bench/bench_redact.py

A step that prints 5,000 lines of 200 characters a second prints 1 MB/s.
"""

from __future__ import annotations

import random
import string
import time

from runbook.redact import Redactor

MEGABYTES = 4
CHUNK = 64 * 1024


def output() -> bytes:
    """Lines of 200 characters, as `kubectl get -o wide` and logs have them."""
    rng = random.Random(1)
    words = [
        "mlserver-0",
        "3/3",
        "Running",
        "0",
        "12m",
        "10.244.0.17",
        "node-1",
        "<none>",
        "deployment.apps/minio",
        "created",
    ]
    lines = []
    size = 0
    while size < MEGABYTES * 1_000_000:
        line = "   ".join(rng.choices(words, k=24))[:199]
        lines.append(line)
        size += 200
    return "\n".join(lines).encode()


def speed(redactor: Redactor, data: bytes, chunk: int) -> float:
    stream = redactor.stream()
    began = time.process_time()
    for at in range(0, len(data), chunk):
        stream.feed(data[at : at + chunk])
    stream.flush()
    return len(data) / 1e6 / (time.process_time() - began)


def main() -> None:
    rng = random.Random(2)
    data = output()
    for count in (0, 5, 50, 1000):
        redactor = Redactor()
        began = time.process_time()
        for number in range(count):
            value = "".join(rng.choices(string.ascii_letters + string.digits, k=24))
            redactor.register(f"s{number}", value)
        redactor.text("")
        took = time.process_time() - began
        for chunk in (CHUNK, 200):
            print(
                f"{count:5} secrets, {redactor.known:6} forms ({took * 1000:6.0f} ms to know them), "
                f"{chunk:6} bytes a piece: {speed(redactor, data, chunk):6.1f} MB/s"
            )


if __name__ == "__main__":
    main()
