"""Discovery documents: which resources exist, in the aggregated form and in the old one.

kubectl asks for the aggregated form (three requests instead of twenty); the Python dynamic client
knows only the old one.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from runbook.practice.apiserver.aggregation import Groups, discovered_entry, group_entry
from runbook.practice.apiserver.messages import Request, Response, json_response, page_not_found
from runbook.practice.apiserver.negotiation import check_plain
from runbook.practice.apiserver.registry import Registry, Resource

JSON = dict[str, Any]

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
# subresource -> (group, version, kind) where it differs from its resource's; empty: the same group
_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "", "PodExecOptions"),
    "attach": ("", "", "PodAttachOptions"),
    "portforward": ("", "", "PodPortForwardOptions"),
    "proxy": ("", "", "ServiceProxyOptions"),
}
_VERBS = {
    "log": ["get"],
    "eviction": ["create"],
    "binding": ["create"],
    "token": ["create"],
    "finalize": ["update"],
    "exec": ["create", "get"],
    "attach": ["create", "get"],
    "portforward": ["create", "get"],
    "proxy": ["create", "delete", "get", "patch", "update"],
}
_READ_WRITE = ["get", "patch", "update"]
# Kinds that upstream stores in another version than the one it serves.
_STORED_AS = {"customresourcedefinitions.apiextensions.k8s.io": "v1beta1"}


def roots(registry: Registry, request: Request, elsewhere: Groups, *, core: bool) -> Response:
    """`/api` and `/apis`; `elsewhere` are the groups of other servers."""
    version = _aggregated_version(request.headers.get("accept", ""))
    if version is not None:
        body = {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": [
                _aggregated_group(group, versions)
                for group, versions in registry.versions().items()
                if core == (group == "")
            ]
            + [discovered_entry(group, versions) for group, versions in elsewhere.items()],
        }
        content_type = AGGREGATED.format(version)
        return json_response(body, content_type=content_type, headers={"Vary": "Accept"})
    check_plain(request)
    if core:
        everywhere = {"clientCIDR": "0.0.0.0/0", "serverAddress": request.headers.get("host", "")}
        versions = {
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [everywhere],
        }
        return json_response(versions, headers={"Vary": "Accept"})
    groups = [_group(group, list(found)) for group, found in registry.versions().items() if group]
    groups += [group_entry(group, versions) for group, versions in elsewhere.items()]
    listed = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    return json_response(listed, headers={"Vary": "Accept"})


def group(registry: Registry, name: str) -> Response:
    """`/apis/GROUP`."""
    versions = registry.versions().get(name)
    if not name or versions is None:
        return page_not_found()
    return json_response({"kind": "APIGroup", "apiVersion": "v1", **_group(name, list(versions))})


def resources(registry: Registry, group_name: str, version: str) -> Response:
    """`/api/v1` and `/apis/GROUP/VERSION`."""
    found = registry.versions().get(group_name, {}).get(version)
    if found is None:
        return page_not_found()
    body = {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if group_name else {}),  # older than the field
        "groupVersion": f"{group_name}/{version}" if group_name else version,
        "resources": [entry for resource in found for entry in _entries(resource)],
    }
    return json_response(body)


def _aggregated_version(accept: str) -> str | None:
    for media in accept.split(","):
        parts = {part.strip() for part in media.split(";")}
        if {"application/json", "as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io"} <= parts:
            for version in ("v2", "v2beta1"):
                if f"v={version}" in parts:
                    return version
    return None


def _group(name: str, versions: list[str]) -> JSON:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _entries(resource: Resource) -> list[JSON]:
    """A resource and its subresources; short names only at the first, or kubectl is confused."""
    first: JSON = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        first["shortNames"] = list(resource.short_names)
    if resource.categories:
        first["categories"] = list(resource.categories)
    if "list" in resource.verbs:
        first["storageVersionHash"] = _storage_version_hash(resource)
    entries = [first]
    for subresource in _subresources(resource):
        entry: JSON = {
            "name": f"{resource.plural}/{subresource}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": _VERBS.get(subresource, _READ_WRITE),
        }
        if subresource in _KINDS:
            group_name, version, entry["kind"] = _KINDS[subresource]
            if version:
                entry |= {"group": group_name, "version": version}
        entries.append(entry)
    return entries


def _subresources(resource: Resource) -> list[str]:
    """By name; those of a custom resource with the status first."""
    return sorted(resource.subresources, reverse=resource.crd is not None)


def _storage_version_hash(resource: Resource) -> str:
    """What tells a client that objects are stored in another form than before."""
    version = _STORED_AS.get(resource.name) or resource.stored_api_version.rpartition("/")[2]
    stored = f"{resource.home}/{version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(stored.encode()).digest()[:8]).decode()


def _aggregated_group(name: str, versions: dict[str, list[Resource]]) -> JSON:
    metadata = {"name": name} if name else {}
    return {
        "metadata": {**metadata, "creationTimestamp": None},
        "versions": [
            {
                "version": version,
                "resources": [_aggregated_resource(resource) for resource in found],
                "freshness": "Current",
            }
            for version, found in versions.items()
        ],
    }


def _aggregated_resource(resource: Resource) -> JSON:
    kind = {"group": "", "version": "", "kind": resource.kind}  # those of its own group
    if resource.crd is not None:
        kind |= {"group": resource.group, "version": resource.version}
    found: JSON = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        found["shortNames"] = list(resource.short_names)
    if resource.categories:
        found["categories"] = list(resource.categories)
    if resource.subresources:
        found["subresources"] = [
            {
                "subresource": subresource,
                "responseKind": _response_kind(subresource, kind),
                "verbs": _VERBS.get(subresource, _READ_WRITE),
            }
            for subresource in _subresources(resource)
        ]
    return found


def _response_kind(subresource: str, kind: JSON) -> JSON:
    if subresource not in _KINDS:
        return kind
    group_name, version, name = _KINDS[subresource]
    return {"group": group_name, "version": version, "kind": name}
