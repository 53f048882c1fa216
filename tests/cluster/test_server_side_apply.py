"""Server-side apply by several managers: who owns what, who conflicts with whom, what goes away."""

from __future__ import annotations

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

MAPS = "/api/v1/namespaces/{ns}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"
MAP = "apiVersion: v1, kind: ConfigMap, metadata: {name: a}"


def _deployment(spec: str, containers: str, meta: str = "") -> str:
    return (
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a"
        + meta
        + "}, spec: {"
        + spec
        + "selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: "
        "{containers: " + containers + "}}}}"
    )


def _model(spec: str) -> str:
    return (
        "{apiVersion: mlops.seldon.io/v1alpha1, kind: Model, metadata: {name: a}, spec: {"
        + spec
        + "}}"
    )


def test_values_of_a_map(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        path = f"{MAPS}/a"
        talk.apply(path, "{" + MAP + ", data: {a: '1', b: '1'}}")
        talk.apply(path, "{" + MAP + ", data: {b: '1', c: '1'}}", "two")
        talk.apply(path, "{" + MAP + ", data: {a: '2', b: '2'}}", "two")
        talk.apply(path, "{" + MAP + ", data: {a: '2', b: '2'}}", "two", force="true")
        talk.apply(path, "{" + MAP + ", data: {c: '1'}}")
        talk.apply(path, "{" + MAP + "}", "two")
        talk.merge(path, {"data": {"c": "9", "d": "9"}}, fieldManager="three")
        talk.apply(path, "{" + MAP + ", data: {c: '1'}}")
        talk.apply(path, "{" + MAP + ", data: {c: '1', d: '1'}}", force="true")
        talk.put(path, "{" + MAP + ", data: {c: '1'}}", fieldManager="four")
        talk.apply(path, "{" + MAP + ", data: {c: '1'}}")
        talk.apply(path, "{" + MAP + "}")

    compare("apply/map", scenario, real, practice)


def test_items_of_keyed_lists(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        path = f"{DEPLOYMENTS}/a"
        paused = "replicas: 0, paused: true, "
        one = "[{name: a, image: 'x:1', ports: [{containerPort: 80, protocol: TCP}], env: [{name: A, value: '1'}]}]"
        talk.apply(path, _deployment(paused, one), without="status")
        talk.apply(path, _deployment("", "[{name: b, image: 'y:1'}]"), "two", without="status")
        talk.apply(
            path,
            _deployment("", "[{name: a, image: 'x:2', env: [{name: B, value: '2'}]}]"),
            "two",
            without="status",
        )
        talk.apply(
            path, _deployment("replicas: 3, ", "[{name: a, image: 'x:2'}]"), "two", without="status"
        )
        talk.apply(
            path,
            _deployment("", "[{name: a, image: 'x:2'}]"),
            "two",
            force="true",
            dryRun="All",
            without="status",
        )
        talk.apply(
            path,
            _deployment("", "[{name: a, env: [{name: B, value: '2'}]}]"),
            "two",
            without="status",
        )
        talk.apply(
            path, _deployment("paused: true, ", "[{name: a, image: 'x:1'}]"), without="status"
        )
        talk.apply(
            path,
            _deployment("", "[{name: a, ports: [{containerPort: 81}]}]"),
            "two",
            without="status",
        )
        talk.apply(
            path,
            _deployment("", "[{name: a, ports: [{containerPort: 81, protocol: TCP}]}]"),
            "two",
            without="status",
        )

    compare("apply/lists", scenario, real, practice)


def test_custom_resources(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        path = f"{MODELS}/a"
        talk.apply(path, _model("storageUri: a, requirements: [x, y]"), dryRun="All")
        talk.apply(path, _model("nope: a"))
        talk.apply(path, _model("storageUri: 5"))

    compare("apply/custom", scenario, real, practice)


def test_from_client_side_apply(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        last = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","b":"1"}}'
        note = {"kubectl.kubernetes.io/last-applied-configuration": last}
        talk.post(
            MAPS,
            {"metadata": {"name": "a", "annotations": note}, "data": {"a": "1", "b": "1"}},
            fieldManager="kubectl-client-side-apply",
        )
        talk.apply(f"{MAPS}/a", "{" + MAP + ", data: {a: '2', b: '1'}}", "kubectl")
        talk.apply(f"{MAPS}/a", "{" + MAP + ", data: {a: '2'}}", "kubectl")

    compare("apply/migration", scenario, real, practice)


def test_odd_requests(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        path = f"{MAPS}/a"
        talk.ask("PATCH", path, "{" + MAP + "}", media="application/apply-patch+yaml")
        talk.apply(path, "{" + MAP + "}", "m" * 129)
        talk.apply(path, "{kind: ConfigMap, metadata: {name: a}}")
        talk.apply(path, "{apiVersion: v1, metadata: {name: a}}")
        talk.apply(path, "{apiVersion: v1, kind: Secret, metadata: {name: a}}")
        talk.apply(path, "{apiVersion: v2, kind: ConfigMap, metadata: {name: a}}")
        talk.apply(path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}")
        talk.apply(
            path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}"
        )
        talk.apply(path, "{apiVersion: v1, kind: ConfigMap}")
        talk.apply(
            path,
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, managedFields: [{manager: x}]}}",
        )
        talk.apply(
            path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '1'}}"
        )
        talk.apply(path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, uid: x}}")
        talk.apply(path, "{" + MAP + ", nope: 1}")
        talk.apply(path, "{" + MAP + ", data: {a: b}, more: 2}")
        talk.apply(path, "{" + MAP + ", data: [a]}")
        talk.apply(path, "{" + MAP + ", data: {a: 5}}")
        talk.apply(path, b"{")
        talk.apply(path, b"[a]")
        talk.apply(path, "{" + MAP + "}", fieldValidation="Strict")
        talk.apply(path, "{" + MAP + ", data: {a: b}}")
        talk.apply(
            path, "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, resourceVersion: '1'}}"
        )
        talk.apply(f"{DEPLOYMENTS}/a", _deployment("replicas: many, ", "[{name: a, image: x}]"))
        talk.apply(
            f"{DEPLOYMENTS}/a", _deployment("", "[{name: a, image: x}, {name: a, image: y}]")
        )
        talk.apply(f"{DEPLOYMENTS}/a", _deployment("", "[{image: x}]"))
        talk.apply(f"{DEPLOYMENTS}/a", _deployment("", "[{name: a}]"))

    compare("apply/odd", scenario, real, practice)
