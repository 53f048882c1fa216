"""What `runbook models update-uris` costs beyond the server's own time, and what loading it costs.

    .venv/bin/python tests/bench/bench_update_uris.py

Two variants, a practice cluster's MLflow behind a relay that adds up how long each answer took.
"""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from aiohttp import web

from runbook.cli.practice_cluster import PracticeCluster, start
from runbook.target.client import connect

ROUNDS = 7
PROGRAM = [sys.executable, "-m", "runbook.cli.main", "models", "update-uris", "--check"]
LOAD = "import time; b = time.perf_counter(); import runbook.cli.main, runbook.cli.models; print(time.perf_counter() - b)"
MANIFEST = Path(__file__).parents[2] / "k8s/base/financial-predictor-ab-test.yaml"


class Relay:
    """Passes requests on, and keeps the seconds that the server took."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.spent = 0.0
        self.requests = 0
        self.address = ""
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._http = httpx.AsyncClient(base_url=self.target)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.address = f"http://127.0.0.1:{port}"
        self._ready.set()
        await asyncio.Event().wait()

    async def _pass_on(self, request: web.Request) -> web.Response:
        kept = ("authorization", "content-type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        body = await request.read()
        began = time.perf_counter()
        answer = await self._http.request(
            request.method, request.raw_path, headers=headers, content=body
        )
        self.spent += time.perf_counter() - began
        self.requests += 1
        kind = answer.headers.get("content-type", "text/plain").partition(";")[0]
        return web.Response(status=answer.status_code, body=answer.content, content_type=kind)


async def facts(cluster: PracticeCluster) -> tuple[str, dict[str, str]]:
    """Where MLflow answers, and who may ask."""
    async with await connect(cluster.kubeconfig) as client:
        route = await client.services.route("service://mlflow/mlflow:5000")
        path = "/api/v1/namespaces/financial-mlops-pytorch/secrets/ml-platform"
        data = (await client.get(path))["data"]
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    return route.url, {name: base64.b64decode(data[name]).decode() for name in names}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cluster = start(Path(folder) / "cluster", speed=30, say=lambda _: None)
        try:
            url, credentials = asyncio.run(facts(cluster))
            relay = Relay(url)
            environment = {**os.environ, **credentials}
            words = ["--mlflow-endpoint", relay.address, "--yaml-file", str(MANIFEST)]
            beyond, whole = [], []
            for _ in range(ROUNDS):
                relay.spent = relay.requests = 0
                began = time.perf_counter()
                subprocess.run(
                    [*PROGRAM, *words], env=environment, check=True, stdout=subprocess.DEVNULL
                )
                whole.append(time.perf_counter() - began)
                beyond.append(whole[-1] - relay.spent)
            loads = [
                float(
                    subprocess.run(
                        [sys.executable, "-c", LOAD], capture_output=True, check=True
                    ).stdout
                )
                for _ in range(ROUNDS)
            ]
        finally:
            cluster.stop()
    print(f"two variants, {relay.requests} requests, median of {ROUNDS}")
    print(f"  whole process        {statistics.median(whole) * 1000:6.0f} ms")
    print(f"  beyond the server    {statistics.median(beyond) * 1000:6.0f} ms   (goal: 1000)")
    print(f"  loading it           {statistics.median(loads) * 1000:6.0f} ms   (goal: 300)")


if __name__ == "__main__":
    main()
