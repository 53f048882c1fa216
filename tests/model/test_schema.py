"""The JSON Schema agrees with the loader about what is a runbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from runbook.model.schema import json_schema

SHIPPED = Path(__file__).parents[2] / "runbooks" / "infrastructure-reproduction.yaml"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def document(step: dict[str, Any], **more: Any) -> dict[str, Any]:
    phases = [{"id": "one", "steps": [{"id": "a", **step}]}]
    return {"apiVersion": "runbook/v1", "name": "x", "phases": phases, **more}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_shipped_runbook_satisfies_it() -> None:
    VALIDATOR.validate(yaml.safe_load(SHIPPED.read_text()))


@pytest.mark.parametrize(
    "good",
    [
        document({"run": "true", "timeout": "5m", "x-own": {"a": 1}}),
        document({"check": {"tcp": {"host": "h", "port": 80}}, "on_failure": {"goto": "a"}}),
        document({"approve": {"message": "?"}}, **{"x-anchor": [1]}),
        document({"wait": "1h30m"}),
    ],
)
def test_what_the_loader_takes_it_takes(good: dict[str, Any]) -> None:
    VALIDATOR.validate(good)


@pytest.mark.parametrize(
    "bad",
    [
        document({"run": "true", "timeout": 5}),
        document({"run": "true", "tiemout": "5m"}),
        document({"aprove": {"message": "?"}}),
        document({"run": "true"}, name="Not A Name"),
        document({"run": "true"}, apiVersion="runbook/v2"),
        {"apiVersion": "runbook/v1", "name": "x"},
    ],
)
def test_what_the_loader_refuses_it_refuses(bad: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(bad)


def test_keys_carry_a_description_for_editors() -> None:
    definitions = json_schema()["$defs"]
    described = definitions["KubernetesQuery"]["properties"]["ready_containers"]
    assert described["description"].startswith("pods: exactly")
