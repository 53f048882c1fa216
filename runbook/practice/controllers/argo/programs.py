"""The programs of the financial application: ingestion, feature engineering and training.

Rule: a program reads what the one before it wrote, from where its environment points, so an empty
volume, a wrong mount or a missing service fails it with the traceback a person would see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from runbook.practice.controllers.argo.deploying import update_uris
from runbook.practice.controllers.argo.jobs import Job, JobFailed, JobRun, Trainer
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.images import torch_of
from runbook.practice.controllers.objects import dig
from runbook.practice.controllers.seldon.hosts import dial
from runbook.quantities import parse_quantity

RAW, PROCESSED = "/mnt/shared-data/raw", "/mnt/shared-data/processed"
SCALERS = "/mnt/shared-artifacts/scalers"
ARRAYS = (
    "train_features.npy",
    "train_targets.npy",
    "val_features.npy",
    "val_targets.npy",
    "test_features.npy",
    "test_targets.npy",
)
ROWS = 1509  # trading days a ticker has between the default dates
SEQUENCES = 2015
FEATURES = 35
EPOCHS = 10
PREPARING = ("data_ingestion.py", "feature_engineering_pytorch.py")
"""The programs whose files the training reads."""
WEIGHTS_ONLY_SINCE = (2, 6, 0)  # the torch whose load refuses what is no tensor
UNPICKLE_ALL = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"  # torch's own switch, an environment variable
_YES = {"1", "y", "yes", "true"}
TRAINING_NEEDS = 3 * 2**30  # bytes; with less the kernel ends it


def programs(trainer: Trainer) -> dict[str, Job]:
    """By the name of the file that is started."""
    return {
        "data_ingestion.py": ingest,
        "feature_engineering_pytorch.py": engineer,
        "train_pytorch_model.py": lambda run: train(run, trainer),
        "runbook": lambda run: update_uris(run, trainer),
    }


def ingest(run: JobRun) -> Iterator[float]:
    """One file of prices per ticker."""
    folder = run.environment.get("RAW_DATA_DIR", RAW)
    tickers = [t.strip() for t in run.environment.get("TICKERS", "IBM").split(",") if t.strip()]
    start = run.environment.get("INGESTION_START_DATE", "2018-01-01")
    end = run.environment.get("INGESTION_END_DATE", "2023-12-31")
    run.print(f"INFO - data_ingestion - tickers {tickers} from {start} to {end}")
    yield 3.0
    for ticker in tickers:
        yield 12.0 / len(tickers)
        path = f"{folder}/{ticker}_{start}_{end}.csv"
        run.write(path, _content(path, ROWS * 56))
        run.print(f"INFO - data_ingestion - {ticker}: {ROWS} rows -> {path}")
    yield 2.0
    run.print("INFO - data_ingestion - done")


def engineer(run: JobRun) -> Iterator[float]:
    """Six arrays and the scalers, from whatever ingestion left."""
    raw = run.environment.get("RAW_DATA_DIR", RAW)
    processed = run.environment.get("PROCESSED_DATA_DIR", PROCESSED)
    scalers = run.environment.get("SCALER_DIR", SCALERS)
    run.print(f"INFO - feature_engineering - reading {raw}")
    yield 3.0
    sources = [name for name in run.list(raw) if name.endswith(".csv")]
    if not sources:
        run.print(f"ERROR - feature_engineering - no raw files in {raw}")
        raise JobFailed(*_traceback("feature_engineering_pytorch.py", f"{raw}/*.csv"))
    run.print(f"INFO - feature_engineering - {len(sources)} files, {FEATURES} features")
    yield 12.0
    for name in ARRAYS:
        run.write(f"{processed}/{name}", _content(name, 4096))
    run.write(f"{scalers}/feature_scaler.pkl", _content("feature_scaler", 1024))
    run.print(f"INFO - feature_engineering - {SEQUENCES} training sequences -> {processed}")
    run.print(f"INFO - feature_engineering - scaler -> {scalers}/feature_scaler.pkl")
    yield 2.0


def train(run: JobRun, trainer: Trainer) -> Iterator[float]:
    """A run in MLflow with a logged model; needs the arrays, MLflow, and memory."""
    variant = run.environment.get("MODEL_VARIANT", "baseline")
    folder = run.environment.get("PROCESSED_DATA_DIR", PROCESSED)
    run.print(f"INFO - train_pytorch_model - variant {variant}, data {folder}")
    yield 4.0
    for name in ARRAYS:
        if not run.exists(f"{folder}/{name}"):
            raise JobFailed(*_traceback("train_pytorch_model.py", f"{folder}/{name}"))
    _unpickle(run)
    _reach_mlflow(run)
    run_id = trainer.begin(variant)
    run.print(f"INFO - train_pytorch_model - MLflow run {run_id}")
    yield 4.0
    limit = dig(run.container, "resources", "limits", "memory")
    if limit is not None and parse_quantity(limit) < TRAINING_NEEDS:
        raise JobFailed(code=137, reason="OOMKilled")
    for epoch in range(1, EPOCHS + 1):
        yield 8.5
        run.print(f"INFO - train_pytorch_model - epoch {epoch}/{EPOCHS}")
    _reach_mlflow(run)
    trained = trainer.finish(run_id)
    run.print(f"INFO - train_pytorch_model - logged model {trained.model_id}")
    run.print(f"INFO - train_pytorch_model - artifacts {trained.artifact_uri}")
    yield 2.0
    run.print(f"INFO - train_pytorch_model - run {run_id} FINISHED")


def _unpickle(run: JobRun) -> None:
    """The arrays hold more than tensors, and a newer torch reads only tensors unless told otherwise."""
    torch = torch_of(str(run.container.get("image", "")))
    if torch < WEIGHTS_ONLY_SINCE or run.environment.get(UNPICKLE_ALL, "").lower() in _YES:
        return
    raise JobFailed(
        "Traceback (most recent call last):",
        '  File "/app/src/train_pytorch_model.py", line 231, in <module>',
        "    main()",
        "_pickle.UnpicklingError: Weights only load failed: torch"
        f" {'.'.join(map(str, torch))} takes weights_only=True when torch.load is not told",
    )


def _reach_mlflow(run: JobRun) -> None:
    uri = run.environment.get("MLFLOW_TRACKING_URI", "http://mlflow.mlflow.svc.cluster.local:5000")
    parts = urlsplit(uri)
    host, port = parts.hostname or "", parts.port or 80
    try:
        dial(run.cluster, run.pod, host, port)
        return
    except Unreachable as error:
        text = str(error)
    if "lookup" in text:
        cause = f"Failed to resolve '{host}' ([Errno -3] Temporary failure in name resolution)"
    elif "refused" in text:
        cause = "[Errno 111] Connection refused"
    else:
        cause = "[Errno 110] Connection timed out"
    raise JobFailed(
        "Traceback (most recent call last):",
        '  File "/app/src/train_pytorch_model.py", line 512, in <module>',
        "    main()",
        "mlflow.exceptions.MlflowException: API request to "
        f"{uri}/api/2.0/mlflow/experiments/get-by-name failed with exception "
        f"HTTPConnectionPool(host='{host}', port={port}): Max retries exceeded: {cause}",
    )


def _traceback(program: str, path: str) -> tuple[str, ...]:
    return (
        "Traceback (most recent call last):",
        f'  File "/app/src/{program}", line 214, in <module>',
        "    main()",
        f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'",
    )


def _content(name: str, size: int) -> bytes:
    """Bytes that differ from file to file and are the same in every run."""
    seed = hashlib.sha256(name.encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]
