from __future__ import annotations

import json

import pytest

from runbook.target.api import ResourceRef, split_name, status_error

MODELS = ResourceRef("mlops.seldon.io", "v1alpha1", "models", "Model", namespaced=True)
NODES = ResourceRef("", "v1", "nodes", "Node", namespaced=False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (MODELS.path(), "/apis/mlops.seldon.io/v1alpha1/models"),
        (MODELS.path("a"), "/apis/mlops.seldon.io/v1alpha1/namespaces/a/models"),
        (MODELS.path("a", "m"), "/apis/mlops.seldon.io/v1alpha1/namespaces/a/models/m"),
        (
            MODELS.path("a", "m", "status"),
            "/apis/mlops.seldon.io/v1alpha1/namespaces/a/models/m/status",
        ),
        (NODES.path(None, "n1"), "/api/v1/nodes/n1"),
        (NODES.path("ignored", "n1"), "/api/v1/nodes/n1"),
        (
            MODELS.path("a/../b", "x?y"),
            "/apis/mlops.seldon.io/v1alpha1/namespaces/a%2F..%2Fb/models/x%3Fy",
        ),
    ],
)
def test_paths_are_those_of_the_api(path: str, expected: str) -> None:
    assert path == expected


def test_names_are_those_kubectl_prints() -> None:
    assert (MODELS.name, MODELS.api_version) == (
        "models.mlops.seldon.io",
        "mlops.seldon.io/v1alpha1",
    )
    assert (NODES.name, NODES.api_version) == ("nodes", "v1")
    assert split_name("models.mlops.seldon.io") == ("models", "mlops.seldon.io")
    assert split_name("pods") == ("pods", None)


def test_an_error_is_what_the_status_object_says() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    error = status_error(200, json.dumps(status).encode())
    assert (error.code, error.reason, error.message) == (410, "Expired", "too old")


@pytest.mark.parametrize(
    ("code", "body", "absent"),
    [
        (404, b'{"kind": "Status", "reason": "NotFound", "message": "x not found"}', True),
        (404, b"404 page not found\n", True),
        (404, b"default backend - 404", False),
        (404, b'{"reason": "NotFound", "message": "x not found"}', False),
        (404, b"", False),
        (410, b'{"kind": "Status", "reason": "Gone"}', False),
        (403, b'{"kind": "Status", "reason": "Forbidden"}', False),
    ],
)
def test_only_an_api_server_says_that_something_is_absent(
    code: int, body: bytes, absent: bool
) -> None:
    assert status_error(code, body).says_absent is absent


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"404 page not found\n", "404 page not found"),
        (b"", "HTTP 404"),
        (b"\xff", "\\xff"),
        (b"[1]", "[1]"),
    ],
)
def test_an_error_without_a_status_object_is_its_first_line(body: bytes, message: str) -> None:
    error = status_error(404, body)
    assert (error.code, error.message) == (404, message)
