"""What a step does, as the operator would type or say it."""

from __future__ import annotations

from typing import Any

from runbook.model.checks import check_kind
from runbook.model.document import CheckStep, RunStep, WaitStep, WorkflowStep
from runbook.model.expressions import shown
from runbook.plan import PlannedStep
from runbook.tui.presenter.spans import Row, Tone, labelled
from runbook.tui.presenter.times import clock
from runbook.tui.safe import clean

_UNSHOWN = frozenset({"password", "secret_key", "access_key", "body", "headers", "inputs"})


def script_lines(script: str) -> list[str]:
    """The lines of a script that do something."""
    lines = [clean(line) for line in shown(script).strip().split("\n")]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")] or [""]


def what_is_done(step: PlannedStep, columns: int, lines: int = 3) -> list[Row]:
    """The command, the condition, the workflow or the pause, in at most `lines` rows."""
    match step.step:
        case RunStep(run=script):
            return _script(script, columns, lines)
        case CheckStep(check=check):
            return labelled("Check", condition(check), columns, lines=min(lines, 2))
        case WorkflowStep(workflow=workflow):
            text = clean(f"workflow from {workflow.namespace}/{workflow.template}")
            given = ", ".join(clean(f"{k}={v}") for k, v in workflow.parameters.items())
            return labelled("Submit", f"{text} {given}".strip(), columns)
        case WaitStep(wait=seconds):
            return labelled("Wait", clock(seconds), columns)
    return []


def _script(script: str, columns: int, lines: int) -> list[Row]:
    commands = script_lines(script)
    rows: list[Row] = []
    for index, command in enumerate(commands[:lines]):
        more = index == lines - 1 and len(commands) > lines
        left = f" (and {len(commands) - lines} more lines)" if more else ""
        rows += labelled("Run" if index == 0 else "", f"$ {command}{left}", columns, Tone.PLAIN)
    return rows


def condition(check: Any) -> str:
    """A check in a few words: its kind and what it asks."""
    kind = check_kind(check) or "check"
    asked = getattr(check, kind, None)
    if isinstance(asked, str):
        return clean(f"{kind}: {' '.join(asked.split())}")
    if asked is None:
        return kind
    fields = asked.model_dump(mode="json", exclude_unset=True)
    words = [f"{k} {_value(v)}" for k, v in fields.items() if k not in _UNSHOWN and v is not None]
    return clean(f"{kind}: {', '.join(words)}")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={_value(v)}" for k, v in value.items() if v is not None)
    if isinstance(value, list):
        return "+".join(_value(v) for v in value)
    return str(value)
