"""S3 over HTTP, as MinIO answers it: path-style, XML, signed requests, health without a signature.

Serves list (version 2), get, head, put and delete of objects, head, put and list of buckets. Whatever
else S3 can do is answered `NotImplemented`, never a success that did nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.typedefs import Handler

from runbook.practice.services import sigv4
from runbook.practice.services.s3_store import S3Fault, S3Store, no_such_bucket

Credentials = Callable[[], Mapping[str, str]]
_LIST_PARAMETERS = frozenset(
    {
        "list-type",
        "prefix",
        "delimiter",
        "max-keys",
        "start-after",
        "continuation-token",
        "encoding-type",
        "fetch-owner",
    }
)
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_UNCHECKED_PAYLOADS = frozenset({"", "UNSIGNED-PAYLOAD"})


def application(
    store: S3Store, credentials: Credentials, now: Callable[[], datetime]
) -> web.Application:
    """`credentials` answers access key -> secret key, asked on every request."""
    endpoint = _Endpoint(store, credentials, now)
    app = web.Application(middlewares=[endpoint.answer_faults], client_max_size=64 * 1024**2)
    for name in ("live", "ready", "cluster", "cluster/read"):
        app.router.add_get(f"/minio/health/{name}", _health)
    app.router.add_route("*", "/", endpoint.service)
    app.router.add_route("*", "/{bucket}", endpoint.bucket)
    app.router.add_route("*", "/{bucket}/{key:.*}", endpoint.object)
    return app


async def _health(request: web.Request) -> web.Response:
    headers = {"Server": "MinIO", "Vary": "Origin"}
    if request.path.startswith("/minio/health/cluster"):
        headers |= {"X-Minio-Read-Quorum": "1", "X-Minio-Write-Quorum": "1"}
        if request.query.get("maintenance") == "true":
            # One server: draining it loses the write quorum.
            return web.Response(status=412, headers=headers)
    return web.Response(headers=headers)


class _Endpoint:
    def __init__(
        self, store: S3Store, credentials: Credentials, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._now = now

    @web.middleware
    async def answer_faults(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not request.path.startswith("/minio/health/"):
                sigv4.verify(_signed(request), self._credentials(), self._now())
            response = await handler(request)
        except S3Fault as fault:
            response = _error(request, fault)
        response.headers["Server"] = "MinIO"
        return response

    async def service(self, request: web.Request) -> web.Response:
        if request.method != "GET" or request.query:
            raise _not_implemented(request)
        rows = "".join(
            f"<Bucket><Name>{escape(name)}</Name><CreationDate>{_iso(at)}</CreationDate></Bucket>"
            for name, at in self._store.buckets().items()
        )
        return _xml("ListAllMyBucketsResult", f"<Buckets>{rows}</Buckets>")

    async def bucket(self, request: web.Request) -> web.Response:
        name = request.match_info["bucket"]
        if request.method == "PUT" and not request.query:
            self._store.create_bucket(name)
            return web.Response(headers={"Location": f"/{name}"})
        if not self._store.has_bucket(name):
            raise no_such_bucket()
        if request.method == "HEAD" and not request.query:
            return web.Response()
        if request.method == "GET" and "location" in request.query:
            return _xml("LocationConstraint", "")
        if request.method == "GET" and request.query.get("list-type") == "2":
            return self._list(request, name)
        raise _not_implemented(request)

    async def object(self, request: web.Request) -> web.Response:
        bucket, key = request.match_info["bucket"], request.match_info["key"]
        if not key:
            return await self.bucket(request)
        if request.query or "x-amz-copy-source" in request.headers:
            raise _not_implemented(request)
        if request.method in {"GET", "HEAD"}:
            found = self._store.get(bucket, key)
            headers = {
                "ETag": f'"{found.etag}"',
                "Last-Modified": found.modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
                "Content-Type": found.content_type,
            }
            return web.Response(body=found.body, headers=headers)
        if request.method == "PUT":
            body = await _payload(request)
            stored = self._store.put(
                bucket, key, body, request.headers.get("Content-Type", "application/octet-stream")
            )
            return web.Response(headers={"ETag": f'"{stored.etag}"'})
        if request.method == "DELETE":
            self._store.delete(bucket, key)
            return web.Response(status=204)
        raise _not_implemented(request)

    def _list(self, request: web.Request, bucket: str) -> web.Response:
        query = request.query
        if unknown := sorted(set(query) - _LIST_PARAMETERS):
            raise S3Fault("NotImplemented", f"Unknown listing parameter {unknown[0]!r}", 501)
        limit = _max_keys(query.get("max-keys", "1000"))
        token = query.get("continuation-token", "")
        after = _from_token(token) if token else query.get("start-after", "")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        page = self._store.list(bucket, prefix, delimiter=delimiter, after=after, limit=limit)
        encode = quote if query.get("encoding-type") == "url" else _plain
        body = [
            f"<Name>{escape(bucket)}</Name>",
            f"<Prefix>{escape(encode(prefix))}</Prefix>",
            f"<KeyCount>{len(page.objects) + len(page.common_prefixes)}</KeyCount>",
            f"<MaxKeys>{limit}</MaxKeys>",
        ]
        if delimiter:
            body.append(f"<Delimiter>{escape(delimiter)}</Delimiter>")
        body.append(f"<IsTruncated>{str(page.truncated).lower()}</IsTruncated>")
        if page.truncated:
            body.append(
                f"<NextContinuationToken>{_to_token(page.last_key)}</NextContinuationToken>"
            )
        body += [
            f"<Contents><Key>{escape(encode(entry.key))}</Key>"
            f"<LastModified>{_iso(entry.modified)}</LastModified>"
            f"<ETag>&#34;{entry.etag}&#34;</ETag><Size>{len(entry.body)}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for entry in page.objects
        ]
        body += [
            f"<CommonPrefixes><Prefix>{escape(encode(group))}</Prefix></CommonPrefixes>"
            for group in page.common_prefixes
        ]
        return _xml("ListBucketResult", "".join(body))


def _plain(text: str) -> str:
    return text


def _signed(request: web.Request) -> sigv4.SignedRequest:
    raw_path, _, query = request.raw_path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return sigv4.SignedRequest(request.method, raw_path, query, headers)


async def _payload(request: web.Request) -> bytes:
    declared = request.headers.get("x-amz-content-sha256", "")
    if declared.startswith("STREAMING-"):
        raise S3Fault(
            "NotImplemented",
            f"A header you provided implies functionality that is not implemented: {declared}",
            501,
        )
    body = await request.read()
    if declared not in _UNCHECKED_PAYLOADS and hashlib.sha256(body).hexdigest() != declared:
        raise S3Fault(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
        )
    return body


def _max_keys(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise S3Fault(
            "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647", 400
        )
    return min(value, 1000)


def _to_token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise S3Fault(
            "InvalidArgument", "The continuation token provided is incorrect", 400
        ) from None


def _not_implemented(request: web.Request) -> S3Fault:
    wanted = f"{request.method} {request.path}"
    if request.query_string:
        wanted += f"?{request.query_string}"
    return S3Fault(
        "NotImplemented", f"A header or query you provided is not implemented: {wanted}", 501
    )


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _xml(root: str, inner: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'
    return web.Response(text=text, content_type="application/xml")


def _error(request: web.Request, fault: S3Fault) -> web.Response:
    if request.method == "HEAD":
        return web.Response(status=fault.status)  # a HEAD has no body, hence no code
    bucket, _, key = request.path.lstrip("/").partition("/")
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{fault.code}</Code><Message>{escape(fault.message)}</Message>"
        + (f"<Key>{escape(key)}</Key>" if key else "")
        + (f"<BucketName>{escape(bucket)}</BucketName>" if bucket else "")
        + f"<Resource>{escape(request.path)}</Resource></Error>"
    )
    return web.Response(status=fault.status, text=text, content_type="application/xml")
