"""The scale subresource: one `autoscaling/v1 Scale` for every kind that has a number of replicas."""

from __future__ import annotations

import copy
from typing import Any

from runbook.practice.apiserver import rules
from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    bad_request,
    compact,
    internal,
    invalid,
    invalid_request,
    undecodable,
)
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.patching import patched
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State, Target, WriteOptions
from runbook.practice.apiserver.webhooks import mutate, question_of, validate
from runbook.practice.apiserver.writing import update

JSON = dict[str, Any]
Path = list[str]

_SCALE = Resource(
    group="autoscaling",
    version="v1",
    plural="scales",
    kind="Scale",
    singular="scale",
    list_kind="ScaleList",
    short_names=(),
    namespaced=True,
    subresources=frozenset(),
    categories=(),
)
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_NOT_GIVEN = -(1 << 31)
"""The replicas of a custom resource that says none, while a patch is laid over its Scale."""
_UNREGISTERED = 'no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"'
"""What upstream says of every Scale of a custom resource that it cannot read."""
_SIGNS = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}


def get_scale(target: Target, obj: JSON) -> JSON:
    """What a client reads, who is told of a custom resource that has no number of replicas."""
    if target.resource.crd is not None and _at(obj, _paths(target)[0]) is None:
        why = f'the spec replicas field "{_spec_path(target)}" does not exist'
        error = internal(why)
        raise ApiError(error.code, error.reason, error.message, {"causes": [{"message": why}]})
    return read_scale(target, obj)


def read_scale(target: Target, obj: JSON) -> JSON:
    """The Scale that an object shows."""
    spec_path, status_path, selector_path = _paths(target)
    selector = _at(obj, selector_path) if selector_path else _selector_text(obj)
    status: JSON = {"replicas": _at(obj, status_path) or 0}
    if selector:
        status["selector"] = selector
    replicas = _at(obj, spec_path)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in _KEPT if key in obj["metadata"]},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


async def put_scale(state: State, target: Target, scale: JSON, options: WriteOptions) -> JSON:
    """Take the replicas of a Scale over into its object; answer with the new Scale."""
    scale.setdefault("metadata", {})
    _check_kind(target, scale)
    rules.check_name(target.name, scale["metadata"])
    rules.place(_SCALE, target.namespace, scale["metadata"])
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if (why := _mistyped(replicas)) and target.resource.crd is None:
        raise undecodable("Scale", "v1", why)
    if why:
        raise bad_request(_UNREGISTERED)
    return await _write(state, target, scale, replicas, options)


async def patch_scale(
    state: State, target: Target, media: str, body: bytes, options: WriteOptions
) -> JSON:
    """The same for a change of the present Scale."""
    live = state.must(target)
    present = read_scale(target, live)
    custom = target.resource.crd is not None
    if custom and _at(live, _paths(target)[0]) is None:
        present["spec"]["replicas"] = _NOT_GIVEN
    scale = normal(patched(target, present, media, body))
    _check_kind(target, scale)
    rules.check_name(target.name, scale["metadata"])
    rules.place(_SCALE, target.namespace, scale["metadata"])
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if why := _mistyped(replicas):
        raise invalid_request([Cause.invalid("patch", f'"{compact(scale)}"', why)])
    if replicas == _NOT_GIVEN:
        raise bad_request(f'the spec replicas field "{_spec_path(target)}" cannot be empty')
    return await _write(state, target, scale, replicas, options)


async def _write(
    state: State, target: Target, scale: JSON, replicas: int, options: WriteOptions
) -> JSON:
    live = state.must(target)
    if replicas < 0:
        raise _negative(target, replicas)
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


def _check_kind(target: Target, scale: JSON) -> None:
    try:
        rules.check_identity(_SCALE, scale)
    except ApiError:
        if target.resource.crd is None:
            raise
        raise bad_request(_UNREGISTERED) from None


def _mistyped(replicas: object) -> str:
    if isinstance(replicas, int) and not isinstance(replicas, bool):
        return ""
    kind = go_type(replicas)
    return (
        f"json: cannot unmarshal {kind} into Go struct field ScaleSpec.spec.replicas of type int32"
    )


def _negative(target: Target, replicas: int) -> ApiError:
    if target.resource.crd is None:
        why = "must be greater than or equal to 0"
        cause = Cause.invalid("spec.replicas", f"{replicas}", why)
        return invalid(_SCALE, target.name, [cause])
    cause = Cause.invalid(_spec_path(target), f"{replicas}", "should be a non-negative integer")
    return invalid(target.resource, target.name, [cause])


def _spec_path(target: Target) -> str:
    return "." + ".".join(_paths(target)[0])


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
    """A selector as one line, its requirements in the order of their keys."""
    selector = (obj.get("spec") or {}).get("selector")
    if not isinstance(selector, dict):
        return ""
    labels: JSON = selector
    expressions: list[JSON] = []
    if "matchLabels" in selector or "matchExpressions" in selector:
        labels = selector.get("matchLabels") or {}
        expressions = selector.get("matchExpressions") or []
    found = [(key, f"{key}={value}") for key, value in labels.items()]
    for one in expressions:
        values = ",".join(sorted(one.get("values") or []))
        found.append((one["key"], _SIGNS[one["operator"]].format(one["key"], values)))
    return ",".join(text for _, text in sorted(found, key=lambda one: one[0]))
