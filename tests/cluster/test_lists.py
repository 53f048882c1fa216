"""Reading: lists in pages, resource versions, selectors, and the forms in which a client may want it."""

from __future__ import annotations

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import PARTIAL, PARTIAL_LIST, TABLE, Talk

SECRETS = "/api/v1/namespaces/{ns}/secrets"
SELDON = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"


def _five(talk: Talk) -> None:
    for index, name in enumerate("abcde"):
        labels = {"app": name, "tier": "front" if index % 2 else "back", "number": str(index)}
        body = {"metadata": {"name": name, "labels": labels}}
        talk.post(SECRETS, {**body, "type": "example.com/x" if index else "Opaque"}, quiet=True)
    talk.post(SECRETS, {"metadata": {"name": "f"}}, quiet=True)


SELECTORS = {
    "equal": {"labelSelector": "app=a"},
    "equal-twice": {"labelSelector": "app==a,tier=back"},
    "not-equal": {"labelSelector": "app!=a"},
    "in": {"labelSelector": "app in (a, b)"},
    "not-in": {"labelSelector": "app notin (a,b)"},
    "there": {"labelSelector": "app"},
    "not-there": {"labelSelector": "!app"},
    "greater": {"labelSelector": "number>2"},
    "less": {"labelSelector": "number<2"},
    "greater-odd": {"labelSelector": "number>a"},
    "empty-value": {"labelSelector": "app="},
    "empty-set": {"labelSelector": "app in ()"},
    "odd": {"labelSelector": "app in a"},
    "odd-equals": {"labelSelector": "=a"},
    "odd-comma": {"labelSelector": "app=a,,tier=back"},
    "odd-key": {"labelSelector": "a b=c"},
    "odd-value": {"labelSelector": "app=a/b"},
    "odd-prefix": {"labelSelector": "A_/b=c"},
    "odd-open": {"labelSelector": "app in (a"},
    "odd-end": {"labelSelector": "app="},
    "name": {"fieldSelector": "metadata.name=a"},
    "name-not": {"fieldSelector": "metadata.name!=a"},
    "namespace": {"fieldSelector": "metadata.namespace=default"},
    "type": {"fieldSelector": "type=Opaque"},
    "type-not": {"fieldSelector": "type!=Opaque,metadata.name!=f"},
    "field-unknown": {"fieldSelector": "spec.foo=1"},
    "field-odd": {"fieldSelector": "metadata.name"},
    "field-and-label": {"fieldSelector": "metadata.name!=a", "labelSelector": "tier=back"},
}


@pytest.mark.parametrize("name", SELECTORS)
def test_selectors_choose_alike(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _five(talk)
        talk.get(SECRETS, **SELECTORS[name])

    compare(f"selectors/{name}", scenario, real, practice)


def test_custom_resources_and_pods_know_their_fields(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.get(SELDON, fieldSelector="spec.foo=1")
        talk.get(SELDON, fieldSelector="metadata.name=a")
        for field in (
            "status.phase=Running",
            "spec.nodeName=x",
            "spec.foo=1",
            "status.podIP=1.1.1.1",
        ):
            talk.get("/api/v1/namespaces/{ns}/pods", fieldSelector=field)
        talk.get("/api/v1/namespaces/{ns}/events", fieldSelector="involvedObject.name=a,reason=b")
        talk.get("/apis/apps/v1/namespaces/{ns}/deployments", fieldSelector="spec.replicas=1")
        talk.get("/api/v1/namespaces", fieldSelector="status.phase=Nope")

    compare("selectors/kinds", scenario, real, practice)


def test_pages_follow_each_other(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _five(talk)
        first = talk.get(SECRETS, limit=2)
        token = first["metadata"]["continue"]
        talk.delete(f"{SECRETS}/c", quiet=True)
        second = talk.ask("GET", SECRETS, limit=2, token=token, quiet=True)
        talk.note(
            "second page",
            {
                "names": [one["metadata"]["name"] for one in second["items"]],
                "remaining": second["metadata"].get("remainingItemCount"),
            },
        )
        same = first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
        talk.note("one version", {"same": same})
        last = talk.ask("GET", SECRETS, limit=9, token=second["metadata"]["continue"], quiet=True)
        talk.note(
            "last page",
            {
                "names": [one["metadata"]["name"] for one in last["items"]],
                "more": "continue" in last["metadata"],
            },
        )
        talk.get(SECRETS, limit=6)
        talk.get(SECRETS, limit=2, labelSelector="tier=back")
        talk.get(SECRETS, limit=0)

    compare("lists/pages", scenario, real, practice)


def test_odd_parameters_of_lists(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.ask("GET", SECRETS, token="nonsense")
        talk.ask("GET", SECRETS, token="eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ")
        talk.get(SECRETS, limit="a")
        talk.get(SECRETS, limit=-1)
        talk.get(SECRETS, resourceVersion="a")
        talk.get(SECRETS, resourceVersion="-1")
        talk.get(SECRETS, resourceVersion="999999999")
        talk.get(SECRETS, resourceVersionMatch="Exact")
        talk.get(SECRETS, resourceVersionMatch="NotOlderThan")
        talk.get(SECRETS, resourceVersionMatch="Nope", resourceVersion="1")
        talk.get(SECRETS, resourceVersionMatch="Exact", resourceVersion="0")
        talk.get(SECRETS, resourceVersionMatch="NotOlderThan", resourceVersion="0")
        talk.get(SECRETS, resourceVersionMatch="NotOlderThan", resourceVersion="1")
        talk.ask("GET", SECRETS, resourceVersion="1", token="a")
        talk.ask("GET", SECRETS, resourceVersionMatch="Exact", resourceVersion="5", token="a")
        talk.get(SECRETS, sendInitialEvents="true")
        talk.get(SECRETS, timeoutSeconds="a")
        talk.get(SECRETS, watch="maybe", timeoutSeconds=1, labelSelector="a")
        talk.get(f"{SECRETS}/nope", resourceVersion="999999999")
        talk.get(f"{SECRETS}/nope", resourceVersion="a")

    compare("lists/odd", scenario, real, practice)


def test_versions_that_are_asked_for(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        first = talk.post(SECRETS, {"metadata": {"name": "a"}}, quiet=True)
        version = first["metadata"]["resourceVersion"]
        talk.post(SECRETS, {"metadata": {"name": "b"}}, quiet=True)
        talk.get(SECRETS, resourceVersion=version)
        talk.get(SECRETS, resourceVersion=version, resourceVersionMatch="NotOlderThan")
        talk.get(SECRETS, resourceVersion=version, resourceVersionMatch="Exact")
        talk.get(SECRETS, resourceVersion=version, resourceVersionMatch="Exact", limit=1)
        talk.get(f"{SECRETS}/a", resourceVersion=version)

    compare("lists/versions", scenario, real, practice)


FORMS = (
    TABLE,
    PARTIAL,
    PARTIAL_LIST,
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
    f"{TABLE},application/json",
    "*/*",
    "application/*",
    "text/html",
    "application/yaml",
    "text/html,*/*",
    "application/json;as=Nope;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v2;g=meta.k8s.io",
)


@pytest.mark.parametrize("accept", FORMS)
def test_forms_of_answers(accept: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.post(SECRETS, {"metadata": {"name": "a", "labels": {"a": "b"}}}, quiet=True)
        headers = {"Accept": accept}
        talk.get(SECRETS, headers=headers, labelSelector="a")
        talk.get(f"{SECRETS}/a", headers=headers)
        talk.get(f"{SECRETS}/nope", headers=headers)
        talk.get(SECRETS, headers=headers, includeObject="Object", labelSelector="a")
        talk.get(SECRETS, headers=headers, includeObject="None", labelSelector="a")
        talk.get(SECRETS, headers=headers, includeObject="X", labelSelector="a")
        talk.get(SECRETS, headers=headers, labelSelector="nope")
        talk.post(SECRETS, {"metadata": {"name": "b"}}, headers=headers)
        talk.merge(f"{SECRETS}/b", {"data": {"a": "YQ=="}}, headers=headers)
        talk.delete(f"{SECRETS}/b", headers=headers)

    compare(f"forms/{accept}", scenario, real, practice)


def test_tables_of_custom_resources(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for plural in ("models", "experiments", "servers", "pipelines"):
            path = f"/apis/mlops.seldon.io/v1alpha1/namespaces/{{ns}}/{plural}"
            talk.get(path, headers={"Accept": TABLE})
        talk.get("/apis/argoproj.io/v1alpha1/namespaces/{ns}/workflows", headers={"Accept": TABLE})
        talk.get(
            "/apis/bitnami.com/v1alpha1/namespaces/{ns}/sealedsecrets", headers={"Accept": TABLE}
        )

    compare("forms/custom", scenario, real, practice)


BUILTIN = (
    "/api/v1/namespaces/{ns}/pods",
    "/api/v1/namespaces/{ns}/services",
    "/api/v1/namespaces/{ns}/configmaps",
    "/api/v1/namespaces/{ns}/events",
    "/api/v1/namespaces/{ns}/persistentvolumeclaims",
    "/api/v1/namespaces/{ns}/endpoints",
    "/api/v1/namespaces/{ns}/resourcequotas",
    "/api/v1/namespaces/{ns}/limitranges",
    "/api/v1/namespaces/{ns}/replicationcontrollers",
    "/api/v1/namespaces/{ns}/podtemplates",
    "/api/v1/namespaces/{ns}/serviceaccounts",
    "/apis/apps/v1/namespaces/{ns}/deployments",
    "/apis/apps/v1/namespaces/{ns}/replicasets",
    "/apis/apps/v1/namespaces/{ns}/statefulsets",
    "/apis/apps/v1/namespaces/{ns}/daemonsets",
    "/apis/apps/v1/namespaces/{ns}/controllerrevisions",
    "/apis/batch/v1/namespaces/{ns}/jobs",
    "/apis/batch/v1/namespaces/{ns}/cronjobs",
    "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
    "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
    "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies",
    "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
    "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
    "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
)


def test_columns_of_the_built_in_kinds(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for path in BUILTIN:
            talk.get(path, headers={"Accept": TABLE}, fieldSelector="metadata.name=nope")
        for path in (
            "/api/v1/nodes",
            "/api/v1/namespaces",
            "/api/v1/persistentvolumes",
            "/apis/storage.k8s.io/v1/storageclasses",
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            "/apis/networking.k8s.io/v1/ingressclasses",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        ):
            talk.get(path, headers={"Accept": TABLE}, labelSelector="nope=nope")

    compare("forms/columns", scenario, real, practice)
