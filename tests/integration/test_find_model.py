"""Every way a training ends, told by MLflow's own client, and what is found of it: on both sides the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from runbook.mlops.failures import Failure, MlflowError
from runbook.mlops.logged_models import find_model
from tests.integration.sides import Side

EXPERIMENT = "financial-mlops-pytorch"
ODD = "odd & named/50%?#\"x\" 'y' ünï"

FOUND: Mapping[str, Mapping[str, Any]] = {
    "baseline": {},
    "newest-wins": {},
    "tied": {},
    "older-layout": {},
    "pyfunc": {},
    "artifact-path": {},
    "registered": {},
    "two-models": {"model_name": "second"},
    "two-checkpoints": {},
    "late-param": {},
    "borrowed": {},
    "own-place": {"experiment": "with-its-own-place"},
    "o'brien": {"experiment": ODD},
    'quote"d': {"experiment": ODD},
    "ünïcode %_": {"experiment": ODD},
    "a` and b": {"experiment": ODD},
}

NOT_FOUND: Mapping[str, tuple[Failure, str]] = {
    "only-failed": (Failure.NO_FINISHED_RUN, "there are 1 FAILED"),
    "only-running": (Failure.NO_FINISHED_RUN, "there are 1 RUNNING"),
    "deleted-run": (Failure.NO_FINISHED_RUN, "no run carries"),
    "never-trained": (Failure.NO_FINISHED_RUN, "no run carries"),
    "without-run": (Failure.NO_FINISHED_RUN, "no run carries"),
    "no-model": (Failure.NO_MODEL, "none at all"),
    "artifacts-only": (Failure.NO_MODEL, "none at all"),
    "parent-of-one": (Failure.NO_MODEL, "none at all"),
    "upload-failed": (Failure.NO_MODEL, "predictor (UPLOAD_FAILED)"),
    "pending": (Failure.NO_MODEL, "predictor (PENDING)"),
    "external": (Failure.NO_MODEL, "external"),
    "deleted-model": (Failure.NO_MODEL, "deleted, or not to be seen"),
    "two-models": (Failure.AMBIGUOUS_MODEL, "first, second"),
    "objects-gone": (Failure.ARTIFACTS_MISSING, "no MLmodel file under s3://mlflow-artifacts/"),
    "both ' and \"": (Failure.BAD_VARIANT, "cannot search"),
}
UNTOLD = {"never-trained", "without-run", "both ' and \"", "only-running"}
"""Nothing is told of these: they were not trained, or not in a run."""


def told_of(side: Side, story: str) -> Mapping[str, Any]:
    if story not in side.told:
        if side.has_logged_models or story in {"baseline", "older-layout"}:
            raise AssertionError(f"{story} was not told to {side.name}")
        pytest.skip("a release before 3 has no logged models")
    return side.told[story]


async def failure(side: Side, story: str, experiment: str = EXPERIMENT) -> MlflowError:
    async with side.api() as api:
        with pytest.raises(MlflowError) as failed:
            await find_model(api, experiment, story)
    return failed.value


@pytest.mark.parametrize("story", FOUND)
async def test_the_model_that_the_client_logged_is_found(side: Side, story: str) -> None:
    told = told_of(side, story)
    how = {"experiment": EXPERIMENT, **FOUND[story]}
    async with side.api() as api:
        found = await find_model(api, variant=story, **how)
    assert found.run.run_id == told["run_id"]
    assert found.model_id == told["model_id"]
    assert found.uri == told["uri"]
    assert found.model_id is None or found.run.run_id not in found.uri
    assert await side.holds(found.uri)


@pytest.mark.parametrize("story", NOT_FOUND)
async def test_what_cannot_be_used_is_told_apart(side: Side, story: str) -> None:
    if story not in UNTOLD:
        told_of(side, story)
    expected, words = NOT_FOUND[story]
    failed = await failure(side, story)
    assert (failed.failure, words in failed.message) == (expected, True), failed.message
    assert failed.hint


async def test_a_tie_is_reported(side: Side) -> None:
    async with side.api() as api:
        found = await find_model(api, EXPERIMENT, "tied")
    assert found.run.tied_with == (side.told["tied"]["other"],)


@pytest.mark.parametrize(
    ("experiment", "expected"),
    [
        ("never-made", Failure.EXPERIMENT_MISSING),
        ("deleted", Failure.EXPERIMENT_DELETED),
        ("lost-bucket", Failure.BUCKET_MISSING),
    ],
)
async def test_experiments_that_are_not_there_are_told_apart(
    side: Side, experiment: str, expected: Failure
) -> None:
    if (side.name, expected) == ("old-server", Failure.BUCKET_MISSING):
        # 2.22 answers 500 with a page, which says nothing of the reason.
        expected = Failure.STORE_UNREACHABLE
    assert (await failure(side, "lost-bucket", experiment)).failure is expected
