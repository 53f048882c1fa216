"""From where MLflow says a model is to where it really is, in S3; proven there too when keys are given."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from runbook.mlops import storage_uris
from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.mlflow import MlflowApi
from runbook.mlops.s3 import S3Error, S3Store


@dataclass(frozen=True, slots=True)
class Locator:
    """`destination` is the server's own `--artifacts-destination`; without one the server is asked."""

    api: MlflowApi
    destination: str = ""
    store: S3Store | None = None

    async def located(self, uri: str) -> str:
        """The `s3://` location of a model's files. Raises MlflowError."""
        if storage_uris.is_proxied(uri):
            uri = await self._translated(uri)
        location = storage_uris.require_s3(uri)
        if self.store is not None:
            await _prove(self.store, location)
        return location

    async def _translated(self, uri: str) -> str:
        if self.destination:
            return storage_uris.under(self.destination, uri)
        path = f"{storage_uris.proxied_path(uri)}/MLmodel"
        return storage_uris.by_presigned(await self.api.presigned(path), path)


async def _prove(store: S3Store, location: str) -> None:
    """Look for MLmodel with keys of our own, which MLflow's word does not depend on."""
    bucket, key = storage_uris.bucket_and_key(location)
    try:
        there = await store.exists(bucket, f"{key}/MLmodel")
    except S3Error as error:
        if error.code == "NoSuchBucket":
            raise MlflowError(
                Failure.BUCKET_MISSING, f"bucket {bucket}: {error.message}"
            ) from error
        raise MlflowError(
            Failure.NOT_PROVEN, f"bucket {bucket}, asked with your own keys: {error.message}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MlflowError(Failure.NOT_PROVEN, f"S3 gives no answer: {error}") from error
    if not there:
        raise MlflowError(Failure.ARTIFACTS_MISSING, f"no object {key}/MLmodel in bucket {bucket}")
