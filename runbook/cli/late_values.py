"""Values that exist only while a run goes on: secrets from where they are kept, outputs of earlier steps.

A secret is read when it is needed, masked from then on, and never kept: after a rebuild it may be another.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable

from runbook.cli.known_secrets import read_now
from runbook.errors import RunbookError, TargetUnreachable
from runbook.model import binding, expressions
from runbook.model.checks import Check, NamedCheck
from runbook.model.document import (
    CommandSecret,
    EnvSecret,
    FileSecret,
    KubernetesSecret,
    SecretSource,
)
from runbook.plan import Plan, Scalar
from runbook.redact import Redactor, marked
from runbook.run import late
from runbook.run.readings import Reading, unknown
from runbook.run.state import RunState
from runbook.target.api import ApiStatusError
from runbook.target.client import ClusterClient

AskCommand = Callable[[str, CommandSecret], Awaitable[str]]
"""What the command of a secret, by its name, prints. Raises RunbookError."""


class LateValues:
    def __init__(
        self, plan: Plan, client: ClusterClient, redactor: Redactor, ask: AskCommand
    ) -> None:
        self._plan = plan
        self._ask = ask
        self._client = client
        self._redactor = redactor

    async def read(self, name: str, state: RunState) -> Scalar:
        """A late value by its name in expressions. Raises RunbookError when there is none."""
        room, _, rest = name.partition(".")
        if room == "secrets":
            return await self.secret(rest)
        value = late.lookup(state, name)
        if value is None:
            raise RunbookError(f"no earlier step has given {name}")
        if marked(value):
            raise RunbookError(
                f"{name} held a secret, and secrets are not kept",
                hint="declare it under `secrets`, or read it in the step that needs it",
            )
        return value

    async def secret(self, name: str) -> str:
        """The value of a secret, masked from now on. Raises RunbookError when it cannot be had."""
        source = self._plan.secrets[name]
        secret = await self._secret(name, source)
        if source.sensitive:
            # One that is too short to be masked is used all the same; the run notes it.
            self._redactor.register(name, secret)
        return secret

    def health_reader(
        self, read: Callable[[Check], Awaitable[Reading]]
    ) -> Callable[[str], Awaitable[Reading]]:
        """Reads a health check by its name, with its secrets put in."""

        async def read_health(name: str) -> Reading:
            named = self._plan.health[name]
            try:
                bound = await self.bound(named)
            except RunbookError as fault:
                return unknown("its values", str(fault))
            return await read(bound.check)

        return read_health

    async def bound(self, named: NamedCheck) -> NamedCheck:
        """A check with its secrets put in. Raises RunbookError when one cannot be had."""
        names = {
            name
            for _, text in binding.walk_texts(named)
            for name in expressions.references(expressions.parse(text))
        }
        empty = RunState()
        values = {name: await self.read(name, empty) for name in sorted(names)}
        return binding.bind(named, values.__getitem__)

    async def _secret(self, name: str, source: SecretSource) -> str:
        match source:
            case EnvSecret() | FileSecret():
                return read_now(name, source)
            case KubernetesSecret():
                return await self._kubernetes_secret(name, source)
            case CommandSecret():
                return await self._ask(name, source)

    async def _kubernetes_secret(self, name: str, source: KubernetesSecret) -> str:
        where = f"secret {name}: Secret {source.namespace}/{source.name}"
        try:
            secret = await self._client.get(
                f"/api/v1/namespaces/{source.namespace}/secrets/{source.name}"
            )
        except (ApiStatusError, TargetUnreachable) as fault:
            raise RunbookError(f"{where} cannot be read: {fault.message}") from fault
        data = secret.get("data") or {}
        if source.key not in data:
            keys = ", ".join(sorted(data)) or "none"
            raise RunbookError(f"{where} has no key {source.key}; its keys: {keys}")
        try:
            return base64.b64decode(data[source.key], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as fault:
            raise RunbookError(f"{where}: {source.key} is not text: {fault}") from fault
