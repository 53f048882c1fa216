"""What the command line and the environment ask for, as values."""

from __future__ import annotations

import os
from pathlib import Path

from runbook.errors import UsageError

DEFAULT_SPEED = 10.0
"""A practice platform's pods, models and pipelines take a tenth of their usual time: long enough to
watch them hang, short enough to walk the whole drill in a coffee break."""


def given_inputs(
    words: list[str], environment: dict[str, str], declared: set[str]
) -> dict[str, str]:
    """Inputs of the command line over those of RUNBOOK_INPUT_NAME, as texts."""
    upper = {name.upper().replace("-", "_"): name for name in declared}
    values = {upper[name]: value for name, value in environment.items() if name in upper}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--input {word!r} is not NAME=VALUE")
        values[name] = value
    return values


def kubeconfig_paths(given: str | None) -> tuple[Path, ...]:
    from runbook.target.kubeconfig import default_paths

    return (Path(given),) if given else default_paths(os.environ, Path.home())
