"""The same training told to a real MLflow with a real S3 store, and to the practice cluster's.

Both are filled by MLflow's own client (`stories.py`), and both are asked the same questions.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web

from runbook.mlops.mlflow import MlflowApi
from runbook.mlops.s3 import Keys, S3Store, SignatureV4
from runbook.practice.services import mlflow, s3, s3_store
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from tests.integration import servers
from tests.integration.servers import BUCKET, HERE, PASSWORD, USER, Environment, Store

Told = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Side:
    """One MLflow that has been trained against, and its store."""

    name: str
    endpoint: str
    store: Store
    told: Told
    """What the training client says of its runs and models, by story."""

    @property
    def has_logged_models(self) -> bool:
        return any(story.get("model_id") for story in self.told.values())

    @asynccontextmanager
    async def api(self, user: str = USER, password: str = PASSWORD) -> AsyncIterator[MlflowApi]:
        async with client(self.endpoint, auth=(user, password)) as http:
            yield MlflowApi(http)

    async def holds(self, uri: str) -> bool:
        """Whether the store itself has the MLmodel of this location, whatever MLflow says."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        async with client(self.store.endpoint) as http:
            keys = Keys(self.store.access_key, self.store.secret_key)
            return await S3Store(http, keys, now).exists(bucket, f"{prefix}/MLmodel")


def client(endpoint: str, **more: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=endpoint, timeout=60, trust_env=False, **more)


def now() -> datetime:
    return datetime.now(UTC)


def tracking_settings(endpoint: str, store: Store) -> dict[str, str]:
    """What MLflow's client and this tool read from the environment."""
    return {
        **store.settings,
        "MLFLOW_TRACKING_URI": endpoint,
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }


def train(trainer: Environment, endpoint: str, store: Store, *chapters: str) -> Told:
    settings = {**tracking_settings(endpoint, store), "GIT_PYTHON_REFRESH": "quiet"}
    told: Told = json.loads(servers.run(trainer, HERE / "stories.py", settings, *chapters))
    return told


@contextmanager
def real(
    name: str, server: Environment, trainer: Environment, store: Store, directory: Path
) -> Iterator[Side]:
    endpoint, process = servers.mlflow_server(server, directory, store)
    with servers.running(process):
        told = train(trainer, endpoint, store)
        keys = Keys(store.access_key, store.secret_key)
        lost = f"{store.endpoint}/lost"
        httpx.delete(lost, auth=SignatureV4(keys, now)).raise_for_status()
        yield Side(name, endpoint, store, told)


@contextmanager
def practice(trainer: Environment) -> Iterator[Side]:
    """The practice cluster's services on loopback, without a cluster around them."""
    objects = s3_store.S3Store(now)
    objects.create_bucket(BUCKET)
    runs = MlflowStore(now, random.Random(1), f"s3://{BUCKET}")
    tracking = Tracking(runs, Artifacts(objects, lambda: True))
    with ExitStack() as opened:
        endpoint = opened.enter_context(
            served(lambda: mlflow.application(tracking, lambda: {USER: PASSWORD}))
        )
        at = opened.enter_context(
            served(lambda: s3.application(objects, lambda: {"user": "secret-key"}, now))
        )
        store = Store(at, "user", "secret-key")
        told = train(trainer, endpoint, store)
        objects._buckets.pop("lost")
        yield Side("practice", endpoint, store, told)


@contextmanager
def served(application: Callable[[], web.Application]) -> Iterator[str]:
    """An application in a thread with a loop of its own; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[web.AppRunner, str]:
        runner = web.AppRunner(application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"

    runner, address = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield address
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
