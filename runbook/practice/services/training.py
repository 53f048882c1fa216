"""What a training job leaves behind: a run with its measurements, a logged model, files in the store.

Rules: the logged model's id is drawn by MLflow and never derived from the run's; the files lie where
MLflow says, and are there before the model is READY; a variant nobody described still trains, with
the middle-sized network. `begin` and `finish` are apart because a job takes minutes between them, and
one that dies in between leaves a RUNNING run for ever. The trainer swallows a failed upload: its run
is FINISHED, and only the model's status tells that there is nothing to serve. The run's own folder
holds what is worth keeping of the training, and no model.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

import yaml

from runbook.practice.services.artifacts import Artifacts, StoreUnreachable
from runbook.practice.services.mlflow_store import LoggedModel, Measurement, MlflowStore, Run
from runbook.practice.services.s3_store import S3Fault

EXPERIMENT = "financial-mlops-pytorch"
FEATURES = 35
SEQUENCE = 10
USER = "argo-workflow-sa"
_MLFLOW_VERSION = "3.17.2"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One variant's network and how far it gets."""

    hidden_size: int
    layers: int
    dropout: float
    epochs: int
    best_accuracy: float


RECIPES = {
    "baseline": Recipe(hidden_size=24, layers=1, dropout=0.4, epochs=12, best_accuracy=0.527),
    "enhanced": Recipe(hidden_size=96, layers=2, dropout=0.15, epochs=18, best_accuracy=0.902),
    "lightweight": Recipe(hidden_size=32, layers=1, dropout=0.2, epochs=10, best_accuracy=0.834),
}
_UNDESCRIBED = Recipe(hidden_size=64, layers=1, dropout=0.25, epochs=12, best_accuracy=0.71)


@dataclass(frozen=True, slots=True)
class Trained:
    """Where a finished training can be found."""

    experiment_id: str
    run_id: str
    model_id: str
    artifact_uri: str


def model_name(variant: str) -> str:
    return f"stock_predictor_{variant}_model"


def recipe(variant: str) -> Recipe:
    return RECIPES.get(variant, _UNDESCRIBED)


class Trainer:
    """Trains against one tracking server and its object store."""

    def __init__(self, store: MlflowStore, artifacts: Artifacts, chance: random.Random) -> None:
        self._store = store
        self._artifacts = artifacts
        self._chance = chance

    def begin(
        self,
        variant: str,
        *,
        started: datetime | None = None,
        run_id: str = "",
        source: str = "src/train_pytorch_model.py",
    ) -> str:
        """Open a RUNNING run with its parameters; answers the run's id."""
        known = {experiment.name: experiment for experiment in self._store.experiments.values()}
        experiment = known.get(EXPERIMENT) or self._store.create_experiment(EXPERIMENT)
        plan = recipe(variant)
        run = self._store.create_run(
            experiment.experiment_id,
            name=f"{variant}-{self._chance.choice(_ADJECTIVES)}-{self._chance.randrange(100, 999)}",
            user_id=USER,
            start_time=None if started is None else _milliseconds(started),
            tags={"mlflow.user": USER, "mlflow.source.name": source, "mlflow.source.type": "JOB"},
            run_id=run_id,
        )
        for key, value in _parameters(variant, plan).items():
            self._store.log_parameter(run.run_id, key, value)
        return run.run_id

    def finish(self, run_id: str, *, ended: datetime | None = None, model_id: str = "") -> Trained:
        """Measurements, model and files of a run that `begin` opened; it is FINISHED afterwards."""
        run = self._store.run(run_id)
        variant = run.params["model_variant"]
        end = self._store.clock() if ended is None else _milliseconds(ended)
        self._measure(run, recipe(variant), end)
        self._written(run.artifact_uri, _kept(run))
        model = self._store.create_model(
            run.experiment_id,
            name=model_name(variant),
            source_run_id=run_id,
            model_type="pytorch",
            model_id=model_id,
        )
        model.created = model.updated = end
        model.params = dict(run.params)
        if self._upload(model, recipe(variant), end):
            self._store.finalize_model(model.model_id, "LOGGED_MODEL_READY")
            self._register(variant, model)
        else:
            self._store.finalize_model(model.model_id, "LOGGED_MODEL_UPLOAD_FAILED")
        self._store.add_outputs(run_id, [(model.model_id, 0)])
        self._store.update_run(run_id, status="FINISHED", end_time=end)
        return Trained(run.experiment_id, run_id, model.model_id, model.artifact_uri)

    def newest(self, variant: str) -> Trained | None:
        """The newest finished run of a variant that has logged a model which is READY."""
        made = [
            (run.end_time or 0, model)
            for model in self._store.models.values()
            if (run := self._store.runs.get(model.source_run_id)) is not None
            and run.status == "FINISHED"
            and run.params.get("model_variant") == variant
        ]
        if not made:
            return None
        _, model = max(made, key=lambda one: (one[0], one[1].model_id))
        if model.status != "LOGGED_MODEL_READY":
            return None
        return Trained(model.experiment_id, model.source_run_id, model.model_id, model.artifact_uri)

    def train(
        self,
        variant: str,
        *,
        started: datetime | None = None,
        ended: datetime | None = None,
        run_id: str = "",
        model_id: str = "",
    ) -> Trained:
        """A whole training at once, for history."""
        begun = self.begin(variant, started=started, run_id=run_id)
        return self.finish(begun, ended=ended, model_id=model_id)

    def _upload(self, model: LoggedModel, plan: Recipe, end: int) -> bool:
        weights = self._chance.randbytes(256 * plan.hidden_size)
        return self._written(model.artifact_uri, _files(model, end, weights))

    def _written(self, root: str, files: dict[str, bytes]) -> bool:
        """Whether the store took them."""
        try:
            self._artifacts.write(root, files)
        except (StoreUnreachable, S3Fault):
            return False
        return True

    def _measure(self, run: Run, plan: Recipe, end: int) -> None:
        step_ms = max(1, (end - run.start_time) // plan.epochs)
        for epoch in range(plan.epochs):
            grown = 1 - math.exp(-3.0 * (epoch + 1) / plan.epochs)
            jitter = self._chance.uniform(-0.004, 0.004)
            at = run.start_time + step_ms * (epoch + 1)
            values = {
                "train_loss": 0.693 - 0.45 * grown * plan.best_accuracy + jitter,
                "val_loss": 0.693 - 0.38 * grown * plan.best_accuracy + jitter,
                "val_accuracy": 0.5 + (plan.best_accuracy - 0.5) * grown + jitter,
            }
            for key, value in values.items():
                self._store.log_metric(run.run_id, key, Measurement(round(value, 4), at, epoch))
        best = max(m.value for m in run.metrics["val_accuracy"])
        self._store.log_metric(run.run_id, "best_val_accuracy", Measurement(best, end, 0))

    def _register(self, variant: str, model: LoggedModel) -> None:
        name = f"FinancialDirectionPredictor_{variant.capitalize()}"
        if name not in self._store.registry:
            self._store.register(name)
        self._store.add_version(name, f"models:/{model.model_id}", model.source_run_id)


_ADJECTIVES = ("amused", "bright", "calm", "eager", "fond", "keen", "nimble", "quick", "wise")


def _parameters(variant: str, plan: Recipe) -> dict[str, str]:
    return {
        "model_variant": variant,
        "hidden_size": str(plan.hidden_size),
        "num_layers": str(plan.layers),
        "dropout": str(plan.dropout),
        "epochs": str(plan.epochs),
        "sequence_length": str(SEQUENCE),
        "n_features": str(FEATURES),
        "learning_rate": "0.001",
    }


def _kept(run: Run) -> dict[str, bytes]:
    """Of a training: with what it was made, and how it went epoch by epoch."""
    history = {name: [one.value for one in told] for name, told in run.metrics.items()}
    return {
        "config.json": json.dumps(run.params, indent=2).encode(),
        "training_history.json": json.dumps(history, indent=2).encode(),
    }


def _files(model: LoggedModel, end: int, weights: bytes) -> dict[str, bytes]:
    tensor = {
        "type": "tensor",
        "tensor-spec": {"dtype": "float32", "shape": [-1, SEQUENCE, FEATURES]},
    }
    description = {
        "artifact_path": model.artifact_uri,
        "flavors": {
            "python_function": {
                "data": "data",
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.pytorch",
                "pickle_module_name": "mlflow.pytorch.pickle_module",
                "python_version": "3.11.13",
            },
            "pytorch": {"code": None, "model_data": "data", "pytorch_version": "2.5.1"},
        },
        "mlflow_version": _MLFLOW_VERSION,
        "model_id": model.model_id,
        "model_size_bytes": len(weights),
        "model_uuid": model.model_id,
        "run_id": model.source_run_id,
        "signature": {"inputs": json.dumps([tensor])},
        "utc_time_created": (_EPOCH + timedelta(milliseconds=end)).isoformat(" "),
    }
    requirements = "mlflow==3.17.2\nnumpy==2.2.6\ntorch==2.5.1\n"
    conda = {
        "channels": ["conda-forge"],
        "dependencies": ["python=3.11.13", "pip", {"pip": requirements.split()}],
        "name": "mlflow-env",
    }
    python = {"python": "3.11.13", "dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": yaml.safe_dump(description).encode(),
        "conda.yaml": yaml.safe_dump(conda).encode(),
        "python_env.yaml": yaml.safe_dump(python).encode(),
        "requirements.txt": requirements.encode(),
        "data/model.pth": weights,
        "data/pickle_module_info.txt": b"mlflow.pytorch.pickle_module",
    }


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00")


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
