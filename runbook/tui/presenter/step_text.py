"""What a step does, as the operator would type or say it."""

from __future__ import annotations

from runbook.model.document import CheckStep, RunStep, WaitStep, WorkflowStep
from runbook.model.expressions import shown
from runbook.model.wording import condition
from runbook.plan import PlannedStep
from runbook.tui.presenter.spans import Row, Tone, labelled
from runbook.tui.presenter.times import clock
from runbook.tui.safe import clean


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
            return labelled("Check", clean(condition(check)), columns, lines=min(lines, 2))
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
