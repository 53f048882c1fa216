"""Admission webhooks, called by url on loopback: which are asked, what they are shown, what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import Talk
from tests.practice.apiserver.webhook_server import ANSWERS, WebhookServer

JSON = dict[str, Any]
NS = "/api/v1/namespaces/{ns}"
MAPS = f"{NS}/configmaps"
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
VALIDATING = f"{REGISTRATION}/validatingwebhookconfigurations"
MUTATING = f"{REGISTRATION}/mutatingwebhookconfigurations"
CONFIG_MAPS: JSON = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "resources": ["configmaps"],
    "operations": ["CREATE", "UPDATE"],
}


@pytest.fixture(scope="module")
def hook() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def _webhook(talk: Talk, client: JSON, **more: Any) -> JSON:
    """One that sees what is in the scenario's namespace, but for what asks whether it is there."""
    return {
        "name": "hook.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": client,
        "rules": [CONFIG_MAPS],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": talk.namespace}},
        "objectSelector": {"matchExpressions": [{"key": "there", "operator": "DoesNotExist"}]},
        **more,
    }


def _register(talk: Talk, hook: WebhookServer, collection: str, *webhooks: JSON) -> None:
    """Make a configuration, and wait until the server acts on it."""
    there = _webhook(
        talk,
        hook.config("/deny"),
        name="there.example.com",
        objectSelector={"matchLabels": {"there": "yet"}},
        rules=[{**CONFIG_MAPS, "operations": ["CREATE"]}],
    )
    body = {"metadata": {"name": talk.namespace}, "webhooks": [*webhooks, there]}
    made = talk.post(collection, body, quiet=True)
    assert made["kind"] != "Status", made
    probe = {"metadata": {"name": "there", "labels": {"there": "yet"}}}

    def acts() -> bool:
        found = talk.post(MAPS, probe, quiet=True, dryRun="All")
        return bool("there.example.com" in found.get("message", ""))

    wait_until(acts, 30, "the webhook is asked")


def _unregister(talk: Talk, collection: str) -> None:
    talk.delete(f"{collection}/{talk.namespace}", quiet=True)


def _scenario(
    hook: WebhookServer, collection: str, webhooks: Callable[[Talk], list[JSON]], asked: Any
) -> Callable[[Talk], None]:
    def scenario(talk: Talk) -> None:
        talk.until_there("/api/v1/namespaces/{ns}/serviceaccounts/default")
        try:
            _register(talk, hook, collection, *webhooks(talk))
            asked(talk)
        finally:
            _unregister(talk, collection)

    return scenario


def _create(talk: Talk) -> None:
    talk.post(MAPS, "{metadata: {name: a, labels: {l: '1'}}}", fieldManager="me")


PATHS = [
    *ANSWERS,
    *("/other-uid", "/other-kind", "/old-version", "/no-response", "/text", "/broken", "/nowhere"),
]


@pytest.mark.parametrize("collection", [VALIDATING, MUTATING], ids=["validating", "mutating"])
@pytest.mark.parametrize("path", PATHS)
def test_answers(
    path: str, collection: str, hook: WebhookServer, real: Side, practice: Side
) -> None:
    def webhooks(talk: Talk) -> list[JSON]:
        return [_webhook(talk, hook.config(path))]

    name = f"webhooks{path}/{'validating' if collection == VALIDATING else 'mutating'}"
    compare(name, _scenario(hook, collection, webhooks, _create), real, practice)


# test -> what a webhook's clientConfig is, and what else it says
UNREACHABLE: dict[str, Callable[[WebhookServer], JSON]] = {
    "untrusted": lambda hook: {"clientConfig": hook.config("/allow", trusted=False)},
    "refused": lambda _: {"clientConfig": {"url": "https://127.0.0.1:1/x"}},
    "slow": lambda hook: {"clientConfig": hook.config("/slow"), "timeoutSeconds": 1},
    "ignored": lambda _: {
        "clientConfig": {"url": "https://127.0.0.1:1/x"},
        "failurePolicy": "Ignore",
    },
    "no-service": lambda _: {
        "clientConfig": {"service": {"name": "none", "namespace": "default", "path": "/a"}}
    },
    "no-port": lambda _: {
        "clientConfig": {"service": {"name": "kubernetes", "namespace": "default", "port": 8443}}
    },
}


@pytest.mark.parametrize("name", UNREACHABLE)
def test_unreachable(name: str, hook: WebhookServer, real: Side, practice: Side) -> None:
    def webhooks(talk: Talk) -> list[JSON]:
        more = UNREACHABLE[name](hook)
        return [_webhook(talk, more.pop("clientConfig"), **more)]

    compare(f"webhooks/{name}", _scenario(hook, VALIDATING, webhooks, _create), real, practice)


def test_shown(hook: WebhookServer, real: Side, practice: Side) -> None:
    """The whole review, for each operation."""
    everything = {
        "apiGroups": ["*"],
        "apiVersions": ["*"],
        "resources": ["configmaps", "deployments/*", "pods/*", "services"],
        "operations": ["*"],
    }

    def webhooks(talk: Talk) -> list[JSON]:
        return [_webhook(talk, hook.config("/allow"), rules=[everything])]

    def asked(talk: Talk) -> None:
        def note(what: str) -> None:
            found = [
                review["request"]
                for review in hook.reviews
                if review["request"]["namespace"] == talk.namespace
                and (review["request"]["userInfo"]["username"] == user)
                and review["request"]["name"] not in {"there", "kube-root-ca.crt"}
            ]
            mine = found[len(seen) :]
            seen.extend(mine)
            for review in mine:
                shown = {key: one for key, one in review.items() if key != "userInfo"}
                talk.note(f"review {what}", shown)

        seen: list[JSON] = []
        user = talk.ask(
            "POST",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"},
            quiet=True,
        )["status"]["userInfo"]["username"]
        talk.post(MAPS, "{metadata: {name: a}, data: {a: b}}")
        note("create")
        talk.post(MAPS, "{metadata: {name: b}}", dryRun="All", fieldManager="me")
        note("dry run")
        talk.put(f"{MAPS}/a", "{metadata: {name: a}, data: {a: c}}")
        note("update")
        talk.merge(f"{MAPS}/a", "{data: {b: c}}")
        note("patch")
        talk.apply(f"{MAPS}/a", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
        note("apply")
        talk.delete(f"{MAPS}/a", "{propagationPolicy: Background}")
        note("delete")
        talk.post(
            f"{NS}/services", "{metadata: {name: a}, spec: {ports: [{port: 80}]}}", quiet=True
        )
        note("service")
        talk.delete(f"{NS}/services/a", quiet=True)

    compare("webhooks/shown", _scenario(hook, VALIDATING, webhooks, asked), real, practice)


# test -> what else the webhook says; it refuses what it sees
CHOSEN: dict[str, JSON] = {
    "other-operation": {"rules": [{**CONFIG_MAPS, "operations": ["DELETE"]}]},
    "other-version": {"rules": [{**CONFIG_MAPS, "apiVersions": ["v2"]}]},
    "any": {
        "rules": [{**CONFIG_MAPS, "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]
    },
    "any-below": {"rules": [{**CONFIG_MAPS, "resources": ["*/*"]}]},
    "below": {"rules": [{**CONFIG_MAPS, "resources": ["configmaps/status"]}]},
    "scope-cluster": {"rules": [{**CONFIG_MAPS, "scope": "Cluster"}]},
    "scope-namespaced": {"rules": [{**CONFIG_MAPS, "scope": "Namespaced"}]},
    "label-in": {
        "objectSelector": {"matchExpressions": [{"key": "l", "operator": "In", "values": ["1"]}]}
    },
    "label-not-in": {
        "objectSelector": {"matchExpressions": [{"key": "l", "operator": "NotIn", "values": ["1"]}]}
    },
    "label-exists": {"objectSelector": {"matchExpressions": [{"key": "m", "operator": "Exists"}]}},
    "no-rules": {"rules": []},
}


@pytest.mark.parametrize("name", CHOSEN)
def test_chosen(name: str, hook: WebhookServer, real: Side, practice: Side) -> None:
    def webhooks(talk: Talk) -> list[JSON]:
        return [_webhook(talk, hook.config("/deny"), **CHOSEN[name])]

    compare(f"webhooks/{name}", _scenario(hook, VALIDATING, webhooks, _create), real, practice)


# test -> the conditions of a webhook that refuses what it sees
CONDITIONS: dict[str, list[str]] = {
    "true": ["object.metadata.name == 'a'", "request.operation == 'CREATE'"],
    "false": ["object.metadata.name == 'a'", "has(object.data)"],
    "error": ["object.data.zz == 'x'"],
    "errors": ["object.metadata.zz == 'x'", "object.metadata.zip == 'x'"],
    "error-false": ["object.data.zz == 'x'", "object.metadata.name == 'x'"],
    "request": [
        "request.resource.resource == 'configmaps' && request.kind.kind == 'ConfigMap'",
        "request.namespace == object.metadata.namespace && request.name == 'a'",
        "!request.dryRun && request.requestKind.version == 'v1' && oldObject == null",
        "!('system:nobody' in request.userInfo.groups) && request.userInfo.username != 'eve'",
        "object.metadata.?labels.l.orValue('') == '1' && request.options.fieldManager == 'me'",
    ],
    "no-subresource": ["has(request.subResource) && request.subResource != ''"],
    "namespace": ["namespaceObject.metadata.name == 'x'"],
}


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions(
    name: str, policy: str, hook: WebhookServer, real: Side, practice: Side
) -> None:
    found = [{"name": f"c{at}", "expression": text} for at, text in enumerate(CONDITIONS[name])]

    def webhooks(talk: Talk) -> list[JSON]:
        more = {"matchConditions": found, "failurePolicy": policy}
        return [_webhook(talk, hook.config("/deny"), **more)]

    compare(f"webhooks/if-{name}", _scenario(hook, VALIDATING, webhooks, _create), real, practice)


def test_order(hook: WebhookServer, real: Side, practice: Side) -> None:
    """Mutating webhooks see each other's work; one that asks for it is invoked again."""

    def webhooks(talk: Talk) -> list[JSON]:
        return [
            _webhook(talk, hook.config("/label"), name="one.example.com"),
            _webhook(
                talk, hook.config("/label"), name="two.example.com", reinvocationPolicy="IfNeeded"
            ),
            _webhook(talk, hook.config("/data"), name="three.example.com"),
        ]

    def asked(talk: Talk) -> None:
        _create(talk)
        talk.merge(f"{MAPS}/a", "{data: {b: c}}")

    compare("webhooks/order", _scenario(hook, MUTATING, webhooks, asked), real, practice)


_A = "name: a.b.c, sideEffects: None, admissionReviewVersions: [v1]"
_URL = "clientConfig: {url: 'https://a.b/c'}"
_RULE = "apiGroups: [a], apiVersions: [v1], operations: [CREATE], resources: [b]"

# test -> the webhooks of a configuration that is refused
REFUSED = {
    "empty": "{}",
    "name": "{name: a, sideEffects: None, admissionReviewVersions: [v1], " + _URL + "}",
    "side-effects": "{name: a.b.c, sideEffects: Some, admissionReviewVersions: [v1], " + _URL + "}",
    "versions-none": "{name: a.b.c, sideEffects: None, " + _URL + "}",
    "versions-other": "{name: a.b.c, sideEffects: None, admissionReviewVersions: [v2], "
    + _URL
    + "}",
    "versions-odd": "{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1, v1, A_], "
    + _URL
    + "}",
    "client-none": "{" + _A + ", clientConfig: {}}",
    "client-both": "{"
    + _A
    + ", clientConfig: {url: 'https://a', service: {name: a, namespace: b}}}",
    "url-http": "{" + _A + ", clientConfig: {url: 'http://a'}}",
    "url-query": "{" + _A + ", clientConfig: {url: 'https://u@a/b?c#d'}}",
    "service-odd": "{"
    + _A
    + ", clientConfig: {service: {name: '', namespace: '', path: 'a/../b'}}}",
    "service-path": "{"
    + _A
    + ", clientConfig: {service: {name: a, namespace: b, path: '/a//b', port: 0}}}",
    "policies": "{" + _A + ", " + _URL + ", failurePolicy: A, matchPolicy: B, timeoutSeconds: 31}",
    "rules-empty": "{" + _A + ", " + _URL + ", rules: [{}]}",
    "rules-odd": "{"
    + _A
    + ", "
    + _URL
    + ", rules: [{apiGroups: ['*', a], apiVersions: [''], operations: [A, '*'], resources: ['*', a, 'a/*', 'a/b'], scope: X}]}",
    "rules-fine": "{" + _A + ", " + _URL + ", rules: [{" + _RULE + "}]}",
    "selector": "{"
    + _A
    + ", "
    + _URL
    + ", namespaceSelector: {matchExpressions: [{key: 'a b', operator: X}]}, objectSelector: {matchLabels: {a: 'b c'}}}",
    **{
        f"condition-{name}": "{" + _A + ", " + _URL + ", matchConditions: [" + conditions + "]}"
        for name, conditions in {
            "dyn": "{name: a, expression: object.x}",
            "int": "{name: a, expression: '1'}",
            "list": "{name: a, expression: '[[1]]'}",
            "unknown": "{name: a, expression: zz == 1}",
            "names": "{name: 'a b', expression: ' '}, {expression: 'true'}, {name: /a/, expression: 'true'}",
            "twice": "{name: a, expression: 'true'}, {name: a, expression: 'false'}",
            "request": "{name: a, expression: request.foo == 1}",
            "types": "{name: a, expression: 'request.userInfo.groups.exists(g, g == 1)'}",
            "params": "{name: a, expression: params.x == 1}",
            "syntax": "{name: a, expression: '  oldObject == 1 +'}",
            "fine": "{name: a, expression: 'namespaceObject.metadata.name == \"a\"'}",
        }.items()
    },
    "reinvocation": "{" + _A + ", " + _URL + ", reinvocationPolicy: X}",
}


@pytest.mark.parametrize("collection", [VALIDATING, MUTATING], ids=["validating", "mutating"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, collection: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        body = "{metadata: {name: '{ns}'}, webhooks: [" + REFUSED[name] + "]}"
        talk.post(collection, body, dryRun="All")

    compare(f"webhooks/refused-{name}", scenario, real, practice)
