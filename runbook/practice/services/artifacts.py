"""What MLflow sees when it looks into the object store: one level of files below an artifact URI.

Rules: a place without files is an empty listing, never an error; a bucket that is not there is; a
store that does not answer is a fault of its own, because MLflow words it differently.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook.practice.services.mlflow_store import invalid, missing
from runbook.practice.services.s3_store import S3Fault, S3Store


class StoreUnreachable(Exception):
    """The object store refuses connections; MLflow answers 500 with a page of HTML."""


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    is_dir: bool
    size: int


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/a/b/` -> ("bucket", "a/b")."""
    scheme, _, rest = uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise invalid(f"artifact location must be s3://BUCKET/PREFIX, got {uri!r}")
    return bucket, prefix.strip("/")


class Artifacts:
    """Reads and writes below `s3://` URIs; `reachable` says whether the store answers now."""

    def __init__(self, store: S3Store, reachable: Callable[[], bool]) -> None:
        self._store = store
        self._reachable = reachable

    def list(self, root: str, path: str = "") -> list[Entry]:
        """Entries directly under root/path, with paths relative to the root."""
        if not self._reachable():
            raise StoreUnreachable
        bucket, prefix = split_uri(root)
        base = f"{prefix}/" if prefix else ""
        below = f"{base}{path.strip('/')}/" if path.strip("/") else base
        try:
            page = self._store.list(bucket, below, delimiter="/")
        except S3Fault as fault:
            raise missing(
                f"Failed to list artifacts in {root}: An error occurred ({fault.code}) when calling "
                f"the ListObjectsV2 operation: {fault.message}"
            ) from fault
        files = [Entry(o.key[len(base) :], is_dir=False, size=len(o.body)) for o in page.objects]
        folders = [
            Entry(g[len(base) :].rstrip("/"), is_dir=True, size=0) for g in page.common_prefixes
        ]
        return sorted(files + folders, key=lambda entry: entry.path)

    def write(self, root: str, files: dict[str, bytes]) -> None:
        """Upload each file under the root, as a training job does."""
        if not self._reachable():
            raise StoreUnreachable
        bucket, prefix = split_uri(root)
        for name, body in files.items():
            self._store.put(bucket, f"{prefix}/{name}" if prefix else name, body)
