"""Watch events to five watchers at once (three of JSON, two of tables) over TLS, at growing rates.

    .venv/bin/python -m tests.bench.bench_watch

The server and its writer are one process, the watchers another. 5,000 two-container pods are there; each
event is a pod's status written as a controller writes it. A rate is held when every watcher has every
event and none was cut off; the delay is from the write to its arrival at a JSON watcher.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.server import LOOPBACK, Server
from runbook.practice.timeline import Timeline
from tests.bench.practice_process import TABLE, Connection, two_container_pod

RATES = (1000, 2500, 5000, 0)  # events a second; 0 is as fast as they can be written
SECONDS = 4.0
PODS = 5000
TICK = 0.01
FORMS = ("application/json",) * 3 + (TABLE,) * 2
STAMP = re.compile(rb'"message":"at (\d+\.\d+)"')
PATH = "/api/v1/namespaces/default/pods"


async def serve(kubeconfig: Path) -> None:
    """Rates come on stdin, one a line; what was written goes to stdout, once it has been."""
    api = ApiServer(Timeline())
    server = Server(api)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    for number in range(PODS):
        await api.create("pods", two_container_pod(f"pod-{number:04d}"))
    await server.start()
    _hand_over(server, kubeconfig)
    print(api.store.version, flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        began, spent = time.monotonic(), time.process_time()
        written = await _write(api, float(line), began)
        print(written, time.monotonic() - began, time.process_time() - spent, flush=True)
    await server.stop()


def _hand_over(server: Server, kubeconfig: Path) -> None:
    kubeconfig.write_text(json.dumps(server.kubeconfig()))


async def _write(api: ApiServer, rate: float, began: float) -> int:
    names = [pod["metadata"]["name"] for pod in api.select("pods")]
    written = 0
    while (elapsed := time.monotonic() - began) < SECONDS:
        due = int(rate * min(elapsed, SECONDS)) - written if rate else 50
        for _ in range(due):
            pod = api.get("pods", "default", names[written % PODS])
            assert pod is not None
            message = f"at {time.monotonic():.6f}"
            await api.update_status(
                "pods", {**pod, "status": {**pod["status"], "message": message}}
            )
            written += 1
        await asyncio.sleep(TICK if rate else 0)
    return written


@dataclass
class Watcher:
    """Counts lines; of a chunk only the newest event's delay is taken."""

    form: str
    got: int = 0
    ended: bool = False
    delays: list[float] = field(default_factory=list)

    async def run(self, connection: Connection, tls: ssl.SSLContext, version: str) -> None:
        streams = await asyncio.open_connection(LOOPBACK, connection.port, ssl=tls)
        reader, writer = streams
        query = f"?watch=true&resourceVersion={version}&timeoutSeconds=3000"
        head = [f"GET {PATH}{query} HTTP/1.0", f"Host: {LOOPBACK}:{connection.port}"]
        head += [f"Authorization: Bearer {connection.token}", f"Accept: {self.form}", "", ""]
        writer.write("\r\n".join(head).encode())
        while chunk := await reader.read(1 << 18):
            self.got += chunk.count(b'"type":"MODIFIED"')
            stamps = STAMP.findall(chunk)
            if stamps:
                self.delays.append(time.monotonic() - float(stamps[-1]))
        self.ended = True


async def watch(process: subprocess.Popen[str], kubeconfig: Path) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    version = process.stdout.readline().strip()
    connection = Connection(kubeconfig)
    watchers = [Watcher(form) for form in FORMS]
    print(f"{len(FORMS)} watchers, {PODS} pods, {SECONDS:.0f} s for each rate")
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(one.run(connection, connection.tls, version)) for one in watchers
        ]
        await asyncio.sleep(1)
        for rate in RATES:
            print(await _at(rate, process, watchers))
        for task in running:
            task.cancel()


async def _at(rate: int, process: subprocess.Popen[str], watchers: list[Watcher]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    before = [one.got for one in watchers]
    for one in watchers:
        one.delays.clear()
    process.stdin.write(f"{rate}\n")
    process.stdin.flush()
    began = time.monotonic()
    loop = asyncio.get_running_loop()
    line = await loop.run_in_executor(None, process.stdout.readline)
    written, took, spent = (float(word) for word in line.split())
    end = time.monotonic() + 10
    while time.monotonic() < end and not all(  # noqa: ASYNC110 - counted by tasks of this loop
        one.got - start >= written for one, start in zip(watchers, before, strict=True)
    ):
        await asyncio.sleep(0.01)
    lasted = time.monotonic() - began
    least = min(one.got - start for one, start in zip(watchers, before, strict=True))
    cut = sum(one.ended for one in watchers)
    cuts = statistics.quantiles([1000 * d for one in watchers for d in one.delays], n=100)
    wanted = f"{rate}/s" if rate else "all it can"
    return (
        f"  {wanted:<10} written {written / took:6.0f}/s, delivered to each {least / lasted:6.0f}/s"
        f" ({least / written:.1%}, {cut} cut off), delay p50 {cuts[49]:4.0f} p99 {cuts[98]:4.0f} ms,"
        f" {written / spent:.0f} for each second of the server's processor time"
    )


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(serve(Path(sys.argv[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder) / "kubeconfig"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bench_watch", str(kubeconfig)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            asyncio.run(watch(process, kubeconfig))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
