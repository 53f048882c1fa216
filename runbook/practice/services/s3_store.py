"""Buckets and objects in memory: what an object store holds, without how it is asked.

Rules: a key is an opaque string (a slash means nothing but a prefix); listing is in byte order of
keys; asking for a bucket that does not exist is an error, for a prefix without objects is not.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

DEFAULT_TYPE = "binary/octet-stream"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class S3Fault(Exception):
    """An answer S3 gives with an error code, e.g. NoSuchKey."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        *,
        early: bool = False,
        told_on_head: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.early = early
        """Found before anybody looked which bucket and key are meant."""
        self.told_on_head = early or told_on_head
        """A HEAD is answered with the headers of the body it does not get."""
        self.more = dict(more or {})
        """Further elements of the body."""


def no_such_bucket() -> S3Fault:
    return S3Fault("NoSuchBucket", "The specified bucket does not exist", 404)


def no_such_key() -> S3Fault:
    return S3Fault("NoSuchKey", "The specified key does not exist.", 404)


@dataclass(frozen=True, slots=True)
class StoredObject:
    key: str
    body: bytes
    content_type: str
    modified: datetime

    @property
    def etag(self) -> str:
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """One page: entries in key order, groups cut at the delimiter, and where the next one starts."""

    objects: tuple[StoredObject, ...]
    common_prefixes: tuple[str, ...]
    last_key: str
    truncated: bool


class S3Store:
    """Every bucket of one object store."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._buckets: dict[str, dict[str, StoredObject]] = {}
        self._created: dict[str, datetime] = {}

    def create_bucket(self, name: str) -> None:
        if not _BUCKET.fullmatch(name):
            message = "The specified bucket is not valid."
            raise S3Fault("InvalidBucketName", message, 400, early=True)
        if name in self._buckets:
            raise S3Fault(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                409,
            )
        self._buckets[name] = {}
        self._created[name] = self._now()

    def buckets(self) -> Mapping[str, datetime]:
        return dict(sorted(self._created.items()))

    def has_bucket(self, name: str) -> bool:
        return name in self._buckets

    def put(
        self, bucket: str, key: str, body: bytes, content_type: str = DEFAULT_TYPE
    ) -> StoredObject:
        stored = StoredObject(key, body, content_type, self._now())
        self._objects(bucket)[key] = stored
        return stored

    def get(self, bucket: str, key: str) -> StoredObject:
        try:
            return self._objects(bucket)[key]
        except KeyError:
            raise no_such_key() from None

    def delete(self, bucket: str, key: str) -> None:
        """Gone afterwards, whether or not it was there."""
        self._objects(bucket).pop(key, None)

    def list(
        self,
        bucket: str,
        prefix: str = "",
        *,
        delimiter: str = "",
        after: str = "",
        limit: int = 1000,
    ) -> Listing:
        objects = self._objects(bucket)
        keys = sorted(key for key in objects if key.startswith(prefix))
        found: list[StoredObject] = []
        groups: list[str] = []
        last = after
        for key in keys[bisect.bisect_right(keys, after) :]:
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[: cut + len(delimiter)] if cut >= 0 else ""
            if group and (group == after or (groups and groups[-1] == group)):
                continue
            if len(found) + len(groups) == limit:
                return Listing(tuple(found), tuple(groups), last, truncated=True)
            if group:
                groups.append(group)
            else:
                found.append(objects[key])
            last = group or key
        return Listing(tuple(found), tuple(groups), last, truncated=False)

    def _objects(self, bucket: str) -> dict[str, StoredObject]:
        try:
            return self._buckets[bucket]
        except KeyError:
            raise no_such_bucket() from None
