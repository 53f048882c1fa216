"""Which resources are served: the built-in ones, and one per served version of each CRD object.

A resource is looked up by (group, version, plural), by kind, or by its storage name `plural.group`,
under which all its versions share their objects. Refuses to know what the objects contain.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

from runbook.practice.apiserver.builtin import Row, builtin_rows

JSON = dict[str, Any]

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
# What custom resources can do, in the order in which discovery lists it.
CUSTOM_VERBS = (
    *("delete", "deletecollection", "get", "list"),
    *("patch", "create", "update", "watch"),
)
_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")


@dataclasses.dataclass(frozen=True, eq=False)
class Resource:
    """One served version of one resource."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    list_kind: str
    short_names: tuple[str, ...]
    namespaced: bool
    subresources: frozenset[str]
    categories: tuple[str, ...]
    verbs: tuple[str, ...] = VERBS
    crd: JSON | None = None
    crd_version: JSON | None = None
    stored_as: str = ""
    """The apiVersion of the form in which a built-in kind is stored, where that is another one."""

    @functools.cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @functools.cached_property
    def name(self) -> str:
        """What its versions have in common: where objects are stored, and how they are called."""
        return f"{self.plural}.{self.home}" if self.home else self.plural

    @functools.cached_property
    def home(self) -> str:
        """The group in which it is stored."""
        return self.stored_as.rpartition("/")[0] if self.stored_as else self.group

    @functools.cached_property
    def stored_api_version(self) -> str:
        """The apiVersion an object is stored in, whichever it was written in."""
        if self.crd is None:
            return self.stored_as or self.api_version
        spec = self.crd["spec"]
        for version in spec["versions"]:
            if version.get("storage"):
                return f"{spec['group']}/{version['name']}"
        return self.api_version

    @functools.cached_property
    def deprecation(self) -> str:
        """What every answer about a deprecated version warns of; "" about any other."""
        version = self.crd_version or {}
        if not version.get("deprecated"):
            return ""
        said: str = version.get("deprecationWarning") or ""
        return said or f"{self.api_version} {self.kind} is deprecated{self._successor()}"

    def _successor(self) -> str:
        """The best newer version that is not deprecated."""
        better = [
            str(one["name"])
            for one in (self.crd or {})["spec"]["versions"]
            if one.get("served")
            and not one.get("deprecated")
            and version_order(one["name"]) < version_order(self.version)
        ]
        if not better:
            return ""
        return f"; use {self.group}/{min(better, key=version_order)} {self.kind}"


class Registry:
    """The table of resources; `generation` grows whenever a CRD changes it."""

    def __init__(self) -> None:
        self.generation = 0
        self._resources: dict[tuple[str, str, str], Resource] = {}
        self._preferred: dict[str, Resource] = {}
        self._builtin: frozenset[tuple[str, str, str]] = frozenset()
        for row in builtin_rows():
            self._resources[row.group, row.version, row.plural] = Resource(
                group=row.group,
                version=row.version,
                plural=row.plural,
                kind=row.kind,
                singular=row.kind.lower(),
                list_kind=f"{row.kind}List",
                short_names=row.short_names,
                namespaced=row.namespaced,
                subresources=row.subresources,
                categories=row.categories,
                verbs=_builtin_verbs(row),
                stored_as=row.stored_as,
            )
        self._builtin = frozenset(self._resources)
        self._prefer()

    def all(self) -> list[Resource]:
        return list(self._resources.values())

    def stored(self) -> list[Resource]:
        """Each kind of stored object once, in its preferred version."""
        return [found for found in self._preferred.values() if "list" in found.verbs]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    def named(self, name: str) -> Resource | None:
        """The preferred version of `plural` or `plural.group`."""
        return self._preferred.get(name)

    def versions(self) -> dict[str, dict[str, list[Resource]]]:
        """Group -> version -> resources, the preferred version of each group first."""
        found: dict[str, dict[str, list[Resource]]] = {}
        for resource in self._resources.values():
            found.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)
        return {
            group: {version: of_group[version] for version in sorted(of_group, key=version_order)}
            for group, of_group in found.items()
        }

    def put_crd(self, crd: JSON) -> None:
        """Serve what this CustomResourceDefinition says from now on."""
        self._remove(crd["metadata"]["name"])
        for version in crd["spec"]["versions"]:
            if version.get("served", True):
                resource = _from_crd(crd, version)
                key = (resource.group, resource.version, resource.plural)
                if key not in self._builtin:
                    self._resources[key] = resource
        self._prefer()
        self.generation += 1

    def drop_crd(self, name: str) -> None:
        self._remove(name)
        self._prefer()
        self.generation += 1

    def _remove(self, name: str) -> None:
        for key, resource in list(self._resources.items()):
            if resource.crd is not None and resource.crd["metadata"]["name"] == name:
                del self._resources[key]

    def _prefer(self) -> None:
        self._preferred = {}
        for resource in self._resources.values():
            known = self._preferred.get(resource.name)
            if known is None or version_order(resource.version) < version_order(known.version):
                self._preferred[resource.name] = resource


def _builtin_verbs(row: Row) -> tuple[str, ...]:
    if row.review:
        return ("create",)
    if row.plural == "namespaces":
        return tuple(verb for verb in VERBS if verb != "deletecollection")
    return VERBS


def _from_crd(crd: JSON, version: JSON) -> Resource:
    spec = crd["spec"]
    names = spec["names"]
    kind = names["kind"]
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=kind,
        singular=names.get("singular") or kind.lower(),
        list_kind=names.get("listKind") or f"{kind}List",
        short_names=tuple(names.get("shortNames") or ()),
        namespaced=spec.get("scope") == "Namespaced",
        subresources=frozenset(version.get("subresources") or {}),
        categories=tuple(names.get("categories") or ()),
        verbs=CUSTOM_VERBS,
        crd=crd,
        crd_version=version,
    )


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts `v2, v1, v1beta2, v1beta1, v1alpha1, other`, the order in which Kubernetes prefers."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return (3, 0, 0, version)
    major, stage, minor = match.groups()
    rank = {None: 0, "beta": 1, "alpha": 2}[stage]
    return (rank, -int(major), -int(minor or 0), version)
