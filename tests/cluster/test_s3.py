"""The same requests to MinIO and to practice's S3: status, error code, body and the headers in use."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import pytest

from runbook.mlops.s3 import Keys, S3Error, S3Store
from runbook.practice.services import sigv4
from tests.cluster.flat import Ledger, Meant
from tests.cluster.sides import Side

USER, PASSWORD = "practice-root", "practice-root-minio-77c1e0"
BUCKET = "held"
KEYS = (
    "1/models/m-a/artifacts/MLmodel",
    "1/models/m-a/artifacts/MLmodel.bak",
    "1/models/m-a/artifacts/data/model.pth",
    "1/models/m-b/artifacts/MLmodel",
    "2/x",
    "a b+c&d",
    "ünïcode",
    "z",
)
HEADERS = (
    "accept-ranges",
    "allow",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "server",
    "x-minio-error-code",
    "x-minio-error-desc",
    "x-minio-read-quorum",
    "x-minio-write-quorum",
)
"""What a client reads; of content-length only where the body is compared byte for byte."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
OWN = {"RequestId", "HostId"}
"""Elements that differ from answer to answer."""

MEANT: tuple[Meant, ...] = ()


@dataclass(frozen=True)
class Ask:
    """One request; `query` as it is sent."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    user: str = USER
    password: str = PASSWORD
    skew: float = 0
    region: str = "us-east-1"
    signed: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)
    spoil: Callable[[dict[str, str]], None] | None = None
    """Changes headers that were signed."""

    def of(self, base: str) -> httpx.Response:
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.skew)
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        sent = {
            "host": base.partition("//")[2],
            "x-amz-date": stamp,
            "x-amz-content-sha256": hashlib.sha256(self.body).hexdigest(),
        }
        if self.signed:
            names = tuple(sorted(sent))
            request = sigv4.SignedRequest(self.method, self.path, self.query, sent)
            signature = sigv4.signature(
                request,
                self.password,
                stamp=stamp,
                region=self.region,
                service="s3",
                signed_headers=names,
            )
            scope = f"{now:%Y%m%d}/{self.region}/s3/aws4_request"
            sent["authorization"] = (
                f"{sigv4.ALGORITHM} Credential={self.user}/{scope},"
                f" SignedHeaders={';'.join(names)}, Signature={signature}"
            )
        sent |= {"accept-encoding": "identity", **self.headers}
        if self.spoil:
            self.spoil(sent)
        url = base + self.path + (f"?{self.query}" if self.query else "")
        with httpx.Client(trust_env=False) as http:
            return http.request(self.method, url, content=self.body, headers=sent)


def _without(*names: str) -> Callable[[dict[str, str]], None]:
    def spoil(headers: dict[str, str]) -> None:
        for name in names:
            del headers[name]

    return spoil


def _with(**changes: str) -> Callable[[dict[str, str]], None]:
    def spoil(headers: dict[str, str]) -> None:
        headers.update({name.replace("_", "-"): value for name, value in changes.items()})

    return spoil


def _lists() -> dict[str, str]:
    return {
        "all": "",
        "prefix": "prefix=1/models/m-a/",
        "prefix-of-nothing": "prefix=nowhere/",
        "prefix-is-a-key": "prefix=1/models/m-a/artifacts/MLmodel&max-keys=1",
        "delimiter": "delimiter=/",
        "delimiter-and-prefix": "delimiter=/&prefix=1/models/m-a/artifacts/",
        "delimiter-other": "delimiter=model",
        "two": "max-keys=2",
        "none": "max-keys=0",
        "too-many": "max-keys=5000",
        "minus": "max-keys=-1",
        "no-number": "max-keys=ten",
        "page-just-full": "prefix=1/models/m-a/&max-keys=3",
        "later-page-just-full": "prefix=1/models/m-a/&max-keys=2&start-after=1/models/m-a/artifacts/MLmodel",
        "two-groups": "max-keys=1&delimiter=/",
        "encoded": "encoding-type=url",
        "encoded-prefix": "encoding-type=url&prefix=a%20b",
        "encoded-otherwise": "encoding-type=base64",
        "after": "start-after=2/x",
        "after-the-last": "start-after=zz",
        "owner": "fetch-owner=true&prefix=2/",
        "bad-token": "continuation-token=%21%21",
        "empty-token": "continuation-token=",
    }


def _asks() -> dict[str, Ask]:
    key = f"/{BUCKET}/2/x"
    found = {
        f"list-{name}": Ask("GET", f"/{BUCKET}", f"list-type=2&{query}".rstrip("&"))
        for name, query in _lists().items()
    }
    etag = f'"{hashlib.md5(b"2/x", usedforsecurity=False).hexdigest()}"'
    long_ago, far_off = "Mon, 01 Jan 2001 00:00:00 GMT", "Sat, 01 Jan 2095 00:00:00 GMT"
    conditions = {
        "if-match": {"If-Match": etag},
        "if-match-other": {"If-Match": '"other"'},
        "if-none-match": {"If-None-Match": etag},
        "if-none-match-other": {"If-None-Match": '"other"'},
        "if-none-match-any": {"If-None-Match": "*"},
        "if-modified-since": {"If-Modified-Since": long_ago},
        "if-modified-since-later": {"If-Modified-Since": far_off},
        "if-unmodified-since": {"If-Unmodified-Since": far_off},
        "if-unmodified-since-earlier": {"If-Unmodified-Since": long_ago},
        "range": {"Range": "bytes=0-1"},
        "range-open": {"Range": "bytes=1-"},
        "range-last": {"Range": "bytes=-2"},
        "range-beyond": {"Range": "bytes=1-100"},
        "range-outside": {"Range": "bytes=10-20"},
        "range-nonsense": {"Range": "pages=1-2"},
        "range-backwards": {"Range": "bytes=2-1"},
    }
    for name, headers in conditions.items():
        for method in ("GET", "HEAD"):
            found[f"{method.lower()}-{name}"] = Ask(method, key, headers=headers)
    for method in ("GET", "HEAD"):
        name = method.lower()
        found |= {
            f"{name}-object": Ask(method, key),
            f"{name}-odd-key": Ask(method, f"/{BUCKET}/{quote(KEYS[5])}"),
            f"{name}-unicode-key": Ask(method, f"/{BUCKET}/{quote(KEYS[6])}"),
            f"{name}-missing-key": Ask(method, f"/{BUCKET}/nowhere"),
            f"{name}-missing-bucket": Ask(method, "/nobucket/x"),
            f"{name}-prefix-as-key": Ask(method, f"/{BUCKET}/1/models"),
            f"{name}-anonymous": Ask(method, key, signed=False),
            f"{name}-wrong-password": Ask(method, key, password="wrong"),
            f"{name}-unknown-user": Ask(method, key, user="nobody"),
            f"{name}-slow-clock": Ask(method, key, skew=-1800),
            f"{name}-fast-clock": Ask(method, key, skew=1800),
        }
    return found | {
        "list-missing-bucket": Ask("GET", "/nobucket", "list-type=2"),
        "list-anonymous": Ask("GET", f"/{BUCKET}", "list-type=2", signed=False),
        "list-slash": Ask("GET", f"/{BUCKET}/", "list-type=2&max-keys=1"),
        "list-wrong-password": Ask("GET", f"/{BUCKET}", "list-type=2", password="wrong"),
        "list-unknown-user": Ask("GET", f"/{BUCKET}", "list-type=2", user="nobody"),
        "list-slow-clock": Ask("GET", f"/{BUCKET}", "list-type=2", skew=-1800),
        "list-clock-within-limits": Ask("GET", f"/{BUCKET}", "list-type=2&max-keys=1", skew=800),
        "other-region": Ask("GET", key, region="eu-west-1"),
        "bad-credential": Ask("GET", key, spoil=_with(authorization="AWS4-HMAC-SHA256 x=y")),
        "other-algorithm": Ask("GET", key, spoil=_with(authorization="AWS5 Credential=a/b")),
        "basic": Ask("GET", key, spoil=_with(authorization="Basic YTpi")),
        "bearer": Ask("GET", key, spoil=_with(authorization="Bearer abc")),
        "no-date": Ask("GET", key, spoil=_without("x-amz-date")),
        "odd-date": Ask("GET", key, spoil=_with(x_amz_date="yesterday")),
        "date-not-signed": Ask("GET", key, spoil=_with(x_amz_date="20990101T000000Z")),
        "no-digest": Ask("GET", key, spoil=_without("x-amz-content-sha256")),
        "changed-digest": Ask("GET", key, spoil=_with(x_amz_content_sha256="UNSIGNED-PAYLOAD")),
        "location": Ask("GET", f"/{BUCKET}", "location="),
        "location-missing-bucket": Ask("GET", "/nobucket", "location="),
        "head-bucket": Ask("HEAD", f"/{BUCKET}"),
        "head-no-bucket": Ask("HEAD", "/nobucket"),
        "head-bucket-anonymous": Ask("HEAD", f"/{BUCKET}", signed=False),
        "buckets-anonymous": Ask("GET", "/", signed=False),
        "make-bucket-again": Ask("PUT", f"/{BUCKET}"),
        "make-bucket-bad-name": Ask("PUT", "/No_Bucket"),
        "make-bucket-short-name": Ask("PUT", "/ab"),
        "put": Ask("PUT", f"/{BUCKET}/put", body=b"content"),
        "put-text": Ask("PUT", f"/{BUCKET}/t", body=b"a", headers={"Content-Type": "text/plain"}),
        "get-text": Ask("GET", f"/{BUCKET}/t"),
        "put-missing-bucket": Ask("PUT", "/nobucket/x", body=b"content"),
        "put-anonymous": Ask("PUT", f"/{BUCKET}/x", body=b"content", signed=False),
        "put-other-digest": Ask(
            "PUT", f"/{BUCKET}/x", body=b"content", spoil=_with(x_amz_content_sha256="0" * 64)
        ),
        "put-bad-md5": Ask("PUT", f"/{BUCKET}/x", body=b"c", headers={"Content-MD5": "AAAA"}),
        "put-other-md5": Ask(
            "PUT",
            f"/{BUCKET}/x",
            body=b"c",
            headers={"Content-MD5": base64.b64encode(bytes(16)).decode()},
        ),
        "delete": Ask("DELETE", f"/{BUCKET}/put"),
        "delete-again": Ask("DELETE", f"/{BUCKET}/put"),
        "delete-missing-bucket": Ask("DELETE", "/nobucket/x"),
        "delete-anonymous": Ask("DELETE", key, signed=False),
        "live": Ask("GET", "/minio/health/live", signed=False),
        "live-head": Ask("HEAD", "/minio/health/live", signed=False),
        "ready": Ask("GET", "/minio/health/ready", signed=False),
        "ready-head": Ask("HEAD", "/minio/health/ready", signed=False),
        "cluster": Ask("GET", "/minio/health/cluster", signed=False),
        "cluster-head": Ask("HEAD", "/minio/health/cluster", signed=False),
        "cluster-read": Ask("GET", "/minio/health/cluster/read", signed=False),
        "cluster-maintenance": Ask(
            "GET", "/minio/health/cluster", "maintenance=true", signed=False
        ),
        "health-of-nothing": Ask("GET", "/minio/health/nothing", signed=False),
        "live-post": Ask("POST", "/minio/health/live", signed=False),
    }


ASKS = _asks()


@pytest.fixture(scope="module")
def stores(real: Side, practice: Side) -> Iterator[dict[str, str]]:
    """Addresses of MinIO and of practice's, each with the same objects in a bucket of our own."""
    if real.control_plane is None:
        pytest.skip("MinIO runs beside our own control plane only")
    service = practice.http.get("/api/v1/namespaces/minio/services/minio").json()
    found = {
        "real": real.control_plane.minio(USER, PASSWORD),
        "practice": f"http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}",
    }
    try:
        for base in found.values():
            assert Ask("PUT", f"/{BUCKET}").of(base).status_code == 200
            for key in KEYS:
                put = Ask("PUT", f"/{BUCKET}/{quote(key)}", body=key.encode())
                assert put.of(base).status_code == 200
        yield found
    finally:
        real.control_plane.stop("minio")


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(MEANT)


@pytest.mark.parametrize("name", ASKS)
def test_an_answer_is_minios(stores: Mapping[str, str], ledger: Ledger, name: str) -> None:
    real, practice = (dict(_read(ASKS[name].of(stores[side]))) for side in ("real", "practice"))
    assert ledger.differences(real, practice) == {}


def test_pages_are_the_same(stores: Mapping[str, str]) -> None:
    """Meant: from the third page on, MinIO reads from its own cache of a listing and does not see
    its end, so that a last page that is just full is followed by an empty one.
    """
    ended_late = 0
    for query in ("max-keys=3", "max-keys=2", "max-keys=2&delimiter=/", "max-keys=1&prefix=1/"):
        real, practice = (_pages(stores[side], query) for side in ("real", "practice"))
        assert len(real) > 1, query
        if not real[-1]:
            del real[-1]
            ended_late += 1
        assert practice == real, query
    assert ended_late, "MinIO's pages end like practice's now: hold them to be the same"


async def test_the_projects_client_sees_the_same(stores: Mapping[str, str]) -> None:
    told = {}
    for side, base in stores.items():
        async with httpx.AsyncClient(base_url=f"{base}/", trust_env=False) as http:
            told[side] = [await _told(http, *wanted) for wanted in _WANTED]
    assert told["practice"] == told["real"]
    assert told["real"][0] == list(KEYS[:3])


def test_every_difference_that_is_meant_is_one(ledger: Ledger) -> None:
    assert ledger.compared > 500, "nothing was asked"
    assert ledger.idle == []


_WANTED = (
    (USER, PASSWORD, BUCKET, "1/models/m-a/"),
    (USER, PASSWORD, BUCKET, "nowhere/"),
    (USER, PASSWORD, BUCKET, "a b+c&d"),
    (USER, PASSWORD, BUCKET, "ünïcode"),
    (USER, PASSWORD, "nobucket", ""),
    (USER, "wrong", BUCKET, ""),
    ("nobody", PASSWORD, BUCKET, ""),
    ("", "", BUCKET, ""),
)


async def _told(
    http: httpx.AsyncClient, user: str, password: str, bucket: str, prefix: str
) -> object:
    keys = Keys(user, password) if user else None
    store = S3Store(http, keys, lambda: dt.datetime.now(dt.UTC))
    try:
        return await store.list_keys(bucket, prefix)
    except S3Error as refused:
        return refused.code, refused.status, str(refused)


def _pages(base: str, query: str) -> list[list[str]]:
    """The keys and groups of every page."""
    found: list[list[str]] = []
    token = ""
    while True:
        more = f"&continuation-token={quote(token, safe='')}" if token else ""
        answer = Ask("GET", f"/{BUCKET}", f"list-type=2&{query}{more}").of(base)
        assert answer.status_code == 200, answer.text
        root = ET.fromstring(answer.content)
        wanted = ("Contents/Key", "CommonPrefixes/Prefix")
        found.append([e.text or "" for path in wanted for e in root.findall(_spaced(path))])
        token = root.findtext(_spaced("NextContinuationToken")) or ""
        if not token:
            return found


def _spaced(path: str) -> str:
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    return "/".join(space + name for name in path.split("/"))


def _read(answer: httpx.Response) -> Iterator[tuple[str, object]]:
    """Status, headers and body, without what differs from answer to answer."""
    yield "/status", answer.status_code
    is_xml = answer.content.startswith(b"<?xml")
    for name in HEADERS:
        value = answer.headers.get(name)
        if value is not None and not (is_xml and name == "content-length"):
            yield f"/headers/{name}", "(a time)" if name == "last-modified" else value
    if not is_xml:
        yield "/body", answer.content
        return
    root = ET.fromstring(answer.content)
    yield "/root", root.tag
    yield from _elements(root, "")


def _elements(element: ET.Element, path: str) -> Iterator[tuple[str, object]]:
    """In their order, which some parsers rely on."""
    for index, child in enumerate(element):
        name = child.tag.rpartition("}")[2]
        here = f"{path}/{index}:{name}"
        if name in OWN:
            continue
        if len(child):
            yield from _elements(child, here)
        elif name == "NextContinuationToken":
            yield here, "(a token)"
        else:
            yield here, TIME.sub("(a time)", child.text or "")
