"""5,000 running pods in the practice cluster: its memory, and `kubectl get pods` against recorded answers.

    .venv/bin/python -m tests.bench.bench_pods

The pods have two containers each and come as a person creates them, so their fields are tracked; all the
controllers run and the kubelet writes its events. kubectl is then asked for all of them: by the practice
cluster, and by a server that gives back the recorded bytes at once, in turns. The ratio is the figure.
"""

from __future__ import annotations

import json
import os
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from runbook.clock import RealClock
from runbook.practice.apiserver.certificates import make_certificates
from runbook.practice.apiserver.kubeconfig import kubeconfig
from runbook.practice.apiserver.server import LOOPBACK
from tests.bench.practice_process import KUBECTL, TABLE, Connection, Practice, two_container_pod

PODS = 5000
ROUNDS = 9
SPEED = 60.0
NAMESPACE = "load"
PLACE = f"/api/v1/namespaces/{NAMESPACE}/pods"
Answer = tuple[str, bytes]


class Recorded(ThreadingHTTPServer):
    """Asks the practice cluster what it is asked first, and answers the same for ever after."""

    def __init__(self, source: Path, token: str) -> None:
        certificates = make_certificates(RealClock().now())
        super().__init__((LOOPBACK, 0), _Handler)
        self.answers: dict[tuple[str, str], Answer] = {}
        self._source = source
        tls = certificates.server_context()
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        url = f"https://{LOOPBACK}:{self.server_port}"
        self.kubeconfig = kubeconfig(url, certificates.authority, token)

    def answer(self, path: str, accept: str) -> Answer:
        known = self.answers.get((path, accept))
        if known is None:
            known = self.answers[path, accept] = self._record(path, accept)
        return known

    def _record(self, path: str, accept: str) -> Answer:
        connection = Connection(self._source)
        try:
            body = connection.ask("GET", path, accept=accept)
            return connection.content_type, body
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorded
    wbufsize = 1 << 16

    def do_GET(self) -> None:
        kind, body = self.server.answer(self.path, self.headers.get("Accept", ""))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            return  # kubectl goes as it likes


def fill(practice: Practice) -> None:
    ask = practice.connection.ask
    ask("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    while not _accounts(practice):
        time.sleep(0.1)
    for number in range(PODS):
        pod = two_container_pod(f"pod-{number:04d}", NAMESPACE)
        ask("POST", f"{PLACE}?fieldManager=kubectl-create", pod)
    while _waiting(practice):
        time.sleep(1)


def _accounts(practice: Practice) -> bool:
    found = practice.connection.ask("GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")
    return bool(json.loads(found)["items"])


def _waiting(practice: Practice) -> bool:
    query = "limit=1&fieldSelector=status.phase%21%3DRunning"
    return bool(json.loads(practice.connection.ask("GET", f"{PLACE}?{query}"))["items"])


def seconds_of_kubectl(configuration: Path, cache: Path) -> tuple[float, float]:
    """How long `kubectl get pods` took, and the processor time it took itself."""
    words = [str(KUBECTL), "--kubeconfig", str(configuration), "get", "pods", "-n", NAMESPACE]
    environment = {**os.environ, "KUBECACHEDIR": str(cache)}
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(words, check=True, capture_output=True, env=environment)
    took, after = time.perf_counter() - began, os.times()
    assert done.stdout.count(b"\n") == PODS + 1
    own = after.children_user + after.children_system
    return took, own - before.children_user - before.children_system


def compare(practice: Practice) -> None:
    with tempfile.TemporaryDirectory() as folder:
        canned = Recorded(practice.kubeconfig, practice.connection.token)
        threading.Thread(target=canned.serve_forever, daemon=True).start()
        configuration = Path(folder) / "recorded"
        configuration.write_text(json.dumps(canned.kubeconfig))
        cases = {"practice cluster": practice.kubeconfig, "recorded answers": configuration}
        taken: dict[str, list[float]] = {name: [] for name in cases}
        own: list[float] = []
        for turn in range(ROUNDS + 1):
            for name, place in cases.items():
                took, spent = seconds_of_kubectl(place, Path(folder) / f"cache of {name}")
                if turn:  # the first fills caches, and records
                    taken[name].append(took)
                    own.append(spent)
        canned.shutdown()
        canned.server_close()
    print(f"kubectl get pods, {PODS} pods: seconds, least and median of {ROUNDS}, in turns")
    for name, times in taken.items():
        print(f"  {name:<18} {min(times):5.2f} {statistics.median(times):5.2f}")
    here, there = taken.values()
    ratios = [one / other for one, other in zip(here, there, strict=True)]
    print(
        f"  ratio: least {min(here) / min(there):.2f}, paired median {statistics.median(ratios):.2f}"
    )
    print(
        f"  kubectl's own processor time: least {min(own):.2f}, median {statistics.median(own):.2f}"
    )


def main() -> None:
    with Practice(SPEED) as practice:
        print(f"memory, MB: {practice.memory():.0f} at the beginning")
        fill(practice)
        events = json.loads(practice.connection.ask("GET", "/api/v1/events?limit=1"))
        count = events["metadata"].get("remainingItemCount", 0) + 1
        print(f"  {practice.memory():.0f} with {PODS} running pods and {count} events")
        for name, accept in (("a table", TABLE), ("JSON", "application/json")):
            size = len(practice.connection.ask("GET", PLACE, accept=accept))
            print(f"  {practice.memory():.0f} after a list of all as {name}, {size / 1e6:.0f} MB")
        compare(practice)
        print(f"  {practice.memory():.0f} MB at the end, {practice.memory('VmHWM'):.0f} at most")


if __name__ == "__main__":
    main()
