from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Request, Stream

JSON = dict[str, Any]
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
    client: Any, method: str, path: str
) -> None:
    reply = await client.ask(method, path, {})
    assert (reply.status, reply.reason) == (405, "MethodNotAllowed")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"dryRun": "Some"}, 'dryRun: Unsupported value: "Some": supported values: "All"'),
        ({"fieldValidation": "Maybe"}, 'fieldValidation: Unsupported value: "Maybe"'),
    ],
)
async def test_an_option_that_does_not_exist_is_refused(
    client: Any, query: dict[str, str], says: str
) -> None:
    reply = await client.ask("POST", CONFIGS, {"metadata": {"name": "c"}}, **query)
    assert reply.status == 422
    assert says in reply.message


async def test_the_body_must_be_what_the_path_says(client: Any) -> None:
    for body in (
        {"kind": "Secret", "metadata": {"name": "c"}},
        {"apiVersion": "v9", "metadata": {"name": "c"}},
        {"metadata": {"name": "c", "namespace": "other"}},
    ):
        assert (await client.ask("POST", CONFIGS, body)).status == 400


async def test_the_manager_is_the_one_named_or_the_client_itself(client: Any) -> None:
    body = {"metadata": {"name": "a"}, "data": {"x": "y"}}
    named = await client.ask("POST", CONFIGS, body, fieldManager="me")
    body["metadata"] = {"name": "b"}
    unnamed = await client.ask("POST", CONFIGS, body)
    managers = [reply.body["metadata"]["managedFields"][0]["manager"] for reply in (named, unnamed)]
    assert managers == ["me", "kubectl"]


async def test_nobody_executes_anything_here(api: ApiServer, client: Any) -> None:
    spec = {"containers": [{"name": "a", "image": "x"}]}
    await api.create("pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    reply = await client.ask("POST", "/api/v1/namespaces/default/pods/p/exec")
    assert reply.status == 403
    assert "no container runs on the practice cluster, so there is nothing to exec to" in (
        reply.message
    )


async def test_a_bug_of_ours_is_an_answer_too(api: ApiServer, client: Any) -> None:
    def broken(resource: Any, new: JSON, old: JSON | None) -> None:
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
    client: Any,
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
    assert answer.status in {200, 400, 404, 406, 410, 422, 504}
