from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Request, Stream
from runbook.practice.apiserver.registry import Resource
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MERGE = "application/merge-patch+json"
CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/configmaps"),
        ("POST", f"{CONFIGS}/c"),
        ("PUT", CONFIGS),
        ("PATCH", CONFIGS),
        ("DELETE", "/api/v1/namespaces"),
        ("DELETE", "/api/v1/configmaps"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        ("DELETE", "/api/v1/namespaces/default/status"),
        ("OPTIONS", CONFIGS),
        ("POST", "/version"),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_refused(
    client: Client, method: str, path: str
) -> None:
    reply = await client.ask(method, path, {})
    assert (reply.status, reply.reason) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"dryRun": "Some"}, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        ({"fieldValidation": "Maybe"}, 'fieldValidation: Unsupported value: "Maybe"'),
    ],
)
async def test_an_option_that_does_not_exist_is_refused(
    client: Client, query: dict[str, str], says: str
) -> None:
    reply = await client.ask("POST", CONFIGS, {"metadata": {"name": "c"}}, query=query)
    assert reply.status == 422
    assert says in reply.message


async def test_the_body_must_be_what_the_path_says(client: Client) -> None:
    for body in (
        {"kind": "Secret", "metadata": {"name": "c"}},
        {"apiVersion": "v9", "metadata": {"name": "c"}},
        {"metadata": {"name": "c", "namespace": "other"}},
    ):
        assert (await client.ask("POST", CONFIGS, body)).status == 400


async def test_the_manager_is_the_one_named_or_the_client_itself(client: Client) -> None:
    body = {"metadata": {"name": "a"}, "data": {"x": "y"}}
    named = await client.ask("POST", CONFIGS, body, fieldManager="me")
    body["metadata"] = {"name": "b"}
    unnamed = await client.ask("POST", CONFIGS, body)
    managers = [reply.body["metadata"]["managedFields"][0]["manager"] for reply in (named, unnamed)]
    assert managers == ["me", "kubectl"]


async def test_nobody_executes_anything_here(api: ApiServer, client: Client) -> None:
    spec = {"containers": [{"name": "a", "image": "x"}]}
    await api.create("pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    reply = await client.ask("POST", "/api/v1/namespaces/default/pods/p/exec")
    assert reply.status == 403
    assert "no container runs on the practice cluster, so there is nothing to exec to" in (
        reply.message
    )


async def test_a_bug_of_ours_is_an_answer_too(api: ApiServer, client: Client) -> None:
    def broken(resource: Resource, new: JSON, old: JSON | None) -> None:
        raise RuntimeError("oh")

    api.add_admission(broken)
    reply = await client.ask("POST", CONFIGS, {"metadata": {"name": "c"}})
    assert (reply.status, reply.reason) == (500, "InternalError")


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "name",
                    "namespace",
                    "spec",
                    "status",
                    "labels",
                    "finalizers",
                    "replicas",
                    "template",
                    "selector",
                    "containers",
                    "image",
                    "kind",
                    "apiVersion",
                    "data",
                    "ownerReferences",
                    "uid",
                    "versions",
                    "names",
                    "group",
                    "scope",
                    "rules",
                    "roleRef",
                    "ports",
                    "clusterIP",
                    "type",
                    "$patch",
                    "op",
                    "path",
                    "value",
                    "managedFields",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = [
    ("", "pods"), ("", "configmaps"), ("", "services"), ("", "secrets"), ("", "serviceaccounts"),
    ("", "persistentvolumeclaims"), ("apps", "deployments"), ("apps", "statefulsets"),
    ("apps", "daemonsets"), ("batch", "jobs"), ("batch", "cronjobs"),
    ("networking.k8s.io", "networkpolicies"), ("rbac.authorization.k8s.io", "rolebindings"),
    ("example.org", "widgets"),
]  # fmt: skip
MEDIA = [
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
    "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml",
]  # fmt: skip


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(KINDS),
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    tail=st.sampled_from(["", "/x", "/x/status", "/x/scale", "/x/token", "/x/eviction"]),
    media=st.sampled_from(MEDIA),
    body=SCRAPS,
)
async def test_nonsense_is_refused_and_never_breaks_the_server(
    widgets: ApiServer,
    client: Client,
    kind: tuple[str, str],
    method: str,
    tail: str,
    media: str,
    body: Any,
) -> None:
    group, plural = kind
    root = f"/apis/{group}/v1" if group else "/api/v1"
    path = f"{root}/namespaces/default/{plural}{tail}"
    reply = await client.ask(method, path, body, media=media, fieldManager="me")
    assert reply.status < 500 or "field not declared in schema" in reply.message


def _pod_spec() -> JSON:
    container = {
        "name": "a",
        "image": "x:1",
        "ports": [{"containerPort": 80}],
        "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "livenessProbe": {"httpGet": {"port": 80}},
        "resources": {"limits": {"cpu": "1"}},
    }
    volumes = [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    return {"containers": [container], "volumes": volumes, "tolerations": [{"key": "k"}]}


def _valid_spec(plural: str) -> JSON:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": _pod_spec()}
    selector = {"matchLabels": {"a": "b"}}
    specs: dict[str, JSON] = {
        "pods": _pod_spec(),
        "services": {"type": "NodePort", "ports": [{"port": 80, "name": "h"}], "selector": {}},
        "persistentvolumeclaims": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {}}},
        "deployments": {"selector": selector, "template": template, "strategy": {}},
        "statefulsets": {
            "selector": selector,
            "template": template,
            "serviceName": "s",
            "volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {}}],
        },
        "jobs": {"template": template},
        "cronjobs": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}},
        "networkpolicies": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]},
        "customresourcedefinitions": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "kind": "Gadget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {
                        "scale": {"specReplicasPath": ".a", "statusReplicasPath": ".b"}
                    },
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {}}},
                    "additionalPrinterColumns": [
                        {"name": "C", "type": "string", "jsonPath": ".spec.x"}
                    ],
                }
            ],
        },
        "widgets": {"size": 3, "tags": ["a"]},
    }
    return specs[plural]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


def _replaced(value: Any, path: tuple[Any, ...], scrap: Any) -> Any:
    if not path:
        return scrap
    changed = copy.deepcopy(value)
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = scrap
    return changed


VALID = {
    "pods": "/api/v1/namespaces/default/pods",
    "services": "/api/v1/namespaces/default/services",
    "persistentvolumeclaims": "/api/v1/namespaces/default/persistentvolumeclaims",
    "deployments": "/apis/apps/v1/namespaces/default/deployments",
    "statefulsets": "/apis/apps/v1/namespaces/default/statefulsets",
    "jobs": "/apis/batch/v1/namespaces/default/jobs",
    "cronjobs": "/apis/batch/v1/namespaces/default/cronjobs",
    "networkpolicies": "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "widgets": "/apis/example.org/v1/namespaces/default/widgets",
}


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), plural=st.sampled_from(sorted(VALID)))
async def test_an_almost_valid_object_never_breaks_the_server(
    widgets: ApiServer, client: Client, data: st.DataObject, plural: str
) -> None:
    path = VALID[plural]
    name = "gadgets.example.org" if plural == "customresourcedefinitions" else "x"
    labels = {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["a/b"]}
    valid = {"metadata": {"name": name, **labels}, "spec": _valid_spec(plural)}
    chosen = data.draw(st.sampled_from(_paths(valid)))
    body = _replaced(valid, chosen, data.draw(SCRAPS))
    for method, where, media in (
        ("POST", path, "application/json"),
        ("POST", path, "application/json"),
        ("PUT", f"{path}/{name}", "application/json"),
        ("PATCH", f"{path}/{name}", "application/merge-patch+json"),
        ("PATCH", f"{path}/{name}", "application/apply-patch+yaml"),
        ("GET", f"{path}/{name}", ""),
        ("GET", f"{path}/{name}/scale", ""),
    ):
        reply = await client.ask(method, where, body, media=media, fieldManager="me")
        assert reply.status < 500 or "field not declared in schema" in reply.message
    for where in (path, f"{path}/{name}", "/apis", "/openapi/v3/apis/example.org/v1"):
        reply = await client.ask("GET", where, accept=TABLE)
        assert reply.status in {200, 404}
    await client.ask("PATCH", f"{path}/{name}", {"metadata": {"finalizers": None}}, media=MERGE)
    await client.ask("DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0})
    await client.ask("PATCH", f"{path}/{name}", {"metadata": {"finalizers": None}}, media=MERGE)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(
        ["/", "/api", "/apis", "/api/v1/pods", "/api/v1/namespaces/default/pods/x/log", "/openapi"]
    ),
    query=st.dictionaries(
        st.sampled_from(
            [
                "limit",
                "continue",
                "labelSelector",
                "fieldSelector",
                "resourceVersion",
                "watch",
                "timeoutSeconds",
                "resourceVersionMatch",
                "sendInitialEvents",
                "includeObject",
                "tailLines",
            ]
        ),
        st.text(max_size=6) | st.sampled_from(["true", "1", "0", "a=b", "a in (", "9" * 30]),
        max_size=4,
    ),
)
async def test_strange_questions_get_an_answer(
    api: ApiServer, path: str, query: dict[str, str]
) -> None:
    answer = await api.handle(Request("GET", path, query))
    if isinstance(answer, Stream):
        await answer.chunks.aclose()
    assert answer.status in {200, 400, 404, 406, 410, 422, 500, 504}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/apis/example.org/v1/nopes", 404),
        ("POST", "/apis/example.org/v1/widgets", 404),
        ("DELETE", "/apis/example.org/v1/widgets", 404),
        ("PUT", "/apis/example.org/v1/namespaces/default/widgets", 400),
        ("POST", "/apis/example.org/v1/namespaces/default/widgets/w/status", 405),
        ("GET", "/apis/example.org/v1/namespaces/default/widgets/w/nope", 404),
    ],
)
async def test_groups_of_custom_resources_know_only_their_objects(
    widgets: ApiServer, client: Client, method: str, path: str, status: int
) -> None:
    reply = await client.ask(method, path, {})
    assert reply.status == status
    named = isinstance(reply.body, dict)
    assert named == ("/namespaces/" in path)
    if named and status != 400:
        assert reply.body["details"]["group"] == "example.org"
