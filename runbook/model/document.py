"""What a runbook says: the whole vocabulary of the format, and nothing about what happens.

One key decides a step's kind. A key that is accepted here does something: `tests/keys` walks the
models and shows it, for each. Texts may hold `${{ }}` expressions; `runbook.plan` binds them.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from runbook.model.base import FormatModel
from runbook.model.checks import Check, Expect, NamedCheck
from runbook.model.values import Duration, Identifier, Reference, Text

API_VERSION = "runbook/v1"
Effect = Literal["read", "change", "destroy"]


class Goto(FormatModel):
    goto: Identifier = Field(description="the id of a step; no gate lies between")


OnFailure = Literal["ask", "stop", "continue"] | Goto
"""ask an operator (unattended: stop) | stop the run | go on | go on at another step."""


class Input(FormatModel):
    """A value the operator may give: --input name=value, RUNBOOK_INPUT_NAME, or the default."""

    type: Literal["string", "integer", "number", "boolean"] = Field(
        "string", description="how a given text is read"
    )
    description: str = Field("", description="what the operator is asked for")
    default: str | int | float | bool | None = Field(
        None, description="taken when nothing is given"
    )
    required: bool = Field(False, description="a run does not start without a value")
    pattern: str | None = Field(None, description="a regular expression the whole text must match")
    options: list[str | int | float | bool] | None = Field(
        None, description="the only values that are allowed"
    )


class SecretBase(FormatModel):
    sensitive: bool = Field(True, description="false for what is no secret, such as a user name")


class EnvSecret(SecretBase):
    from_: Literal["env"] = Field(
        alias="from", description="an environment variable of whoever starts the run"
    )
    key: Text = Field(description="environment variable")


class FileSecret(SecretBase):
    from_: Literal["file"] = Field(
        alias="from", description="a file of the machine that the run is started on"
    )
    path: Text = Field(description="the file's content, final newline removed")


class KubernetesSecret(SecretBase):
    from_: Literal["kubernetes"] = Field(
        alias="from", description="a Secret of the cluster, read when it is needed"
    )
    namespace: Text = Field(description="the Secret's namespace")
    name: Text = Field(description="the Secret's name")
    key: Text = Field(description="the key of the Secret's data")


class CommandSecret(SecretBase):
    from_: Literal["command"] = Field(alias="from", description="what a command prints")
    env: dict[str, str] = Field({}, description="variables of this command")
    run: Text = Field(description="bash; its standard output, final newline removed")
    timeout: Duration = Field(30.0, gt=0, description="how long it may take")


SecretSource = Annotated[
    EnvSecret | FileSecret | KubernetesSecret | CommandSecret, Field(discriminator="from_")
]


class Target(FormatModel):
    """The part of the cluster the run is about."""

    namespaces: list[str] = Field([], description="namespaces that are shown live")
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
    """What every step may say."""

    id: Identifier = Field(
        description="unique over the whole runbook; expressions, reports and `runbook resume` name it"
    )
    title: str = Field("", description="shown instead of the id")
    when: Condition | None = Field(
        None, description="an expression; when false the step is skipped"
    )
    timeout: Duration | None = Field(
        None,
        gt=0,
        description="how long it may take; for a gate or a task expiry is a refusal or a failure",
    )
    hint: str = Field("", description="what a trainee is told in practice")
    doc: str = Field("", description="a link to read more, shown with the step")


class WorkBase(StepBase):
    """What a step may say that changes something or looks at something, by whomever."""

    effect: Effect = Field(
        "read",
        description="what it does to the platform; before `destroy` the cluster is asked who it is",
    )
    on_failure: OnFailure = Field(
        "ask", description="what happens when it has failed, after its retries"
    )
    skippable: bool = Field(True, description="false refuses skipping")


class PerformedBase(WorkBase):
    """What a step may say that needs no person."""

    parallel: Identifier | None = Field(
        None, description="neighbours in a phase with the same name here run at the same time"
    )


Undo = Annotated[
    Text | None,
    Field(description="a command that undoes the step; performed only when an operator asks"),
]


class RunStep(PerformedBase):
    run: Text = Field(description="the command, bash -euo pipefail unless `shell` says otherwise")
    shell: str | None = Field(None, description="the program that reads the script on stdin")
    env: dict[str, str] = Field({}, description="variables of the command")
    working_directory: str | None = Field(
        None,
        alias="working-directory",
        description="where the command starts; relative to where the runbook's own names start",
    )
    expect: Expect = Field(Expect(), description="what its result must be; without it, exit code 0")
    retries: int = Field(0, ge=0, le=100, description="how often it is tried again")
    delay: Duration = Field(0.0, ge=0, description="before each retry")
    register_: Identifier | None = Field(
        None, alias="register", description="keep standard output as ${{ registered.NAME }}"
    )
    sensitive: bool = Field(False, description="the output is neither shown nor stored")
    rollback: Undo = None
    effect: Effect = Field(
        "change",
        description="what it does to the platform; before `destroy` the cluster is asked who it is",
    )


class CheckStep(PerformedBase):
    check: Check = Field(description="the condition that is polled; one key decides its kind")
    until: Duration = Field(60.0, gt=0, description="how long to poll before it has failed")
    every: Duration = Field(2.0, gt=0, description="how long between two looks")
    proves_against: list[Identifier] = Field(
        [], description="practice faults that must turn this check red"
    )


class Gate(FormatModel):
    message: Text = Field(description="what the operator is asked; never a secret")
    confirm_text: str | None = Field(None, description="what the operator must type to approve")
    approvers: list[Text] = Field(
        [], description="who may approve; never the operator who started the run"
    )
    timeout: Duration | None = Field(None, gt=0, description="expiry is a refusal")


class ApproveStep(StepBase):
    """A gate: it touches nothing, is never skipped, and one that does not open stops the run."""

    approve: Gate = Field(description="a gate: somebody says yes, or the run goes no further")
    effect: ClassVar[Effect] = "read"
    on_failure: ClassVar[OnFailure] = "stop"
    skippable: ClassVar[bool] = False
    parallel: ClassVar[None] = None


class Task(FormatModel):
    instructions: Text = Field(description="what a person is to do")
    evidence: Literal["none", "text", "file"] = Field("none", description="what must be handed in")


class ManualStep(WorkBase):
    manual: Task = Field(description="something that a person does and confirms")
    rollback: Undo = None
    parallel: ClassVar[None] = None


class WaitStep(PerformedBase):
    wait: Duration = Field(ge=0, description="how long nothing is done")


class Submission(FormatModel):
    """An Argo Workflow made from a template and followed to its end."""

    namespace: Text = Field(description="where the workflow runs")
    template: Text = Field(description="the WorkflowTemplate's name")
    parameters: dict[str, str] = Field({}, description="arguments by name")
    ui: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="base URL of Argo's UI, to link to"
    )


class WorkflowStep(PerformedBase):
    workflow: Submission = Field(
        description="an Argo Workflow, submitted from a template and followed to its end"
    )
    retries: int = Field(0, ge=0, le=100, description="how often it is submitted again")
    delay: Duration = Field(0.0, ge=0, description="before each retry")
    rollback: Undo = None
    effect: Effect = Field(
        "change",
        description="what it does to the platform; before `destroy` the cluster is asked who it is",
    )


class UsesStep(FormatModel):
    """The steps of another runbook in the place of this one, after its preflight."""

    id: Identifier = Field(
        description="unique over the whole runbook; its steps are called ID.STEP"
    )
    title: str = Field("", description="shown with its steps")
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
    id: Identifier = Field(description="unique among the phases")
    title: str = Field("", description="shown instead of the id")
    budget: Duration | None = Field(
        None, gt=0, description="how long it should take; more is told, and fails nothing"
    )
    steps: list[WrittenStep] = Field(min_length=1, description="what is done, in this order")


NotifiedOf = Literal["waiting", "failed", "finished"]


class Notification(FormatModel):
    """Word to people who are not looking at the run: a webhook, a command or the desktop."""

    webhook: Text | None = Field(
        None, description="a secret: the URL of an incoming webhook in Slack's form"
    )
    command: list[Text] | None = Field(
        None,
        min_length=1,
        description="a program and its arguments; reads the message on its standard input, as JSON",
    )
    desktop: Literal[True] | None = Field(
        None, description="a notification on the desktop of whoever started the run"
    )
    events: list[NotifiedOf] = Field(
        ["waiting", "failed", "finished"],
        min_length=1,
        description="a person is waited for; a failure waits for a decision; the run is over",
    )
    in_practice: bool = Field(False, description="true: in practice too")


class Runbook(FormatModel):
    apiVersion: Literal["runbook/v1"] = Field(  # noqa: N815 - the key as Kubernetes authors write it
        description="the version of the format"
    )
    name: Identifier = Field(description="what the runbook is called in commands and records")
    title: str = Field("", description="one line for readers")
    description: str = Field("", description="what it is for, and what it leaves behind")
    owner: str = Field("", description="who answers for it")
    inputs: dict[Identifier, Input] = Field({}, description="values that the operator may give")
    vars: dict[Identifier, str | int | float | bool] = Field({}, description="constants")
    secrets: dict[Identifier, SecretSource] = Field(
        {}, description="where secret values are read from; never the values"
    )
    env: dict[str, str] = Field({}, description="variables of every command")
    target: Target = Field(Target(), description="the part of the cluster the run is about")
    objectives: Objectives = Field(Objectives(), description="what a recovery is measured against")
    notify: list[Notification] = Field([], description="who is told while the run goes on, and how")
    health: dict[Identifier, NamedCheck] = Field(
        {}, description="named checks: asked all the time, and used in steps and in recovered_when"
    )
    preflight: list[WrittenStep] = Field(
        [], description="steps that must pass before anything else"
    )
    phases: list[Phase] = Field(min_length=1, description="the phases of a run, in this order")
    always: list[WrittenStep] = Field([], description="steps at the end of a run, however it ends")
