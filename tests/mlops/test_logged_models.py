"""The acceptance rows of finding a run's model, against a tracking server over HTTP."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.logged_models import FoundModel, find_model, param_filter
from runbook.mlops.mlflow import MlflowApi
from runbook.practice.services import mlflow
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from runbook.practice.services.s3_store import S3Store
from runbook.practice.services.training import EXPERIMENT, Trainer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Platform:
    api: MlflowApi
    store: MlflowStore
    s3: S3Store
    trainer: Trainer
    switches: dict[str, bool] = field(default_factory=lambda: {"reachable": True})

    async def find(self, variant: str = "baseline", **more: Any) -> FoundModel:
        return await find_model(self.api, EXPERIMENT, variant, **more)

    async def failure(self, variant: str = "baseline", **more: Any) -> MlflowError:
        with pytest.raises(MlflowError) as failed:
            await self.find(variant, **more)
        return failed.value

    def run(
        self, status: str = "FINISHED", *, hours: int = 1, tags: dict[str, str] | None = None
    ) -> str:
        """A later run of the baseline variant that logged nothing."""
        at = int((NOW + timedelta(hours=hours)).timestamp() * 1000)
        experiment = self.store.experiment_named(EXPERIMENT).experiment_id
        run = self.store.create_run(experiment, start_time=at, tags=tags or {})
        self.store.log_parameter(run.run_id, "model_variant", "baseline")
        if status != "RUNNING":
            self.store.update_run(run.run_id, status=status, end_time=at + 1)
        return run.run_id

    def model(self, run_id: str, name: str, status: str = "LOGGED_MODEL_READY") -> Any:
        run = self.store.run(run_id)
        model = self.store.create_model(run.experiment_id, name=name, source_run_id=run_id)
        self.s3.put("mlflow-artifacts", _key(model.artifact_uri) + "/MLmodel", b"flavors: {}")
        if status != "LOGGED_MODEL_PENDING":
            self.store.finalize_model(model.model_id, status)
        return model


def _key(uri: str) -> str:
    return uri.removeprefix("s3://mlflow-artifacts/")


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    chance = random.Random(1)
    s3 = S3Store(lambda: NOW)
    s3.create_bucket("mlflow-artifacts")
    store = MlflowStore(lambda: NOW, chance, "s3://mlflow-artifacts")
    switches = {"reachable": True}
    artifacts = Artifacts(s3, lambda: switches["reachable"])
    trainer = Trainer(store, artifacts, chance)
    trainer.train("baseline", started=NOW)
    app = mlflow.application(Tracking(store, artifacts), lambda: {"user": "secret"})
    async with TestServer(app) as server:
        base = str(server.make_url("/"))
        async with httpx.AsyncClient(base_url=base, auth=("user", "secret")) as http:
            yield Platform(MlflowApi(http), store, s3, trainer, switches)


async def test_the_model_is_the_one_the_newest_finished_run_logged(platform: Platform) -> None:
    newer = platform.trainer.train("baseline", started=NOW + timedelta(hours=1))
    platform.run("FAILED", hours=2)
    platform.run("RUNNING", hours=3)
    found = await platform.find()
    assert found.run.run_id == newer.run_id
    assert found.model_id == newer.model_id
    assert found.uri == newer.artifact_uri
    assert newer.run_id not in found.uri


async def test_a_modelless_newer_run_is_not_passed_over(platform: Platform) -> None:
    run_id = platform.run()
    failure = await platform.failure()
    assert failure.failure is Failure.NO_MODEL
    assert run_id in failure.message
    assert "none at all" in failure.message


@pytest.mark.parametrize(
    ("status", "word"),
    [("LOGGED_MODEL_PENDING", "PENDING"), ("LOGGED_MODEL_UPLOAD_FAILED", "UPLOAD_FAILED")],
)
async def test_a_model_that_is_not_ready_is_named_with_its_status(
    platform: Platform, status: str, word: str
) -> None:
    platform.model(platform.run(), "predictor", status)
    failure = await platform.failure()
    assert failure.failure is Failure.NO_MODEL
    assert f"predictor ({word})" in failure.message


@pytest.mark.parametrize("said", ["true", "True"])
async def test_an_external_model_is_not_usable_although_it_has_an_mlmodel_file(
    platform: Platform, said: str
) -> None:
    model = platform.model(platform.run(), "predictor")
    model.tags["mlflow.model.isExternal"] = said
    failure = await platform.failure()
    assert failure.failure is Failure.NO_MODEL
    assert "external" in failure.message


async def test_a_deleted_model_is_told_from_none(platform: Platform) -> None:
    run_id = platform.run()
    model = platform.model(run_id, "predictor")
    platform.store.add_outputs(run_id, [(model.model_id, 0)])
    model.deleted = True
    failure = await platform.failure()
    assert failure.failure is Failure.NO_MODEL
    assert f"{model.model_id} (deleted, or not to be seen by this user)" in failure.message


async def test_a_borrowed_model_is_found_by_the_runs_outputs(platform: Platform) -> None:
    other = platform.trainer.train("enhanced", started=NOW)
    platform.store.add_outputs(platform.run(), [(other.model_id, 0)])
    assert (await platform.find()).model_id == other.model_id


async def test_several_models_need_a_name(platform: Platform) -> None:
    run_id = platform.run()
    platform.model(run_id, "first")
    second = platform.model(run_id, "second")
    failure = await platform.failure()
    assert failure.failure is Failure.AMBIGUOUS_MODEL
    assert "first, second" in failure.message
    assert (await platform.find(model_name="second")).model_id == second.model_id


async def test_of_two_checkpoints_the_newest_is_taken(platform: Platform) -> None:
    run_id = platform.run()
    one, other = platform.model(run_id, "checkpoint"), platform.model(run_id, "checkpoint")
    for old, new in ((one, other), (other, one)):
        old.created, new.created = 1, 2
        assert (await platform.find()).model_id == new.model_id
    borrowed = platform.model(platform.run(hours=0), "checkpoint")
    borrowed.created = 3
    platform.store.add_outputs(run_id, [(borrowed.model_id, 0)])
    assert (await platform.find()).model_id == borrowed.model_id


async def test_a_model_whose_files_are_gone_is_not_there(platform: Platform) -> None:
    model = platform.model(platform.run(), "predictor")
    platform.s3.delete("mlflow-artifacts", _key(model.artifact_uri) + "/MLmodel")
    platform.s3.put("mlflow-artifacts", _key(model.artifact_uri) + "/MLmodel.bak", b"")
    failure = await platform.failure()
    assert failure.failure is Failure.ARTIFACTS_MISSING
    assert model.artifact_uri in failure.message


async def test_a_model_of_a_2x_client_lies_under_its_run(platform: Platform) -> None:
    history = [{"artifact_path": "model", "run_id": "x"}]
    run_id = platform.run(tags={"mlflow.log-model.history": json.dumps(history)})
    uri = f"{platform.store.run(run_id).artifact_uri}/model"
    assert (await platform.failure()).failure is Failure.ARTIFACTS_MISSING
    platform.s3.put("mlflow-artifacts", _key(uri) + "/MLmodel", b"")
    found = await platform.find()
    assert (found.uri, found.model_id, found.name) == (uri, None, "model")


async def test_a_logged_model_is_preferred_to_what_the_older_tag_names(
    platform: Platform,
) -> None:
    history = [{"artifact_path": "model", "run_id": "x"}]
    model = platform.model(
        platform.run(tags={"mlflow.log-model.history": json.dumps(history)}), "predictor"
    )
    assert (await platform.find()).model_id == model.model_id


async def test_a_history_tag_that_is_no_history_names_no_model(platform: Platform) -> None:
    platform.run(tags={"mlflow.log-model.history": '{"not": "a list"'})
    assert (await platform.failure()).failure is Failure.NO_MODEL


async def test_without_a_finished_run_the_others_are_counted(platform: Platform) -> None:
    for run in list(platform.store.runs.values()):
        platform.store.update_run(run.run_id, status="FAILED")
    platform.run("RUNNING")
    failure = await platform.failure()
    assert failure.failure is Failure.NO_FINISHED_RUN
    assert "1 FAILED, 1 RUNNING" in failure.message


async def test_a_variant_that_was_never_trained_is_told(platform: Platform) -> None:
    failure = await platform.failure("unheard-of")
    assert failure.failure is Failure.NO_FINISHED_RUN
    assert "no run carries model_variant = 'unheard-of'" in failure.message


@pytest.mark.parametrize("variant", ["o'brien", 'quote"d', "ünïcode %_", "a` and b"])
async def test_a_variant_with_odd_characters_is_found_exactly(
    platform: Platform, variant: str
) -> None:
    trained = platform.trainer.train(variant, started=NOW)
    assert (await platform.find(variant)).model_id == trained.model_id


def test_what_a_filter_cannot_say_is_refused_before_it_is_asked() -> None:
    for param, value in (("model_variant", "both ' and \""), ("a`b", "x")):
        with pytest.raises(MlflowError) as refused:
            param_filter(param, value)
        assert refused.value.failure is Failure.BAD_VARIANT


async def test_runs_of_one_moment_are_told_apart_by_their_ids_and_it_is_said(
    platform: Platform,
) -> None:
    first, second = sorted([platform.run(hours=5), platform.run(hours=5)])
    platform.model(second, "predictor")
    found = await platform.find()
    assert found.run.run_id == second
    assert found.run.tied_with == (first,)


async def test_a_later_start_is_newer_and_of_one_start_the_later_end(platform: Platform) -> None:
    platform.run(hours=5)
    long = platform.run(hours=5)
    platform.store.run(long).end_time = int((NOW + timedelta(hours=9)).timestamp() * 1000)
    platform.model(long, "predictor")
    found = await platform.find()
    assert (found.run.run_id, found.run.tied_with) == (long, ())
    newest = platform.run(hours=6)
    platform.model(newest, "predictor")
    assert (await platform.find()).run.run_id == newest


async def test_a_deleted_run_is_not_found(platform: Platform) -> None:
    older = await platform.find()
    newer = platform.run()
    platform.model(newer, "predictor")
    platform.store.run(newer).lifecycle_stage = "deleted"
    assert (await platform.find()).run == older.run


async def test_only_runs_without_a_model_are_passed_over_when_asked_for(
    platform: Platform,
) -> None:
    several = platform.run()
    platform.model(several, "first")
    platform.model(several, "second")
    failure = await platform.failure(skip_modelless=True)
    assert failure.failure is Failure.AMBIGUOUS_MODEL


async def test_when_no_run_has_a_model_the_newest_is_told(platform: Platform) -> None:
    for model in platform.store.models.values():
        model.deleted = True
    newest = platform.run()
    failure = await platform.failure(skip_modelless=True)
    assert failure.failure is Failure.NO_MODEL
    assert newest in failure.message


async def test_a_store_mlflow_cannot_reach_is_not_a_missing_model(platform: Platform) -> None:
    platform.switches["reachable"] = False
    failure = await platform.failure()
    assert failure.failure is Failure.STORE_UNREACHABLE
    assert failure.cannot_tell
