"""The table of checks: what each kind expects, and how it looks. `read` is the one way in.

A look is limited in time and never raises for what it meets: what cannot be reached, is not allowed,
takes too long or makes no sense is `unknown`, with the reason. Unreachable is neither red nor green.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from runbook.checks import (
    commands,
    gitops,
    http,
    kubernetes,
    mlops,
    quotas,
    rights,
    secrets,
    tools,
    volumes,
    workflow,
)
from runbook.checks.base import CheckContext
from runbook.checks.expectation import shortened
from runbook.errors import CheckMisconfigured, RunbookError, TargetUnreachable
from runbook.model.checks import (
    Check,
    HttpQuery,
    InferenceQuery,
    KubernetesQuery,
    LogsQuery,
    MlflowQuery,
    RunCheck,
    S3Query,
    SealedSecretsQuery,
    SecretQuery,
    TcpQuery,
    WorkflowQuery,
    check_kind,
)
from runbook.model.preflight import GitopsQuery, QuotasQuery, RightsQuery, ToolsQuery, VolumesQuery
from runbook.model.values import format_duration
from runbook.run.readings import Reading, fails, unknown
from runbook.target.api import ApiStatusError, UnknownResource
from runbook.target.services import NoSuchPort

Query = TypeVar("Query")


@dataclass(frozen=True, slots=True)
class KindReader(Generic[Query]):
    """How one kind of check is put into words and read."""

    model: type[Query]
    expects: Callable[[Query], str]
    look: Callable[[Query, CheckContext, str], Awaitable[Reading]]

    async def __call__(self, query: object, context: CheckContext) -> Reading:
        expected = self.expectation(query)
        assert isinstance(query, self.model)
        try:
            async with asyncio.timeout(context.timeout):
                return await self.look(query, context, expected)
        except TimeoutError:
            return unknown(expected, f"no answer within {format_duration(context.timeout)}")
        except (RunbookError, httpx.HTTPError, httpx.InvalidURL) as error:
            return _met(expected, error)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            # Somebody answered in a form that this service never has.
            return unknown(expected, f"an answer makes no sense: {shortened(repr(error))}")

    def expectation(self, query: object) -> str:
        if not isinstance(query, self.model):
            raise CheckMisconfigured(f"expected {self.model.__name__}, got {type(query).__name__}")
        return self.expects(query)


READERS: Mapping[str, KindReader[Any]] = {
    "kubernetes": KindReader(KubernetesQuery, kubernetes.expects, kubernetes.look),
    "http": KindReader(HttpQuery, http.expects_http, http.look_http),
    "tcp": KindReader(TcpQuery, http.expects_tcp, http.look_tcp),
    "logs": KindReader(LogsQuery, commands.expects_logs, commands.look_logs),
    "run": KindReader(RunCheck, commands.expects_run, commands.look_run),
    "s3": KindReader(S3Query, mlops.expects_s3, mlops.look_s3),
    "mlflow": KindReader(MlflowQuery, mlops.expects_mlflow, mlops.look_mlflow),
    "inference": KindReader(InferenceQuery, mlops.expects_inference, mlops.look_inference),
    "secret": KindReader(SecretQuery, secrets.expects_secret, secrets.look_secret),
    "sealed_secrets": KindReader(SealedSecretsQuery, secrets.expects_sealed, secrets.look_sealed),
    "workflow": KindReader(WorkflowQuery, workflow.expects, workflow.look),
    "volumes": KindReader(VolumesQuery, volumes.expects, volumes.look),
    "gitops": KindReader(GitopsQuery, gitops.expects, gitops.look),
    "quotas": KindReader(QuotasQuery, quotas.expects, quotas.look),
    "rights": KindReader(RightsQuery, rights.expects, rights.look),
    "tools": KindReader(ToolsQuery, tools.expects, tools.look),
}
"""Every kind but `health`, which names another check and is resolved before it gets here."""


async def read(check: Check, context: CheckContext) -> Reading:
    """One look at a bound check."""
    reader, query = _reader(check)
    return await reader(query, context)


def expectation(check: Check) -> str:
    """What a check expects, in words, without looking."""
    reader, query = _reader(check)
    return reader.expectation(query)


def _reader(check: Check) -> tuple[KindReader[Any], object]:
    kind = check_kind(check)
    if kind is None or kind not in READERS:
        raise CheckMisconfigured(f"no reader for a check of kind {kind!r}")
    # A command is checked by its result, which stands beside it, not inside it.
    return READERS[kind], check if kind == "run" else getattr(check, kind)


def _met(expected: str, error: Exception) -> Reading:
    """The reading of something that stood in the way of a look."""
    match error:
        case ApiStatusError(says_absent=True) | UnknownResource() | NoSuchPort():
            # Asked and told: it is not there.
            return fails(expected, error.message)
        case ApiStatusError(code=404):
            return unknown(expected, f"a 404 that no API server says: {shortened(error.message)}")
        case ApiStatusError():
            return unknown(expected, f"the API server answers {error.code}: {error.message}")
        case TargetUnreachable() | CheckMisconfigured():
            return unknown(expected, error.message)
        case RunbookError():
            return unknown(
                expected, f"{error.message} ({error.hint})" if error.hint else error.message
            )
        case httpx.ConnectError() | httpx.RemoteProtocolError():
            return unknown(expected, _disconnected(error))
        case _:
            return unknown(expected, shortened(str(error)) or type(error).__name__)


def _disconnected(error: httpx.TransportError) -> str:
    """Why no answer came, as whoever gave up first said it; the client only says that all attempts failed."""
    where = (
        f" to {error.request.url.host}:{error.request.url.port}" if error.request.url.port else ""
    )
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    if isinstance(error, httpx.ConnectError):
        own = isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and cause.errno
        said = os.strerror(own) if own else str(cause) or type(cause).__name__
        return f"cannot connect{where}: {shortened(said)}"
    return f"no HTTP comes back: {shortened(str(error))}"
