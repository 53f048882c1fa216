"""Where a model's files are, as MLflow says it and as a Model's `storageUri` has to say it. Pure.

Seldon's agent reads `REMOTE://bucket/path`, where REMOTE is the name of an rclone remote on that cluster:
`s3` on one, `minio` on another. So the remote of the old value is kept, and only a bucket that is expected
is written. `mlflow-artifacts:/` names no bucket at all: the server alone knows where it leads.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from runbook.mlops.failures import Failure, MlflowError

PROXIED = "mlflow-artifacts"
_WRITTEN = re.compile(r"(?P<remote>[A-Za-z0-9][\w .+@-]*)://(?P<bucket>[^/\s]+)(?P<path>/\S*)?")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def is_proxied(uri: str) -> bool:
    """Whether only the MLflow server knows where this is."""
    return uri.startswith(f"{PROXIED}:")


def proxied_path(uri: str) -> str:
    """The path within the server's store: `mlflow-artifacts:/1/models` or with `//host:port` before it."""
    return urlsplit(uri).path.strip("/")


def under(destination: str, uri: str) -> str:
    """A proxied location by the server's `--artifacts-destination`. Raises MlflowError."""
    if not destination.startswith("s3://") or not _BUCKET.fullmatch(urlsplit(destination).netloc):
        raise MlflowError(
            Failure.UNSUPPORTED_STORE, f"{destination!r} is not s3://BUCKET or s3://BUCKET/PREFIX"
        )
    return f"{destination.rstrip('/')}/{proxied_path(uri)}"


def by_presigned(url: str, path: str) -> str:
    """The location behind a presigned, path-style URL of `path`. The URL itself opens the file: it is never told.

    Raises MlflowError when it does not end with the path that was asked for.
    """
    told = unquote(urlsplit(url).path).strip("/")
    where, _, rest = told.rpartition(path)
    if rest or not where.strip("/"):
        raise MlflowError(
            Failure.NEEDS_TRANSLATION, "the server's presigned address has no bucket in its path"
        )
    return f"s3://{where.strip('/')}/{path}".removesuffix("/MLmodel")


def require_s3(uri: str) -> str:
    """The same location when it is in an S3 store. Raises MlflowError."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise MlflowError(Failure.UNSUPPORTED_STORE, f"the model is at {uri}")
    return uri.rstrip("/")


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Of an `s3://` location."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.strip("/")


def written(found: str, old: str, *, bucket: str = "", remote: str = "") -> str:
    """What replaces `old` so that it leads to `found` (an `s3://` location). Raises MlflowError.

    Its remote and its final slash stay. A bucket that is not the old one must be the `bucket` that was named.
    """
    before = _WRITTEN.fullmatch(old)
    if before is None:
        raise MlflowError(
            Failure.UNSUPPORTED_STORE, f"storageUri is {old!r}, and not REMOTE://BUCKET/PATH"
        )
    now, key = bucket_and_key(found)
    wanted = bucket or before["bucket"]
    if now != wanted:
        raise MlflowError(
            Failure.WRONG_BUCKET, f"the model is in bucket {now}; {wanted} is expected (from {old})"
        )
    slash = "/" if not before["path"] or before["path"].endswith("/") else ""
    return f"{remote or before['remote']}://{now}/{key}{slash}"
