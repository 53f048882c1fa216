"""What of an object is asked for, and under which conditions: ranges and `If-` headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runbook.practice.services.s3_store import S3Fault, StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_NOT_SATISFIABLE = "The requested range is not satisfiable"


def is_unchanged(found: StoredObject, headers: Mapping[str, str]) -> bool:
    """Whether the client has it already (304). Raises PreconditionFailed; names are in lower case."""
    modified = found.modified.replace(microsecond=0)
    since = _date(headers.get("if-modified-since"))
    if since is not None and modified <= since:
        return True
    before = _date(headers.get("if-unmodified-since"))
    wanted = headers.get("if-match")
    if (before is not None and modified > before) or (
        wanted is not None and not _names(wanted, found)
    ):
        raise S3Fault(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            412,
            told_on_head=True,
        )
    unwanted = headers.get("if-none-match")
    return unwanted is not None and (unwanted.strip() == "*" or _names(unwanted, found))


def part(header: str | None, size: int) -> slice | None:
    """The bytes that a Range header asks for; None for all. Raises InvalidRange."""
    asked = _RANGE.fullmatch(header or "")
    if asked is None or not (asked[1] or asked[2]):
        return None
    if not asked[1]:
        last = min(int(asked[2]), size)
        if last == 0:
            raise S3Fault("InvalidRange", _NOT_SATISFIABLE, 416)
        return slice(size - last, size)
    start, end = int(asked[1]), int(asked[2]) if asked[2] else size - 1
    if end < start and asked[2]:
        raise S3Fault("InvalidRange", _NOT_SATISFIABLE, 416)
    if start >= size:
        range_ = f"{start}-{asked[2]}"
        raise S3Fault(
            "InvalidRange",
            f"The requested range 'bytes={range_}' is not satisfiable",
            416,
            more={"ActualObjectSize": str(size), "RangeRequested": range_},
        )
    return slice(start, min(end + 1, size))


def _names(header: str, found: StoredObject) -> bool:
    return found.etag in {each.strip().strip('"') for each in header.split(",")}


def _date(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
