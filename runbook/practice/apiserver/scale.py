"""The scale subresource: one `autoscaling/v1 Scale` for every kind that has a number of replicas."""

from __future__ import annotations

import copy
from typing import Any

from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.errors import Cause, invalid
from runbook.practice.apiserver.state import State, Target, WriteOptions
from runbook.practice.apiserver.webhooks import mutate, question_of, validate
from runbook.practice.apiserver.writing import update

JSON = dict[str, Any]
Path = list[str]

_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def read_scale(target: Target, obj: JSON) -> JSON:
    """The Scale that an object shows."""
    spec_path, status_path, selector_path = _paths(target)
    selector = _at(obj, selector_path) if selector_path else _selector_text(obj)
    status: JSON = {"replicas": _at(obj, status_path) or 0}
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]},
        "spec": {"replicas": _at(obj, spec_path) or 0},
        "status": status,
    }


async def write_scale(state: State, target: Target, scale: JSON, options: WriteOptions) -> JSON:
    """Take the replicas of a Scale over into its object; answer with the new Scale."""
    live = state.must(target)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        why = "must be greater than or equal to 0"
        raise invalid(
            target.resource, target.name, [Cause.invalid("spec.replicas", f"{replicas}", why)]
        )
    scale = await _admit(state, target, scale, live, options)
    live, replicas = state.must(target), scale["spec"]["replicas"]
    new = copy.deepcopy(dict(live))
    version = scale["metadata"].get("resourceVersion")
    new["metadata"].pop("resourceVersion")
    if version:
        new["metadata"]["resourceVersion"] = version
    parent = new
    path = _paths(target)[0]
    for part in path[:-1]:
        parent = parent.setdefault(part, {})
    parent[path[-1]] = replicas
    return read_scale(target, await update(state, target, normal(new), options, admit=False))


async def _admit(
    state: State, target: Target, scale: JSON, live: JSON, options: WriteOptions
) -> JSON:
    """The Scale as webhooks leave it: they see it in place of its object."""
    shown = read_scale(target, live)
    new = {**shown, "spec": {"replicas": (scale.get("spec") or {}).get("replicas", 0)}}
    question = question_of(target, "UPDATE", new, shown, options)
    question.kind = ("autoscaling", "v1", "Scale")
    new = await mutate(state, question) or new
    await validate(state, question)
    return {**scale, "spec": {"replicas": (new.get("spec") or {}).get("replicas", 0)}}


def _paths(target: Target) -> tuple[Path, Path, Path]:
    """Where spec.replicas, status.replicas and the selector stand (the last may be nowhere)."""
    if target.resource.crd_version is None:
        return ["spec", "replicas"], ["status", "replicas"], []
    scale = target.resource.crd_version["subresources"]["scale"]
    return (
        _split(scale["specReplicasPath"]),
        _split(scale["statusReplicasPath"]),
        _split(scale.get("labelSelectorPath") or ""),
    )


def _split(path: str) -> Path:
    return [part for part in path.split(".") if part]


def _at(obj: JSON, path: Path) -> Any:
    found: Any = obj
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _selector_text(obj: JSON) -> str:
    selector = (obj.get("spec") or {}).get("selector")
    if not isinstance(selector, dict):
        return ""
    labels = selector.get("matchLabels", selector)  # a ReplicationController's is the map itself
    return ",".join(
        f"{key}={value}" for key, value in sorted(labels.items()) if isinstance(value, str)
    )
