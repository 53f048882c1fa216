from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from runbook.practice.services.s3_store import S3Fault, S3Store


def make(*keys: str) -> S3Store:
    store = S3Store(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    store.create_bucket("bucket")
    for key in keys:
        store.put("bucket", key, key.encode())
    return store


def names(store: S3Store, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list("bucket", prefix).objects]


def test_what_was_put_is_got_with_its_md5_as_etag() -> None:
    stored = make("a").get("bucket", "a")
    assert (stored.body, stored.etag) == (b"a", "0cc175b9c0f1b6a831c399e269772661")


def test_a_missing_bucket_is_an_error_and_a_missing_prefix_is_not() -> None:
    store = make("a")
    assert names(store, "zzz") == []
    with pytest.raises(S3Fault, match="bucket does not exist"):
        store.list("nope")


def test_a_missing_key_is_an_error_until_it_is_put() -> None:
    store = make()
    with pytest.raises(S3Fault) as caught:
        store.get("bucket", "k")
    assert (caught.value.code, caught.value.status) == ("NoSuchKey", 404)
    store.put("bucket", "k", b"")
    assert store.get("bucket", "k").body == b""


def test_deleting_is_idempotent() -> None:
    store = make("a")
    store.delete("bucket", "a")
    store.delete("bucket", "a")
    assert names(store) == []


def test_a_bucket_is_created_once() -> None:
    with pytest.raises(S3Fault) as caught:
        make().create_bucket("bucket")
    assert caught.value.code == "BucketAlreadyOwnedByYou"


def test_a_delimiter_groups_what_lies_deeper() -> None:
    page = make("1/a", "1/b/c", "1/b/d", "2").list("bucket", "1/", delimiter="/")
    assert ([o.key for o in page.objects], page.common_prefixes) == (["1/a"], ("1/b/",))


@given(
    keys=st.sets(st.text("ab/", min_size=1, max_size=5), max_size=12),
    limit=st.integers(1, 4),
    delimiter=st.sampled_from(["", "/"]),
    prefix=st.sampled_from(["", "a", "a/"]),
)
def test_pages_joined_are_the_whole_listing(
    keys: set[str], limit: int, delimiter: str, prefix: str
) -> None:
    store = make(*keys)
    whole = store.list("bucket", prefix, delimiter=delimiter)
    objects: list[str] = []
    groups: list[str] = []
    after = ""
    for _ in range(len(keys) + 1):
        page = store.list("bucket", prefix, delimiter=delimiter, after=after, limit=limit)
        objects += [entry.key for entry in page.objects]
        groups += page.common_prefixes
        after = page.last_key
        if not page.truncated:
            break
    assert (objects, groups) == ([o.key for o in whole.objects], list(whole.common_prefixes))
