"""The printer columns of kinds that only who runs a cluster meets: classes, drivers, flow control."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook.practice.apiserver.columns import AGE, NAME, Column, Printer, age_of, name_of

JSON = dict[str, Any]
_NONE = "<none>"
_DEFAULT_CLASS = "class.kubernetes.io/is-default-class"


def _runtime_class(obj: JSON, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("handler", ""), age_of(obj, now)]


def _driver(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    audiences = [one.get("audience", "") for one in spec.get("tokenRequests") or ()]
    return [
        name_of(obj),
        spec.get("attachRequired", True),
        spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        ",".join(audiences) if audiences else "<unset>",
        spec.get("requiresRepublish", False),
        ",".join(spec.get("volumeLifecycleModes") or ()) or _NONE,
        age_of(obj, now),
    ]


def _node_drivers(obj: JSON, now: datetime) -> list[Any]:
    return [name_of(obj), len((obj.get("spec") or {}).get("drivers") or ()), age_of(obj, now)]


def _attachment(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        name_of(obj),
        spec.get("attacher", ""),
        (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""),
        (obj.get("status") or {}).get("attached", False),
        age_of(obj, now),
    ]


def _flow_schema(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    conditions = (obj.get("status") or {}).get("conditions") or ()
    dangling = next((one["status"] for one in conditions if one["type"] == "Dangling"), "?")
    return [
        name_of(obj),
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type", _NONE),
        age_of(obj, now),
        dangling,
    ]


def _priority_level(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        name_of(obj),
        spec.get("type", ""),
        limited.get("nominalConcurrencyShares", _NONE),
        *(queuing.get(field, _NONE) for field in ("queues", "handSize", "queueLengthLimit")),
        age_of(obj, now),
    ]


def _class_name(obj: JSON, what: str) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    default = annotations.get(f"{what}{_DEFAULT_CLASS}") == "true"
    return name_of(obj) + (" (default)" if default else "")


def _ingress_class(obj: JSON, now: datetime) -> list[Any]:
    parameters = (obj.get("spec") or {}).get("parameters")
    shown = "<none>"
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
        shown = f"{parameters['kind']}{group}/{parameters['name']}"
    return [
        _class_name(obj, "ingress"),
        (obj.get("spec") or {}).get("controller", ""),
        shown,
        age_of(obj, now),
    ]


def _storage_class(obj: JSON, now: datetime) -> list[Any]:
    return [
        _class_name(obj, "storage"),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        age_of(obj, now),
    ]


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _flag(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "boolean") for name in names)


_FLOW = "flowcontrol.apiserver.k8s.io"
_STORAGE = "storage.k8s.io"

CLUSTER_PRINTERS: dict[tuple[str, str], Printer] = {
    ("networking.k8s.io", "IngressClass"): Printer(
        (NAME, *_text("Controller", "Parameters"), AGE), _ingress_class
    ),
    ("storage.k8s.io", "StorageClass"): Printer(
        (
            NAME,
            *_text("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion"),
            AGE,
        ),
        _storage_class,
    ),
    ("node.k8s.io", "RuntimeClass"): Printer((NAME, Column("Handler"), AGE), _runtime_class),
    (_STORAGE, "CSIDriver"): Printer(
        (
            NAME,
            *_flag("AttachRequired", "PodInfoOnMount", "StorageCapacity"),
            *_text("TokenRequests", "RequiresRepublish", "Modes"),
            AGE,
        ),
        _driver,
    ),
    (_STORAGE, "CSINode"): Printer((NAME, Column("Drivers", "integer"), AGE), _node_drivers),
    (_STORAGE, "VolumeAttachment"): Printer(
        (
            NAME,
            Column("Attacher", format="name"),
            *_text("PV", "Node"),
            *_flag("Attached"),
            AGE,
        ),
        _attachment,
    ),
    (_FLOW, "FlowSchema"): Printer(
        (
            NAME,
            *_text("PriorityLevel", "MatchingPrecedence", "DistinguisherMethod"),
            AGE,
            Column("MissingPL"),
        ),
        _flow_schema,
    ),
    (_FLOW, "PriorityLevelConfiguration"): Printer(
        (
            NAME,
            *_text("Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit"),
            AGE,
        ),
        _priority_level,
    ),
}
