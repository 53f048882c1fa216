"""From a path to what it is about. Paths are split before they are decoded, so a name may hold `%2F`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from runbook.practice.apiserver.errors import ApiError, not_found, unknown_resource
from runbook.practice.apiserver.registry import Registry
from runbook.practice.apiserver.state import Target

_OF_NAMESPACE = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """`rest` is what follows the subresource, still encoded; only a proxy has it."""

    target: Target
    rest: str = ""


@dataclass(frozen=True, slots=True)
class GroupPath:
    """`/apis/GROUP`, or a group's version."""

    group: str
    version: str = ""


def route(registry: Registry, path: str) -> ResourcePath | GroupPath | None:
    """None for a path that nobody serves."""
    encoded = path.strip("/").split("/")
    parts = [unquote(part) for part in encoded]
    match parts:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group]:
            return GroupPath(group)
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    if not rest:
        return GroupPath(group, version)
    target = _target(registry, group, version, rest)
    if target is None:
        return None
    tail = ""
    if target.subresource == "proxy":
        tail = "/".join(path.lstrip("/").split("/")[len(parts) - len(rest) + _depth(target) :])
    return ResourcePath(target, tail)


def unserved(registry: Registry, path: str) -> ApiError | None:
    """What is said of a path into a group that is served; None where there is a page or none at all.

    Groups of custom resources know only their objects: a subresource that one does not have is an
    object that is not there, and any other path is no page at all.
    """
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    versions = registry.versions().get(group, {})
    if any(one.crd is None for resources in versions.values() for one in resources):
        return unknown_resource() if rest or version not in versions else None
    match rest:
        case ["namespaces", _, plural, name, _] | [plural, name, _]:
            resource = registry.find(group, version, plural)
            return None if resource is None else not_found(resource, name)
        case _:
            return None


def _depth(target: Target) -> int:
    """How many parts a target of a namespaced subresource takes: namespaces/N/plural/name/sub."""
    return 5 if target.namespace is not None else 3


def _target(registry: Registry, group: str, version: str, rest: list[str]) -> Target | None:
    namespace = None
    if (
        rest[0] == "namespaces"
        and len(rest) >= 3
        and not (group == "" and len(rest) == 3 and rest[2] in _OF_NAMESPACE)
    ):
        namespace, rest = rest[1], rest[2:]
    plural, *more = rest
    resource = registry.find(group, version, plural)
    if resource is None:
        return None
    name, subresource, *beyond = (*more, "", "")[: max(2, len(more))]
    if beyond and subresource != "proxy":
        return None
    if namespace is not None and not resource.namespaced:
        return None
    if name and namespace is None and resource.namespaced:
        return None
    if subresource and subresource not in resource.subresources:
        return None
    return Target(resource, namespace, name, subresource)
