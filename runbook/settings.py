"""Where things are and who is asking: flags, RUNBOOK_* variables and the platform's conventions.

| variable | what |
|---|---|
| RUNBOOK_STATE_DIR | where runs are kept; else $XDG_STATE_HOME/runbook, else ~/.local/state/runbook |
| RUNBOOK_OPERATOR | who you are in the record; else the login name |
| RUNBOOK_INPUT_NAME | the value of input `name` |
| RUNBOOK_ALLOWED_SIGNERS | the SSH file of those who may approve; else `allowed_signers` beside the runbook |
| RUNBOOK_LOG_LEVEL | debug, info, warning or error for the diagnostics file; default info |
| KUBECONFIG | as kubectl reads it |
| NO_COLOR | no colours, when set to anything |
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import UsageError

LEVELS = ("debug", "info", "warning", "error")
INPUT_PREFIX = "RUNBOOK_INPUT_"


@dataclass(frozen=True, slots=True)
class Settings:
    state: Path
    operator: str
    log_level: str
    no_color: bool
    allowed_signers: Path | None
    inputs: Mapping[str, str]
    """Values of inputs given by the environment, by upper-case name."""

    @property
    def runs(self) -> Path:
        return self.state / "runs"

    @property
    def practice(self) -> Path:
        return self.state / "practice"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises UsageError for a value that is not allowed."""
    given = os.environ if environment is None else environment
    level = given.get("RUNBOOK_LOG_LEVEL", "info").lower()
    if level not in LEVELS:
        raise UsageError(
            f"RUNBOOK_LOG_LEVEL is {level!r}; allowed: {', '.join(LEVELS)}", where="environment"
        )
    signers = given.get("RUNBOOK_ALLOWED_SIGNERS")
    return Settings(
        state=_state_directory(given),
        operator=given.get("RUNBOOK_OPERATOR") or _login(),
        log_level=level,
        no_color=bool(given.get("NO_COLOR")),
        allowed_signers=Path(signers).expanduser().absolute() if signers else None,
        inputs={
            name.removeprefix(INPUT_PREFIX): value
            for name, value in given.items()
            if name.startswith(INPUT_PREFIX)
        },
    )


def _state_directory(given: Mapping[str, str]) -> Path:
    if own := given.get("RUNBOOK_STATE_DIR"):
        return Path(own).expanduser().absolute()
    if base := given.get("XDG_STATE_HOME"):
        return Path(base).expanduser().absolute() / "runbook"
    return Path(given.get("HOME") or Path.home()) / ".local" / "state" / "runbook"


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"  # a container's user often has no name
