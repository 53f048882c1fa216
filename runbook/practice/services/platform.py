"""The platform's three services, wired: MLflow over MinIO's buckets, and the mesh over Seldon's routes.

What they hold lives outside every namespace an application may delete. Who may log in is read from the
platform's Secrets at every request, so a changed Secret is a changed password. MLflow writes and lists
through MinIO only while MinIO answers. Which Service leads to which of them is told by its selector.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import resources
from typing import Any

import yaml
from aiohttp import web

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.services import mesh, mlflow, s3
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.listener import Application
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from runbook.practice.services.s3_store import S3Fault, S3Store
from runbook.practice.services.training import Trainer

ARTIFACT_BUCKET = "mlflow-artifacts"
BUCKETS = (ARTIFACT_BUCKET, "argo-artifacts")
_MLFLOW, _MINIO = {"app": "mlflow"}, {"app": "minio"}
_ENVOY = {"app.kubernetes.io/name": "seldon-envoy"}

RoutesOf = Callable[[str, str], Sequence[mesh.Candidate]]
"""(namespace of the mesh, value of `seldon-model`) -> candidates."""


class PlatformServices:
    """MLflow, MinIO and the meshes of one cluster."""

    def __init__(
        self,
        cluster: Cluster,
        routes: RoutesOf,
        *,
        minio_answers: Callable[[], bool],
        chance: random.Random,
    ) -> None:
        self._cluster = cluster
        self._routes = routes
        self._chance = chance
        self._now = cluster.timeline.now
        self.s3 = S3Store(self._now)
        for bucket in BUCKETS:
            self.s3.create_bucket(bucket)
        self.mlflow = MlflowStore(self._now, chance, f"s3://{ARTIFACT_BUCKET}")
        self.artifacts = Artifacts(self.s3, minio_answers)
        self.trainer = Trainer(self.mlflow, self.artifacts, chance)

    def program(self, service: JSON, port: JSON) -> Application | None:
        """What answers on a port of a Service."""
        spec, namespace = service.get("spec") or {}, service["metadata"].get("namespace", "")
        selector = spec.get("selector")
        if (namespace, selector, port["port"]) == ("mlflow", _MLFLOW, 5000):
            return self._mlflow_application
        if (namespace, selector, port["port"]) == ("minio", _MINIO, 9000):
            return self._minio_application
        if selector == _ENVOY and port.get("name") == "http":
            return lambda: mesh.application(
                lambda name: self._routes(namespace, name), self._chance
            )
        return None

    def remember(self) -> None:
        """Fill in what was trained before the machine's beginning; MinIO must answer already."""
        text = resources.files("runbook.practice.seed").joinpath("history.yaml").read_text("utf-8")
        for entry in yaml.safe_load(text):
            self._remember(entry)

    def newest_model(self, variant: str) -> str:
        """The id of the model that the newest finished run of a variant logged; "" without one."""
        runs = {run.run_id: run for run in self.mlflow.runs.values()}
        made = [
            (run.end_time or 0, model.model_id)
            for model in self.mlflow.models.values()
            if (run := runs.get(model.source_run_id)) is not None
            and run.status == "FINISHED"
            and run.params.get("model_variant") == variant
        ]
        return max(made, default=(0, ""))[1]

    def object_store_accounts(self) -> dict[str, str]:
        """MinIO's access keys with their secret keys."""
        root = self._secret("minio", "minio")
        accounts = self._secret("minio", "minio-users")
        if "rootUser" in root:
            accounts[root["rootUser"]] = root.get("rootPassword", "")
        return accounts

    def list_objects(
        self, bucket: str, prefix: str, access_key: str, secret_key: str, /
    ) -> list[str] | str:
        """Keys below a prefix, or S3's error code: the store as a signed client sees it."""
        secret = self.object_store_accounts().get(access_key)
        if secret is None:
            return "InvalidAccessKeyId"
        if secret != secret_key:
            return "SignatureDoesNotMatch"
        keys: list[str] = []
        after = ""
        try:
            while True:
                page = self.s3.list(bucket, prefix, after=after)
                keys += [entry.key for entry in page.objects]
                if not page.truncated:
                    return keys
                after = page.last_key
        except S3Fault as fault:
            return fault.code

    def tracking_accounts(self) -> dict[str, str]:
        """MLflow's users with their passwords."""
        known = self._secret("mlflow", "ml-platform")
        user = known.get("MLFLOW_TRACKING_USERNAME")
        return {user: known.get("MLFLOW_TRACKING_PASSWORD", "")} if user else {}

    def _remember(self, entry: Mapping[str, Any]) -> None:
        ended = self._now() - timedelta(days=entry["days_ago"])
        started = ended - timedelta(minutes=entry["minutes"])
        run_id = self.trainer.begin(entry["variant"], started=started, run_id=entry["run_id"])
        if entry.get("fails"):
            end = int(ended.timestamp() * 1000)
            self.mlflow.update_run(run_id, status="FAILED", end_time=end)
        else:
            self.trainer.finish(run_id, ended=ended, model_id=entry["model_id"])

    def _minio_application(self) -> web.Application:
        return s3.application(self.s3, self.object_store_accounts, self._now)

    def _mlflow_application(self) -> web.Application:
        tracking = Tracking(self.mlflow, self.artifacts)
        return mlflow.application(tracking, self.tracking_accounts)

    def _secret(self, namespace: str, name: str) -> dict[str, str]:
        """A Secret's readable values; {} when it is missing."""
        secret = self._cluster.get("secrets", namespace, name) or {}
        values: dict[str, str] = {}
        for key, encoded in (secret.get("data") or {}).items():
            try:
                values[key] = base64.b64decode(encoded).decode()
            except ValueError:
                continue  # not a text, so nobody can type it as a password
        return values
