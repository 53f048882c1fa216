"""What the server writes down about a change: its generation, whose fields changed, whether it changed.

Pure of the store: compares the old object with the new one and completes the new one's metadata.
"""

from __future__ import annotations

from typing import Any

from runbook.practice.apiserver import apply, conversion, schema
from runbook.practice.apiserver.defaults import TEMPLATE_GENERATION
from runbook.practice.apiserver.fields import is_fields_v1
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import Target, WriteOptions, in_version

JSON = dict[str, Any]

# Built-in kinds whose generation counts changes of the spec; every custom resource does.
_WITH_GENERATION = frozenset(
    [
        "pods",
        "podtemplates",
        "replicationcontrollers",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "replicationcontrollers",
        "pods",
        "horizontalpodautoscalers.autoscaling",
        "ingresses.networking.k8s.io",
        "ingressclasses.networking.k8s.io",
        "networkpolicies.networking.k8s.io",
        "endpointslices.discovery.k8s.io",
        "poddisruptionbudgets.policy",
        "priorityclasses.scheduling.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    ]
)


def first_generation(resource: Resource, obj: JSON) -> None:
    if resource.crd is not None or resource.name in _WITH_GENERATION:
        obj["metadata"]["generation"] = 1


def first_managed_fields(
    resource: Resource, obj: JSON, options: WriteOptions, managed: list[JSON] | None, time: str
) -> None:
    if options.manager is None:
        return
    if managed is None:
        managed = apply.track_update(
            None,
            conversion.as_shown(resource, obj),
            kind=resource.kind,
            api_version=resource.api_version,
            manager=options.manager,
            time=time,
            schema=schema.crd_schema(resource),
        )
    set_managed_fields(obj, managed)


def keep_generation(resource: Resource, live: JSON, new: JSON, *, by_a_person: bool) -> None:
    """Counts changes of the spec; of a Deployment those of its annotations too, but for our own
    controller, whose real counterpart writes them along with the status.
    """
    if "generation" not in live["metadata"]:
        return
    aside = {"metadata", "apiVersion"}
    if "status" in resource.subresources or resource.crd is None:
        aside.add("status")
    before = {key: value for key, value in live.items() if key not in aside}
    after = {key: value for key, value in new.items() if key not in aside}
    if resource.name == "deployments.apps" and by_a_person:
        before["annotations"] = live["metadata"].get("annotations")
        after["annotations"] = new["metadata"].get("annotations")
    if resource.name == "pods":  # being placed is no change of what is wanted
        before["spec"] = {**before["spec"], "nodeName": after["spec"].get("nodeName")}
        after["spec"] = {**after["spec"], "nodeName": after["spec"].get("nodeName")}
    if before != after:
        new["metadata"]["generation"] = live["metadata"]["generation"] + 1
    if resource.name == "daemonsets.apps":
        _keep_template_generation(live, new)


def _keep_template_generation(live: JSON, new: JSON) -> None:
    """A DaemonSet counts the changes of its template once more, in an annotation."""
    known = int((live["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, 1))
    changed = live["spec"].get("template") != new["spec"].get("template")
    annotations = new["metadata"].get("annotations") or {}
    new["metadata"]["annotations"] = {**annotations, TEMPLATE_GENERATION: str(known + changed)}


def managed_fields(
    target: Target,
    live: JSON,
    new: JSON,
    given: list[JSON] | None,
    *,
    options: WriteOptions,
    time: str,
) -> list[JSON]:
    """Who manages what after this update; `given` is the record as the client sent it."""
    known: list[JSON] = live["metadata"].get("managedFields") or []
    if options.manager is None and (not known or target.subresource):
        return known
    if options.manager is None:
        given = None  # a controller writes the record back as it read it
    if given is not None and given != known and (given == [{}] or all(map(_is_readable, given))):
        # A client may reset or rewrite the record; its own change is tracked on top of that.
        known = [] if given == [{}] else given
    resource = target.resource
    return apply.track_update(
        conversion.as_shown(
            resource, {**live, "metadata": {**live["metadata"], "managedFields": known}}
        ),
        in_version(resource, new),
        kind=resource.kind,
        api_version=resource.api_version,
        manager=options.manager,
        time=None if target.subresource == "scale" else time,  # a Scale keeps no times
        subresource=target.subresource,
        schema=schema.crd_schema(resource),
    )


def _is_readable(entry: JSON) -> bool:
    """Whether a record of managed fields means anything; one that does not is as if it were not sent."""
    found = entry.get("fieldsV1") or {}
    named = "manager" in entry and entry.get("operation") in {"Apply", "Update"}
    return named and isinstance(found, dict) and is_fields_v1(found)


def set_managed_fields(obj: JSON, fields: list[JSON]) -> None:
    obj["metadata"].pop("managedFields", None)
    if fields:
        obj["metadata"]["managedFields"] = fields


def unchanged(live: JSON, new: JSON) -> bool:
    return _substance(live) == _substance(new)


def _substance(obj: JSON) -> JSON:
    """An object without what moves by itself: its version, and when its fields were managed."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    if "managedFields" in meta:
        meta["managedFields"] = [
            {key: value for key, value in entry.items() if key != "time"}
            for entry in meta["managedFields"]
        ]
    return {**obj, "metadata": meta}
