"""The seed and the application that is put on it must fit together, or nothing can turn green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.practice import manifests
from runbook.practice.services.training import EXPERIMENT

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"
SEED = ROOT / "runbook" / "practice" / "seed"


def base(kind: str) -> dict[str, Any]:
    return {o["metadata"]["name"]: o for o in manifests.read(BASE) if o["kind"] == kind}


def newest_models() -> dict[str, str]:
    history = yaml.safe_load((SEED / "history.yaml").read_text())
    finished = [entry for entry in history if not entry.get("fails")]
    return {entry["variant"]: entry["model_id"] for entry in finished}


@pytest.mark.parametrize("variant", ["baseline", "enhanced"])
def test_each_model_points_at_the_newest_one_trained(variant: str) -> None:
    uri = base("Model")[f"{variant}-predictor"]["spec"]["storageUri"]
    assert uri == f"s3://mlflow-artifacts/1/models/{newest_models()[variant]}/artifacts/"


def test_every_requirement_is_a_capability_letter_for_letter() -> None:
    capabilities = base("Server")["mlserver"]["spec"]["capabilities"]
    for model in base("Model").values():
        assert set(model["spec"]["requirements"]) <= set(capabilities)


def test_no_model_names_a_secret_and_the_scheduler_runs() -> None:
    assert not any("secretName" in model["spec"] for model in base("Model").values())
    overrides = {o["name"]: o for o in base("SeldonRuntime")["seldon"]["spec"]["overrides"]}
    assert overrides["seldon-scheduler"]["replicas"] == 1


def test_the_experiments_candidates_are_models_and_its_default_one_of_them() -> None:
    spec = base("Experiment")["financial-ab-test-experiment"]["spec"]
    names = {candidate["name"] for candidate in spec["candidates"]}
    assert names == set(base("Model"))
    assert spec["default"] in names


def test_every_kind_of_the_base_is_built_in_or_in_the_seeded_definitions() -> None:
    defined = {
        f"{o['spec']['group']}/{version['name']}/{o['spec']['names']['kind']}"
        for o in manifests.packaged()
        if o["kind"] == "CustomResourceDefinition"
        for version in o["spec"]["versions"]
    }
    custom = {
        f"{o['apiVersion']}/{o['kind']}"
        for o in manifests.read(BASE)
        if "." in o["apiVersion"].partition("/")[0] and ".k8s.io" not in o["apiVersion"]
    }
    assert custom <= defined


def test_the_templates_patch_argos_own_containers_for_the_quota() -> None:
    for template in base("WorkflowTemplate").values():
        patch = yaml.safe_load(template["spec"]["podSpecPatch"])
        patched = [*patch["initContainers"], *patch["containers"]]
        assert [one["name"] for one in patched] == ["init", "wait"]
        for container in [*patched, *_containers(template)]:
            for field in ("requests", "limits"):
                assert set(container["resources"][field]) == {"cpu", "memory"}


def test_training_logs_into_the_experiment_the_history_is_in() -> None:
    template = base("WorkflowTemplate")["financial-training-pipeline-template"]
    container, _ = _containers(template)
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert environment["MLFLOW_EXPERIMENT_NAME"] == EXPERIMENT


def test_no_manifest_of_the_base_depends_on_what_the_platform_lacks() -> None:
    assert {o["kind"] for o in manifests.read(BASE)} == {
        "Namespace",
        "ResourceQuota",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "PersistentVolumeClaim",
        "NetworkPolicy",
        "WorkflowTemplate",
        "SeldonRuntime",
        "Server",
        "Model",
        "Experiment",
    }


def _containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["container"] for one in template["spec"]["templates"] if "container" in one]
