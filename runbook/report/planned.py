"""What a plan says, gathered once for every form it is shown in: text, JSON, Markdown, Mermaid. Pure.

Every value that exists before a run is bound; secrets are names and places, never values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.model.document import (
    ApproveStep,
    CheckStep,
    Goto,
    ManualStep,
    RunStep,
    WaitStep,
    WorkflowStep,
)
from runbook.model.expressions import shown
from runbook.model.values import readable
from runbook.model.wording import after_failure, condition, when
from runbook.plan import Plan, PlannedStep


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    message: str
    confirm_text: str | None
    approvers: tuple[str, ...]
    timeout: float | None
    """Seconds; then it is refused."""

    @property
    def who(self) -> str:
        """Who may open it."""
        if not self.approvers:
            return "the operator"
        return f"one of {', '.join(self.approvers)}, never the operator, with an SSH key"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    number: str
    id: str
    title: str
    kind: str
    effect: str
    does: str
    """The script, the condition, the question: what the kind is about."""
    notes: tuple[str, ...]
    """What else the step says, each a short sentence."""
    gate: GateFacts | None
    goto: str
    """The step that a failure leads to; empty when it leads to none."""
    group: str
    undoes: str
    script: bool
    """`does` is a script, for a person to read line by line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFacts:
    id: str
    number: str
    title: str
    budget: float | None
    steps: tuple[StepFacts, ...]


_EVIDENCE = {"none": "", "text": " and writes down what they saw", "file": " and hands in a file"}


def phases_of(plan: Plan) -> tuple[PhaseFacts, ...]:
    """The phases in the order of a run, preflight first and what is always done last."""
    return tuple(
        PhaseFacts(
            id=phase.id,
            number=phase.steps[0].number.partition(".")[0],
            title=phase.title,
            budget=phase.budget,
            steps=tuple(step_facts(step) for step in phase.steps),
        )
        for phase in plan.phases
        if phase.steps
    )


def rollback_of(plan: Plan) -> tuple[StepFacts, ...]:
    """What may be undone, last first: the order in which it would be."""
    return tuple(step_facts(step) for step in reversed(plan.rollback))


def step_facts(planned: PlannedStep) -> StepFacts:
    step = planned.step
    return StepFacts(
        number=planned.number,
        id=planned.id,
        title=planned.title,
        kind=planned.kind,
        effect=planned.effect,
        does=_does(planned),
        notes=tuple(_notes(planned)),
        gate=_gate(planned),
        goto=step.on_failure.goto if isinstance(step.on_failure, Goto) else "",
        group=planned.group,
        undoes=planned.undoes,
        script=isinstance(step, RunStep),
    )


def _does(planned: PlannedStep) -> str:
    match planned.step:
        case RunStep(run=script):
            return shown(script).strip("\n").rstrip()
        case CheckStep(check=check):
            return condition(check)
        case ApproveStep(approve=gate):
            return shown(gate.message)
        case ManualStep(manual=task):
            return shown(task.instructions)
        case WaitStep(wait=seconds):
            return f"waits {readable(seconds)}"
        case WorkflowStep(workflow=workflow):
            given = "".join(f" {key}={value}" for key, value in workflow.parameters.items())
            return f"submits a workflow from {workflow.namespace}/{workflow.template}{given}"


def _gate(planned: PlannedStep) -> GateFacts | None:
    if not isinstance(planned.step, ApproveStep):
        return None
    gate = planned.step.approve
    return GateFacts(
        message=gate.message,
        confirm_text=gate.confirm_text,
        approvers=tuple(gate.approvers),
        timeout=gate.timeout or planned.step.timeout,
    )


def _notes(planned: PlannedStep) -> Iterator[str]:
    step = planned.step
    if step.when is not None:
        yield f"when {when(step.when)}"
    if gate := _gate(planned):
        yield f"opened by {gate.who}"
        if gate.confirm_text:
            yield f"they type {gate.confirm_text}"
        if gate.timeout:
            yield f"refused when nobody answers for {readable(gate.timeout)}"
    else:
        if isinstance(step, ManualStep):
            yield "a person does it" + (_EVIDENCE[step.manual.evidence])
        if isinstance(step, CheckStep):
            yield f"asked every {readable(step.every)}, for up to {readable(step.until)}"
        if isinstance(step, RunStep):
            yield from _command_notes(step)
        if step.timeout:
            yield f"ended after {readable(step.timeout)}"
        if isinstance(step, RunStep | WorkflowStep) and step.retries:
            yield f"tried again up to {step.retries} times, after {readable(step.delay)} each"
        if step.on_failure != "ask":
            yield after_failure(step.on_failure)
        if not step.skippable:
            yield "never skipped"
    if planned.group:
        yield f"at the same time as its neighbours of group {planned.group}"
    if getattr(step, "rollback", None):
        yield "can be undone"


def _command_notes(step: RunStep) -> Iterator[str]:
    if step.shell:
        yield f"run by {step.shell}"
    if step.working_directory:
        yield f"in {step.working_directory}"
    if step.env:
        yield "with variables " + ", ".join(
            f"{name}={shown(value)}" for name, value in step.env.items()
        )
    expected = step.expect.model_dump(mode="json", exclude_unset=True)
    if expected:
        yield "expects " + ", ".join(f"{key} {value}" for key, value in expected.items())
    if step.register_:
        yield f"its output is kept as {step.register_}"
    if step.sensitive:
        yield "its output is neither shown nor stored"
