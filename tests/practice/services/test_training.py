from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import yaml

from runbook.practice.services.artifacts import Artifacts, split_uri
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.s3_store import S3Store
from runbook.practice.services.training import EXPERIMENT, Trainer

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def make(*, reachable: bool = True, seed: int = 1) -> tuple[Trainer, MlflowStore, S3Store]:
    chance = random.Random(seed)
    s3 = S3Store(lambda: NOW)
    s3.create_bucket("mlflow-artifacts")
    store = MlflowStore(lambda: NOW, chance, "s3://mlflow-artifacts")
    return Trainer(store, Artifacts(s3, lambda: reachable), chance), store, s3


def test_the_files_lie_where_the_model_says_and_name_their_run() -> None:
    trainer, _, s3 = make()
    trained = trainer.train("enhanced")
    bucket, prefix = split_uri(trained.artifact_uri)
    assert prefix == f"1/models/{trained.model_id}/artifacts"
    described = yaml.safe_load(s3.get(bucket, f"{prefix}/MLmodel").body)
    assert described["run_id"] == trained.run_id
    assert described["model_id"] == trained.model_id
    assert set(described["flavors"]) == {"python_function", "pytorch"}
    assert len(s3.get(bucket, f"{prefix}/data/model.pth").body) == described["model_size_bytes"]


def test_history_can_be_given_its_ids_and_times() -> None:
    trainer, store, _ = make()
    started, ended = NOW - timedelta(days=2), NOW - timedelta(days=2, minutes=-9)
    trained = trainer.train("baseline", started=started, ended=ended, run_id="aa", model_id="m-bb")
    run = store.run("aa")
    assert trained.model_id == "m-bb"
    assert run.end_time is not None
    assert run.end_time - run.start_time == 9 * 60 * 1000
    last = run.metrics["val_accuracy"][-1]
    assert run.start_time < last.timestamp <= run.end_time


def test_a_job_that_dies_leaves_a_running_run_without_a_model() -> None:
    trainer, store, _ = make()
    run_id = trainer.begin("baseline")
    assert store.run(run_id).status == "RUNNING"
    assert store.models == {}


def test_a_failed_upload_is_swallowed_and_only_the_models_status_tells() -> None:
    trainer, store, s3 = make(reachable=False)
    trained = trainer.train("baseline")
    assert store.run(trained.run_id).status == "FINISHED"
    assert store.run(trained.run_id).model_outputs == [(trained.model_id, 0)]
    assert store.model(trained.model_id).status == "LOGGED_MODEL_UPLOAD_FAILED"
    assert s3.list("mlflow-artifacts").objects == ()
    assert store.registry == {}


def test_a_missing_bucket_fails_the_upload_too() -> None:
    trainer, store, _ = make()
    store.create_experiment(EXPERIMENT, artifact_location="s3://nowhere/1")
    trained = trainer.train("baseline")
    assert store.model(trained.model_id).status == "LOGGED_MODEL_UPLOAD_FAILED"


def test_variants_differ_and_an_undescribed_one_trains_too() -> None:
    trainer, store, _ = make()
    runs = [store.run(trainer.train(v).run_id) for v in ("baseline", "enhanced", "novel")]
    assert len({run.params["hidden_size"] for run in runs}) == 3
    assert (
        runs[0].metrics["best_val_accuracy"][0].value
        < runs[1].metrics["best_val_accuracy"][0].value
    )
    assert store.registered("FinancialDirectionPredictor_Novel").versions


def test_the_same_seed_trains_the_same_model() -> None:
    first, second, other = make()[0], make()[0], make(seed=2)[0]
    assert first.train("baseline") == second.train("baseline") != other.train("baseline")


def test_the_runs_own_folder_holds_the_training_and_no_model() -> None:
    trainer, store, s3 = make()
    run = store.run(trainer.train("baseline").run_id)
    bucket, prefix = split_uri(run.artifact_uri)
    names = [one.key.removeprefix(f"{prefix}/") for one in s3.list(bucket, f"{prefix}/").objects]
    assert names == ["config.json", "training_history.json"]
    told = json.loads(s3.get(bucket, f"{prefix}/training_history.json").body)
    assert told["val_loss"] == [one.value for one in run.metrics["val_loss"]]
