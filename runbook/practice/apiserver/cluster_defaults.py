"""Defaults of kinds that only who runs a cluster meets: storage drivers and flow control.

Changes the given dict: callers hand over their own copy.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

_DRIVER: JSON = {
    "attachRequired": True,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "podInfoOnMount": False,
    "preventPodSchedulingIfMissing": False,
    "requiresRepublish": False,
    "seLinuxMount": False,
    "storageCapacity": False,
}
_QUEUES = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}


def default_driver(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    for field, value in _DRIVER.items():
        spec.setdefault(field, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def default_flow_schema(obj: JSON) -> None:
    spec = obj["spec"]
    if not spec.get("matchingPrecedence"):
        spec["matchingPrecedence"] = 1000


def default_priority_level(obj: JSON) -> None:
    spec = obj["spec"]
    if (exempt := spec.get("exempt")) is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if (limited := spec.get("limited")) is not None:
        limited.setdefault("nominalConcurrencyShares", 30)
        limited.setdefault("lendablePercent", 0)
        queuing = (limited.get("limitResponse") or {}).get("queuing")
        if queuing is not None:
            for field, value in _QUEUES.items():
                queuing[field] = queuing.get(field) or value
