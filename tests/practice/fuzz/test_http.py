"""Over real sockets: no service of the cluster fails, hangs or forgets its own way to refuse."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import assume, example, given, strategies as st

from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.services import sigv4
from tests.practice.fuzz.calls import MEDIA, METHODS, PAGES, Call, calls
from tests.practice.fuzz.cases import SECONDS, cases, nothing_stumbles
from tests.practice.fuzz.hostile import JSON, TEXTS, changed, changes
from tests.practice.fuzz.sockets import Listening, Reply, message

pytestmark = pytest.mark.timeout(SECONDS)

_TROUBLE = b"Server got itself in trouble"  # an exception that nobody caught
INFERENCE = "financial-inference"
_PLAIN = [text for text in TEXTS if text.isprintable() and text.isascii() and len(text) < 100]
_SPOILT = (
    b"",
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"GET http://a:b:c/ HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET //[ HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"\x00" * 100,
)


@pytest.fixture(scope="module")
def listening() -> Iterator[Listening]:
    made = Listening()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _answers_in_the_end(listening: Listening) -> Iterator[None]:
    yield
    assert _api(listening, Call("GET", "/api/v1/namespaces/default"), {}).status == 200


def _api(listening: Listening, call: Call, more: dict[str, str | bytes]) -> Reply:
    server = listening.machine.server
    headers: dict[str, str | bytes] = {
        "Host": f"127.0.0.1:{server.port}",
        "Authorization": f"Bearer {server.token}",
        "Content-Type": call.media,
        "Accept": call.accept,
        **more,
    }
    query = urlencode({**call.query, "timeoutSeconds": "1"} if call.query else {}, errors="replace")
    target = f"{call.path}?{query}"
    found = listening.ask(server.port, message(call.method, target, headers, call.body), tls=True)
    assert found is not None, call
    return found


@cases(60)
@given(
    calls(),
    st.dictionaries(
        st.sampled_from(
            (
                "User-Agent",
                "Impersonate-User",
                "Impersonate-Group",
                "Origin",
                "Host",
                "X-A",
                "Expect",
            )
        ),
        st.sampled_from(
            [text.encode() for text in _PLAIN] + [b"\xff\xfe", b"\xc3\xa9", b"a/1 (b)"]
        ),
        max_size=2,
    ),
)
@example(
    Call("POST", "/api/v1/namespaces/default/configmaps", body=b'{"metadata":{"name":"a"}}'),
    {"User-Agent": b"\xed\xa0\x80/1"},
)
def test_the_api_server(listening: Listening, call: Call, headers: dict[str, str | bytes]) -> None:
    assume(call.method != METHODS[-1])  # the HTTP library itself refuses what is no method
    if call.query.get("follow"):
        call.query["follow"] = "false"  # type: ignore[index]
    with nothing_stumbles():
        reply = _api(listening, call, headers)
    text = reply.body.decode()
    if reply.status >= 400 and reply.headers.get("content-type") == "application/json":
        assert call.method == "HEAD" or json.loads(text)["code"] == reply.status
    assert reply.status != 500 or "resourceVersion" in text or "typed patch" in text, text


@cases(20)
@given(
    st.sampled_from(METHODS[:-1]),
    st.sampled_from(("faults", "faults/", "fault", "hint", "faults/a/b", "", "%", "%ff")),
    st.sampled_from(_PLAIN),
)
def test_the_faults(listening: Listening, method: str, path: str, name: str) -> None:
    wanted = f"{path}{quote(name)}" if path == "faults/" else path
    reply = _api(listening, Call(method, f"/practice/v1/{wanted}"), {})
    if method != "HEAD":
        said = json.loads(reply.body)
        assert reply.status in {200, 404, 409}
        assert (reply.status == 200) == ("error" not in said)
        assert wanted != "faults" or method != "GET" or len(said["faults"]) == len(FAULTS)


@cases(12)
@given(st.sampled_from(("api", "mlflow", "minio", "mesh")), st.sampled_from(_SPOILT))
def test_what_is_no_http(listening: Listening, name: str, sent: bytes) -> None:
    """The library's own 400, or a closed door."""
    own = listening.machine.server.port
    port = own if name == "api" else listening.port(*_SERVICES[name])
    _hung_up(listening, port, sent, tls=name == "api")


def _hung_up(listening: Listening, port: int, sent: bytes, *, tls: bool) -> None:
    found = listening.ask_and_leave(port, sent, tls=tls)
    assert found is None or 400 <= found.status < 500 or found.status in {200, 505}


FAULT = {"error_code", "message", "sqlstate", "error_class"}
"""What MLflow says of a fault."""

_SERVICES = {
    "mlflow": ("mlflow", "mlflow"),
    "minio": ("minio", "minio"),
    "mesh": (INFERENCE, "seldon-mesh"),
}

_MLFLOW_CALLS = (
    ("GET", "experiments/get-by-name"),
    ("GET", "experiments/get"),
    ("GET", "experiments/search"),
    ("POST", "experiments/search"),
    ("POST", "experiments/create"),
    ("POST", "runs/search"),
    ("GET", "runs/get"),
    ("POST", "runs/create"),
    ("POST", "runs/update"),
    ("POST", "runs/delete"),
    ("POST", "runs/log-parameter"),
    ("POST", "runs/log-metric"),
    ("POST", "runs/set-tag"),
    ("POST", "runs/log-batch"),
    ("GET", "metrics/get-history"),
    ("POST", "runs/outputs"),
    ("POST", "logged-models/search"),
    ("POST", "logged-models"),
    ("GET", "logged-models/MODEL"),
    ("PATCH", "logged-models/MODEL"),
    ("GET", "logged-models/MODEL/artifacts/directories"),
    ("GET", "artifacts/list"),
    ("POST", "registered-models/create"),
    ("GET", "registered-models/get"),
    ("GET", "registered-models/alias"),
    ("POST", "registered-models/alias"),
    ("POST", "model-versions/create"),
    ("GET", "model-versions/get"),
    ("GET", "model-versions/get-download-uri"),
    ("GET", "../../../nothing"),
)


def _arguments(run: str, model: str) -> JSON:
    """Every argument of every call, as it would be right."""
    return {
        "experiment_id": "1",
        "experiment_ids": ["1"],
        "experiment_name": "Default",
        "name": "sample",
        "artifact_location": "s3://mlflow-artifacts/9",
        "run_id": run,
        "run_uuid": run,
        "run_name": "sample",
        "status": "RUNNING",
        "start_time": 1,
        "end_time": 2,
        "key": "loss",
        "value": 0.5,
        "timestamp": 1,
        "step": 0,
        "metrics": [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 0}],
        "params": [{"key": "a", "value": "b"}],
        "tags": [{"key": "a", "value": "b"}],
        "metric_key": "loss",
        "filter": "params.a = 'b' and metrics.loss < 1",
        "order_by": ["metrics.loss DESC"],
        "max_results": 5,
        "page_token": "",
        "run_view_type": "ALL",
        "view_type": "ALL",
        "models": [{"model_id": model, "step": 0}],
        "model_id": model,
        "source_run_id": run,
        "path": "model",
        "artifact_directory_path": "",
        "alias": "champion",
        "version": "1",
        "source": "s3://mlflow-artifacts/1",
        "datasets": [{"dataset_name": "a", "dataset_digest": "b"}],
    }


@cases(80)
@given(
    st.sampled_from(_MLFLOW_CALLS),
    changes,
    st.sampled_from(("application/json",) * 9 + MEDIA),
    st.sampled_from(
        (None,) * 9 + (b"", b"{", b"[]", b"1", b"\xff", b'{"a":"\\ud800"}', b"[" * 9999)
    ),
    st.sampled_from(("filter", "order_by", "page_token", "max_results", "artifact_path", "status")),
    st.sampled_from(
        (
            None,
            "a = b = c",
            "metrics.`",
            "params.a LIKE '%'",
            "attributes.x = 1",
            "((",
            "a.b",
            *TEXTS,
        )
    ),
)
def test_mlflow(
    listening: Listening,
    call: tuple[str, str],
    made: list,  # type: ignore[type-arg]
    media: str,
    raw: bytes | None,
    field: str,
    odd: str | None,
) -> None:
    store = listening.machine.services.mlflow
    run, model = next(iter(store.runs)), next(iter(store.models))
    arguments = _arguments(run, model)
    if odd is not None:
        arguments[field] = [odd] if field == "order_by" else odd
    arguments = changed(arguments, made)
    method, path = call
    target = f"/api/2.0/mlflow/{path.replace('MODEL', quote(model))}"
    body = raw
    if method == "GET" and isinstance(arguments, dict):
        target += "?" + urlencode(arguments, errors="replace")
    elif body is None:
        body = json.dumps(arguments).encode()
    user, password = next(iter(listening.machine.services.tracking_accounts().items()))
    headers: dict[str, str | bytes] = {
        "Host": "localhost",
        "Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}",
        "Content-Type": media,
    }
    port = listening.port(*_SERVICES["mlflow"])
    reply = listening.ask(port, message(method, target, headers, body or b""))
    assert reply is not None
    assert _TROUBLE not in reply.body
    if reply.headers["content-type"].startswith("application/json"):
        said = json.loads(reply.body)
        assert reply.status == 200 or set(said) == FAULT
    else:
        assert reply.status in {404, 405, 500}, reply


@cases(80)
@given(
    st.sampled_from(METHODS[:-1]),
    st.sampled_from(
        ("/", "/mlflow-artifacts", "/nobody", "/mlflow-artifacts/", "/A..b", "/mlflow-artifacts/a")
    ),
    st.sampled_from(("", "", "x", "/a//b/../c", "/%00", "/%ff", "/é")),
    st.dictionaries(
        st.sampled_from(
            (
                "list-type",
                "prefix",
                "delimiter",
                "max-keys",
                "start-after",
                "continuation-token",
                "encoding-type",
                "fetch-owner",
                "location",
                "uploads",
                "acl",
                "versionId",
            )
        ),
        st.sampled_from(
            ("2", "", "/", "-1", "url", "YQ==", "gA==", "true", "²", "9" * 2000, *_PLAIN)
        ),
        max_size=3,
    ),
    st.dictionaries(
        st.sampled_from(
            (
                "Range",
                "If-Match",
                "If-None-Match",
                "If-Modified-Since",
                "If-Unmodified-Since",
                "Content-MD5",
                "x-amz-copy-source",
                "x-amz-date",
                "x-amz-content-sha256",
                "Content-Type",
            )
        ),
        st.sampled_from(
            (
                "bytes=0-1",
                "bytes=5-1",
                "bytes=-",
                "bytes=²-",
                f"bytes={'9' * 5000}-",
                '"a"',
                "*",
                "Thu, 01 Jan 1970 00:00:00 GMT",
                "Thu, 99 Foo 9999 99:99:99 GMT",
                "YQ==",
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                "UNSIGNED-PAYLOAD",
                "é",
                *_PLAIN,
            )
        ),
        max_size=2,
    ),
    st.sampled_from(
        (None,) * 6
        + ("Bearer a", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a", "é", "AWS a:b")
    ),
    st.sampled_from((b"", b"x", b"\xff" * 100)),
)
def test_s3(
    listening: Listening,
    method: str,
    path: str,
    more: str,
    query: dict[str, str],
    headers: dict[str, str],
    authorization: str | None,
    body: bytes,
) -> None:
    target, asked = path + quote(more, safe="/%."), urlencode(query)
    services = listening.machine.services
    key, secret = next(iter(services.object_store_accounts().items()))
    now = listening.machine.timeline.now()
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    sent = {
        "host": "localhost",
        "x-amz-date": stamp,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        **{name.lower(): value for name, value in headers.items()},
    }
    names = tuple(sorted(sent))
    request = sigv4.SignedRequest(method, target, asked, sent)
    signature = sigv4.signature(
        request, secret, stamp=stamp, region="us-east-1", service="s3", signed_headers=names
    )
    sent["authorization"] = authorization or (
        f"AWS4-HMAC-SHA256 Credential={key}/{now:%Y%m%d}/us-east-1/s3/aws4_request, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    port = listening.port(*_SERVICES["minio"])
    reply = listening.ask(port, message(method, f"{target}?{asked}", dict(sent), body))
    assert reply is not None
    assert _TROUBLE not in reply.body
    own = reply.headers.get("content-type") == "application/xml"  # or the HTTP library's 400
    if reply.status >= 400 and method != "HEAD" and own:
        assert ET.fromstring(reply.body).findtext("Code"), reply


_INFER: JSON = {
    "id": "a",
    "parameters": {},
    "inputs": [{"name": "input-0", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.5] * 350}],
    "outputs": [{"name": "a"}],
}


@cases(60)
@given(
    st.sampled_from(METHODS[:-1] + ("POST",) * 9),
    st.sampled_from(
        (
            "/v2",
            "/v2/",
            "/v2/health/live",
            "/v2/models/a",
            "/v2/models/a/ready",
            "/v2/models/%ff/infer",
            "/v2/pipelines/a/infer",
            "/v2/repository/index",
            *("/v2/models/a/infer",) * 9,
        )
    ),
    st.sampled_from(
        (*("financial-predictor-ab-test.experiment", "baseline-predictor") * 5, *_PLAIN)
    ),
    st.sampled_from((None, ":baseline-predictor_1:", f":a_{'9' * 5000}:", ":a_²:", ":", "é")),
    changes,
    st.sampled_from(
        (None,) * 9 + (b"", b"{", b"1", b"NaN", b"\xff", b"[" * 99_999, b'{"id":"\\ud800"}')
    ),
)
def test_the_mesh(
    listening: Listening,
    method: str,
    path: str,
    model: str,
    route: str | None,
    made: list,  # type: ignore[type-arg]
    raw: bytes | None,
) -> None:
    headers: dict[str, str | bytes] = {"Host": "a", "seldon-model": model}
    if route is not None:
        headers["x-seldon-route"] = route
    body = raw if raw is not None else json.dumps(changed(_INFER, made)).encode()
    port = listening.port(*_SERVICES["mesh"])
    reply = listening.ask(port, message(method, path, headers, body))
    assert reply is not None
    assert _TROUBLE not in reply.body
    assert reply.status in {200, 400, 404, 405, 422, 503}
    if reply.status == 400:
        assert set(json.loads(reply.body)) == {"error"}


def test_every_page_over_http(listening: Listening) -> None:
    for page in PAGES:
        reply = _api(listening, Call("GET", page), {})
        assert reply.status in {200, 301, 400, 403, 404, 406, 503}, page
