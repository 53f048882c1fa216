"""Getting a model: rclone fetches the files, MLServer loads them. Where each of the two fails, and how.

Rule 1: what happens follows from what really lies in the object store and who may read it, never from
the model's name. Rule 2: the agent's error names rclone's request only; the store's own error is in
the log of the `rclone` container. Rule 3: the MLflow runtime needs the file `MLmodel` directly under
the model's URI.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.objects import namespace_of
from runbook.practice.controllers.seldon.hosts import dial
from runbook.practice.controllers.seldon.inventory import ModelSpec, VersionRef
from runbook.practice.controllers.seldon.rclone import RcloneFault, Remote, from_secret
from runbook.practice.controllers.seldon.wording import go_list

RUNTIMES = (
    "alibi-detect",
    "alibi-explain",
    "lightgbm",
    "mlflow",
    "python",
    "sklearn",
    "xgboost",
)
SETTINGS = "model-settings.json"
MLMODEL = "MLmodel"
_MESSAGES = {
    "InvalidAccessKeyId": "The Access Key Id you provided does not exist in our records.",
    "SignatureDoesNotMatch": (
        "The request signature we calculated does not match the signature you provided."
        " Check your key and signing method."
    ),
    "AccessDenied": "Access Denied.",
}


class ListObjects(Protocol):
    """The object store, asked as rclone asks it: the keys under a prefix, or S3's error code."""

    def __call__(
        self, bucket: str, prefix: str, access_key: str, secret_key: str, /
    ) -> list[str] | str: ...


class LoadFault(Exception):
    """The agent's error, as it reaches the Model's condition."""

    def __init__(self, reason: str, *, rclone: str = "", mlserver: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.rclone = rclone
        self.mlserver = mlserver


@dataclass(frozen=True, slots=True)
class Download:
    """Files that lie in the pod now, relative to the model's URI."""

    path: str
    files: frozenset[str] = field(repr=False)


class Loading:
    """What an agent can fetch and load."""

    def __init__(self, cluster: Cluster, list_objects: ListObjects) -> None:
        self._cluster = cluster
        self._list_objects = list_objects

    def download(self, pod: JSON, spec: ModelSpec, remotes: Mapping[str, Remote]) -> Download:
        """Copy everything under the model's URI into a pod. Raises LoadFault."""
        namespace = str(namespace_of(pod))
        uri = spec.storage_uri
        scheme, separator, rest = uri.partition("://")
        folder = hashlib.sha256(uri.encode()).hexdigest()[:10]
        path = f"/mnt/agent/rclone/{folder}"
        failure = (
            f"Failed to sync/copy {uri} to {path} Failed rclone request to host:0.0.0.0 port:5572"
            " path:/sync/copy"
        )
        if not separator:
            raise LoadFault(failure, rclone=_rc(f'"{uri}" is not a remote path'))
        remote = self._remote(namespace, spec, scheme, remotes)
        if remote is None:
            problem = (
                f'failed to create file system for "{uri}": didn\'t find section in config file'
            )
            raise LoadFault(failure, rclone=_rc(f'{problem} ("{scheme}")'))
        bucket, _, prefix = rest.partition("/")
        keys = self._list(pod, remote, bucket, prefix.strip("/"))
        if isinstance(keys, str):
            raise LoadFault(failure, rclone=_rc(keys))
        if not keys:
            raise LoadFault(f"Failed to download from {uri} any files")
        return Download(path, frozenset(keys))

    def serve(self, spec: ModelSpec, ref: VersionRef, download: Download) -> str:
        """The path that was loaded from. Raises LoadFault."""
        chosen = f"/mnt/agent/models/{ref.internal_name}/{ref.version}"
        if SETTINGS in download.files:
            return chosen
        runtime = next((r for r in RUNTIMES if r in spec.requirements), None)
        if runtime is None:
            wanted = go_list(spec.requirements)
            raise LoadFault(f"Can't create model-settings from requirements {wanted}")
        if runtime == "mlflow" and MLMODEL not in download.files:
            problem = f'Could not find an "MLmodel" configuration file at "{chosen}"'
            error = f"mlflow.exceptions.MlflowException: {problem}"
            raise LoadFault(
                f"rpc error: code = InvalidArgument desc = {error}",
                mlserver=f"Couldn't load model '{ref.internal_name}'. {error}",
            )
        return chosen

    def _remote(
        self, namespace: str, spec: ModelSpec, scheme: str, remotes: Mapping[str, Remote]
    ) -> Remote | None:
        if not spec.secret_name:
            return remotes.get(scheme)
        try:
            remote = from_secret(self._cluster, namespace, spec.secret_name)
        except RcloneFault as fault:
            raise LoadFault(str(fault)) from fault
        if remote.name != scheme:
            raise LoadFault(
                f"name from URI ({scheme}) does not match secret ({remote.name}); are you using the"
                " right storage config?"
            )
        return remote

    def _list(self, pod: JSON, remote: Remote, bucket: str, prefix: str) -> list[str] | str:
        """Keys below the prefix, relative to it; or rclone's complaint."""
        source = f"{remote.name}:{bucket}/{prefix}"
        trouble = self._unreachable(pod, remote)
        if trouble:
            return f'failed to open source "{source}": {trouble}'
        parameters = remote.parameters
        below = f"{prefix}/" if prefix else ""
        answer = self._list_objects(
            bucket,
            below,
            parameters.get("access_key_id", ""),
            parameters.get("secret_access_key", ""),
        )
        if not isinstance(answer, str):
            return [key[len(below) :] for key in answer if key.startswith(below)]
        if answer in {"NoSuchBucket", "NoSuchKey"}:
            return "directory not found"
        message = _MESSAGES.get(answer, "the request was refused")
        return (
            "operation error S3: ListObjectsV2, https response error StatusCode: 403, api error"
            f" {answer}: {message}"
        )

    def _unreachable(self, pod: JSON, remote: Remote) -> str:
        """Why the remote's endpoint cannot be reached from this pod; empty when it can."""
        if remote.type != "s3":
            return f"dial tcp: no route from this cluster to a store of type {remote.type}"
        parts = urlsplit(remote.parameters.get("endpoint", ""))
        host = parts.hostname or "s3.amazonaws.com"
        try:
            dial(self._cluster, pod, host, parts.port or 80)
        except Unreachable as error:
            return str(error)
        return ""


def _rc(problem: str) -> str:
    return f'rc: "sync/copy": error: {problem}'
