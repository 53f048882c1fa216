"""What there is: groups, versions, resources, schemas and paths nobody serves.

Practice serves fewer kinds; each that it serves must be described as upstream describes it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.compare import compare
from tests.cluster.normal import leaves
from tests.cluster.sides import Side
from tests.cluster.talk import JSON, Talk

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _get(side: Side, path: str, accept: str = "application/json") -> Any:
    answer = side.http.get(path, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _differences(real: JSON, practice: JSON, where: str) -> list[str]:
    """Of entries by name: those practice has and upstream has not, and what is said otherwise."""
    found = []
    for name, entry in practice.items():
        if name not in real:
            found.append(f"{where} {name}: upstream has none")
            continue
        theirs, ours = leaves(real[name]), leaves(entry)
        found += [
            f"{where} {name} {place}: real {theirs.get(place)!r}, practice {ours.get(place)!r}"
            for place in {**theirs, **ours}
            if theirs.get(place) != ours.get(place)
        ]
    return found


def _by(entries: list[JSON], key: str) -> JSON:
    return {entry[key]: entry for entry in entries}


def test_groups(real: Side, practice: Side) -> None:
    def groups(side: Side) -> JSON:
        found = _by(_get(side, "/apis")["groups"], "name")
        for group in found.values():
            group.pop("versions")
        return found

    found = _differences(groups(real), groups(practice), "group")
    for name in groups(practice):
        ours, theirs = (_get(side, f"/apis/{name}") for side in (practice, real))
        listed = [one["version"] for one in theirs.pop("versions")]
        served = [one["version"] for one in ours.pop("versions")]
        assert [one for one in listed if one in served] == served, name
        found += _differences({name: theirs}, {name: ours}, "document of")
    assert not found, "\n".join(found)


def _versions(side: Side) -> list[str]:
    groups = _get(side, "/apis")["groups"]
    return [
        "/api/v1",
        *(f"/apis/{one['groupVersion']}" for group in groups for one in group["versions"]),
    ]


def test_resources_of_each_version(real: Side, practice: Side) -> None:
    found = []
    for path in _versions(practice):
        ours, theirs = _get(practice, path), _get(real, path)
        names = [_by(one.pop("resources"), "name") for one in (theirs, ours)]
        found += _differences({path: theirs}, {path: ours}, "list")
        found += _differences(names[0], names[1], path)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("root", ["/api", "/apis"])
def test_aggregated_documents(root: str, real: Side, practice: Side) -> None:
    ours, theirs = (_get(side, root, AGGREGATED) for side in (practice, real))
    served = [_resources(one.pop("items")) for one in (theirs, ours)]
    found = _differences({root: theirs}, {root: ours}, "document")
    found += _differences(served[0], served[1], "resource")
    assert not found, "\n".join(found)


def _resources(groups: list[JSON]) -> JSON:
    """Each resource under its group and version, with its subresources by name."""
    found: JSON = {}
    for group in groups:
        name = group["metadata"].get("name", "")
        for version in group["versions"]:
            for resource in version["resources"]:
                inner = resource.pop("subresources", [])
                place = f"{name}/{version['version']}/{resource['resource']}"
                found[place] = {**resource, "freshness": version["freshness"]}
                for one in inner:
                    found[f"{place}/{one['subresource']}"] = one
    return found


def test_the_roots(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.get("/api")
        talk.get("/api/")

        talk.ask("POST", "/api/v1", {})
        talk.ask("DELETE", "/apis/apps", without="versions")
        talk.get("/apis/apps", headers={"Accept": "text/html"})
        talk.get("/apis/mlops.seldon.io/v1alpha1", headers={"Accept": "text/html"})
        talk.get("/api/v1", headers={"Accept": "text/html"})
        talk.get("/apis", headers={"Accept": "text/html"})
        talk.get("/api", headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
        talk.get("/apis", headers={"Accept": AGGREGATED.replace("v2", "v2beta1")})

    def hosts(talk: Talk) -> None:
        scenario(talk)
        for _, answer in talk.transcript:
            for one in answer["body"]["serverAddressByClientCIDRs"] if _roots(answer) else ():
                one["serverAddress"] = "<server>"  # of the machine, or the one that was asked

    compare("discovery/roots", hosts, real, practice)


def _roots(answer: JSON) -> bool:
    return isinstance(answer["body"], dict) and answer["body"].get("kind") == "APIVersions"


def test_paths_nobody_serves(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for path in (
            "/nope",
            "/api/v2",
            "/api/v1/nopes",
            "/api/v1/namespaces/{ns}/nopes",
            "/api/v1/namespaces/{ns}/pods/a/nope",
            "/api/v1/namespaces/{ns}/configmaps/a/status",
            "/api/v1/configmaps/a",
            "/api/v1/namespaces/{ns}/nodes",
            "/apis/nope",
            "/apis/nope/v1",
            "/apis/nope/v1/nopes",
            "/apis/apps/v2",
            "/apis/apps/v2/deployments",
            "/apis/apps/v1/nopes",
            "/apis/apps/v1/namespaces/{ns}/deployments/a/nope",
            "/apis/mlops.seldon.io/v1",
            "/apis/mlops.seldon.io/v1/models",
            "/apis/mlops.seldon.io/v1alpha1/nopes",
            "/apis/mlops.seldon.io/v1alpha1/models/a",
            "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/nopes/a",
            "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models/a/nope",
            "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/experiments/a/scale",
            "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models/a/status",
            "/openapi/v3/nope",
            "/openapi/v3/apis/nope/v1",
        ):
            talk.get(path)
        talk.ask("POST", "/apis/mlops.seldon.io/v1alpha1/models", {})
        talk.ask("DELETE", "/apis/mlops.seldon.io/v1alpha1/models")
        talk.ask("PUT", "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models", {})
        talk.ask("POST", "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models/a/status", {})
        talk.ask("POST", "/apis/apps/v1/namespaces/{ns}/deployments/a/scale", {})
        talk.ask("DELETE", "/apis/apps/v1/namespaces/{ns}/deployments/a/status")
        talk.ask("OPTIONS", "/api/v1/namespaces")

    compare("discovery/nobody", scenario, real, practice)


def test_schemas_are_offered_for_each_version(real: Side, practice: Side) -> None:
    """The paths of OpenAPI v3, and the operations that each document describes."""
    ours, theirs = (set(_get(side, "/openapi/v3")["paths"]) for side in (practice, real))
    assert ours - theirs == set()
    versions = {path.removeprefix("/") for path in _versions(practice)}
    assert versions - ours == set()


def test_schemas_describe_the_kinds_alike(real: Side, practice: Side) -> None:
    def kinds(side: Side, version: str) -> JSON:
        path = _get(side, "/openapi/v3")["paths"][version]["serverRelativeURL"]
        found: JSON = {}
        for schema in _get(side, path)["components"]["schemas"].values():
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                found[f"{kind['group']}/{kind['version']} {kind['kind']}"] = {
                    "fields": sorted(schema.get("properties", {})),
                    "required": sorted(schema.get("required", [])),
                }
        return found

    found = []
    for version in (path.removeprefix("/") for path in _versions(practice)):
        found += _differences(kinds(real, version), kinds(practice, version), version)
    assert not found, "\n".join(found)
