from __future__ import annotations

from runbook.practice.apiserver.errors import (
    Cause,
    apply_conflict,
    conflict,
    invalid,
    invalid_request,
)
from runbook.practice.apiserver.registry import Registry, Resource


def _deployments() -> Resource:
    found = Registry().named("deployments.apps")
    assert found is not None
    return found


def test_a_status_is_what_clients_read() -> None:
    assert conflict(_deployments(), "web", "because").status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Operation cannot be fulfilled on deployments.apps "web": because',
        "reason": "Conflict",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 409,
    }


def test_an_invalid_object_is_named_by_its_kind_and_every_cause_listed() -> None:
    causes = [Cause.required("a"), Cause.unsupported("b", '"x"', ("y", "z"))]
    error = invalid(_deployments(), "web", causes)
    assert error.message == (
        'Deployment.apps "web" is invalid: [a: Required value, b: Unsupported value: "x": '
        'supported values: "y", "z"]'
    )
    assert error.details is not None
    assert error.details["kind"] == "Deployment"
    assert [cause["field"] for cause in error.details["causes"]] == ["a", "b"]


def test_an_invalid_request_has_no_name() -> None:
    error = invalid_request([Cause.forbidden("patch", "no")])
    assert error.message == ' "" is invalid: patch: Forbidden: no'
    assert "name" not in (error.details or {})


def test_conflicts_are_grouped_by_their_owners() -> None:
    error = apply_conflict([('"b"', ".x"), ('"a" using v1', ".y"), ('"b"', ".z")])
    assert error.message == (
        'Apply failed with 3 conflicts: conflicts with "a" using v1:\n- .y\n'
        'conflicts with "b":\n- .x\n- .z'
    )
