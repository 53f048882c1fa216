"""How to reach a tracking server and prove who we are: what the mlflow client reads, read the same way.

Source: mlflow.environment_variables and mlflow.utils.rest_utils of MLflow 3.17; of its behaviour the parts
that its documentation tells otherwise are marked.
"""

from __future__ import annotations

import configparser
import ssl
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from runbook.errors import UsageError
from runbook.mlops.failures import Failure, MlflowError

URI = "MLFLOW_TRACKING_URI"
USERNAME, PASSWORD, TOKEN = (
    f"MLFLOW_TRACKING_{word}" for word in ("USERNAME", "PASSWORD", "TOKEN")
)
INSECURE, CERTIFICATE = "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH"
CA_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""What requests, and so the mlflow client, trusts instead of the usual; httpx would not look there."""

CREDENTIALS = Path(".mlflow") / "credentials"


class Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@dataclass(frozen=True, slots=True)
class Tracking:
    """A tracking server. `auth` and `verify` are httpx's; `secrets` is what must never be shown."""

    endpoint: str
    auth: httpx.Auth | None
    verify: ssl.SSLContext | bool
    secrets: tuple[str, ...] = ()


def read_tracking(environment: Mapping[str, str], home: Path, endpoint: str = "") -> Tracking:
    """`endpoint`, else $MLFLOW_TRACKING_URI. Raises UsageError, MlflowError for what is no address."""
    auth, secrets = _auth(environment, home)
    return Tracking(
        _endpoint(endpoint or environment.get(URI, "")), auth, _verify(environment), secrets
    )


def _endpoint(endpoint: str) -> str:
    if not endpoint:
        raise UsageError("no MLflow server is named", hint=f"give --mlflow-endpoint, or set {URI}")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https", "service") or not parts.netloc:
        raise MlflowError(
            Failure.BAD_ENDPOINT, f"{endpoint!r} is no http(s):// or service:// address"
        )
    if parts.username or parts.password:
        raise MlflowError(
            Failure.BAD_ENDPOINT, f"the address holds a password: set {USERNAME} and {PASSWORD}"
        )
    return endpoint.rstrip("/") + "/"


def _auth(environment: Mapping[str, str], home: Path) -> tuple[httpx.Auth | None, tuple[str, ...]]:
    """Basic when there are a user and a password, even where a token is set too; a user alone is nobody."""
    kept = _kept(home / CREDENTIALS)
    username = environment.get(USERNAME) or kept.get(USERNAME.lower(), "")
    password = environment.get(PASSWORD) or kept.get(PASSWORD.lower(), "")
    token = environment.get(TOKEN, "")
    if username and password:
        return httpx.BasicAuth(username, password), (password,)
    return (Bearer(token), (token,)) if token else (None, ())


def _kept(file: Path) -> Mapping[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    with suppress(OSError, configparser.Error, UnicodeDecodeError):
        parser.read(file, encoding="utf-8")
    return dict(parser["mlflow"]) if parser.has_section("mlflow") else {}


def _verify(environment: Mapping[str, str]) -> ssl.SSLContext | bool:
    insecure = environment.get(INSECURE, "").lower() in ("true", "1")
    certificate = environment.get(CERTIFICATE, "")
    if insecure and certificate:
        raise UsageError(
            f"{INSECURE} and {CERTIFICATE} exclude each other", hint="unset one of them"
        )
    if insecure:
        return False
    bundles = (environment.get(name, "") for name in CA_BUNDLES)
    ca = certificate or next((bundle for bundle in bundles if bundle), "")
    return trusting(ca) if ca else True


def trusting(ca: str) -> ssl.SSLContext:
    """Trusts a file of certificates, or a folder of them. Raises UsageError when it cannot be read."""
    folder = Path(ca).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if folder else ca, capath=ca if folder else None
        )
    except (OSError, ssl.SSLError) as fault:
        raise UsageError(f"{ca} holds no certificate to trust: {fault}") from fault
