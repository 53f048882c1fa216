"""Secrets that are known before a run does anything: masked from its first word on."""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook.errors import RunbookError
from runbook.model.document import EnvSecret, FileSecret
from runbook.plan import Plan
from runbook.redact import SHORTEST, Redactor

_TELLING_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|SECRET_?KEY|PRIVATE_?KEY"
    r"|CREDENTIALS)$",
    re.IGNORECASE,
)
"""Names of environment variables that hold a secret. `..._FILE` and `..._PATH` hold a place."""


def register(
    redactor: Redactor,
    plan: Plan,
    environment: Mapping[str, str],
) -> None:
    """What the plan names and can be read by now, and the operator's own variables."""
    for name, source in plan.secrets.items():
        if source.sensitive and isinstance(source, EnvSecret | FileSecret):
            try:
                redactor.register(name, read_now(name, source))
            except RunbookError:
                continue  # the step that needs it says so; it may be there by then
    public = {s.key for s in plan.secrets.values() if isinstance(s, EnvSecret) and not s.sensitive}
    for variable, value in environment.items():
        # An unasked-for value is no finding: one that is too short passes in silence.
        if variable not in public and _TELLING_NAME.search(variable) and len(value) >= SHORTEST:
            redactor.register(f"env.{variable}", value)


def register_credentials(
    redactor: Redactor, users: Mapping[str, Mapping[str, Any]], authorization: str
) -> None:
    """What the users of a kubeconfig prove themselves with, and what is sent: a plugin may have made it."""
    for value in (*_credentials(users), *authorization.split(" ")[1:]):
        if len(value) >= SHORTEST:
            redactor.register("kubeconfig", value)


def read_now(name: str, source: EnvSecret | FileSecret) -> str:
    """Raises RunbookError when there is none."""
    if isinstance(source, EnvSecret):
        if source.key not in os.environ:
            raise RunbookError(f"secret {name}: ${source.key} is not set")
        return os.environ[source.key]
    try:
        return Path(source.path).expanduser().read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise RunbookError(f"secret {name}: {source.path} cannot be read: {fault}") from fault


def _credentials(users: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for user in users.values():
        yield from (user[key] for key in ("token", "password") if isinstance(user.get(key), str))
        if isinstance(encoded := user.get("client-key-data"), str):
            yield encoded
            try:
                yield base64.b64decode(encoded).decode()
            except (binascii.Error, UnicodeDecodeError):
                continue
