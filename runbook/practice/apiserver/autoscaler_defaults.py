"""Defaults of a HorizontalPodAutoscaler: what it measures, and how fast it may scale.

Changes the given dict: callers hand over their own copy.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

_UP = [
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
]
_DOWN = [{"type": "Percent", "value": 100, "periodSeconds": 15}]


def default_autoscaler(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if "behavior" in spec:
        up = spec["behavior"].setdefault("scaleUp", {})
        up.setdefault("stabilizationWindowSeconds", 0)
        _rules(up, _UP)
        _rules(spec["behavior"].setdefault("scaleDown", {}), _DOWN)


def _rules(rules: JSON, policies: list[JSON]) -> None:
    rules.setdefault("selectPolicy", "Max")
    rules.setdefault("policies", [dict(one) for one in policies])
