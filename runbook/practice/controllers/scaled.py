"""What an autoscaler scales: any kind with a scale subresource, found by its group and kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook.practice.apiserver.builtin import builtin_rows
from runbook.practice.apiserver.columns import label_selector as selector_text, labels_text
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.selectors import label_selector
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import dig

CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@dataclass(frozen=True, slots=True)
class Scaled:
    """The object, how many replicas it is to have, and which pods are its own."""

    resource: str
    obj: JSON
    replicas: int
    selector: str
    path: tuple[str, ...]

    @property
    def selects(self) -> bool:
        return bool(self.selector)

    def selects_pod(self, labels: Mapping[str, str]) -> bool:
        fits = label_selector(self.selector)
        return self.selects and fits is not None and fits({"metadata": {"labels": labels}})

    def patch(self, replicas: int) -> JSON:
        """The merge patch that gives it so many replicas."""
        change: Any = replicas
        for part in reversed(self.path):
            change = {part: change}
        found: JSON = change
        return found


def scaled(cluster: Cluster, namespace: str | None, reference: JSON) -> Scaled:
    """What a `scaleTargetRef` names. Raises ApiError, in the words of whoever looks for it."""
    group = str(reference.get("apiVersion", "")).rpartition("/")[0]
    kind, name = reference["kind"], reference["name"]
    for row in builtin_rows():
        if (row.group, row.kind) == (group, kind):
            resource = f"{row.plural}.{group}" if group else row.plural
            if "scale" not in row.subresources:
                raise _unserved()
            obj = _there(cluster, resource, namespace, name)
            return Scaled(
                resource, obj, dig(obj, "spec", "replicas", default=0), _own(obj), _REPLICAS
            )
    for definition in cluster.select(CRDS):
        spec = definition["spec"]
        if (spec["group"], spec["names"]["kind"]) == (group, kind):
            return _custom(cluster, namespace, name, spec)
    raise ApiError(404, "NotFound", f'no matches for kind "{kind}" in group "{group}"')


_REPLICAS = ("spec", "replicas")


def _custom(cluster: Cluster, namespace: str | None, name: str, spec: JSON) -> Scaled:
    version: JSON = next((one for one in spec["versions"] if one.get("storage")), {})
    scale = (version.get("subresources") or {}).get("scale")
    if scale is None:
        raise _unserved()
    resource = f"{spec['names']['plural']}.{spec['group']}"
    obj = _there(cluster, resource, namespace, name)
    path = _path(scale["specReplicasPath"])
    replicas = dig(obj, *path)
    if replicas is None:
        why = f'the spec replicas field "{scale["specReplicasPath"]}" does not exist'
        raise ApiError(500, "InternalError", f"Internal error occurred: {why}")
    chosen = scale.get("labelSelectorPath")
    selector = dig(obj, *_path(chosen), default="") if chosen else ""
    return Scaled(resource, obj, replicas, selector, path)


def _there(cluster: Cluster, resource: str, namespace: str | None, name: str) -> JSON:
    obj = cluster.get(resource, namespace, name)
    if obj is None:
        raise ApiError(404, "NotFound", f'{resource} "{name}" not found')
    return obj


def _unserved() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def _own(obj: JSON) -> str:
    """The selector as a text; a ReplicationController's is a plain map."""
    selector = dig(obj, "spec", "selector", default={})
    if not selector:
        return ""
    if "matchLabels" in selector or "matchExpressions" in selector:
        return selector_text(selector)
    return labels_text(selector)


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[1:])
