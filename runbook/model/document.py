"""What a runbook says: the whole vocabulary of the format, and nothing about what happens.

One key decides a step's kind. A key that is accepted here is executed; `tests/model` walks this file
and proves it. Texts may hold `${{ }}` expressions; `runbook.plan` binds them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from runbook.model.base import FormatModel
from runbook.model.checks import Check, Expect, NamedCheck
from runbook.model.values import Duration, Identifier, Reference, Text

API_VERSION = "runbook/v1"
Effect = Literal["read", "change", "destroy"]


class Goto(FormatModel):
    goto: Identifier


OnFailure = Literal["ask", "stop", "continue"] | Goto
"""ask an operator (unattended: stop) | stop the run | go on | go on at another step."""


class Input(FormatModel):
    """A value the operator may give: --input name=value, RUNBOOK_INPUT_NAME, or the default."""

    type: Literal["string", "integer", "number", "boolean"] = "string"
    description: str = ""
    default: str | int | float | bool | None = None
    required: bool = False
    pattern: str | None = Field(None, description="a regular expression the whole text must match")
    options: list[str | int | float | bool] | None = None


class SecretBase(FormatModel):
    sensitive: bool = Field(True, description="false for what is no secret, such as a user name")


class EnvSecret(SecretBase):
    from_: Literal["env"] = Field(alias="from")
    key: Text = Field(description="environment variable")


class FileSecret(SecretBase):
    from_: Literal["file"] = Field(alias="from")
    path: Text = Field(description="the file's content, final newline removed")


class KubernetesSecret(SecretBase):
    from_: Literal["kubernetes"] = Field(alias="from")
    namespace: Text
    name: Text
    key: Text


SecretSource = Annotated[EnvSecret | FileSecret | KubernetesSecret, Field(discriminator="from_")]


class Target(FormatModel):
    """The part of the cluster the run is about."""

    namespaces: list[str] = []
    watch: list[str] = Field(["pods"], description="resources shown live: plural or plural.group")


class Objectives(FormatModel):
    rto: Duration | None = Field(None, gt=0, description="recovery time objective")
    recovered_when: list[Reference] = Field([], description="health checks that stop the clock")
    settle: Duration = Field(5.0, ge=0, description="how long they must hold before it counts")
    clock: Literal["destroy", "open"] = Field(
        "destroy",
        description="what starts the recovery clock: the first step that destroys, or the run",
    )


def _marked(condition: str) -> str:
    """A condition with its marks, so that the values of the plan are put into it as everywhere."""
    text = condition.strip()
    return text if "${{" in text else "${{ " + text + " }}"


Condition = Annotated[str, AfterValidator(_marked)]


class StepBase(FormatModel):
    id: Identifier
    title: str = ""
    when: Condition | None = Field(
        None, description="an expression; when false the step is skipped"
    )
    effect: Effect = "read"
    timeout: Duration | None = Field(None, gt=0)
    on_failure: OnFailure = "ask"
    skippable: bool = True
    parallel: Identifier | None = Field(
        None, description="neighbours in a phase with the same name here run at the same time"
    )
    hint: str = Field("", description="what a trainee is told in practice")
    doc: str = Field("", description="a link to read more")


Undo = Annotated[
    Text | None,
    Field(description="a command that undoes the step; performed only when an operator asks"),
]


class RunStep(StepBase):
    run: Text = Field(description="the command, bash -euo pipefail unless `shell` says otherwise")
    shell: str | None = Field(None, description="the program that reads the script on stdin")
    env: dict[str, str] = {}
    working_directory: str | None = Field(None, alias="working-directory")
    expect: Expect = Expect()
    retries: int = Field(0, ge=0, le=100)
    delay: Duration = Field(0.0, ge=0, description="before each retry")
    register_: Identifier | None = Field(
        None, alias="register", description="keep standard output as ${{ registered.NAME }}"
    )
    sensitive: bool = Field(False, description="the output is neither shown nor stored")
    rollback: Undo = None
    effect: Effect = "change"


class CheckStep(StepBase):
    check: Check
    until: Duration = Field(60.0, gt=0, description="how long to poll before it has failed")
    every: Duration = Field(2.0, gt=0)
    proves_against: list[Identifier] = Field(
        [], description="practice faults that must turn this check red"
    )


class Gate(FormatModel):
    message: Text
    confirm_text: str | None = Field(None, description="what the operator must type to approve")
    approvers: list[Text] = Field(
        [], description="who may approve; never the operator who started the run"
    )
    timeout: Duration | None = Field(None, gt=0, description="expiry is a refusal")


class ApproveStep(StepBase):
    approve: Gate


class Task(FormatModel):
    instructions: Text
    evidence: Literal["none", "text"] = Field("none", description="what must be handed in")


class ManualStep(StepBase):
    manual: Task
    rollback: Undo = None


class WaitStep(StepBase):
    wait: Duration = Field(ge=0)


class Submission(FormatModel):
    """An Argo Workflow made from a template and followed to its end."""

    namespace: Text
    template: Text
    parameters: dict[str, str] = {}


class WorkflowStep(StepBase):
    workflow: Submission
    retries: int = Field(0, ge=0, le=100)
    delay: Duration = Field(0.0, ge=0)
    rollback: Undo = None
    effect: Effect = "change"


class UsesStep(FormatModel):
    """The steps of another runbook in the place of this one, after its preflight."""

    id: Identifier
    title: str = ""
    when: Condition | None = Field(None, description="when false, none of its steps is performed")
    uses: Text = Field(description="a file beside this one: ./other.yaml or ./other.yaml@sha256:…")
    with_: dict[Identifier, str | int | float | bool] = Field(
        {}, alias="with", description="values for its inputs"
    )


STEP_KINDS = ("run", "check", "approve", "manual", "wait", "workflow", "uses")


def step_kind(value: Any) -> str | None:
    """The one key that decides a step's kind, or None when there is not exactly one."""
    keys = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    kinds = [kind for kind in STEP_KINDS if kind in keys]
    return kinds[0] if len(kinds) == 1 else None


Step = Annotated[
    Annotated[RunStep, Tag("run")]
    | Annotated[CheckStep, Tag("check")]
    | Annotated[ApproveStep, Tag("approve")]
    | Annotated[ManualStep, Tag("manual")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[WorkflowStep, Tag("workflow")],
    Discriminator(step_kind),
]
"""What can be performed."""

WrittenStep = Annotated[
    Annotated[RunStep, Tag("run")]
    | Annotated[CheckStep, Tag("check")]
    | Annotated[ApproveStep, Tag("approve")]
    | Annotated[ManualStep, Tag("manual")]
    | Annotated[WaitStep, Tag("wait")]
    | Annotated[WorkflowStep, Tag("workflow")]
    | Annotated[UsesStep, Tag("uses")],
    Discriminator(step_kind),
]
"""What can be written: a step, or another runbook in its place."""

StepKind = Literal["run", "check", "approve", "manual", "wait", "workflow"]


class Phase(FormatModel):
    id: Identifier
    title: str = ""
    budget: Duration | None = Field(None, gt=0)
    steps: list[WrittenStep] = Field(min_length=1)


class Runbook(FormatModel):
    apiVersion: Literal["runbook/v1"]  # noqa: N815 - the key as Kubernetes authors write it
    name: Identifier
    title: str = ""
    description: str = ""
    owner: str = ""
    inputs: dict[Identifier, Input] = {}
    vars: dict[Identifier, str | int | float | bool] = {}
    secrets: dict[Identifier, SecretSource] = {}
    env: dict[str, str] = {}
    target: Target = Target()
    objectives: Objectives = Objectives()
    health: dict[Identifier, NamedCheck] = {}
    preflight: list[WrittenStep] = Field(
        [], description="steps that must pass before anything else"
    )
    phases: list[Phase] = Field(min_length=1)
    always: list[WrittenStep] = Field([], description="steps at the end of a run, however it ends")
