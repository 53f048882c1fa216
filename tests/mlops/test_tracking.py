"""A tracking server's address, credentials and TLS, read as the mlflow client reads them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from runbook.errors import RunbookError, UsageError
from runbook.mlops.tracking import Tracking, read_tracking
from runbook.practice.apiserver.certificates import make_certificates

URL = "http://127.0.0.1:5000"
USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN"))


def authorization(tracking: Tracking) -> str:
    """What a request would say."""
    request = httpx.Request("GET", URL)
    if tracking.auth is not None:
        next(tracking.auth.auth_flow(request))
    return str(request.headers.get("authorization", ""))


@pytest.mark.parametrize(
    ("environment", "sent"),
    [
        ({}, ""),
        ({USER: "ann", PASSWORD: "x"}, "Basic YW5uOng="),
        ({USER: "ann", PASSWORD: "x", TOKEN: "t"}, "Basic YW5uOng="),
        ({TOKEN: "t"}, "Bearer t"),
        ({USER: "ann", TOKEN: "t"}, "Bearer t"),
        ({USER: "ann"}, ""),
        ({PASSWORD: "x"}, ""),
    ],
)
def test_basic_wins_over_a_token_and_a_user_alone_is_nobody(
    environment: dict[str, str], sent: str, tmp_path: Path
) -> None:
    tracking = read_tracking(environment, tmp_path, URL)
    assert authorization(tracking) == sent
    assert bool(tracking.secrets) is bool(sent)


def test_what_the_environment_lacks_is_in_the_credentials_file(tmp_path: Path) -> None:
    file = tmp_path / ".mlflow" / "credentials"
    file.parent.mkdir()
    file.write_text("[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = 50%x\n")
    assert authorization(read_tracking({}, tmp_path, URL)).startswith("Basic ")
    tracking = read_tracking({PASSWORD: "other"}, tmp_path, URL)
    assert tracking.secrets == ("other",)
    file.write_text("no ini file")
    assert authorization(read_tracking({}, tmp_path, URL)) == ""


@pytest.mark.parametrize(
    ("given", "environment", "endpoint"),
    [
        (URL, {"MLFLOW_TRACKING_URI": "http://other"}, f"{URL}/"),
        ("", {"MLFLOW_TRACKING_URI": f"{URL}/mlflow"}, f"{URL}/mlflow/"),
        ("service://mlflow/mlflow:5000", {}, "service://mlflow/mlflow:5000/"),
    ],
)
def test_an_address_keeps_its_prefix(
    given: str, environment: dict[str, str], endpoint: str, tmp_path: Path
) -> None:
    assert read_tracking(environment, tmp_path, given).endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    ["", "127.0.0.1:5000", "mlflow", "file:///mlruns", "databricks", "http://", "http://ann:pw@h"],
)
def test_what_is_no_address_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(RunbookError) as refused:
        read_tracking({}, tmp_path, endpoint)
    assert "ann:pw" not in str(refused.value)


def test_certificates_are_looked_for_where_the_mlflow_client_looks(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(make_certificates(datetime.now(UTC)).authority)
    assert read_tracking({}, tmp_path, URL).verify is True
    assert read_tracking({"MLFLOW_TRACKING_INSECURE_TLS": "true"}, tmp_path, URL).verify is False
    for name in ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        verify = read_tracking({name: str(ca)}, tmp_path, URL).verify
        assert isinstance(verify, ssl.SSLContext)
        assert len(verify.get_ca_certs()) == 1
    assert isinstance(
        read_tracking({"REQUESTS_CA_BUNDLE": str(tmp_path)}, tmp_path, URL).verify, ssl.SSLContext
    )


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (
            {
                "MLFLOW_TRACKING_INSECURE_TLS": "true",
                "MLFLOW_TRACKING_SERVER_CERT_PATH": "/x",
            },
            "exclude each other",
        ),
        ({"REQUESTS_CA_BUNDLE": "/nowhere/ca.pem"}, "/nowhere/ca.pem holds no certificate"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        read_tracking(environment, tmp_path, URL)
