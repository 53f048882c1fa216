"""Locations: what MLflow says, what the store has, what a manifest has to say."""

from __future__ import annotations

import pytest

from runbook.mlops.failures import MlflowError
from runbook.mlops.storage_uris import (
    bucket_and_key,
    by_presigned,
    is_proxied,
    proxied_path,
    require_s3,
    under,
    written,
)

FOUND = "s3://mlflow-artifacts/1/models/m-2/artifacts"


@pytest.mark.parametrize(
    ("old", "more", "new"),
    [
        ("s3://mlflow-artifacts/1/models/m-1/artifacts/", {}, f"{FOUND}/"),
        ("s3://mlflow-artifacts/1/models/m-1/artifacts", {}, FOUND),
        ("minio://mlflow-artifacts/1/x/", {}, f"{FOUND.replace('s3:', 'minio:')}/"),
        ("my remote://mlflow-artifacts/1/x", {}, FOUND.replace("s3:", "my remote:")),
        ("gs://mlflow-artifacts/x", {"remote": "s3"}, FOUND),
        ("gs://seldon-models/x", {"remote": "s3", "bucket": "mlflow-artifacts"}, FOUND),
        ("s3://mlflow-artifacts", {}, f"{FOUND}/"),
        (FOUND, {}, FOUND),
    ],
)
def test_the_remote_and_the_slash_of_the_old_value_stay(
    old: str, more: dict[str, str], new: str
) -> None:
    assert written(FOUND, old, **more) == new


@pytest.mark.parametrize(
    ("old", "more", "name"),
    [
        ("s3://other/1/x/", {}, "wrong-bucket"),
        ("gs://seldon-models/x", {"remote": "s3"}, "wrong-bucket"),
        ("s3://mlflow-artifacts/x", {"bucket": "other"}, "wrong-bucket"),
        ("", {}, "unsupported-store"),
        ("/mnt/models", {}, "unsupported-store"),
        ("{{ .Values.uri }}", {}, "unsupported-store"),
        ("s3://a b/x", {}, "unsupported-store"),
    ],
)
def test_what_would_lead_elsewhere_is_refused(old: str, more: dict[str, str], name: str) -> None:
    with pytest.raises(MlflowError) as refused:
        written(FOUND, old, **more)
    assert refused.value.failure == name


@pytest.mark.parametrize(
    "uri",
    ["file:///mlruns/1", "gs://b/x", "/mlruns/1", "dbfs:/x", "s3://", "s3://bucket", "s3:///x", ""],
)
def test_what_is_in_no_s3_store_cannot_be_written(uri: str) -> None:
    with pytest.raises(MlflowError) as refused:
        require_s3(uri)
    assert refused.value.failure == "unsupported-store"


def test_a_location_has_a_bucket_and_a_key() -> None:
    assert require_s3(f"{FOUND}/") == FOUND
    assert bucket_and_key(FOUND) == ("mlflow-artifacts", "1/models/m-2/artifacts")


@pytest.mark.parametrize(
    "uri", ["mlflow-artifacts:/1/models/m-2", "mlflow-artifacts://host:5000/1/models/m-2/"]
)
def test_a_proxied_location_is_translated_by_the_destination(uri: str) -> None:
    assert is_proxied(uri)
    assert proxied_path(uri) == "1/models/m-2"
    assert under("s3://bucket/team/x/", uri) == "s3://bucket/team/x/1/models/m-2"
    assert not is_proxied("s3://mlflow-artifacts/1")


@pytest.mark.parametrize("destination", ["gs://bucket", "/data", "s3://", "bucket", "s3://UPPER/x"])
def test_a_destination_is_an_s3_bucket(destination: str) -> None:
    with pytest.raises(MlflowError):
        under(destination, "mlflow-artifacts:/1")


def test_a_presigned_address_tells_bucket_and_prefix_and_is_never_told_itself() -> None:
    path = "1/models/m 2/artifacts/MLmodel"
    url = "http://minio:9000/bucket/team/x/1/models/m%202/artifacts/MLmodel?X-Amz-Signature=c0ffee"
    assert by_presigned(url, path) == "s3://bucket/team/x/1/models/m 2/artifacts"
    for wrong in (
        "http://bucket.s3/1/models/m%202/artifacts/MLmodel?sig=c0ffee",
        f"{url.partition('?')[0]}/more?sig=c0ffee",
        "",
        "http://x/y?c0ffee",
    ):
        with pytest.raises(MlflowError) as refused:
            by_presigned(wrong, path)
        assert refused.value.failure == "needs-translation"
        assert "c0ffee" not in str(refused.value)
