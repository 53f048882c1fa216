"""The part of MLflow's REST interface that leads from an experiment to a model's files.

Answers count only when they are JSON: an ingress that serves the web page for every path also says
200. Some servers behind a prefix answer under `/ajax-api` alone, so that is tried when `/api` gives
anything else. Credentials and the endpoint are the HTTP client's; redirects are never followed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from runbook.mlops.failures import Failure, MlflowError

JSON = dict[str, Any]

ROOTS = ("api/2.0/mlflow", "ajax-api/2.0/mlflow")
_SHOWN = 300
"""Characters of a server's reason; a location and the words after it fit in."""
_SERVER_TROUBLE = range(500, 600)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `document` is None unless it is a JSON object."""

    status: int
    document: JSON | None
    text: str

    @property
    def reason(self) -> str:
        """All that the server says: a long location stands before what is wrong with it."""
        return " ".join(str((self.document or {}).get("message") or self.text).split())

    @property
    def message(self) -> str:
        """The reason as it is shown."""
        return self.reason if len(self.reason) <= _SHOWN else f"{self.reason[: _SHOWN - 1]}…"


class MlflowApi:
    """One MLflow server, through an HTTP client whose base is its endpoint."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._root: str | None = None

    async def experiment(self, name: str) -> JSON:
        """The active experiment of that name. Asked first, since searches hide what is refused."""
        answer = await self._ask("GET", "experiments/get-by-name", {"experiment_name": name})
        if answer.status == 404 and answer.document is not None:
            raise MlflowError(Failure.EXPERIMENT_MISSING, f"there is no experiment {name!r}")
        experiment = _checked(answer).get("experiment") or {}
        if not experiment.get("experiment_id"):
            raise MlflowError(Failure.WRONG_PATH, f"200 without an experiment: {answer.message}")
        if experiment.get("lifecycle_stage") != "active":
            raise MlflowError(Failure.EXPERIMENT_DELETED, f"experiment {name!r} is deleted")
        return dict(experiment)

    async def search_runs(self, experiment_id: str, where: str, *, limit: int) -> list[JSON]:
        """Active runs, newest first."""
        body = {
            # A number instead of a text finds nothing, silently.
            "experiment_ids": [str(experiment_id)],
            "filter": where,
            "run_view_type": "ACTIVE_ONLY",
            "order_by": ["attributes.start_time DESC", "attributes.end_time DESC"],
            "max_results": limit,
        }
        return list(_checked(await self._ask("POST", "runs/search", body=body)).get("runs") or ())

    async def run(self, run_id: str) -> JSON:
        answer = await self._ask("GET", "runs/get", {"run_id": run_id})
        return dict(_checked(answer).get("run") or {})

    async def search_logged_models(self, experiment_id: str, run_id: str) -> list[JSON]:
        """Models logged by a run; none from a 2.x server, which knows no such thing."""
        found: list[JSON] = []
        token = ""
        while True:
            body: JSON = {
                "experiment_ids": [str(experiment_id)],
                "filter": f"source_run_id = '{run_id}'",
            }
            answer = await self._ask(
                "POST", "logged-models/search", body=body | ({"page_token": token} if token else {})
            )
            if answer.status == 404 and answer.document is None:
                return []
            page = _checked(answer)
            found += page.get("models") or ()
            token = str(page.get("next_page_token") or "")
            if not token:
                return found

    async def logged_model(self, model_id: str) -> JSON | None:
        """A model by its id; None when it was deleted, or may not be seen, which looks the same."""
        answer = await self._ask("GET", f"logged-models/{quote(model_id, safe='')}")
        if answer.status == 403 or (answer.status == 404 and answer.document is not None):
            return None
        return dict(_checked(answer).get("model") or {})

    async def files_of_model(self, model_id: str) -> list[str]:
        """Names directly under a logged model's location."""
        path = f"logged-models/{quote(model_id, safe='')}/artifacts/directories"
        return _file_names(await self._ask("GET", path))

    async def files_of_run(self, run_id: str, path: str) -> list[str]:
        """Paths directly under a directory of a run's artifacts."""
        params = {"run_id": run_id, "path": path}
        return _file_names(await self._ask("GET", "artifacts/list", params))

    async def presigned(self, path: str) -> str:
        """An address of a file of a proxying server, valid for minutes: a credential, never to be shown."""
        root = (self._root or ROOTS[0]).removesuffix("/mlflow")
        url = f"{root}/mlflow-artifacts/presigned/{quote(path)}"
        answer = await self._send("GET", url, None, None)
        if answer.status == 404 and answer.document is not None:
            raise MlflowError(Failure.ARTIFACTS_MISSING, f"no file {path} in the server's store")
        if answer.status == 503:
            raise MlflowError(Failure.NOT_PROXYING, f"HTTP 503 {answer.message}")
        if answer.document is None and answer.status in (200, 404, 405):
            raise MlflowError(
                Failure.NEEDS_TRANSLATION, "this server is too old to say where its files are"
            )
        return str(_checked(answer).get("url") or "")

    async def version_by_alias(self, name: str, alias: str) -> JSON:
        """The version of a registered model that an alias points to."""
        params = {"name": name, "alias": alias}
        answer = await self._ask("GET", "registered-models/alias", params)
        if answer.status == 400 and "alias" in answer.reason:
            raise MlflowError(Failure.ALIAS_MISSING, f"{name}: {answer.message}")
        if answer.status == 404 and answer.document is not None:
            raise MlflowError(Failure.MODEL_NOT_REGISTERED, answer.message)
        version = _checked(answer).get("model_version") or {}
        if not version.get("version"):
            raise MlflowError(Failure.WRONG_PATH, f"200 without a version: {answer.message}")
        return dict(version)

    async def download_uri(self, name: str, version: str) -> str:
        """Where the files of a version are."""
        params = {"name": name, "version": version}
        answer = await self._ask("GET", "model-versions/get-download-uri", params)
        return str(_checked(answer).get("artifact_uri") or "")

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: JSON | None = None,
    ) -> Answer:
        if self._root is not None:
            return await self._send(method, f"{self._root}/{path}", params, body)
        first: Answer | None = None
        for root in ROOTS:
            answer = await self._send(method, f"{root}/{path}", params, body)
            if answer.document is not None or answer.status in (401, 403):
                self._root = root
                return answer
            first = first or answer
        assert first is not None
        raise _classified(first)

    async def _send(
        self, method: str, url: str, params: Mapping[str, str] | None, body: JSON | None
    ) -> Answer:
        try:
            answer = await self._http.request(method, url, params=params, json=body)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise MlflowError(Failure.BAD_ENDPOINT, str(error)) from error
        except httpx.TransportError as error:
            raise _no_answer(error, str(self._http.base_url)) from error
        try:
            document = json.loads(answer.content)
        except ValueError:
            document = None
        return Answer(
            answer.status_code, document if isinstance(document, dict) else None, answer.text
        )


def _checked(answer: Answer) -> JSON:
    if answer.status == 200 and answer.document is not None:
        return answer.document
    raise _classified(answer)


def _file_names(answer: Answer) -> list[str]:
    if answer.status == 500 and answer.document is None:
        raise MlflowError(Failure.STORE_UNREACHABLE, "the MLflow server cannot list its store")
    files = _checked(answer).get("files") or ()
    return [str(file.get("path", "")) for file in files if not file.get("is_dir")]


def _classified(answer: Answer) -> MlflowError:
    """The named failure of an answer that is not what was asked for."""
    about_store = answer.document is not None and "artifacts" in answer.reason
    seen = f"HTTP {answer.status} {answer.message}".strip()
    match answer.status:
        case 301 | 302 | 303 | 307 | 308:
            return MlflowError(Failure.REDIRECT, f"HTTP {answer.status}")
        case 401:
            failure = Failure.STORE_BAD_KEY if about_store else Failure.BAD_CREDENTIALS
        case 403 if "Invalid Host header" in answer.text:
            failure = Failure.HOST_REJECTED
        case 403:
            failure = Failure.STORE_DENIED if about_store else Failure.NO_PERMISSION
        case 404 if "bucket does not exist" in answer.reason:
            failure = Failure.BUCKET_MISSING
        case status if status in _SERVER_TROUBLE:
            failure = Failure.SERVER_ERROR
        case _ if answer.document is not None:
            failure = Failure.SERVER_ERROR
        case _:
            failure = Failure.WRONG_PATH
            seen = f"HTTP {answer.status} that is no JSON"
    return MlflowError(failure, seen)


def _no_answer(error: httpx.TransportError, base: str) -> MlflowError:
    reason = str(error) or type(error).__name__
    tls_words = ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "SSL", "TLS")
    if any(word in reason for word in tls_words):
        return MlflowError(Failure.TLS, f"{base}: {reason}")
    if isinstance(error, httpx.RemoteProtocolError):
        return MlflowError(Failure.TLS, f"{base}: {reason}; is this an https port?")
    return MlflowError(Failure.SERVER_DOWN, f"{base}: {reason}")
