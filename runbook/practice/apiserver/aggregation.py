"""Groups of other servers: what an APIService with a `service` adds to the paths that are served.

Available is not True   the group is listed as stale, its paths answer 503
Available               the group is listed without a resource: no program runs in a practice pod
that could say which it has
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from runbook.practice.apiserver.errors import Cause, compact, unavailable
from runbook.practice.apiserver.messages import Response, json_response, text_response
from runbook.practice.apiserver.metadata import API_VERSION, API_VERSION_SAYS
from runbook.practice.apiserver.registry import Registry, version_order
from runbook.practice.apiserver.routing import GroupPath
from runbook.practice.apiserver.store import Store

JSON = dict[str, Any]

API_SERVICES = "apiservices.apiregistration.k8s.io"
Groups = dict[str, dict[str, bool]]  # group -> version -> whether its server answers


def groups(store: Store, registry: Registry) -> Groups:
    """What is served elsewhere; a group version of this server stays its own."""
    own = registry.versions()
    found: Groups = {}
    for service in store.select(API_SERVICES):
        spec = service["spec"]
        group, version = spec.get("group") or "", spec["version"]
        if spec.get("service") and version not in own.get(group, {}):
            found.setdefault(group, {})[version] = is_available(service)
    return {
        group: {version: versions[version] for version in sorted(versions, key=version_order)}
        for group, versions in found.items()
    }


def is_available(service: Mapping[str, Any]) -> bool:
    conditions = (service.get("status") or {}).get("conditions") or ()
    return any((one["type"], one["status"]) == ("Available", "True") for one in conditions)


def answer(store: Store, registry: Registry, path: str) -> Response | None:
    """To a path below a group version that another server should serve."""
    match path.strip("/").split("/"):
        case ["apis", group, version, *rest]:
            service = store.get(API_SERVICES, None, f"{version}.{group}")
        case _:
            return None
    if service is None or not service["spec"].get("service"):
        return None
    if version in registry.versions().get(group, {}):
        return None
    if not is_available(service):
        return text_response("service unavailable\n", 503)
    if rest:
        raise unavailable("error trying to reach service: no program runs in a practice pod")
    return json_response(
        {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}",
            "resources": [],
        }
    )


def group_document(path: GroupPath, elsewhere: Groups) -> JSON | None:
    """`/apis/GROUP` of a group that only another server has."""
    versions = elsewhere.get(path.group)
    if path.version or versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **group_entry(path.group, versions)}


def group_entry(group: str, versions: dict[str, bool]) -> JSON:
    listed = [{"groupVersion": f"{group}/{one}", "version": one} for one in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def discovered_entry(group: str, versions: dict[str, bool]) -> JSON:
    """The same in the aggregated form."""
    return {
        "metadata": {"name": group},
        "versions": [
            {"version": version, "freshness": "Current" if available else "Stale"}
            for version, available in versions.items()
        ],
    }


def causes(obj: JSON) -> Iterator[Cause]:
    """What an APIService may not say."""
    spec, name = obj.get("spec") or {}, obj["metadata"]["name"]
    group, version = spec.get("group") or "", spec.get("version") or ""
    if name != f"{version}.{group}":
        why = f'must be `spec.version+"."+spec.group`: "{version}.{group}"'
        yield Cause.invalid("metadata.name", compact(name), why)
    if not group and version != "v1":
        why = "only v1 may have an empty group and it better be legacy kube"
        yield Cause.required("spec.group", why)
    if API_VERSION.fullmatch(version) is None:
        yield Cause.invalid("spec.version", compact(version), API_VERSION_SAYS)
    for field, below in (("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)):
        value = spec.get(field) or 0
        if not 0 < value <= below:
            why = f"must be positive and less than {below}"
            yield Cause.invalid(f"spec.{field}", str(value), why)
    service = spec.get("service")
    if service is None:
        if spec.get("caBundle"):
            shown = compact(f"{len(base64.b64decode(spec['caBundle']))} bytes")
            why = "local APIServices may not have a caBundle"
            yield Cause.invalid("spec.caBundle", shown, why)
        if spec.get("insecureSkipTLSVerify"):
            why = "local APIServices may not have insecureSkipTLSVerify"
            yield Cause.invalid("spec.insecureSkipTLSVerify", "true", why)
        return
    for field in ("namespace", "name"):
        if not service.get(field):
            yield Cause.required(f"spec.service.{field}")
    port = service.get("port")
    if port is not None and not 1 <= port <= 65535:
        why = "port is not valid: must be between 1 and 65535, inclusive"
        yield Cause.invalid("spec.service.port", str(port), why)
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        why = "may not be true if caBundle is present"
        yield Cause.invalid("spec.insecureSkipTLSVerify", "true", why)
