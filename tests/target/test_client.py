from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.errors import TargetUnreachable, UsageError
from runbook.target.api import ApiStatusError, ResourceRef, UnknownResource
from runbook.target.client import ClusterClient, connect
from runbook.target.wire import clock_ahead
from tests.target.conftest import CannedApi

PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)
POD_PATH = "/api/v1/namespaces/a/pods"


def test_the_kubernetes_library_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, runbook.target.client; print('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_an_object_is_read_as_raw_json(api: Any, client: ClusterClient) -> None:
    api.answers["/api/v1/namespaces/kube-system"] = {"metadata": {"uid": "u-1"}}
    assert await client.get("/api/v1/namespaces/kube-system") == {"metadata": {"uid": "u-1"}}
    assert client.server == str(api.server.make_url("")).rstrip("/")


async def test_an_error_of_the_server_keeps_its_code_reason_and_message(
    client: ClusterClient,
) -> None:
    with pytest.raises(ApiStatusError) as refused:
        await client.get("/api/v1/namespaces/none")
    assert (refused.value.code, refused.value.reason) == (404, "NotFound")
    assert "none not found" in refused.value.message


async def test_a_list_is_read_page_by_page_to_its_end(api: Any, client: ClusterClient) -> None:
    async def pods(request: web.Request) -> web.Response:
        start = int(request.query.get("continue", "0"))
        following = {"continue": str(start + 2)} if start < 4 else {}
        return web.json_response(
            {
                "metadata": {"resourceVersion": "77", **following},
                "items": [{"metadata": {"name": f"p{n}"}} for n in (start, start + 1)],
            }
        )

    api.answers[POD_PATH] = pods
    listing = await client.list(PODS, "a", label_selector="app=x", field_selector="spec.y=z")
    assert [item["metadata"]["name"] for item in listing.items] == [f"p{n}" for n in range(6)]
    assert listing.resource_version == "77"
    asked = [path for _, path in api.requests]
    assert all("limit=250" in path and "labelSelector=app%3Dx" in path for path in asked)
    assert len(asked) == 3


async def test_contents_are_left_out_when_only_metadata_is_wanted(
    api: Any, client: ClusterClient
) -> None:
    api.answers[POD_PATH] = {"metadata": {}, "items": []}
    await client.list(PODS, "a", metadata_only=True)
    assert "as=PartialObjectMetadataList" in api.headers[-1]["accept"]


async def test_a_watch_gives_events_until_the_server_ends_it(
    api: Any, client: ClusterClient, stream: Any
) -> None:
    api.answers[POD_PATH] = stream.answer
    stream.send("ADDED", {"metadata": {"name": "p1"}})
    whole = json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
    stream.send_bytes(whole[:10].encode())
    stream.send_bytes(whole[10:].encode() + b"\n")
    stream.end()
    events = [event async for event in client.watch(PODS, "a", resource_version="5")]
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    query = stream.opened.get_nowait()
    assert query["resourceVersion"] == "5"
    assert query["allowWatchBookmarks"] == "true"


async def test_an_expired_version_ends_a_watch_with_410(
    api: Any, client: ClusterClient, stream: Any
) -> None:
    api.answers[POD_PATH] = stream.answer
    stream.send("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
    stream.end()
    with pytest.raises(ApiStatusError) as expired:
        _ = [event async for event in client.watch(PODS, "a", resource_version="1")]
    assert expired.value.code == 410


async def test_a_watch_that_is_refused_gives_no_events(api: Any, client: ClusterClient) -> None:
    async def busy(request: web.Request) -> web.Response:
        refused: web.Response = api.failure(429, "TooManyRequests", "slow down")
        refused.headers["Retry-After"] = "7"
        return refused

    api.answers[POD_PATH] = busy
    with pytest.raises(ApiStatusError) as refused:
        _ = [event async for event in client.watch(PODS, "a", resource_version="1")]
    assert (refused.value.code, refused.value.retry_after) == (429, 7)


async def test_credentials_do_not_follow_a_redirect(api: Any, client: ClusterClient) -> None:
    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    api.answers["/api/v1/nodes"] = elsewhere
    api.answers["/elsewhere"] = {"items": []}
    with pytest.raises(ApiStatusError) as refused:
        await client.get("/api/v1/nodes")
    assert refused.value.code == 302
    assert [path for _, path in api.requests] == ["/api/v1/nodes"]


async def test_a_server_that_is_not_ready_is_not_believed_that_it_lacks_a_kind(
    api: Any, client: ClusterClient
) -> None:
    async def starting(request: web.Request) -> web.Response:
        return web.Response(status=500, text="crd-informer-synced failed")

    api.serve(("", "v1", "pods", "Pod", True))
    api.answers["/readyz"] = starting
    with pytest.raises(TargetUnreachable, match="is starting"):
        await client.resolve("models.mlops.seldon.io")
    del api.answers["/readyz"]  # as where this may not be asked
    with pytest.raises(UnknownResource):
        await client.resolve("models.mlops.seldon.io")


async def test_a_manifest_is_created_and_patched_as_json(api: Any, client: ClusterClient) -> None:
    api.answers[POD_PATH] = {"metadata": {"name": "made"}}
    api.answers[f"{POD_PATH}/made"] = {"metadata": {"name": "made", "finalizers": []}}
    await client.create(PODS, "a", {"metadata": {"generateName": "x-"}})
    assert api.requests[-1] == ("POST", POD_PATH)
    assert json.loads(api.bodies[-1]) == {"metadata": {"generateName": "x-"}}
    await client.patch(PODS, "a", "made", {"metadata": {"finalizers": None}})
    assert api.requests[-1] == ("PATCH", f"{POD_PATH}/made")
    assert api.headers[-1]["content-type"] == "application/merge-patch+json"
    await client.patch(PODS, "a", "made", [{"op": "test", "path": "/metadata/uid", "value": "u"}])
    assert api.headers[-1]["content-type"] == "application/json-patch+json"


async def test_logs_are_text_with_what_is_undecodable_made_visible(
    api: Any, client: ClusterClient
) -> None:
    async def log(request: web.Request) -> web.Response:
        return web.Response(body=f"{dict(request.query)}\n".encode() + b"\xff\n")

    api.answers[f"{POD_PATH}/p/log"] = log
    text = await client.logs("a", "p", container="main", tail=5)
    assert text == "{'container': 'main', 'tailLines': '5'}\n\\xff\n"


async def test_logs_are_followed_line_by_line(api: Any, client: ClusterClient, stream: Any) -> None:
    api.answers[f"{POD_PATH}/p/log"] = stream.answer
    async with aclosing(client.follow_logs("a", "p")) as lines:
        stream.send_bytes(b"one\ntw")
        assert await anext(lines) == b"one"
        stream.send_bytes(b"o\n")
        assert await anext(lines) == b"two"
        stream.end()


async def test_a_service_is_asked_through_the_api_server(api: Any, client: ClusterClient) -> None:
    async def proxied(request: web.Request) -> web.Response:
        return web.Response(status=418, body=b"\x00teapot", headers={"X-Seldon-Route": ":m_1:"})

    path = "/api/v1/namespaces/a/services/mesh:http/proxy/v2/models/m/infer"
    api.answers[path] = proxied
    answer = await client.service_request(
        "a",
        "mesh",
        "http",
        "/v2/models/m/infer",
        method="POST",
        headers={"seldon-model": "m"},
        body=b'{"raw": 1}',
    )
    assert (answer.status, answer.body) == (418, b"\x00teapot")
    assert answer.headers["x-seldon-route"] == ":m_1:"
    assert api.bodies[-1] == b'{"raw": 1}'
    assert api.headers[-1]["seldon-model"] == "m"


async def test_a_server_that_is_gone_is_unreachable_and_back_when_it_is_back(
    api: Any, client: ClusterClient
) -> None:
    api.answers["/version"] = {"minor": "33"}
    port = api.server.port
    await api.server.close()
    with pytest.raises(TargetUnreachable) as gone:
        await client.get("/version")
    assert "does not answer" in str(gone.value)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        assert await client.get("/version") == {"minor": "33"}
    finally:
        await runner.cleanup()


async def test_a_server_that_never_answers_is_unreachable_in_time(
    api: Any, client: ClusterClient
) -> None:
    release = asyncio.Event()

    async def silent(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    api.answers["/version"] = silent
    with pytest.raises(TargetUnreachable) as silence:
        await client.get("/version", timeout=0.05)
    assert "no answer in time" in str(silence.value)
    release.set()


async def test_something_else_than_an_api_server_is_told_apart(
    api: Any, client: ClusterClient
) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>router login</html>")

    api.answers["/version"] = page
    with pytest.raises(TargetUnreachable) as strange:
        await client.get("/version")
    assert "is this address a Kubernetes API server?" in str(strange.value)


async def test_credentials_that_were_replaced_are_read_anew_once(
    api: Any, client: ClusterClient
) -> None:
    api.answers["/version"] = {"minor": "33"}
    api.token = "next-token"
    with pytest.raises(ApiStatusError) as refused:
        await client.get("/version")
    assert refused.value.code == 401
    assert len(api.requests) == 1
    api.write_kubeconfig(api.kubeconfig)
    assert await client.get("/version") == {"minor": "33"}
    assert len(api.requests) == 3


async def test_a_credential_plugin_gives_the_token(api: Any, tmp_path: Path) -> None:
    api.answers["/version"] = {"minor": "33"}
    said = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": api.token},
    }
    plugin = tmp_path / "login"
    plugin.write_text(f"#!/bin/sh\necho '{json.dumps(said)}'\n")
    plugin.chmod(0o755)
    config = api.write_kubeconfig(
        tmp_path / "plugin",
        exec={"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)},
    )
    async with await connect(config) as client:
        assert await client.get("/version") == {"minor": "33"}


async def test_whom_a_kubeconfig_says_to_act_as_is_sent_as_kubectl_sends_it(tmp_path: Path) -> None:
    seen: list[list[tuple[str, str]]] = []

    async def told(request: web.Request) -> web.Response:
        sent = ((name.lower(), value) for name, value in request.headers.items())
        seen.append(sorted(one for one in sent if one[0].startswith("impersonate")))
        return web.json_response({"minor": "37"})

    app = web.Application()
    app.router.add_get("/version", told)
    user = {
        "token": "good-token",
        "as": "jane",
        "as-uid": "4711",
        "as-groups": ["oncall", "sre"],
        "as-user-extra": {"why": ["drill"], "Acme.com/team % né": ["a", "b"]},
    }
    async with TestServer(app) as server:
        config = CannedApi(server=server).write_kubeconfig(tmp_path / "as", **user)
        async with await connect(config) as client:
            await client.get("/version")
        command = ["kubectl", f"--kubeconfig={config}", "get", "--raw", "/version"]
        process = await asyncio.create_subprocess_exec(*command)
        assert await process.wait() == 0
    ours, *kubectls = seen
    assert kubectls
    assert all(ours == sent for sent in kubectls)
    assert [value for name, value in ours if name == "impersonate-group"] == ["oncall", "sre"]
    assert len(ours) == 7


@pytest.mark.parametrize(("said", "taken"), [({}, "default"), ({"namespace": "a"}, "a")])
async def test_the_namespace_of_a_context_is_known(
    api: Any, tmp_path: Path, said: dict[str, str], taken: str
) -> None:
    config = api.write_kubeconfig(tmp_path / "config")
    document = yaml.safe_load(config.read_text())
    document["contexts"][0]["context"] |= said
    config.write_text(yaml.safe_dump(document))
    async with await connect(config) as client:
        assert client.credentials.namespace == taken


async def test_a_failing_credential_plugin_is_not_taken_for_anonymous_access(
    api: Any, tmp_path: Path
) -> None:
    config = api.write_kubeconfig(
        tmp_path / "plugin", exec={"apiVersion": "v1", "command": "/bin/false"}
    )
    with pytest.raises(TargetUnreachable) as refused:
        await connect(config)
    assert "'/bin/false' gave no credentials" in str(refused.value)


async def test_a_kubeconfig_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("contexts: []\n")
    with pytest.raises(UsageError) as refused:
        await connect(config)
    assert str(config) in str(refused.value)


@pytest.mark.parametrize(
    ("user", "named"),
    [
        ({"token": "a-token\n"}, "token"),
        ({"as": "jane\r\nX: y"}, "Impersonate-User"),
        ({"as": "jane", "as-groups": ["a\x00"]}, "Impersonate-Group"),
    ],
)
async def test_what_no_header_can_carry_is_refused_with_its_place(
    api: Any, tmp_path: Path, user: dict[str, Any], named: str
) -> None:
    config = api.write_kubeconfig(tmp_path / "user", **user)
    with pytest.raises(UsageError) as refused:
        await connect(config)
    assert f"a line's end, in {named}" in str(refused.value)
    assert "a-token" not in str(refused.value)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_a_short_pause_is_asked_again_after_it(
    api: Any, client: ClusterClient, status: int
) -> None:
    async def busy_once(request: web.Request) -> web.Response:
        if len(api.requests) > 1:
            return web.json_response({"minor": "37"})
        refused: web.Response = api.failure(status, "TooManyRequests", "slow down")
        refused.headers["Retry-After"] = "1"
        return refused

    api.answers["/version"] = busy_once
    began = asyncio.get_running_loop().time()
    assert await client.get("/version") == {"minor": "37"}
    assert asyncio.get_running_loop().time() - began >= 1
    assert len(api.requests) == 2


@pytest.mark.parametrize(
    ("status", "pause", "asked"), [(429, "60", 1), (503, "", 1), (500, "1", 1), (429, "0", 6)]
)
async def test_a_server_that_stays_busy_is_not_waited_for_without_end(
    api: Any, client: ClusterClient, status: int, pause: str, asked: int
) -> None:
    async def busy(request: web.Request) -> web.Response:
        refused: web.Response = api.failure(status, "TooManyRequests", "slow down")
        if pause:
            refused.headers["Retry-After"] = pause
        return refused

    api.answers["/version"] = busy
    with pytest.raises(ApiStatusError) as refused:
        await client.get("/version")
    assert (refused.value.code, refused.value.message) == (status, "slow down")
    assert refused.value.retry_after == (float(pause) if pause else None)
    assert len(api.requests) == asked


async def test_rejected_credentials_are_renewed_before_they_are_read_anew(api: Any) -> None:
    api.answers["/version"] = {"minor": "37"}
    renewed: list[None] = []

    def renew() -> None:
        renewed.append(None)
        api.write_kubeconfig(api.kubeconfig)

    async with await connect(api.kubeconfig, renew=renew) as client:
        assert await client.get("/version") == {"minor": "37"}
        assert not renewed
        api.token = "next-token"
        assert await client.get("/version") == {"minor": "37"}
    assert len(renewed) == 1


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Thu, 01 Jan 2026 00:07:00 GMT", 420.0),
        ("Wed, 31 Dec 2025 23:53:00 GMT", -420.0),
        ("Thu, 01 Jan 2026 00:00:03 GMT", 0.0),
        ("no date", 33.0),
    ],
)
def test_a_servers_clock_is_told_by_the_date_of_its_answers(date: str, ahead: float) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert clock_ahead({"date": date}, now, 33.0) == ahead
    assert clock_ahead({}, now, 33.0) == 33.0
