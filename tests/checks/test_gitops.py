from __future__ import annotations

from typing import Any

import pytest

from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
OWNERS = {
    "Application": "argoproj.io",
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}
QUERY = {"namespaces": ["a"]}


def resource(kind: str) -> str:
    return f"{kind.lower()}s.{OWNERS[kind]}"


async def define(cluster: Any, kind: str) -> None:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    await cluster.put(
        "customresourcedefinitions.apiextensions.k8s.io",
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": resource(kind)},
            "spec": {
                "group": OWNERS[kind],
                "names": names,
                "scope": "Namespaced",
                "versions": [version],
            },
        },
    )


async def own(cluster: Any, kind: str, spec: dict[str, Any], **more: Any) -> None:
    """An owner called `app` in namespace b."""
    await define(cluster, kind)
    await cluster.put(
        resource(kind),
        {
            "apiVersion": f"{OWNERS[kind]}/v1",
            "kind": kind,
            "metadata": {"name": "app", "namespace": "b", **more.pop("metadata", {})},
            "spec": spec,
            **more,
        },
    )


async def mark(cluster: Any, **metadata: Any) -> None:
    meta = {"name": "marked", "namespace": "a", **metadata}
    await cluster.put("configmaps", {"metadata": meta})


AUTO = {"syncPolicy": {"automated": {"selfHeal": True}}}
HERE = {"destination": {"namespace": "a"}}


async def test_without_an_owner_nothing_comes_back(cluster: Any) -> None:
    await mark(cluster, labels={"app.kubernetes.io/instance": "app"})
    reading = await cluster.look(gitops=QUERY)
    assert (reading.verdict, reading.observed) == (HOLDS, "no GitOps owner")
    assert await cluster.verdict(gitops={"namespaces": ["nowhere"]}) is HOLDS


@pytest.mark.parametrize(
    ("spec", "verdict", "told"),
    [
        ({**HERE, **AUTO}, FAILS, "Argo CD Application b/app heals itself: `kubectl patch"),
        ({**HERE, "syncPolicy": {"automated": {}}}, FAILS, "syncs by itself at each new commit"),
        ({**HERE, "syncPolicy": {"automated": {"enabled": False}}}, HOLDS, "does not sync"),
        (HERE, HOLDS, "Argo CD Application b/app does not sync by itself"),
        ({"destination": {"namespace": "b"}, **AUTO}, HOLDS, "no GitOps owner"),
    ],
)
async def test_an_application_that_reaches_in_undoes_a_teardown(
    cluster: Any, spec: dict[str, Any], verdict: Verdict, told: str
) -> None:
    await own(cluster, "Application", spec)
    reading = await cluster.look(gitops=QUERY)
    assert reading.verdict is verdict
    assert told in reading.observed


@pytest.mark.parametrize(
    "status",
    [
        {"resources": [{"kind": "Model", "namespace": "a", "name": "m"}]},
        {"resources": [{"kind": "Namespace", "name": "a"}]},
    ],
)
async def test_what_an_application_says_that_it_manages_counts(
    cluster: Any, status: dict[str, Any]
) -> None:
    await own(cluster, "Application", {"destination": {}, **AUTO}, status=status)
    assert await cluster.verdict(gitops=QUERY) is FAILS


@pytest.mark.parametrize(
    "metadata",
    [
        {"annotations": {"argocd.argoproj.io/tracking-id": "app:/ConfigMap:a/marked"}},
        {"annotations": {"argocd.argoproj.io/tracking-id": "b_app:/ConfigMap:a/marked"}},
        {"labels": {"argocd.argoproj.io/instance": "app"}},
    ],
)
async def test_the_marks_of_argo_cd_lead_to_their_application(
    cluster: Any, metadata: dict[str, Any]
) -> None:
    await mark(cluster, **metadata)
    reading = await cluster.look(gitops=QUERY)
    # Applications of a hub are on another cluster.
    assert reading.verdict is UNKNOWN
    assert "not on this cluster: Application app (ConfigMap a/marked)" in reading.observed
    await own(cluster, "Application", {"destination": {"namespace": "other"}, **AUTO})
    assert await cluster.verdict(gitops=QUERY) is FAILS
    patch = {"spec": {"syncPolicy": {"automated": None}}}
    await cluster.api.patch(resource("Application"), "b", "app", patch)
    reading = await cluster.look(gitops=QUERY)
    assert reading.verdict is HOLDS
    assert "Application b/app does not sync by itself" in reading.observed


async def test_an_application_of_a_set_is_suspended_in_its_set(cluster: Any) -> None:
    owner = {"apiVersion": "argoproj.io/v1", "kind": "ApplicationSet", "name": "all", "uid": "u"}
    await own(cluster, "Application", HERE | AUTO, metadata={"ownerReferences": [owner]})
    reading = await cluster.look(gitops=QUERY)
    assert "heals itself: suspend it in its ApplicationSet all" in reading.observed


@pytest.mark.parametrize("kind", ["Kustomization", "HelmRelease"])
async def test_flux_undoes_a_teardown_until_it_is_suspended(cluster: Any, kind: str) -> None:
    group = OWNERS[kind]
    await mark(cluster, labels={f"{group}/name": "app", f"{group}/namespace": "b"})
    assert await cluster.verdict(gitops=QUERY) is UNKNOWN
    await own(cluster, kind, {})
    reading = await cluster.look(gitops=QUERY)
    assert reading.verdict is FAILS
    assert f"`flux suspend {kind.lower()} app -n b`" in reading.observed
    await cluster.api.patch(resource(kind), "b", "app", {"spec": {"suspend": True}})
    reading = await cluster.look(gitops=QUERY)
    assert (reading.verdict, reading.observed) == (HOLDS, f"Flux {kind} b/app is suspended")


async def test_the_target_of_a_flux_owner_counts_without_marks(cluster: Any) -> None:
    await own(cluster, "HelmRelease", {"targetNamespace": "a"})
    assert await cluster.verdict(gitops=QUERY) is FAILS
    assert await cluster.verdict(gitops={"namespaces": ["kube-system"]}) is HOLDS


async def test_a_marked_namespace_counts_too(cluster: Any) -> None:
    labels = {"kustomize.toolkit.fluxcd.io/name": "app"}
    await cluster.api.patch("namespaces", None, "a", {"metadata": {"labels": labels}})
    reading = await cluster.look(gitops=QUERY)
    assert "Kustomization app (Namespace a)" in reading.observed
