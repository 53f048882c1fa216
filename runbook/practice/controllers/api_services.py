"""APIServices: one for each group version that is served, and whether those of other servers answer.

when                                       then
the cluster starts                         one for each built-in group version, made once
a definition serves a version              one for it, made again when it is deleted
it names no service                        Available: Local
its service, port or endpoints are missing not Available, and the reason says which
they are there                             Available: a ready pod is taken to answer
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.apiserver.builtin import builtin_rows
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.crds import CRDS
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.namespaces import API_SERVICES
from runbook.practice.controllers.objects import (
    dig,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    with_condition,
)
from runbook.practice.controllers.services import ENDPOINT_SLICES, SERVICE_LABEL
from runbook.practice.controllers.writing import delete_if_there, write_status

START: Key = (API_SERVICES, None, "")  # no object has this name
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
_OF_DEFINITIONS = (1000, 100)
# group -> its priority, and that of its v1 unless it is 15
_PRIORITIES: Mapping[str, tuple[int, int]] = {
    "": (18_000, 1),
    "apps": (17_800, 15),
    "authentication.k8s.io": (17_700, 15),
    "authorization.k8s.io": (17_600, 15),
    "autoscaling": (17_500, 30),
    "batch": (17_400, 15),
    "networking.k8s.io": (17_200, 15),
    "policy": (17_100, 15),
    "rbac.authorization.k8s.io": (17_000, 15),
    "storage.k8s.io": (16_800, 15),
    "admissionregistration.k8s.io": (16_700, 15),
    "apiextensions.k8s.io": (16_700, 15),
    "scheduling.k8s.io": (16_600, 15),
    "coordination.k8s.io": (16_500, 15),
    "discovery.k8s.io": (16_200, 15),
}


class ApiServices:
    """Watches APIServices, definitions, and what stands behind a service."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.watches: Mapping[str, KeysOf] = {
            API_SERVICES: lambda service: [key_of(API_SERVICES, service)],
            CRDS: _served_by,
            "services": lambda service: self._behind(namespace_of(service), name_of(service)),
            ENDPOINT_SLICES: lambda one: self._behind(
                namespace_of(one), labels_of(one).get(SERVICE_LABEL, "")
            ),
        }

    async def reconcile(self, key: Key) -> None:
        if key == START:
            for name, made in _built_in().items():
                if self._cluster.get(API_SERVICES, None, name) is None:
                    await self._cluster.create(API_SERVICES, made)
            return
        wanted = self._defined().get(key[2])
        service = self._cluster.get(*key)
        if service is None:
            if wanted is not None:
                await self._cluster.create(API_SERVICES, wanted)
            return
        if wanted is None and labels_of(service).get(MANAGED) == "true":
            await delete_if_there(self._cluster, API_SERVICES, service)
            return
        await self._judge(service)

    async def _judge(self, service: JSON) -> None:
        reason, message = "Local", "Local APIServices are always available"
        if dig(service, "spec", "service"):
            reason, message = self._reason(service)
        conditions = with_condition(
            dig(service, "status", "conditions", default=[]),
            "Available",
            reason in {"Local", "Passed"},
            now=self._cluster.timeline.stamp(),
            reason=reason,
            message=message,
        )
        status = {**(service.get("status") or {}), "conditions": conditions}
        await write_status(self._cluster, API_SERVICES, service, status)

    def _reason(self, service: JSON) -> tuple[str, str]:
        wanted = service["spec"]["service"]
        namespace, name, port = wanted["namespace"], wanted["name"], wanted.get("port", 443)
        what = f'service/{name} in "{namespace}"'
        found = self._cluster.get("services", namespace, name)
        if found is None:
            return "ServiceNotFound", f"{what} is not present"
        if dig(found, "spec", "type") == "ExternalName":
            return _not_asked(service, found["spec"]["externalName"])
        ports = dig(found, "spec", "ports", default=[])
        listening = next((one for one in ports if one["port"] == port), None)
        if listening is None:
            return "ServicePortError", f"{what} is not listening on port {port}"
        slices = self._cluster.select(ENDPOINT_SLICES, namespace, {SERVICE_LABEL: name})
        if not slices:
            return "EndpointsNotFound", f"cannot find endpointslices for {what}"
        port_name = listening.get("name", "")
        ready = [one for endpoints in slices for one in _ready(endpoints, port_name)]
        if not ready:
            why = f'endpointslices for {what} have no addresses with port name "{port_name}"'
            return "MissingEndpoints", why
        if not any(dig(one, "targetRef", "kind") == "Pod" for one in ready):
            return _not_asked(service, ready[0]["addresses"][0])
        return "Passed", "all checks passed"

    def _behind(self, namespace: str | None, name: str) -> Iterable[Key]:
        for service in self._cluster.select(API_SERVICES):
            wanted = dig(service, "spec", "service", default={})
            if (wanted.get("namespace"), wanted.get("name")) == (namespace, name):
                yield key_of(API_SERVICES, service)

    def _defined(self) -> dict[str, JSON]:
        """By name, what the definitions of custom resources serve."""
        return {
            name_of(made): made
            for crd in self._cluster.select(CRDS)
            for made in _of_definition(crd)
        }


def _ready(endpoints: JSON, port_name: str) -> list[JSON]:
    if not any(one.get("name", "") == port_name for one in endpoints.get("ports") or ()):
        return []
    return [
        one
        for one in endpoints.get("endpoints") or ()
        if dig(one, "conditions", "ready", default=True) and one.get("addresses")
    ]


def _not_asked(service: JSON, host: str) -> tuple[str, str]:
    spec = service["spec"]
    path = (
        f"https://{host}:{spec['service'].get('port', 443)}/apis/{spec['group']}/{spec['version']}"
    )
    why = "the practice cluster does not ask servers outside of it"
    return "FailedDiscoveryCheck", f"failing or missing response from {path}: {why}"


def _built_in() -> dict[str, JSON]:
    made = {}
    for row in builtin_rows():
        group_priority, version_priority = _PRIORITIES.get(row.group, (16_000, 15))
        one = _local(row.group, row.version, group_priority, version_priority, "onstart")
        made[name_of(one)] = one
    return made


def _of_definition(crd: JSON) -> Iterable[JSON]:
    for version in crd["spec"]["versions"]:
        if version.get("served", True):
            yield _local(crd["spec"]["group"], version["name"], *_OF_DEFINITIONS, "true")


def _served_by(crd: JSON) -> Iterable[Key]:
    for version in crd["spec"]["versions"]:
        yield API_SERVICES, None, f"{version['name']}.{crd['spec']['group']}"


def _local(group: str, version: str, first: int, second: int, managed: str) -> JSON:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED: managed}},
        "spec": {
            **({"group": group} if group else {}),
            "version": version,
            "groupPriorityMinimum": first,
            "versionPriority": second,
        },
    }
