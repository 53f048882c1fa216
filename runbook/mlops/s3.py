"""Reading an S3 store: which keys there are. Path-style requests, signed with Signature Version 4.

Always LIST, never HEAD: the answer to a refused HEAD has no body and so no reason. A prefix that no
key has is not an error in S3 but an empty list, and `MLmodel` is also a prefix of `MLmodel.bak`: so
an object exists only when its exact key is listed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx

from runbook.errors import RunbookError

EMPTY = hashlib.sha256(b"").hexdigest()

NOT_OUR_BUSINESS = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"}
)
"""Refusals that say something about our key or clock, and nothing about the objects."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of an S3 store; their secret is never shown."""

    access_key: str
    secret_key: str
    region: str = "us-east-1"

    def __repr__(self) -> str:
        return f"Keys({self.access_key!r})"


class S3Error(RunbookError):
    """The store answered with an error, or with something that is no S3."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.status = status

    @property
    def says_nothing_of_objects(self) -> bool:
        return self.code in NOT_OUR_BUSINESS or self.code == "NotS3" or self.status >= 500


class SignatureV4(httpx.Auth):
    """Signs a request without a body exactly as it is going to be sent."""

    def __init__(self, keys: Keys, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        moment = self._now().strftime("%Y%m%dT%H%M%SZ")
        request.headers["x-amz-date"] = moment
        request.headers["x-amz-content-sha256"] = EMPTY
        request.headers["authorization"] = self._authorization(request, moment)
        yield request

    def _authorization(self, request: httpx.Request, moment: str) -> str:
        path, _, query = request.url.raw_path.decode("ascii").partition("?")
        signed = ("host", "x-amz-content-sha256", "x-amz-date")
        canonical = "\n".join(
            (
                request.method,
                path,
                "&".join(sorted(query.split("&"))) if query else "",
                *(f"{name}:{request.headers[name].strip()}" for name in signed),
                "",
                ";".join(signed),
                EMPTY,
            )
        )
        keys = self._keys
        scope = f"{moment[:8]}/{keys.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
        key = f"AWS4{keys.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope},"
            f"SignedHeaders={';'.join(signed)},Signature={signature}"
        )


class S3Store:
    """One store. `http` has the store's endpoint as its base; without keys, asks anonymously."""

    def __init__(
        self, http: httpx.AsyncClient, keys: Keys | None, now: Callable[[], datetime]
    ) -> None:
        self._http = http
        self._auth = SignatureV4(keys, now) if keys else None

    async def list_keys(self, bucket: str, prefix: str = "", *, limit: int = 1000) -> list[str]:
        """The first keys that start with `prefix`, in order. Raises `S3Error`."""
        query = f"list-type=2&max-keys={limit}&prefix={quote(prefix, safe='-_.~')}"
        answer = await self._http.get(f"{quote(bucket, safe='')}?{query}", auth=self._auth)
        root = _document(answer)
        if answer.status_code != 200 or _tag(root) != "ListBucketResult":
            raise _error(answer, root)
        return [key.text or "" for key in root.iter() if _tag(key) == "Key"]

    async def exists(self, bucket: str, key: str) -> bool:
        """Whether this exact object is there. A key sorts before all longer ones it begins."""
        return await self.list_keys(bucket, key, limit=1) == [key]


def _document(answer: httpx.Response) -> ET.Element:
    try:
        return ET.fromstring(answer.content)  # noqa: S314 - expat limits entity expansion
    except ET.ParseError as error:
        text = answer.text.strip()[:120]
        raise S3Error(
            "NotS3", answer.status_code, f"HTTP {answer.status_code} {text}".rstrip()
        ) from error


def _error(answer: httpx.Response, root: ET.Element) -> S3Error:
    fields = {_tag(child): child.text or "" for child in root}
    code = fields.get("Code") or "NotS3"
    return S3Error(code, answer.status_code, fields.get("Message", ""))


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
