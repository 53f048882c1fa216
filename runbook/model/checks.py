"""What a check may ask. One key decides the kind; `runbook.checks` has a reader for each.

Every check is a condition that holds, does not hold, or cannot be told; how often it is asked and for
how long is the step's business.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from runbook.model.base import FormatModel
from runbook.model.preflight import GitopsCheck, QuotasCheck, RightsCheck, ToolsCheck, VolumesCheck
from runbook.model.values import Duration, Reference, Text


class Range(FormatModel):
    """What a number must lie in; both ends belong to it."""

    min: float | None = Field(None, allow_inf_nan=False, description="the smallest allowed number")
    max: float | None = Field(None, allow_inf_nan=False, description="the largest allowed number")

    @model_validator(mode="after")
    def holds_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a range needs `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"no number lies between {self.min:g} and {self.max:g}")
        return self


class JsonPath(FormatModel):
    """A value inside a JSON document, addressed as kubectl does."""

    path: Text = Field(description="kubectl JSONPath, with or without braces: {.status.phase}")
    equals: str | int | float | bool | None = Field(None, description="the exact value")
    matches: str | None = Field(None, description="a regular expression found in the value")
    range: Range | None = Field(None, description="the value is a number in here")


class Expect(FormatModel):
    """What a command's result must be. Without `exit`, the exit code must be 0."""

    exit: int | list[int] = Field(0, description="allowed exit code or codes")
    stdout: str | None = Field(None, description="the whole standard output, outer blanks removed")
    regex: str | None = Field(None, description="a regular expression found in standard output")
    jsonpath: JsonPath | None = Field(None, description="standard output is JSON with this value")
    range: Range | None = Field(None, description="standard output is a number in here")


class HttpExpect(FormatModel):
    """What an HTTP answer must be."""

    status: int | list[int] = Field(200, description="allowed status code or codes")
    regex: str | None = Field(None, description="a regular expression found in the body")
    jsonpath: JsonPath | None = Field(None, description="the body is JSON with this value")
    range: Range | None = Field(None, description="the body is a number in here")
    max_latency: Duration | None = Field(
        None, gt=0, description="the whole answer is there within this time"
    )
    headers: dict[str, str] = Field({}, description="header names with regular expressions")


class KubernetesQuery(FormatModel):
    """Objects of the cluster and what must be true of them."""

    kind: Text = Field(description="the objects' kind, as in a manifest")
    group: str | None = Field(None, description="API group, when the kind's name is not unique")
    namespace: str | None = Field(
        None, description="left out: all namespaces, or none for what has none"
    )
    name: str | None = Field(None, description="one object; left out: all that match")
    selector: str | None = Field(None, description="label selector, as kubectl -l")
    condition: str | None = Field(
        None, description="a condition type that must be True, or Type=Status"
    )
    jsonpath: JsonPath | None = Field(None, description="a value that they must have")
    ready_containers: int | None = Field(
        None, ge=1, description="pods: exactly this many containers, all of them ready"
    )
    count: int | None = Field(
        None, ge=0, description="exactly this many objects satisfy the rest; without it, all do"
    )
    absent: bool = Field(False, description="no such object exists")
    current_generation: bool = Field(
        False, description="status.observedGeneration must equal metadata.generation"
    )


class HttpQuery(FormatModel):
    url: Text = Field(description="http(s)://… or service://namespace/name:port/path")
    method: Literal["GET", "HEAD", "POST"] = Field("GET", description="the request's method")
    headers: dict[str, str] = Field({}, description="headers of the request")
    body: str | None = Field(None, description="what is sent")
    username: str | None = Field(None, description="for basic authentication")
    password: str | None = Field(
        None, description="for basic authentication; an expression of `secrets`"
    )
    ca_file: str | None = Field(
        None, description="certificates that are trusted instead of the machine's"
    )
    expect: HttpExpect = Field(HttpExpect(), description="what the answer must be")


class TcpQuery(FormatModel):
    host: Text = Field(description="a name or an address")
    port: int = Field(ge=1, le=65535, description="the port that must take a connection")


class LogsQuery(FormatModel):
    namespace: Text = Field(description="the pods' namespace")
    selector: str | None = Field(None, description="label selector of the pods, as kubectl -l")
    pod: str | None = Field(None, description="one pod by its name")
    container: str | None = Field(None, description="left out: the pod's default container")
    matches: Text = Field(description="a regular expression found in one line")
    tail: int = Field(1000, ge=1, le=100_000, description="how many last lines are read")


class S3Query(FormatModel):
    endpoint: Text = Field(description="http(s)://… or service://namespace/name:port")
    bucket: Text = Field(description="the bucket's name")
    key: str | None = Field(None, description="this exact object exists")
    prefix: str | None = Field(None, description="at least one object starts so")
    access_key: str | None = Field(None, description="left out: asked without signature")
    secret_key: str | None = Field(None, description="an expression of `secrets`")
    region: str = Field("us-east-1", description="what requests are signed for")


class MlflowQuery(FormatModel):
    """The newest finished run of each variant has a usable logged model."""

    endpoint: Text = Field(description="http(s)://… or service://namespace/name:port")
    experiment: Text = Field(description="the experiment's name")
    variants: list[str] = Field(min_length=1, description="a run of each must be found")
    variant_param: str = Field(
        "model_variant", description="the parameter of a run that names its variant"
    )
    username: str | None = Field(None, description="for basic authentication")
    password: str | None = Field(
        None, description="for basic authentication; an expression of `secrets`"
    )


class InferenceQuery(FormatModel):
    """One request of the V2 inference protocol through the mesh."""

    endpoint: Text = Field(description="the mesh: http(s)://… or service://namespace/name:port")
    model: str | None = Field(None, description="the Model that must answer")
    experiment: str | None = Field(None, description="the Experiment whose route must answer")
    inputs: list[dict[str, Any]] | None = Field(
        None, description="V2 input tensors; without them only readiness is asked"
    )


class SecretQuery(FormatModel):
    """A Secret's shape; its values are never shown."""

    namespace: Text = Field(description="the Secret's namespace")
    name: Text = Field(description="the Secret's name")
    keys: list[str] = Field([], description="data keys that must exist")
    count: int | None = Field(None, ge=0, description="exactly this many data keys")
    json_fields: list[str] = Field(
        [], description="every data value is a JSON object with these fields"
    )


class SealedSecretsQuery(FormatModel):
    """The sealing keys are there, and what was sealed has been opened."""

    controller_namespace: str = Field(
        "kube-system", description="where the controller and its keys are"
    )
    min_keys: int = Field(1, ge=0, description="active sealing keys in the controller's namespace")
    backup: str | None = Field(
        None, description="a file with the private keys: every active key is in it"
    )
    files: list[Text] = Field(
        [], description="sealed files and folders; all open with the backup, else with the keys"
    )
    holding: list[SecretQuery] = Field([], description="Secrets of this shape are in the files")
    synced_in: list[str] = Field([], description="namespaces whose SealedSecrets are all Synced")


class WorkflowQuery(FormatModel):
    """The newest Workflow made from a template."""

    namespace: Text = Field(description="the workflows' namespace")
    template: Text = Field(description="the WorkflowTemplate's name")
    node: str | None = Field(None, description="display name of a node that must have Succeeded")
    parameters: dict[str, str] = Field({}, description="arguments the Workflow was submitted with")


class KubernetesCheck(FormatModel):
    kubernetes: KubernetesQuery = Field(description="objects of the cluster are as asked")


class HttpCheck(FormatModel):
    http: HttpQuery = Field(description="an HTTP answer is as expected")


class TcpCheck(FormatModel):
    tcp: TcpQuery = Field(description="a port takes a connection")


class LogsCheck(FormatModel):
    logs: LogsQuery = Field(description="a line of a container's log matches")


class RunCheck(FormatModel):
    run: Text = Field(description="a command that only reads")
    shell: str | None = Field(
        None, description="the program that reads the script on stdin; bash when left out"
    )
    env: dict[str, str] = Field({}, description="variables of the command")
    expect: Expect = Field(Expect(), description="what its result must be; without it, exit code 0")


class S3Check(FormatModel):
    s3: S3Query = Field(description="an object is in a bucket")


class MlflowCheck(FormatModel):
    mlflow: MlflowQuery = Field(description="models are logged and usable")


class InferenceCheck(FormatModel):
    inference: InferenceQuery = Field(description="a model or an experiment answers")


class SecretCheck(FormatModel):
    secret: SecretQuery = Field(description="a Secret has the right shape")


class SealedSecretsCheck(FormatModel):
    sealed_secrets: SealedSecretsQuery = Field(description="everything sealed is open")


class WorkflowCheck(FormatModel):
    workflow: WorkflowQuery = Field(description="the newest workflow of a template has succeeded")


class HealthCheck(FormatModel):
    health: Reference = Field(description="a check named under `health:`, or of a used runbook")


CHECK_KINDS = (
    "kubernetes", "http", "tcp", "logs", "run", "s3", "mlflow", "inference", "secret",
    "sealed_secrets", "workflow", "volumes", "gitops", "quotas", "tools", "rights",
    "health",
)  # fmt: skip


def check_kind(value: Any) -> str | None:
    """The one key that decides a check's kind, or None when there is not exactly one."""
    keys = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    kinds = [kind for kind in CHECK_KINDS if kind in keys]
    return kinds[0] if len(kinds) == 1 else None


Check = Annotated[
    Annotated[KubernetesCheck, Tag("kubernetes")]
    | Annotated[HttpCheck, Tag("http")]
    | Annotated[TcpCheck, Tag("tcp")]
    | Annotated[LogsCheck, Tag("logs")]
    | Annotated[RunCheck, Tag("run")]
    | Annotated[S3Check, Tag("s3")]
    | Annotated[MlflowCheck, Tag("mlflow")]
    | Annotated[InferenceCheck, Tag("inference")]
    | Annotated[SecretCheck, Tag("secret")]
    | Annotated[SealedSecretsCheck, Tag("sealed_secrets")]
    | Annotated[WorkflowCheck, Tag("workflow")]
    | Annotated[VolumesCheck, Tag("volumes")]
    | Annotated[GitopsCheck, Tag("gitops")]
    | Annotated[QuotasCheck, Tag("quotas")]
    | Annotated[ToolsCheck, Tag("tools")]
    | Annotated[RightsCheck, Tag("rights")]
    | Annotated[HealthCheck, Tag("health")],
    Discriminator(check_kind),
]


class NamedCheck(FormatModel):
    """A check with a name: reused as preflight, as `recovered_when` and in the live health strip."""

    title: str = Field("", description="shown instead of the name")
    check: Check = Field(description="the condition; one key decides its kind")
    every: Duration = Field(5.0, gt=0, description="how often it is asked while a run goes on")
