"""S3 over HTTP, as MinIO answers it: path-style, XML, signed requests, health without a signature.

Serves list (version 2), get, head, put and delete of objects, head, put and list of buckets. Whatever
else S3 can do is answered `NotImplemented`, never a success that did nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from aiohttp import web
from aiohttp.typedefs import Handler

from runbook.practice.services import sigv4
from runbook.practice.services.s3_conditions import is_unchanged, part
from runbook.practice.services.s3_store import (
    DEFAULT_TYPE,
    Listing,
    S3Fault,
    S3Store,
    StoredObject,
    no_such_bucket,
)

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
_HOST_ID = hashlib.sha256(b"practice").hexdigest()
_OWNER = (
    "<Owner><ID>02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4</ID>"
    "<DisplayName>minio</DisplayName></Owner>"
)
"""MinIO's only owner, the same in every installation."""
_HEALTH = frozenset(
    f"/minio/health/{name}" for name in ("live", "ready", "cluster", "cluster/read")
)
# As Go writes XML: what may not stand in it becomes a replacement character.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNCHECKED_PAYLOADS = frozenset({"", "UNSIGNED-PAYLOAD"})


def application(
    store: S3Store, credentials: Credentials, now: Callable[[], datetime]
) -> web.Application:
    """`credentials` answers access key -> secret key, asked on every request."""
    endpoint = _Endpoint(store, credentials, now)
    app = web.Application(middlewares=[endpoint.answer_faults], client_max_size=64 * 1024**2)
    for path in _HEALTH:
        app.router.add_route("*", path, _health)
    app.router.add_route("*", "/", endpoint.service)
    app.router.add_route("*", "/{bucket}", endpoint.bucket)
    app.router.add_route("*", "/{bucket}/{key:.*}", endpoint.object)
    return app


async def _health(request: web.Request) -> web.Response:
    if request.method not in {"GET", "HEAD"}:
        wanted = f"{request.method} at '{request.path}'"
        message = f"An unsupported API call for method: {wanted}"
        raise S3Fault("BadRequest", message, 400, early=True)
    headers = {"Vary": "Origin"}
    if request.path == "/minio/health/cluster/read":
        headers["X-Minio-Read-Quorum"] = "1"
    elif request.path == "/minio/health/cluster":
        headers["X-Minio-Write-Quorum"] = "1"
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
            if request.path not in _HEALTH:
                sigv4.verify(_signed(request), self._credentials(), self._now())
            response = await handler(request)
        except S3Fault as fault:
            response = _error(request, fault)
        response.headers.update({"Server": "MinIO", "Accept-Ranges": "bytes"})
        if request.method == "HEAD" and response.status != 304 and not response.content_length:
            response.headers["Content-Length"] = "0"
        return response

    async def service(self, request: web.Request) -> web.Response:
        if request.method != "GET" or request.query:
            raise _not_implemented(request)
        rows = "".join(
            f"<Bucket><Name>{escape(name)}</Name><CreationDate>{_iso(at)}</CreationDate></Bucket>"
            for name, at in self._store.buckets().items()
        )
        return _xml("ListAllMyBucketsResult", f"{_OWNER}<Buckets>{rows}</Buckets>")

    async def bucket(self, request: web.Request) -> web.Response:
        name = request.match_info["bucket"]
        if request.method == "PUT" and not request.query:
            self._store.create_bucket(name)
            return web.Response(headers={"Location": f"/{name}"})
        if not self._store.has_bucket(name):
            raise no_such_bucket()
        if request.method == "HEAD" and not request.query:
            return web.Response(headers={"Content-Type": "application/xml"})
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
            return _read(request, self._store.get(bucket, key))
        if request.method == "PUT":
            body = await _payload(request)
            stored = self._store.put(
                bucket, key, body, request.headers.get("Content-Type", DEFAULT_TYPE)
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
        asked = _max_keys(query.get("max-keys", "1000"))
        token, start = query.get("continuation-token"), query.get("start-after", "")
        after = start if token is None else _from_token(token)
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        encoding = query.get("encoding-type", "")
        if encoding.lower() not in {"", "url"}:
            message = "Invalid Encoding Method specified in Request"
            raise S3Fault("InvalidArgument", message, 400)
        page = self._page(bucket, prefix, delimiter, after, min(asked, 1000))

        def field(name: str, value: str, *, always: bool = False) -> str:
            return f"<{name}>{escape(value)}</{name}>" if value or always else ""

        encode = _url_encoded if encoding else str
        owner = _OWNER if query.get("fetch-owner") == "true" else ""
        contents = (
            f"<Contents><Key>{escape(encode(entry.key))}</Key>"
            f"<LastModified>{_iso(entry.modified)}</LastModified>"
            f"<ETag>&#34;{entry.etag}&#34;</ETag><Size>{len(entry.body)}</Size>{owner}"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            for entry in page.objects
        )
        groups = (
            f"<CommonPrefixes><Prefix>{escape(encode(group))}</Prefix></CommonPrefixes>"
            for group in page.common_prefixes
        )
        following = _to_token(page.last_key) if page.truncated else ""
        body = (
            field("Name", bucket),
            field("Prefix", encode(prefix), always=True),
            field("StartAfter", encode(start)),
            field("ContinuationToken", token or ""),
            field("NextContinuationToken", following),
            field("KeyCount", str(len(page.objects) + len(page.common_prefixes))),
            field("MaxKeys", str(asked)),
            field("Delimiter", encode(delimiter)),
            field("IsTruncated", str(page.truncated).lower()),
            *contents,
            *groups,
            field("EncodingType", encoding),
        )
        return _xml("ListBucketResult", "".join(body))

    def _page(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Listing:
        """MinIO answers a look for one object that is there without looking what else there is."""
        if limit == 0:
            return Listing((), (), after, truncated=False)
        if limit == 1 and prefix and not after:
            try:
                return Listing((self._store.get(bucket, prefix),), (), prefix, truncated=False)
            except S3Fault:
                pass
        return self._store.list(bucket, prefix, delimiter=delimiter, after=after, limit=limit)


def _read(request: web.Request, found: StoredObject) -> web.Response:
    headers = {
        "ETag": f'"{found.etag}"',
        "Last-Modified": found.modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    asked = {name.lower(): value for name, value in request.headers.items()}
    typed = {**headers, "Content-Type": found.content_type}
    try:
        if is_unchanged(found, asked):
            return web.Response(status=304, headers=headers)
        wanted = part(asked.get("range"), len(found.body))
    except S3Fault as fault:
        response = _error(request, fault)
        if fault.status == 412:
            response.headers.update(headers)
        elif fault.more and request.method == "HEAD":
            response.headers.update(typed)
        return response
    if wanted is None:
        return web.Response(body=found.body, headers=typed)
    typed["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(found.body)}"
    return web.Response(status=206, body=found.body[wanted], headers=typed)


def _url_encoded(text: str) -> str:
    return quote_plus(text, safe="-_./*").replace("~", "%7E")


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
    if (checksum := request.headers.get("Content-MD5")) is not None:
        _check_md5(checksum, body)
    if declared not in _UNCHECKED_PAYLOADS and hashlib.sha256(body).hexdigest() != declared:
        raise S3Fault(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
        )
    return body


def _check_md5(text: str, body: bytes) -> None:
    try:
        told = base64.b64decode(text, validate=True)
    except ValueError:
        told = b""
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    if len(told) != len(digest):
        raise S3Fault("InvalidDigest", "The Content-Md5 you specified is not valid.", 400)
    if told != digest:
        message = "The Content-Md5 you specified did not match what we received."
        raise S3Fault("BadDigest", message, 400)


def _max_keys(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise S3Fault(
            "InvalidArgument", "Argument maxKeys must be an integer between 0 and 2147483647", 400
        )
    return value


def _to_token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _from_token(token: str) -> str:
    try:
        key = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        key = ""
    if not key:
        raise S3Fault("InvalidArgument", "The continuation token provided is incorrect", 400)
    return key


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
    return web.Response(
        body=_NOT_IN_XML.sub("\ufffd", text).encode(), headers={"Content-Type": "application/xml"}
    )


def _error(request: web.Request, fault: S3Fault) -> web.Response:
    request_id = f"{secrets.randbits(64):016X}"
    headers = {"X-Amz-Request-Id": request_id, "X-Amz-Id-2": _HOST_ID}
    if request.method == "HEAD" and not fault.told_on_head:
        # It has no body, hence no code; MinIO's own headers tell it.
        headers |= {
            "X-Minio-Error-Code": fault.code,
            "X-Minio-Error-Desc": f'"{fault.message}"',
        }
        return web.Response(status=fault.status, headers=headers)
    bucket, _, key = ("" if fault.early else request.path.lstrip("/")).partition("/")
    told = {
        "Code": fault.code,
        "Message": fault.message,
        **({"Key": key} if key else {}),
        **({"BucketName": bucket} if bucket else {}),
        "Resource": request.path,
        "RequestId": request_id,
        "HostId": _HOST_ID,
        **fault.more,
    }
    inner = "".join(
        f"<{name}>{escape(value, {chr(39): '&#39;', chr(34): '&#34;'})}</{name}>"
        for name, value in told.items()
    )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    headers["Content-Type"] = "application/xml"
    return web.Response(
        status=fault.status, body=_NOT_IN_XML.sub("\ufffd", text).encode(), headers=headers
    )
