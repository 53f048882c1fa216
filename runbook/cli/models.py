"""`runbook models update-uris`: point Models at what was trained last, in a manifest, a cluster or both.

Nothing of a cluster is loaded unless one is asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from runbook.cli import models_told
from runbook.cli.last_words import mask_with
from runbook.cli.loop import run
from runbook.cli.models_told import Change, Update
from runbook.clock import RealClock
from runbook.errors import RunbookError, UsageError
from runbook.mlops import manifests, storage_uris
from runbook.mlops.failures import MlflowError
from runbook.mlops.locations import Locator
from runbook.mlops.mlflow import MlflowApi
from runbook.mlops.s3 import Keys, S3Store
from runbook.mlops.tracking import Tracking, read_tracking
from runbook.mlops.updating import Found, Search, find_all, named
from runbook.model.values import parse_duration
from runbook.redact import Redactor

if TYPE_CHECKING:
    # This brings the Kubernetes client with it.
    from runbook.cli.models_cluster import ModelsCluster

DEFAULT_FILE = Path("k8s/base/financial-predictor-ab-test.yaml")
EXPERIMENT, MANIFEST = "financial-mlops-pytorch", "{variant}-predictor"
TIMEOUT = 30.0
"""Seconds that one answer of MLflow or S3 may take."""

EPILOG = """\
{variant} in a name stands for the variant, {Variant} for it with a capital: --experiment 'training-{variant}'.
Credentials and TLS are what the mlflow client reads: MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN;
MLFLOW_TRACKING_SERVER_CERT_PATH, or MLFLOW_TRACKING_INSECURE_TLS; ~/.mlflow/credentials.
With AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and an S3 endpoint, MLmodel is looked for in S3 too.

exit codes: 0 done, or current; 1 --check: stale; --apply: not ready in time; 2 the words or a manifest cannot
            be used; 6 a model could not be found, or a server or cluster not be asked: nothing was written
"""


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    summary = "point Models at the newest trained model of each variant"
    update = actions.add_parser("update-uris", help=summary, description=summary)
    update.formatter_class = argparse.RawDescriptionHelpFormatter
    update.epilog = EPILOG
    update.add_argument(
        "--model-variant", action="append", metavar="VARIANT", help="default: every Model's variant"
    )
    update.add_argument(
        "--mlflow-endpoint", metavar="URL", help="http(s):// or service://NAMESPACE/NAME:PORT"
    )
    update.add_argument("--experiment", default=EXPERIMENT, help=f"default: {EXPERIMENT}")
    update.add_argument("--yaml-file", type=Path, metavar="FILE", help=f"default: {DEFAULT_FILE}")
    update.add_argument(
        "--model", default=MANIFEST, metavar="PATTERN", help=f"name of a Model; default: {MANIFEST}"
    )
    update.add_argument(
        "--variant-param", default="model_variant", metavar="NAME", help="parameter of a run"
    )
    update.add_argument(
        "--model-name", metavar="NAME", help="of several logged models of a run, this one"
    )
    update.add_argument(
        "--skip-modelless", action="store_true", help="pass over finished runs without a model"
    )
    update.add_argument("--alias", help="the registry's alias instead of the newest run")
    update.add_argument(
        "--registered-model", metavar="PATTERN", help="with --alias: its name in the registry"
    )
    update.add_argument(
        "--artifacts-destination",
        default="",
        metavar="s3://BUCKET[/PREFIX]",
        help="as MLflow has it",
    )
    update.add_argument("--bucket", default="", help="the bucket that is expected, if it changes")
    update.add_argument("--remote", default="", help="rclone remote to write; default: as before")
    update.add_argument(
        "--s3-endpoint", metavar="URL", help="default: $MLFLOW_S3_ENDPOINT_URL, $AWS_ENDPOINT_URL"
    )
    how = update.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="change nothing; exit 1 when stale")
    how.add_argument("--dry-run", action="store_true", help="change nothing; show what would be")
    how.add_argument(
        "--apply", action="store_true", help="patch the cluster's Models too, and wait"
    )
    update.add_argument("--context", help="kubeconfig context; in a pod, its own cluster")
    update.add_argument("--kubeconfig", help="instead of $KUBECONFIG or ~/.kube/config")
    update.add_argument("-n", "--namespace", default="financial-inference", help="of the Models")
    update.add_argument("--timeout", default="10m", help="for Models to be ready; default: 10m")
    update.add_argument("--json", action="store_true", help="one JSON document")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file as it was read, and its Models by name."""

    path: Path
    content: bytes
    models: Mapping[str, manifests.Spot]


def main(arguments: argparse.Namespace) -> int:
    if (arguments.alias is None) != (arguments.registered_model is None):
        raise UsageError("--alias and --registered-model go together")
    if "{variant}" not in arguments.model.lower():
        raise UsageError(f"--model {arguments.model!r} has no {{variant}} in it")
    tracking = read_tracking(os.environ, Path.home(), arguments.mlflow_endpoint or "")
    redactor = Redactor()
    for secret in (*tracking.secrets, os.environ.get("AWS_SECRET_ACCESS_KEY", "")):
        redactor.register("credentials", secret)
    mask_with(redactor.text)
    manifest = _manifest(arguments)
    told = run(_update(arguments, tracking, manifest, redactor))
    return models_told.tell(told, as_json=arguments.json, check=arguments.check, mask=redactor.text)


def _manifest(arguments: argparse.Namespace) -> Manifest | None:
    """The file; none when only a cluster is to be changed."""
    path: Path | None = arguments.yaml_file
    if path is None and arguments.apply:
        return None
    path = path or DEFAULT_FILE
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise UsageError(
            f"{path} cannot be read: {fault.strerror}", hint="name the manifest with --yaml-file"
        ) from fault
    return Manifest(path, content, manifests.read(content, str(path)))


async def _update(
    arguments: argparse.Namespace,
    tracking: Tracking,
    manifest: Manifest | None,
    redactor: Redactor,
) -> Update:
    async with _cluster(arguments, tracking, redactor) as cluster:
        models = dict(cluster.models) if cluster is not None and arguments.apply else {}
        old = {name: spot.value for name, spot in (manifest.models if manifest else {}).items()}
        variants = _variants(arguments, [*old, *models])
        async with _locator(arguments, tracking, cluster) as locator:
            found = await find_all(locator, _search(arguments), variants, RealClock().now())
        changes = [_change(arguments, one, old, models) for one in found]
        update = Update(tracking.endpoint, str(manifest.path) if manifest else None, tuple(changes))
        if update.failed:
            return update
        if manifest is not None:
            wanted = {c.model: c.new for c in changes if c.model in old}
            made = manifests.edited(manifest.content, wanted, str(manifest.path))
            update = update.with_file(manifest.content, made)
            if made != manifest.content and not (arguments.check or arguments.dry_run):
                _write(manifest.path, made)
                update = update.as_written()
        if cluster is not None and arguments.apply:
            timeout = parse_duration(arguments.timeout)
            update = update.with_cluster(await cluster.apply(changes, timeout))
        return update


def _write(path: Path, content: bytes) -> None:
    try:
        manifests.write(path, content)
    except OSError as fault:
        raise RunbookError(f"not written: {fault.strerror or fault}", where=str(path)) from fault


def _variants(arguments: argparse.Namespace, models: Sequence[str]) -> list[str]:
    """The variants that were named; else those of the Models that are named by the pattern."""
    if arguments.model_variant:
        return list(dict.fromkeys(arguments.model_variant))
    before, _, after = arguments.model.partition("{variant}")
    found = [
        name.removeprefix(before).removesuffix(after)
        for name in dict.fromkeys(models)
        if name.startswith(before) and name.endswith(after) and len(name) > len(before + after)
    ]
    if not found:
        there = ", ".join(dict.fromkeys(models)) or "none"
        raise UsageError(
            f"no Model is called {arguments.model}; Models there: {there}",
            hint="name the variant with --model-variant, or the pattern with --model",
        )
    return found


def _search(arguments: argparse.Namespace) -> Search:
    return Search(
        experiment=arguments.experiment,
        variant_param=arguments.variant_param,
        model_name=arguments.model_name,
        skip_modelless=arguments.skip_modelless,
        alias=arguments.alias,
        registered_model=arguments.registered_model or "",
    )


def _change(
    arguments: argparse.Namespace, found: Found, old: Mapping[str, str], models: Mapping[str, str]
) -> Change:
    """What becomes of one Model. A variant without a Model is a fault of the command line."""
    model = named(arguments.model, found.variant)
    if model not in old and model not in models:
        there = ", ".join({**old, **models}) or "none"
        raise UsageError(f"there is no Model {model!r}; Models there: {there}")
    before = old.get(model, models.get(model, ""))
    if found.failure is not None:
        return Change(found, model, before)
    try:
        new = storage_uris.written(
            found.location, before, bucket=arguments.bucket, remote=arguments.remote
        )
    except MlflowError as failure:
        return Change(found, model, before, failure=failure)
    return Change(found, model, before, new)


@asynccontextmanager
async def _locator(
    arguments: argparse.Namespace, tracking: Tracking, cluster: ModelsCluster | None
) -> AsyncIterator[Locator]:
    async with _mlflow(tracking, cluster) as http, _s3(arguments) as store:
        yield Locator(MlflowApi(http), arguments.artifacts_destination, store)


@asynccontextmanager
async def _mlflow(
    tracking: Tracking, cluster: ModelsCluster | None
) -> AsyncIterator[httpx.AsyncClient]:
    if tracking.endpoint.startswith("service:"):
        assert cluster is not None
        services = cluster.client.services
        async with services.open(
            tracking.endpoint.rstrip("/"),
            timeout=TIMEOUT,
            auth=tracking.auth,
            verify=tracking.verify,
        ) as (http, _):
            yield http
        return
    plain = tracking.endpoint.startswith("http:")
    async with httpx.AsyncClient(
        base_url=tracking.endpoint,
        auth=tracking.auth,
        verify=False if plain else tracking.verify,  # a TLS context takes 20 ms to make
        timeout=TIMEOUT,
    ) as http:
        yield http


@asynccontextmanager
async def _s3(arguments: argparse.Namespace) -> AsyncIterator[S3Store | None]:
    """A store of our own to look into, when there are keys and an address for it."""
    given = os.environ.get
    endpoint = arguments.s3_endpoint or given("MLFLOW_S3_ENDPOINT_URL") or given("AWS_ENDPOINT_URL")
    key, secret = given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")
    if arguments.s3_endpoint and not (key and secret):
        raise UsageError("--s3-endpoint needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not (endpoint and key and secret):
        yield None
        return
    keys = Keys(key, secret, given("AWS_DEFAULT_REGION") or "us-east-1")
    async with httpx.AsyncClient(base_url=endpoint, timeout=TIMEOUT) as http:
        yield S3Store(http, keys, RealClock().now)


@asynccontextmanager
async def _cluster(
    arguments: argparse.Namespace, tracking: Tracking, redactor: Redactor
) -> AsyncIterator[ModelsCluster | None]:
    """The cluster, when it is to be changed or is the way to MLflow."""
    if not arguments.apply and not tracking.endpoint.startswith("service:"):
        yield None
        return
    models_cluster = await asyncio.to_thread(import_module, "runbook.cli.models_cluster")
    async with models_cluster.open_cluster(arguments, redactor) as cluster:
        yield cluster
