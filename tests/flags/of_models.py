"""The flags of `models update-uris`; what fails by a wrong value is shown with the command's own tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from runbook.cli import models
from runbook.errors import RunbookError
from runbook.mlops.locations import Locator
from runbook.mlops.updating import Found, Search
from tests.flags.cases import Words, code, is_json, says, shows
from tests.flags.of_run import CONTEXT, HOME, KUBECONFIG, NAMED
from tests.flags.world import Left, World

UPDATE = "models update-uris"
FAILURES = "cli/test_models.py::test_a_failure_has_a_name_and_writes_nothing"
ELSEWHERE = {
    f"{UPDATE} --mlflow-endpoint": FAILURES,
    f"{UPDATE} --experiment": FAILURES,
    f"{UPDATE} --yaml-file": FAILURES,
    f"{UPDATE} --model": FAILURES,
    f"{UPDATE} --model-name": FAILURES,
    f"{UPDATE} --alias": FAILURES,
    f"{UPDATE} --registered-model": FAILURES,
    f"{UPDATE} --bucket": FAILURES,
    f"{UPDATE} --s3-endpoint": FAILURES,
    f"{UPDATE} --model-variant": "cli/test_models.py::"
    "test_only_the_variant_that_was_named_is_looked_for",
    f"{UPDATE} --apply": "cli/test_models.py::test_a_cluster_serves_what_was_trained_last",
    f"{UPDATE} --timeout": "cli/test_models.py::test_a_model_that_does_not_load_in_time_is_told",
}
"""Flags whose difference the command's own tests show."""

MLFLOW = ("--mlflow-endpoint", "service://mlflow/mlflow:5000")
FILE = ("--yaml-file", f"{HOME}/models.yaml")


def searching(world: World, home: Path, words: Words) -> Left:
    """What is searched for, and where a proxied model is; MLflow is not asked."""

    async def told(
        locator: Locator, search: Search, __: Sequence[str], ___: datetime
    ) -> list[Found]:
        raise RunbookError(f"{search} {await locator.located('mlflow-artifacts:/1/m')}")

    with patch.object(models, "find_all", told):
        return world.call(home, *words, "--mlflow-endpoint", "http://127.0.0.1:1")


DESTINED = ("--artifacts-destination", "s3://bucket", *FILE)
shows(
    f"{UPDATE} --variant-param",
    "kind",
    words=DESTINED,
    call=searching,
    look=says("variant_param='kind'"),
)
shows(
    f"{UPDATE} --skip-modelless", words=DESTINED, call=searching, look=says("skip_modelless=True")
)
shows(
    f"{UPDATE} --artifacts-destination",
    "s3://elsewhere",
    words=FILE,
    call=searching,
    look=says("s3://elsewhere/1/m"),
)
shows(
    f"{UPDATE} --remote",
    "other",
    words=(*MLFLOW, *FILE, *NAMED, "--dry-run"),
    look=says("storageUri: other://"),
)
STALE = ("--remote", "other", *MLFLOW, *FILE, *NAMED)


def changed(left: Left) -> bool:
    return "other://" in (left.home / "models.yaml").read_text(encoding="utf-8")


shows(f"{UPDATE} --check", words=STALE, look=lambda r: (r.code, changed(r)), wants=(1, False))
shows(f"{UPDATE} --dry-run", words=STALE, look=lambda r: (r.code, changed(r)), wants=(0, False))
shows(
    f"{UPDATE} --context",
    "practice",
    words=(*MLFLOW, *FILE, *KUBECONFIG),
    look=code,
    wants=0,
)
shows(
    f"{UPDATE} --kubeconfig",
    KUBECONFIG[1],
    words=(*MLFLOW, *FILE, *CONTEXT),
    look=code,
    wants=0,
)
shows(
    f"{UPDATE} --namespace",
    "nowhere",
    words=(*MLFLOW, *NAMED, "--apply"),
    look=says("Models there: none"),
)
shows(f"{UPDATE} --json", words=(*MLFLOW, *FILE, *NAMED), look=is_json)
