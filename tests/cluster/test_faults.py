"""Faults that only a real server gives, each against a running app, in a terminal.

The app stays up, says what it knows and how old that is, judges nothing it cannot see, and recovers
without being touched; its journal is complete. What destroys does not start meanwhile.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import format_datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from runbook.errors import RunbookError
from runbook.run.events import CheckRead, HealthRead
from runbook.run.readings import Verdict
from runbook.target.client import connect
from tests.cluster.building import CannotBuild
from tests.cluster.control_plane import ControlPlane
from tests.cluster.proxy import CONTEXT, Proxy, Refusal, pass_on, unchanged
from tests.cluster.running_app import RunningApp
from tests.cluster.sides import SEED, Side, client_of

pytestmark = [pytest.mark.timeout(300)]
SPACE = "faults"
LOST = "NO CLUSTER"

BEACON = {"kind": "ConfigMap", "namespace": SPACE, "name": "beacon"}
FINISH = {"kind": "ConfigMap", "namespace": SPACE, "name": "finish"}
RUNBOOK = {
    "apiVersion": "runbook/v1",
    "name": "faults",
    "title": "Wait for the end of a fault",
    "target": {"namespaces": [SPACE], "watch": ["configmaps", "pods", "models.mlops.seldon.io"]},
    "objectives": {"rto": "45m", "recovered_when": ["beacon"], "settle": "1s"},
    "health": {"beacon": {"check": {"kubernetes": BEACON}, "every": "1s"}},
    "phases": [
        {
            "id": "fault",
            "title": "Fault",
            "steps": [
                {
                    "id": "destroy-something",
                    "title": "Begin, so that health is read",
                    "run": "kubectl delete configmap nothing -n faults --ignore-not-found",
                    "effect": "destroy",
                },
                {
                    "id": "wait-for-the-end",
                    "title": "The test says that the fault is over",
                    "check": {"kubernetes": FINISH},
                    "until": "4m",
                    "every": "1s",
                },
            ],
        }
    ],
}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane that may be hurt, so none that others use."""
    try:
        cluster = ControlPlane(kwok=False, scheduler=False).up()
    except CannotBuild as fault:
        if os.environ.get("RUNBOOK_REQUIRE_CLUSTER"):
            raise
        pytest.skip(f"no real control plane: {fault}")
    try:
        _kubectl(cluster, "apply", "--server-side", "-f", str(SEED / "crds.yaml"))
        _kubectl(cluster, "create", "namespace", SPACE)
        _kubectl(cluster, "create", "configmap", "beacon", "-n", SPACE)
        yield cluster
    finally:
        cluster.down()


def _kubectl(cluster: ControlPlane, *words: str) -> str:
    server, http = client_of(cluster.kubeconfig)
    with http:
        done = Side("real", cluster.kubeconfig, server, http, cluster).kubectl(*words)
    assert done.code == 0, done.err
    return done.out


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    path = tmp_path / "faults.yaml"
    path.write_text(yaml.safe_dump(RUNBOOK, sort_keys=False), encoding="utf-8")
    return path


@contextmanager
def _running(
    plane: ControlPlane, home: Path, runbook: Path, kubeconfig: Path, context: str
) -> Iterator[RunningApp]:
    """The app, live, with a run that waits; afterwards the run is let go on to its end and judged."""
    _kubectl(plane, "delete", "configmap", "finish", "-n", SPACE, "--ignore-not-found")
    with RunningApp(home, runbook, kubeconfig, context) as app:
        app.until_shown("LIVE", 30)
        app.until(lambda: bool(app.recorded("step.started", "wait-for-the-end")), 30, "it waits")
        app.until(lambda: _verdicts(app)[-1:] == [Verdict.HOLDS], 30, "the beacon is green")
        yield app
        app.until_shown("LIVE", 40)
        app.until(lambda: LOST not in app.screen, 40, "nothing is lost any more")
        app.until(lambda: _verdicts(app)[-1] is Verdict.HOLDS, 30, "the beacon is green again")
        _kubectl(plane, "create", "configmap", "finish", "-n", SPACE)
        app.until_finished(40)
        app.leave()
        _judge(app)


def _judge(app: RunningApp) -> None:
    """Nothing was judged that could not be seen, and the record is whole."""
    assert app.verify().startswith("VALID, CLOSED")
    assert Verdict.FAILS not in _verdicts(app)
    waited = [r.event for r in app.recorded("check.read", "wait-for-the-end")]
    verdicts = [event.verdict for event in waited if isinstance(event, CheckRead)]
    assert verdicts[0] is Verdict.FAILS
    assert verdicts[-1] is Verdict.HOLDS
    ends = [record.event.kind for record in app.records if record.event.kind.startswith("step.")]
    assert ends == ["step.started", "step.passed"] * 2
    starts = [r for r in app.records if r.event.kind == "command.starting"]
    assert len(starts) == 1
    assert "internal" not in "\n".join(path.read_text() for path in app.directory.glob("*.log"))


def _verdicts(app: RunningApp) -> list[Verdict]:
    """What was recorded of the beacon since the platform was touched."""
    return [
        record.event.verdict
        for record in app.records
        if isinstance(record.event, HealthRead) and record.event.check == "beacon"
    ]


def _blind(app: RunningApp, within: float = 20) -> None:
    """The screen says that and since when nothing is seen, and checks say that they cannot tell."""
    app.until_shown(LOST, within)
    app.until(lambda: "retry" in app.screen, 5, "the next try is announced")
    app.until(lambda: "as of 0:" in app.screen, 5, "the panes say how old they are")
    app.until(lambda: _verdicts(app)[-1] is Verdict.UNKNOWN, within, "the beacon cannot be told")


def test_etcd_stopped_and_started_again(plane: ControlPlane, tmp_path: Path, runbook: Path) -> None:
    with _running(plane, tmp_path, runbook, plane.kubeconfig, "test-cluster") as app:
        plane.stop("etcd")
        try:
            _blind(app)
        finally:
            plane.start("etcd")
        plane.settle()


def test_api_server_restarted_in_the_middle_of_its_watches(
    plane: ControlPlane, tmp_path: Path, runbook: Path
) -> None:
    with _running(plane, tmp_path, runbook, plane.kubeconfig, "test-cluster"):
        plane.restart("kube-apiserver")
        plane.settle()
        _kubectl(plane, "create", "configmap", "after-restart", "-n", SPACE)
    _kubectl(plane, "delete", "configmap", "after-restart", "-n", SPACE)


def test_a_starting_api_server_is_not_believed_that_a_kind_is_unknown(plane: ControlPlane) -> None:
    """For a moment it serves no custom kinds, and `absent` would be green."""
    told: list[str] = []

    async def ask() -> None:
        async with await connect(plane.kubeconfig) as client:
            while told[-1:] != ["models"]:
                try:
                    told.append((await client.resolve("models")).plural)
                except RunbookError as fault:
                    told.append(type(fault).__name__)

    for _ in range(3):  # the moment is short
        plane.kill("kube-apiserver")
        plane.processes["kube-apiserver"].launch()
        asyncio.run(asyncio.wait_for(ask(), 60))
        told.append("and again")
        plane.settle()
    assert set(told) <= {"TargetUnreachable", "ApiStatusError", "models", "and again"}


def test_api_server_gone_for_twenty_seconds(
    plane: ControlPlane, tmp_path: Path, runbook: Path
) -> None:
    with _running(plane, tmp_path, runbook, plane.kubeconfig, "test-cluster") as app:
        plane.kill("kube-apiserver")
        began = time.monotonic()
        try:
            _blind(app)
            app.until_shown(f"{LOST} 0:15", 20)
            app.until(lambda: time.monotonic() - began > 20, 25, "twenty seconds are over")
        finally:
            plane.start("kube-apiserver")
        plane.settle()


def test_api_server_that_keeps_its_connections_and_answers_nothing(
    plane: ControlPlane, tmp_path: Path, runbook: Path
) -> None:
    with _running(plane, tmp_path, runbook, plane.kubeconfig, "test-cluster") as app:
        plane.processes["kube-apiserver"].freeze()
        try:
            _blind(app)
        finally:
            plane.processes["kube-apiserver"].thaw()
        plane.settle()


def test_a_token_that_expired_and_a_kubeconfig_that_was_renewed(
    plane: ControlPlane, tmp_path: Path, runbook: Path
) -> None:
    def account() -> Path:
        _kubectl(plane, "create", "serviceaccount", "operator", "-n", SPACE)
        return plane.kubeconfig_for_account("operator", SPACE)

    own = tmp_path / "kubeconfig"
    own.write_text(account().read_text())
    binding = ("clusterrolebinding", "operator", "--clusterrole=cluster-admin")
    _kubectl(plane, "create", *binding, f"--serviceaccount={SPACE}:operator")
    with _running(plane, tmp_path, runbook, own, "test-cluster") as app:
        _kubectl(plane, "delete", "serviceaccount", "operator", "-n", SPACE)
        _blind(app, 40)  # tokens that were just accepted are believed for 10 s more
        assert "401" in app.recorded("health.read", "beacon")[-1].event.observed  # type: ignore[union-attr]
        own.write_text(account().read_text())


@pytest.fixture
def proxy(plane: ControlPlane) -> Iterator[Proxy]:
    certificate, key = plane.directory / "admin.crt", plane.directory / "admin.key"
    with Proxy(plane.server, plane.ca, certificate, key) as opened:
        yield opened


def test_too_many_requests_are_asked_again_after_the_pause_that_was_asked_for(
    plane: ControlPlane, tmp_path: Path, runbook: Path, proxy: Proxy
) -> None:
    refused: dict[str, float] = {}

    def every_second(request: web.Request) -> Refusal | None:
        """Each request is refused once, and taken when it comes again after the pause."""
        began = refused.pop(request.path_qs, None)
        if began is None:
            refused[request.path_qs] = time.monotonic()
            return Refusal(429, {"Retry-After": "1"}, "TooManyRequests")
        pauses.append(time.monotonic() - began)
        return None

    pauses: list[float] = []
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
    with _running(plane, tmp_path, runbook, kubeconfig, CONTEXT) as app:
        proxy.answer = every_second
        app.until(lambda: len(pauses) > 15, 60, "it was asked again")
        assert min(pauses) >= 1
        assert Verdict.UNKNOWN not in _verdicts(app)
        assert LOST not in app.screen
        proxy.answer = lambda _: Refusal(429, {"Retry-After": "60"}, "TooManyRequests", "slow down")
        app.until(lambda: _verdicts(app)[-1] is Verdict.UNKNOWN, 20, "the beacon cannot be told")
        app.until(lambda: "slow down" in app.screen, 10, "the server's words are shown")
        proxy.answer = pass_on


def test_errors_of_the_server_and_connections_that_are_cut(
    plane: ControlPlane, tmp_path: Path, runbook: Path, proxy: Proxy
) -> None:
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
    with _running(plane, tmp_path, runbook, kubeconfig, CONTEXT) as app:
        for status in (500, 503, 504):
            proxy.answer = lambda _, status=status: Refusal(status, message=f"unwell {status}")  # type: ignore[misc]
            proxy.cut()
            _blind(app)
            proxy.answer = pass_on
            app.until(lambda: LOST not in app.screen, 40, "nothing is lost any more")
            app.until(lambda: _verdicts(app)[-1] is Verdict.HOLDS, 30, "green again")
        for number in range(8):
            proxy.cut()
            _kubectl(plane, "label", "configmap", "beacon", "-n", SPACE, f"cut-{number}=yes")
        _pod(plane, "made-meanwhile")
        app.until_shown("made-meanwhile", 40)
        _kubectl(plane, "delete", "pod", "made-meanwhile", "-n", SPACE, "--force")
        app.until(lambda: "made-meanwhile" not in app.screen, 20, "the pod is gone")


def _pod(plane: ControlPlane, name: str) -> None:
    plane.api.create(f"/api/v1/namespaces/{SPACE}/pods", _bare_pod(name))


def _bare_pod(name: str) -> dict[str, object]:
    """A pod that nobody starts: there is no node."""
    container = {"name": "main", "image": "none"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"made-by": "test"}},
        "spec": {"containers": [container], "automountServiceAccountToken": False},
    }


@pytest.mark.parametrize("minutes", [-7, 7])
def test_a_cluster_whose_clock_is_minutes_off(
    plane: ControlPlane, tmp_path: Path, runbook: Path, proxy: Proxy, minutes: int
) -> None:
    off = dt.timedelta(minutes=minutes)

    def shifted(found: re.Match[bytes]) -> bytes:
        moment = dt.datetime.fromisoformat(found[0].decode()) + off
        return f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode()

    proxy.rewrite = lambda body: re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", shifted, body)
    proxy.headers = lambda: {"Date": format_datetime(dt.datetime.now(dt.UTC) + off, usegmt=True)}
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
    with _running(plane, tmp_path, runbook, kubeconfig, CONTEXT) as app:
        _pod(plane, "just-made")
        app.until_shown("just-made", 20)
        row = next(line for line in app.screen.splitlines() if "just-made" in line)
        assert re.search(r"just-made .*Pending +\d{1,2}s", row), row
        _kubectl(plane, "delete", "pod", "just-made", "-n", SPACE, "--force")


@pytest.fixture
def destroying(tmp_path: Path) -> Path:
    """A runbook that waits for a file of this machine, then destroys, which leaves a line."""
    step = {"id": "wait-for-the-fault", "check": {"run": f"test -e {tmp_path}/fault"}}
    steps = [
        {**step, "until": "2m", "every": "1s"},
        {
            "id": "destroy",
            "effect": "destroy",
            "run": f"echo destroyed >> {tmp_path}/destroyed",
            "retries": 60,
            "delay": "1s",
        },
    ]
    phases = [{"id": "fault", "title": "Fault", "steps": steps}]
    document = {"apiVersion": "runbook/v1", "name": "destroy", "title": "Destroy", "phases": phases}
    path = tmp_path / "destroy.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def _etcd_away(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del proxy
    (plane.stop if away else plane.start)("etcd")


def _api_server_away(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del proxy
    (plane.kill if away else plane.start)("kube-apiserver")


def _api_server_frozen(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del proxy
    api_server = plane.processes["kube-apiserver"]
    (api_server.freeze if away else api_server.thaw)()


def _errors(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del plane
    proxy.answer = (lambda _: Refusal(500, message="unwell")) if away else pass_on


def _token_rejected(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del plane
    proxy.answer = (lambda _: Refusal(401, {}, "Unauthorized")) if away else pass_on


def _another_cluster(plane: ControlPlane, proxy: Proxy, away: bool) -> None:
    del plane
    another = re.compile(rb'"uid":"[0-9a-f-]+"')
    proxy.rewrite = (lambda body: another.sub(b'"uid":"another"', body)) if away else unchanged


@pytest.mark.parametrize(
    "fault",
    [_etcd_away, _api_server_away, _api_server_frozen, _errors, _token_rejected, _another_cluster],
)
def test_nothing_is_destroyed_while_the_cluster_does_not_say_who_it_is(
    plane: ControlPlane,
    tmp_path: Path,
    destroying: Path,
    proxy: Proxy,
    fault: Callable[[ControlPlane, Proxy, bool], None],
) -> None:
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig")
    destroyed = tmp_path / "destroyed"
    with RunningApp(tmp_path, destroying, kubeconfig, CONTEXT) as app:
        app.until(lambda: bool(app.recorded("step.started", "wait-for-the-fault")), 30, "it waits")
        fault(plane, proxy, True)
        try:
            (tmp_path / "fault").touch()
            app.until(lambda: bool(app.recorded("step.failed", "destroy")), 60, "it is refused")
            refused = app.recorded("step.failed", "destroy")[0].event
            assert "not started" in getattr(refused, "reason", "")
            assert not app.recorded("target.verified", "destroy")
            assert not app.recorded("command.starting", "destroy")
            assert not destroyed.exists()
        finally:
            fault(plane, proxy, False)
        plane.settle()
        app.until_finished(60)
        app.leave()
        assert destroyed.read_text() == "destroyed\n"
        assert len(app.recorded("target.verified", "destroy")) == 1
        assert app.verify().startswith("VALID, CLOSED")
