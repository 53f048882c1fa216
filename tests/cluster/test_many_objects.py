"""20,000 pods of a real API server in a running app: listed in pages, then changed while keys are typed.

Prints what it measured; the limits are far from that, and only there to notice another order of size.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.cluster.building import CannotBuild
from tests.cluster.control_plane import ControlPlane
from tests.cluster.proxy import CONTEXT, Proxy
from tests.cluster.running_app import RunningApp

pytestmark = [pytest.mark.timeout(600)]
PODS = 20_000
SPACE = "many"
PATH = f"/api/v1/namespaces/{SPACE}/pods"
AT_ONCE = 32
KEYS = 60
ORDERS = ("status", "restarts", "age", "name")
LISTED_WITHIN = 60.0
LARGEST = 500.0
"""MB of memory."""
SLOWEST = 1.0
"""Seconds from a key to its answer."""

RUNBOOK = {
    "apiVersion": "runbook/v1",
    "name": "many",
    "title": "Wait beside many pods",
    "target": {"namespaces": [SPACE], "watch": ["pods"]},
    "phases": [
        {
            "id": "look",
            "title": "Look",
            "steps": [
                {
                    "id": "one",
                    "title": "One of the pods is gone",
                    "check": {
                        "kubernetes": {
                            "kind": "Pod",
                            "namespace": SPACE,
                            "name": "pod-00000",
                            "absent": True,
                        }
                    },
                    "until": "9m",
                    "every": "2s",
                }
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    try:
        cluster = ControlPlane(kwok=False, scheduler=False).up()
    except CannotBuild as fault:
        if os.environ.get("RUNBOOK_REQUIRE_CLUSTER"):
            raise
        pytest.skip(f"no real control plane: {fault}")
    try:
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        cluster.api.create("/api/v1/namespaces", made)
        yield cluster
    finally:
        cluster.down()


def _in_parallel(plane: ControlPlane, requests: Sequence[tuple[str, str, object]]) -> float:
    """Sends requests as fast as the server takes them; the seconds it took."""
    tls = ssl.create_default_context(cafile=str(plane.ca))
    tls.load_cert_chain(str(plane.directory / "admin.crt"), str(plane.directory / "admin.key"))

    async def send() -> None:
        waiting = iter(requests)
        connector = aiohttp.TCPConnector(limit=AT_ONCE, ssl=tls)
        async with aiohttp.ClientSession(plane.server, connector=connector) as http:

            async def work() -> None:
                for method, path, body in waiting:
                    kind = (
                        "application/merge-patch+json" if method == "PATCH" else "application/json"
                    )
                    async with http.request(
                        method, path, json=body, headers={"Content-Type": kind}
                    ) as answer:
                        said = await answer.text()  # an answer half read closes its connection
                        assert answer.status < 300, said

            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(work())

    began = time.monotonic()
    asyncio.run(send())
    return time.monotonic() - began


def _pod(number: int) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{number:05d}", "labels": {"app": "many"}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": "none"}],
        },
    }


def _memory(pid: int) -> float:
    """MB that a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def _keys(app: RunningApp) -> list[float]:
    """Seconds from `o`, which sorts all the pods anew, until the screen says so."""
    taken = []
    for turn in range(KEYS):
        app.terminal.drain(0.05)
        start = len(app.terminal.seen)
        pressed = app.terminal.send(b"o")
        marker = f"Pods by {ORDERS[turn % len(ORDERS)]}.".encode()
        taken.append(app.terminal.wait_for(marker, 30, start) - pressed)
    return taken


def _told(name: str, taken: list[float]) -> str:
    cuts = [cut * 1000 for cut in statistics.quantiles(taken, n=20)]
    return f"{name}: p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms, worst {max(taken) * 1000:.0f} ms"


def test_twenty_thousand_pods(
    plane: ControlPlane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = tmp_path / "many.yaml"
    runbook.write_text(yaml.safe_dump(RUNBOOK, sort_keys=False), encoding="utf-8")
    figures = []
    seconds = _in_parallel(plane, [("POST", PATH, _pod(number)) for number in range(PODS)])
    figures.append(f"created {PODS} pods in {seconds:.0f} s ({PODS / seconds:.0f}/s)")
    certificate, key = plane.directory / "admin.crt", plane.directory / "admin.key"
    with Proxy(plane.server, plane.ca, certificate, key) as proxy:
        kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
        with RunningApp(tmp_path, runbook, kubeconfig, CONTEXT) as app:
            app.until(lambda: bool(app.recorded("step.started", "one")), 30, "it waits")
            empty = _memory(app.pid)
            listed = app.until_shown(f"0/{PODS} ready", LISTED_WITHIN)
            app.until_shown("LIVE", 10)
            pages = [
                path
                for _, path, _ in proxy.asked
                if path.startswith(PATH + "?") and "limit" in path
            ]
            assert len(pages) == PODS / 250
            figures.append(f"listed in {len(pages)} pages, {listed:.1f} s after the run began")
            figures.append(f"memory {empty:.0f} MB, then {_memory(app.pid):.0f} MB")
            idle = _keys(app)
            figures.append(_told("a key that sorts them", idle))
            started = time.monotonic()
            changes = [
                ("PATCH", f"{PATH}/pod-{number:05d}", {"metadata": {"labels": {"app": "other"}}})
                for number in range(5000)
            ]
            storm = asyncio.run(_beside(plane, changes, app))
            figures.append(
                f"{_told('the same in a storm', storm)};"
                f" 5000 changes in {time.monotonic() - started:.0f} s"
            )
            _in_parallel(plane, [("DELETE", f"{PATH}/pod-00000", {"gracePeriodSeconds": 0})])
            app.until_shown(f"0/{PODS - 1} ready", 30)
            app.until_finished(60)
            figures.append(f"memory at the end {_memory(app.pid):.0f} MB")
            assert _memory(app.pid) < LARGEST
            app.leave()
            assert app.verify().startswith("VALID, CLOSED")
    with capsys.disabled():
        print("", *figures, sep="\n  ")  # noqa: T201 - what is measured here is for people
    assert statistics.median(idle) < SLOWEST
    assert statistics.median(storm) < SLOWEST


async def _beside(
    plane: ControlPlane, requests: Sequence[tuple[str, str, object]], app: RunningApp
) -> list[float]:
    """Key delays while the requests are sent by another thread."""
    sending = asyncio.create_task(asyncio.to_thread(_in_parallel, plane, requests))
    taken = await asyncio.to_thread(_keys, app)
    await sending
    return taken
