"""The keys of checks, each by one look at a loopback cluster and its services."""

from __future__ import annotations

from typing import Any

from runbook.checks.base import CheckContext
from runbook.checks.readers import read
from runbook.executors.probe import run_probe
from runbook.practice.services.training import EXPERIMENT
from runbook.redact import Redactor
from runbook.target.client import connect
from tests.checks.accounts import reader
from tests.keys.cases import looked, shows
from tests.keys.world import CHECK, World

Query = dict[str, Any]
HOLDS, FAILS, UNKNOWN = "holds", "fails", "unknown"


def asks(model: str, kind: str, base: Query, table: dict[str, tuple[Query, Query, str]]) -> None:
    """For each key: what is asked with it, what without it, over `base`; and the verdict with it."""
    for key, (given, without, wants) in table.items():
        shows(f"{model}.{key}", looked, {kind: base | given}, {kind: base | without}, wants)


# -- kinds: the same question by two kinds has two answers

GREEN: dict[str, tuple[str, Query]] = {
    "KubernetesCheck.kubernetes": ("kubernetes", {"kind": "Pod", "name": "full", "namespace": "a"}),
    "HttpCheck.http": ("http", {"url": "{site}/"}),
    "TcpCheck.tcp": ("tcp", {"host": "127.0.0.1", "port": "{port}"}),
    "LogsCheck.logs": ("logs", {"namespace": "a", "pod": "full", "matches": "serving"}),
    "S3Check.s3": (
        "s3",
        {
            "endpoint": "{s3}",
            "bucket": "artifacts",
            "access_key": "user",
            "secret_key": "secret",
        },
    ),
    "MlflowCheck.mlflow": (
        "mlflow",
        {
            "endpoint": "{mlflow}",
            "experiment": EXPERIMENT,
            "variants": ["baseline"],
            "username": "user",
            "password": "secret",
        },
    ),
    "InferenceCheck.inference": ("inference", {"endpoint": "{mesh}", "model": "baseline"}),
    "SecretCheck.secret": ("secret", {"namespace": "a", "name": "one"}),
    "SealedSecretsCheck.sealed_secrets": ("sealed_secrets", {}),
    "VolumesCheck.volumes": ("volumes", {"namespaces": ["b"]}),
    "GitopsCheck.gitops": ("gitops", {"namespaces": ["b"]}),
    "QuotasCheck.quotas": ("quotas", {"namespaces": ["b"]}),
    "RightsCheck.rights": ("rights", {}),
    "ToolsCheck.tools": ("tools", {"programs": ["cat"]}),
    "WorkflowCheck.workflow": ("workflow", {"namespace": "a", "template": "trained"}),
}
for name, (kind, query) in GREEN.items():
    shows(name, looked, {kind: query}, {"run": "false"}, HOLDS)
shows("RunCheck.run", looked, {"run": "true"}, {"run": "false"}, HOLDS)

# -- commands

shows(
    "RunCheck.shell",
    looked,
    {"run": "raise SystemExit(0 * 1)", "shell": "python3 -"},
    {"run": "raise SystemExit(0 * 1)"},
    HOLDS,
)
shows(
    "RunCheck.env",
    looked,
    {"run": "test ${A-none} = b", "env": {"A": "b"}},
    {"run": "test ${A-none} = b"},
    HOLDS,
)
shows("RunCheck.expect", looked, {"run": "exit 3", "expect": {"exit": 3}}, {"run": "exit 3"}, HOLDS)
SAYS = {"run": "echo '{\"a\": 1}'"}


def expects(key: str, value: Any, wrong: Any) -> None:
    shows(
        f"Expect.{key}",
        looked,
        {**SAYS, "expect": {key: wrong}},
        {**SAYS, "expect": {key: value}},
        FAILS,
    )


expects("exit", [0, 1], [1, 2])
expects("stdout", '{"a": 1}', "no")
expects("regex", "a", "^b")
expects("jsonpath", {"path": ".a"}, {"path": ".b"})
shows(
    "Expect.range",
    looked,
    {"run": "echo 7", "expect": {"range": {"max": 6}}},
    {"run": "echo 7", "expect": {"range": {"max": 7}}},
    FAILS,
)


def at_path(**more: Any) -> Query:
    return {**SAYS, "expect": {"jsonpath": {"path": ".a", **more}}}


shows("JsonPath.path", looked, at_path(path=".b"), at_path(), FAILS)
shows("JsonPath.equals", looked, at_path(equals=2), at_path(), FAILS)
shows("JsonPath.range", looked, at_path(range={"min": 2}), at_path(), FAILS)
shows("Range.min", looked, at_path(range={"min": 2, "max": 3}), at_path(range={"max": 3}), FAILS)
shows("Range.max", looked, at_path(range={"min": 0, "max": 0}), at_path(range={"min": 0}), FAILS)
shows("JsonPath.matches", looked, at_path(matches="^x"), at_path(), FAILS)

# -- kubernetes

MODEL = {"kind": "Model", "namespace": "a", "name": "one"}
asks("KubernetesQuery", "kubernetes", MODEL, {
    "kind": ({"kind": "Pod"}, {}, FAILS),
    "group": ({"group": "apps"}, {}, FAILS),
    "namespace": ({"namespace": "b"}, {}, FAILS),
    "name": ({"name": "three"}, {}, FAILS),
    "condition": ({"condition": "ModelReady=False"}, {}, FAILS),
    "jsonpath": ({"jsonpath": {"path": ".spec.none"}}, {}, FAILS),
    "count": ({"count": 2}, {}, FAILS),
    "absent": ({"absent": True}, {}, FAILS),
    "current_generation": ({"name": "two", "current_generation": True}, {"name": "two"}, FAILS),
})  # fmt: skip
READY = {"kind": "Model", "namespace": "a", "condition": "ModelReady"}
asks("KubernetesQuery", "kubernetes", READY, {"selector": ({"selector": "good=True"}, {}, HOLDS)})
HALF = {"kind": "Pod", "namespace": "a", "name": "half"}
asks(
    "KubernetesQuery",
    "kubernetes",
    HALF,
    {"ready_containers": ({"ready_containers": 2}, {}, FAILS)},
)

# -- http and tcp


def told(field: str, value: str) -> Query:
    return {"expect": {"jsonpath": {"path": f".{field}", "equals": value}}}


asks("HttpQuery", "http", {"url": "{site}/"}, {
    "url": ({"url": "{site}/status/500"}, {}, FAILS),
    "method": ({"method": "POST", **told("method", "POST")}, told("method", "POST"), HOLDS),
    "headers": ({"headers": {"X-Mark": "m"}, **told("mark", "m")}, told("mark", "m"), HOLDS),
    "body": (
        {"method": "POST", "body": "b", **told("body", "b")},
        {"method": "POST", **told("body", "b")},
        HOLDS,
    ),
    "username": (
        {"username": "u", "password": "p", **told("user", "Basic dTpw")},
        {"username": "v", "password": "p", **told("user", "Basic dTpw")},
        HOLDS,
    ),
    "password": (
        {"username": "u", "password": "p", **told("user", "Basic dTpw")},
        {"username": "u", "password": "q", **told("user", "Basic dTpw")},
        HOLDS,
    ),
    "ca_file": ({"ca_file": "/nowhere"}, {}, UNKNOWN),
    "expect": ({"expect": {"status": 404}}, {}, FAILS),
})  # fmt: skip
for key, value in {
    "status": [201, 204],
    "regex": "^nothing",
    "jsonpath": {"path": ".none"},
    "headers": {"X-Kind": "^other"},
    "range": {"min": 0},
    "max_latency": "0.001ms",
}.items():
    site = {"url": "{site}/"}
    shows(
        f"HttpExpect.{key}",
        looked,
        {"http": {**site, "expect": {key: value}}},
        {"http": site},
        FAILS,
    )
asks("TcpQuery", "tcp", {"host": "127.0.0.1", "port": "{port}"}, {
    "host": ({"host": "name.invalid"}, {}, UNKNOWN),
    "port": ({"port": 1}, {}, FAILS),
})  # fmt: skip

# -- logs

asks("LogsQuery", "logs", {"namespace": "a", "pod": "full", "matches": "loaded"}, {
    "namespace": ({"namespace": "b"}, {}, FAILS),
    "pod": ({"pod": "half"}, {}, FAILS),
    "container": ({"container": "side"}, {}, FAILS),
    "matches": ({"matches": "unloaded"}, {}, FAILS),
    "tail": ({"tail": 1}, {}, FAILS),
})  # fmt: skip
shows(
    "LogsQuery.selector",
    looked,
    {"logs": {"namespace": "a", "selector": "pod=half", "matches": "loaded"}},
    {"logs": {"namespace": "a", "selector": "pod=full", "matches": "loaded"}},
    FAILS,
)

# -- services of the platform

asks("S3Query", "s3", GREEN["S3Check.s3"][1], {
    "endpoint": ({"endpoint": "http://127.0.0.1:1"}, {}, UNKNOWN),
    "bucket": ({"bucket": "other"}, {}, FAILS),
    "key": ({"key": "1/none"}, {}, FAILS),
    "prefix": ({"prefix": "2/"}, {}, FAILS),
    "access_key": ({"access_key": "nobody"}, {}, UNKNOWN),
    "secret_key": ({"secret_key": "wrong"}, {}, UNKNOWN),
})  # fmt: skip


async def signed_for(world: World, query: Any) -> object:
    """Whether the store was asked with a signature for the far region."""
    world.signatures.clear()
    await looked(world, {"s3": query})
    return any("/eu-far-1/s3/" in signature for signature in world.signatures)


S3 = GREEN["S3Check.s3"][1]
shows("S3Query.region", signed_for, {**S3, "region": "eu-far-1"}, S3, True)
asks("MlflowQuery", "mlflow", GREEN["MlflowCheck.mlflow"][1], {
    "endpoint": ({"endpoint": "http://127.0.0.1:1"}, {}, UNKNOWN),
    "experiment": ({"experiment": "none"}, {}, FAILS),
    "variants": ({"variants": ["enhanced"]}, {}, FAILS),
    "variant_param": ({"variant_param": "none"}, {}, FAILS),
    "username": ({"username": "nobody"}, {}, UNKNOWN),
    "password": ({"password": "wrong"}, {}, UNKNOWN),
})  # fmt: skip
asks("InferenceQuery", "inference", {"endpoint": "{mesh}"}, {
    "endpoint": (
        {"endpoint": "http://127.0.0.1:1", "model": "baseline"}, {"model": "baseline"}, UNKNOWN,
    ),
    "model": ({"model": "none"}, {"model": "baseline"}, FAILS),
    "experiment": ({"experiment": "none"}, {"experiment": "ab"}, FAILS),
    "inputs": (
        {"model": "baseline", "inputs": [{"name": "x"}]}, {"model": "baseline"}, FAILS,
    ),
})  # fmt: skip

# -- secrets and workflows

asks("SecretQuery", "secret", {"namespace": "a", "name": "pair"}, {
    "namespace": ({"namespace": "b"}, {}, FAILS),
    "name": ({"name": "none"}, {}, FAILS),
    "keys": ({"keys": ["c"]}, {}, FAILS),
    "count": ({"count": 1}, {}, FAILS),
    "json_fields": ({"json_fields": ["x"]}, {}, FAILS),
})  # fmt: skip
EMPTY: Query = {"controller_namespace": "b", "min_keys": 0}
asks("SealedSecretsQuery", "sealed_secrets", {}, {
    "controller_namespace": ({"controller_namespace": "a"}, {}, FAILS),
    "min_keys": ({"min_keys": 2}, {}, FAILS),
    "synced_in": ({"synced_in": ["b"]}, {"synced_in": ["a"]}, FAILS),
    "backup": ({**EMPTY, "backup": "none"}, EMPTY, FAILS),
    "files": ({**EMPTY, "files": ["none"]}, EMPTY, FAILS),
    "holding": ({"holding": [{"namespace": "a", "name": "one"}]}, {}, UNKNOWN),
})  # fmt: skip
asks("WorkflowQuery", "workflow", {"namespace": "a", "template": "trained"}, {
    "namespace": ({"namespace": "b"}, {}, FAILS),
    "template": ({"template": "bad"}, {}, FAILS),
    "node": ({"node": "evaluate"}, {"node": "fit"}, FAILS),
    "parameters": ({"parameters": {"size": "small"}}, {"parameters": {"size": "big"}}, FAILS),
})  # fmt: skip

# -- before anything is deleted

asks("VolumesQuery", "volumes", {"namespaces": ["a"]}, {
    "namespaces": ({}, {"namespaces": ["b"]}, FAILS),
    "allow_loss": ({"allow_loss": ["data"]}, {}, HOLDS),
})  # fmt: skip
asks("GitopsQuery", "gitops", {}, {
    "namespaces": ({"namespaces": ["a"]}, {"namespaces": ["b"]}, UNKNOWN),
})  # fmt: skip
asks("QuotasQuery", "quotas", {}, {
    "namespaces": ({"namespaces": ["a"]}, {"namespaces": ["b"]}, FAILS),
})  # fmt: skip
asks("ToolsQuery", "tools", {}, {
    "programs": ({"programs": ["nosuch"]}, {}, FAILS),
    "skew": ({"skew": 1}, {}, FAILS),
})  # fmt: skip


def right(**more: Any) -> Query:
    return {"also": [{"verbs": ["get"], "resource": "pods", **more}]}


asks("RightsQuery", "rights", {}, {
    "also": (right(resource="nosuch"), {}, UNKNOWN),
})  # fmt: skip


async def as_reader(world: World, changes: Any) -> object:
    """The verdict on a right, as an account sees it that may get pod `full` in namespace `a` alone."""
    right = {"verbs": ["get"], "resource": "pods", "namespace": "a", "name": "full", **changes}
    async with await connect(await reader(world.cluster, world.folder)) as client:
        context = CheckContext(client, run_probe({}, world.folder, Redactor()), 5.0)
        check = CHECK.validate_python({"rights": {"also": [right]}})
        return (await read(check, context)).verdict.value


for key, value in {
    "verbs": ["delete"],
    "resource": "secrets",
    "namespace": "b",
    "name": "half",
}.items():
    shows(f"Right.{key}", as_reader, {key: value}, {}, FAILS)
