"""What a check may ask. One key decides the kind; `runbook.checks` has a reader for each.

Every check is a condition that holds, does not hold, or cannot be told; how often it is asked and for
how long is the step's business.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from runbook.model.base import FormatModel
from runbook.model.values import Duration, Reference, Text


class JsonPath(FormatModel):
    """A value inside a JSON document, addressed as kubectl does."""

    path: Text = Field(description="kubectl JSONPath, with or without braces: {.status.phase}")
    equals: str | int | float | bool | None = Field(None, description="the exact value")
    matches: str | None = Field(None, description="a regular expression found in the value")


class Expect(FormatModel):
    """What a command's result must be. Without `exit`, the exit code must be 0."""

    exit: int | list[int] = Field(0, description="allowed exit code or codes")
    stdout: str | None = Field(None, description="the whole standard output, outer blanks removed")
    regex: str | None = Field(None, description="a regular expression found in standard output")
    jsonpath: JsonPath | None = Field(None, description="standard output is JSON with this value")


class HttpExpect(FormatModel):
    """What an HTTP answer must be."""

    status: int | list[int] = Field(200, description="allowed status code or codes")
    regex: str | None = Field(None, description="a regular expression found in the body")
    jsonpath: JsonPath | None = Field(None, description="the body is JSON with this value")
    headers: dict[str, str] = Field({}, description="header names with regular expressions")


class KubernetesQuery(FormatModel):
    """Objects of the cluster and what must be true of them."""

    kind: Text
    group: str | None = Field(None, description="API group, when the kind's name is not unique")
    namespace: str | None = None
    name: str | None = None
    selector: str | None = Field(None, description="label selector, as kubectl -l")
    condition: str | None = Field(
        None, description="a condition type that must be True, or Type=Status"
    )
    jsonpath: JsonPath | None = None
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
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    expect: HttpExpect = HttpExpect()


class TcpQuery(FormatModel):
    host: Text
    port: int = Field(ge=1, le=65535)


class LogsQuery(FormatModel):
    namespace: Text
    selector: str | None = None
    pod: str | None = None
    container: str | None = None
    matches: Text = Field(description="a regular expression found in one line")
    tail: int = Field(1000, ge=1, le=100_000, description="how many last lines are read")


class S3Query(FormatModel):
    endpoint: Text
    bucket: Text
    key: str | None = Field(None, description="this exact object exists")
    prefix: str | None = Field(None, description="at least one object starts so")
    access_key: str | None = None
    secret_key: str | None = None
    region: str = "us-east-1"


class MlflowQuery(FormatModel):
    """The newest finished run of each variant has a usable logged model."""

    endpoint: Text
    experiment: Text
    variants: list[str] = Field(min_length=1)
    variant_param: str = "model_variant"
    username: str | None = None
    password: str | None = None


class InferenceQuery(FormatModel):
    """One request of the V2 inference protocol through the mesh."""

    endpoint: Text
    model: str | None = Field(None, description="the Model that must answer")
    experiment: str | None = Field(None, description="the Experiment whose route must answer")
    inputs: list[dict[str, Any]] | None = Field(
        None, description="V2 input tensors; without them only readiness is asked"
    )


class SecretQuery(FormatModel):
    """A Secret's shape; its values are never shown."""

    namespace: Text
    name: Text
    keys: list[str] = Field([], description="data keys that must exist")
    count: int | None = Field(None, ge=0, description="exactly this many data keys")
    json_fields: list[str] = Field(
        [], description="every data value is a JSON object with these fields"
    )


class SealedSecretsQuery(FormatModel):
    """The sealing keys are there, and what was sealed has been opened."""

    controller_namespace: str = "kube-system"
    min_keys: int = Field(1, ge=0, description="active sealing keys in the controller's namespace")
    synced_in: list[str] = Field([], description="namespaces whose SealedSecrets are all Synced")


class WorkflowQuery(FormatModel):
    """The newest Workflow made from a template."""

    namespace: Text
    template: Text
    node: str | None = Field(None, description="display name of a node that must have Succeeded")
    parameters: dict[str, str] = Field({}, description="arguments the Workflow was submitted with")


class KubernetesCheck(FormatModel):
    kubernetes: KubernetesQuery


class HttpCheck(FormatModel):
    http: HttpQuery


class TcpCheck(FormatModel):
    tcp: TcpQuery


class LogsCheck(FormatModel):
    logs: LogsQuery


class RunCheck(FormatModel):
    run: Text = Field(description="a command that only reads")
    shell: str | None = None
    env: dict[str, str] = {}
    expect: Expect = Expect()


class S3Check(FormatModel):
    s3: S3Query


class MlflowCheck(FormatModel):
    mlflow: MlflowQuery


class InferenceCheck(FormatModel):
    inference: InferenceQuery


class SecretCheck(FormatModel):
    secret: SecretQuery


class SealedSecretsCheck(FormatModel):
    sealed_secrets: SealedSecretsQuery


class WorkflowCheck(FormatModel):
    workflow: WorkflowQuery


class HealthCheck(FormatModel):
    health: Reference = Field(description="a check named under `health:`, or of a used runbook")


CHECK_KINDS = (
    "kubernetes", "http", "tcp", "logs", "run", "s3", "mlflow", "inference", "secret",
    "sealed_secrets", "workflow", "health",
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
    | Annotated[HealthCheck, Tag("health")],
    Discriminator(check_kind),
]


class NamedCheck(FormatModel):
    """A check with a name: reused as preflight, as `recovered_when` and in the live health strip."""

    title: str = ""
    check: Check
    every: Duration = Field(5.0, gt=0, description="how often it is asked while a run goes on")
