"""Deleting: finalizers, policies, preconditions, dependents, namespaces and their conditions, CRDs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

MAPS = "/api/v1/namespaces/{ns}/configmaps"
PODS = "/api/v1/namespaces/{ns}/pods"
SETS = "/apis/apps/v1/namespaces/{ns}/replicasets"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACE = "/api/v1/namespaces/{ns}"


def _make(talk: Talk, name: str = "a", **meta: Any) -> dict[str, Any]:
    made: dict[str, Any] = talk.post(MAPS, {"metadata": {"name": name, **meta}}, quiet=True)
    return made


def test_a_plain_object_is_gone_at_once(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _make(talk)
        talk.delete(f"{MAPS}/a", dryRun="All")
        talk.delete(f"{MAPS}/a")
        talk.delete(f"{MAPS}/a")
        talk.get(f"{MAPS}/a")

    compare("delete/plain", scenario, real, practice)


def test_a_finalizer_holds_an_object(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _make(talk, finalizers=["a.b/c", "a.b/d"])
        talk.delete(f"{MAPS}/a")
        talk.delete(f"{MAPS}/a", {"gracePeriodSeconds": 5})
        talk.merge(f"{MAPS}/a", {"metadata": {"finalizers": ["a.b/c", "a.b/e"]}})
        talk.merge(f"{MAPS}/a", {"metadata": {"deletionTimestamp": None}})
        talk.merge(f"{MAPS}/a", {"data": {"a": "b"}})
        talk.merge(f"{MAPS}/a", {"metadata": {"finalizers": ["a.b/c"]}})
        talk.post(MAPS, {"metadata": {"name": "a"}})
        talk.merge(f"{MAPS}/a", {"metadata": {"finalizers": None}})
        talk.get(f"{MAPS}/a")

    compare("delete/finalizer", scenario, real, practice)


def test_preconditions(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        made = _make(talk)
        other = "00000000-0000-0000-0000-000000000000"
        talk.delete(f"{MAPS}/a", {"preconditions": {"uid": other}})
        talk.delete(f"{MAPS}/a", {"preconditions": {"resourceVersion": "1"}})
        talk.delete(
            f"{MAPS}/a",
            {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "preconditions": {"uid": made["metadata"]["uid"]},
            },
        )

    compare("delete/preconditions", scenario, real, practice)


def test_odd_options(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _make(talk)
        talk.delete(f"{MAPS}/a", {"propagationPolicy": "Nope"})
        talk.delete(f"{MAPS}/a", {"propagationPolicy": "Orphan", "orphanDependents": True})
        talk.delete(f"{MAPS}/a", {"gracePeriodSeconds": "a"})
        talk.delete(f"{MAPS}/a", propagationPolicy="Nope")
        talk.delete(f"{MAPS}/a", gracePeriodSeconds="a")
        talk.delete(f"{MAPS}/a", dryRun="Some")
        talk.delete(f"{MAPS}/a", {"dryRun": ["Some"]})
        talk.delete(f"{MAPS}/a", {"kind": "Nope", "apiVersion": "v1"})
        talk.delete(f"{MAPS}/a", b"nonsense")
        talk.delete(f"{MAPS}/a", {"nope": 1})
        talk.delete(f"{MAPS}/a", {"gracePeriodSeconds": -5})

    compare("delete/odd", scenario, real, practice)


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan", ""])
def test_policies(policy: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        owner = _make(talk)
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "a",
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": True,
        }
        _make(talk, "b", ownerReferences=[reference], finalizers=["a.b/c"])
        talk.delete(f"{MAPS}/a", {"propagationPolicy": policy} if policy else None)
        if policy == "Foreground":
            wait_until(lambda: _marked(talk, "b"), 30, "the dependent is being deleted")
            talk.get(f"{MAPS}/a")
        else:
            talk.until_gone(f"{MAPS}/a")
        if policy == "Orphan":
            wait_until(lambda: not _owners(talk, "b"), 30, "the dependent is nobody's")
        else:
            wait_until(lambda: _marked(talk, "b"), 30, "the dependent is being deleted")
        talk.get(f"{MAPS}/b")
        talk.merge(f"{MAPS}/b", {"metadata": {"finalizers": None}}, quiet=True)
        if policy != "Orphan":
            talk.until_gone(f"{MAPS}/a")
            talk.until_gone(f"{MAPS}/b")

    compare(f"delete/policy/{policy}", scenario, real, practice)


def _read(talk: Talk, name: str) -> dict[str, Any]:
    found: dict[str, Any] = talk.get(f"{MAPS}/{name}", quiet=True)
    metadata: dict[str, Any] = found.get("metadata", {})
    return metadata


def _marked(talk: Talk, name: str) -> bool:
    return "deletionTimestamp" in _read(talk, name)


def _owners(talk: Talk, name: str) -> Any:
    return _read(talk, name).get("ownerReferences")


def test_collections(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for name in "abc":
            _make(
                talk,
                name,
                labels={"app": name},
                **({"finalizers": ["a.b/c"]} if name == "c" else {}),
            )
        talk.delete(MAPS, labelSelector="app=a", dryRun="All")
        talk.delete(MAPS, labelSelector="app=a")
        talk.delete(MAPS, labelSelector="app=nope")
        talk.delete(MAPS, labelSelector="app")
        talk.get(MAPS, labelSelector="app")
        talk.merge(f"{MAPS}/c", {"metadata": {"finalizers": None}}, quiet=True)
        talk.delete("/api/v1/configmaps")
        talk.delete("/api/v1/namespaces")
        talk.delete(MAPS, labelSelector="a b")

    compare("delete/collection", scenario, real, practice)


def test_a_pod_gets_its_time(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.until_there("/api/v1/namespaces/{ns}/serviceaccounts/default")
        spec = {"containers": [{"name": "a", "image": "a"}], "schedulerName": "none"}
        talk.post(PODS, {"metadata": {"name": "a"}, "spec": spec}, quiet=True)
        talk.delete(f"{PODS}/a")
        talk.get(f"{PODS}/a")

    compare("delete/pod", scenario, real, practice)


def test_a_namespace_says_why_it_stays(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.until_there("/api/v1/namespaces/{ns}/serviceaccounts/default")
        _make(talk, finalizers=["a.b/c"])
        talk.post(
            "/api/v1/namespaces/{ns}/secrets",
            {"metadata": {"name": "m", "finalizers": ["x.y/z"]}},
            quiet=True,
        )
        talk.delete(NAMESPACE)
        talk.delete(NAMESPACE)
        talk.post(MAPS, {"metadata": {"name": "late"}})
        talk.merge(NAMESPACE, {"metadata": {"labels": {"a": "b"}}}, quiet=True)
        wait_until(lambda: _remaining(talk) == 2, 120, "the namespace says what remains")
        found = talk.get(NAMESPACE, quiet=True)
        talk.note("conditions", {"status": found["status"], "spec": found["spec"]})
        talk.merge(f"{MAPS}/a", {"metadata": {"finalizers": None}}, quiet=True)
        talk.merge(NAMESPACE, {"metadata": {"labels": {"a": "c"}}}, quiet=True)
        wait_until(lambda: _remaining(talk) == 1, 120, "the namespace says what remains")
        talk.note("conditions later", {"status": talk.get(NAMESPACE, quiet=True)["status"]})
        talk.merge(
            "/api/v1/namespaces/{ns}/secrets/m", {"metadata": {"finalizers": None}}, quiet=True
        )
        talk.until_gone(NAMESPACE)
        talk.post(MAPS, {"metadata": {"name": "late"}})

    compare("delete/namespace", scenario, real, practice)


def _remaining(talk: Talk) -> int:
    """How many finalizers the namespace says that it waits for."""
    conditions = talk.get(NAMESPACE, quiet=True)["status"].get("conditions", [])
    text = "".join(
        one["message"] for one in conditions if one["type"] == "NamespaceFinalizersRemaining"
    )
    return text.count(" in 1 resource instances")


def test_namespaces_that_stay(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for name in ("default", "kube-system", "kube-public"):
            talk.delete(f"/api/v1/namespaces/{name}", dryRun="All")
        talk.delete("/api/v1/namespaces/nope")

    compare("delete/protected", scenario, real, practice)


def test_a_definition_takes_its_objects_with_it(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        name = "things." + talk.namespace + ".io"
        things = f"/apis/{talk.namespace}.io/v1/namespaces/{{ns}}/things"
        talk.post(
            CRDS,
            """
            metadata: {name: 'things.{ns}.io'}
            spec: {group: '{ns}.io', scope: Namespaced, names: {plural: things, kind: Thing},
              versions: [{name: v1, served: true, storage: true, subresources: {status: {}},
                schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}
            """,
            quiet=True,
        )
        talk.until_there(things)
        body = {
            "apiVersion": f"{talk.namespace}.io/v1",
            "kind": "Thing",
            "metadata": {"name": "a", "finalizers": ["a.b/c"]},
            "spec": {"a": 1},
        }
        wait_until(
            lambda: "code" not in talk.post(things, body, quiet=True), 30, "things can be made"
        )
        talk.delete(f"{CRDS}/{name}", quiet=True)
        wait_until(
            lambda: "deletionTimestamp" in talk.get(f"{things}/a", quiet=True)["metadata"],
            30,
            "the thing is being deleted",
        )
        talk.get(f"{things}/a")
        talk.post(things, {**body, "metadata": {"name": "b"}})
        talk.merge(f"{things}/a", {"metadata": {"finalizers": None}}, quiet=True)
        talk.until_gone(f"{CRDS}/{name}")
        talk.get(f"{things}/a")

    compare("delete/definition", scenario, real, practice)
