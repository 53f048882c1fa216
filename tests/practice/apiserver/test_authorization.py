from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.authorization import ADMIN, ANONYMOUS, Attributes, User, allowed
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
ACCOUNT = User.service_account("default", "robot")


async def _grant(api: ApiServer, *rules: JSON, cluster: bool = False, role: str = "r") -> None:
    kind = "ClusterRole" if cluster else "Role"
    place = {} if cluster else {"namespace": "default"}
    binding: JSON = {
        "metadata": {"name": role, **place},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}],
    }
    prefix = "cluster" if cluster else ""
    roles, bindings = f"{prefix}roles.{RBAC}", f"{prefix}rolebindings.{RBAC}"
    await api.create(roles, {"metadata": {"name": role, **place}, "rules": list(rules)})
    await api.create(bindings, binding)


def _rule(verbs: str, groups: str, resources: str, **more: Any) -> JSON:
    return {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
        **more,
    }


def _wants(verb: str, resource: str, namespace: str = "default", **more: str) -> Attributes:
    return Attributes(verb, resource=resource, namespace=namespace, **more)


async def test_the_administrator_may_do_everything(api: ApiServer) -> None:
    assert allowed(api.store, ADMIN, _wants("delete", "nodes", ""))


async def test_an_account_may_do_nothing_until_it_is_granted(api: ApiServer) -> None:
    assert not allowed(api.store, ACCOUNT, _wants("get", "pods"))
    await _grant(api, _rule("get,list", "", "pods"))
    assert allowed(api.store, ACCOUNT, _wants("get", "pods"))
    assert not allowed(api.store, ACCOUNT, _wants("delete", "pods"))
    assert not allowed(api.store, ACCOUNT, _wants("get", "pods", subresource="log"))
    assert not allowed(api.store, ACCOUNT, _wants("get", "pods", "kube-system"))
    assert not allowed(api.store, User("somebody"), _wants("get", "pods"))


async def test_a_cluster_wide_grant_holds_everywhere(api: ApiServer) -> None:
    await _grant(api, _rule("*", "apps", "*"), cluster=True)
    assert allowed(api.store, ACCOUNT, _wants("delete", "deployments", group="apps"))
    assert allowed(api.store, ACCOUNT, _wants("get", "deployments", "kube-system", group="apps"))
    assert not allowed(api.store, ACCOUNT, _wants("get", "pods"))


async def test_a_grant_may_be_for_names_and_for_subresources(api: ApiServer) -> None:
    await _grant(
        api,
        _rule("get", "", "configmaps", resourceNames=["mine"]),
        _rule("get", "", "pods/log"),
        _rule("patch", "apps", "*/scale"),
    )
    assert allowed(api.store, ACCOUNT, _wants("get", "configmaps", name="mine"))
    assert not allowed(api.store, ACCOUNT, _wants("get", "configmaps", name="other"))
    assert allowed(api.store, ACCOUNT, _wants("get", "pods", subresource="log"))
    wanted = _wants("patch", "deployments", group="apps", subresource="scale")
    assert allowed(api.store, ACCOUNT, wanted)


async def test_paths_are_granted_too(api: ApiServer) -> None:
    assert allowed(api.store, ANONYMOUS, Attributes("get", path="/version"))
    assert not allowed(api.store, ACCOUNT, Attributes("get", path="/metrics"))
    await _grant(api, {"verbs": ["get"], "nonResourceURLs": ["/metrics*"]}, cluster=True)
    assert allowed(api.store, ACCOUNT, Attributes("get", path="/metrics/all"))


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        (
            "GET",
            "/api/v1/namespaces/default/pods",
            'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource '
            '"pods" in API group "" in the namespace "default"',
        ),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/default/deployments/web",
            'deployments.apps "web" is forbidden: User "system:serviceaccount:default:robot" '
            'cannot delete resource "deployments" in API group "apps" in the namespace "default"',
        ),
        (
            "GET",
            "/api/v1/nodes",
            'nodes is forbidden: User "system:serviceaccount:default:robot" cannot list resource '
            '"nodes" in API group "" at the cluster scope',
        ),
        (
            "GET",
            "/metrics",
            'forbidden: User "system:serviceaccount:default:robot" cannot get path "/metrics"',
        ),
    ],
)
async def test_a_refusal_names_who_wanted_what(
    client: Client, method: str, path: str, says: str
) -> None:
    reply = await client.ask(method, path, user=ACCOUNT)
    assert (reply.status, reply.reason, reply.message) == (403, "Forbidden", says)
