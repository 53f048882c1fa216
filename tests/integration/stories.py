"""Run with the environment's Python: trains by MLflow's own client, in all ways that end differently.

Each story is one variant of the experiment. Prints, by story, the run and the model that were made, as
the client itself knows them. A story that the client's release cannot tell is left out.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import boto3
import mlflow
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

warnings.filterwarnings("ignore")

EXPERIMENT = "financial-mlops-pytorch"
ODD = "odd & named/50%?#\"x\" 'y' ünï"
OWN_PLACE = "with-its-own-place"
NEEDS = ["scikit-learn"]
MODERN = int(mlflow.__version__.split(".")[0]) >= 3
MODEL = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
told: dict[str, dict[str, Any]] = {}


class Doubles(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input * 2


def experiment(name: str, **more: Any) -> None:
    """Go on in this experiment, which is made where it is missing."""
    if mlflow.get_experiment_by_name(name) is None:
        mlflow.create_experiment(name, **more)
    mlflow.set_experiment(name)


@contextmanager
def training(story: str, **more: Any) -> Iterator[Any]:
    """A run of this variant, which ends FINISHED."""
    with mlflow.start_run(**more) as run:
        mlflow.log_param("model_variant", story)
        told[story] = {"run_id": run.info.run_id}
        yield run


def log(name: str, **more: Any) -> Any:
    """The model, as the client's release wants it to be logged."""
    return mlflow.sklearn.log_model(
        MODEL, **{"name" if MODERN else "artifact_path": name}, pip_requirements=NEEDS, **more
    )


def made(story: str, info: Any) -> None:
    """What the client says of a model that it logged."""
    model_id = getattr(info, "model_id", None)
    if model_id:
        told[story] |= {"model_id": model_id, "uri": place(model_id)}
    else:
        run = mlflow.get_run(told[story]["run_id"])
        told[story] |= {"model_id": None, "uri": f"{run.info.artifact_uri}/{info.artifact_path}"}


def place(model_id: str) -> str:
    return str(mlflow.get_logged_model(model_id).artifact_location)


def simple(story: str) -> None:
    """One that goes well."""
    with training(story):
        made(story, log("predictor"))


def in_two_experiments() -> None:
    """Names that a URL, a filter or a path could be led astray by."""
    experiment(ODD)
    for variant in ("o'brien", 'quote"d', "ünïcode %_", "a` and b"):
        simple(variant)
    experiment(OWN_PLACE, artifact_location="s3://mlflow-artifacts/team/place")
    simple("own-place")
    mlflow.create_experiment("deleted")
    MlflowClient().delete_experiment(mlflow.get_experiment_by_name("deleted").experiment_id)


def endings() -> None:
    """Runs by how they ended."""
    with suppress(RuntimeError), training("only-failed"):
        log("predictor")
        raise RuntimeError("out of memory")
    client = MlflowClient()
    here = mlflow.get_experiment_by_name(EXPERIMENT).experiment_id
    running = client.create_run(here)
    client.log_param(running.info.run_id, "model_variant", "only-running")
    simple("deleted-run")
    mlflow.delete_run(told["deleted-run"]["run_id"])
    simple("newest-wins")
    simple("newest-wins")
    with suppress(RuntimeError), mlflow.start_run():
        mlflow.log_param("model_variant", "newest-wins")
        log("predictor")
        raise RuntimeError("a later run that failed")
    tied()


def tied() -> None:
    """Two runs that began and ended in the same millisecond."""
    client = MlflowClient()
    here = mlflow.get_experiment_by_name(EXPERIMENT).experiment_id
    at = int(time.time() * 1000)
    runs = sorted(client.create_run(here, start_time=at).info.run_id for _ in range(2))
    for run_id in runs:
        with mlflow.start_run(run_id=run_id):
            mlflow.log_param("model_variant", "tied")
            told["tied"] = {"run_id": run_id, "other": runs[0]}
            made("tied", log("predictor"))
        client.set_terminated(run_id, end_time=at + 1)


def without_model() -> None:
    """Finished runs that have no model of their own."""
    with training("no-model"):
        mlflow.log_metric("accuracy", 0.5)
    with training("artifacts-only"), tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(MODEL, f"{folder}/m", pip_requirements=NEEDS)
        mlflow.log_artifacts(f"{folder}/m", "my_model")
    with training("parent-of-one"), mlflow.start_run(nested=True):
        log("predictor")


def files_of_older_clients() -> None:
    """What a 2.x client leaves: files under the run, and a tag that tells of them."""
    with training("older-layout") as run, tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(MODEL, f"{folder}/m", pip_requirements=NEEDS)
        mlflow.log_artifacts(f"{folder}/m", "model")
        history = [{"artifact_path": "model", "run_id": run.info.run_id}]
        mlflow.set_tag("mlflow.log-model.history", json.dumps(history))
        told["older-layout"] |= {"model_id": None, "uri": f"{run.info.artifact_uri}/model"}


def gone(story: str) -> None:
    """A model whose files somebody removed."""
    simple(story)
    prefix = told[story]["uri"].removeprefix("s3://mlflow-artifacts/")
    s3 = boto3.client("s3")
    for found in s3.list_objects_v2(Bucket="mlflow-artifacts", Prefix=prefix)["Contents"]:
        s3.delete_object(Bucket="mlflow-artifacts", Key=found["Key"])
    # A prefix that another name also begins with.
    s3.put_object(Bucket="mlflow-artifacts", Key=f"{prefix}/MLmodel.bak", Body=b"x")


def of_three() -> None:
    """Logged models, which 2.x does not know."""
    with training("pyfunc"):
        model = mlflow.pyfunc.log_model(
            name="predictor", python_model=Doubles(), pip_requirements=NEEDS
        )
        made("pyfunc", model)
    with training("artifact-path"):
        path = mlflow.sklearn.log_model(MODEL, artifact_path="model", pip_requirements=NEEDS)
        made("artifact-path", path)
    with training("registered"):
        made("registered", log("predictor", registered_model_name="Registered"))
    MlflowClient().set_registered_model_alias("Registered", "champion", "1")
    with training("two-models"):
        log("first")
        made("two-models", log("second"))
    with training("two-checkpoints"):
        log("checkpoint", step=1)
        made("two-checkpoints", log("checkpoint", step=2))
    with mlflow.start_run() as run:
        told["late-param"] = {"run_id": run.info.run_id}
        made("late-param", log("predictor"))
        mlflow.log_param("model_variant", "late-param")
    with training("borrowed") as run:
        output = mlflow.entities.LoggedModelOutput(told["pyfunc"]["model_id"], 0)
        MlflowClient().log_outputs(run.info.run_id, [output])
        told["borrowed"] |= {k: told["pyfunc"][k] for k in ("model_id", "uri")}
    unusable()


def unusable() -> None:
    """Logged models that cannot be used."""
    outside = log("without-run", params={"model_variant": "without-run"})
    told["without-run"] = {"model_id": outside.model_id}
    with training("pending"):
        mlflow.initialize_logged_model(name="predictor")
    with training("external") as run:
        mlflow.create_external_model(name="predictor", source_run_id=run.info.run_id)
    with training("deleted-model"):
        made("deleted-model", log("predictor"))
        MlflowClient().delete_logged_model(told["deleted-model"]["model_id"])
    with training("upload-failed"), store_down(), suppress(Exception):
        log("predictor")


@contextmanager
def store_down() -> Iterator[None]:
    before = os.environ["MLFLOW_S3_ENDPOINT_URL"]
    os.environ["MLFLOW_S3_ENDPOINT_URL"] = "http://127.0.0.1:9"
    try:
        yield
    finally:
        os.environ["MLFLOW_S3_ENDPOINT_URL"] = before


def lost_bucket() -> None:
    """An experiment whose whole bucket goes away, once the test deletes what is emptied here."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="lost")
    experiment("lost-bucket", artifact_location="s3://lost/1")
    simple("lost-bucket")
    for found in s3.list_objects_v2(Bucket="lost")["Contents"]:
        s3.delete_object(Bucket="lost", Key=found["Key"])


def main() -> None:
    experiment(EXPERIMENT)
    simple("baseline")
    simple("enhanced")
    if sys.argv[1:] == ["two"]:
        return
    chapters: list[Callable[[], None]] = [endings, without_model, files_of_older_clients]
    for chapter in [*chapters, of_three] if MODERN else chapters:
        chapter()
    gone("objects-gone")
    in_two_experiments()
    lost_bucket()


if __name__ == "__main__":
    # The client prints addresses of runs among the answer otherwise.
    with redirect_stdout(sys.stderr):
        main()
    sys.stdout.write(json.dumps(told))
