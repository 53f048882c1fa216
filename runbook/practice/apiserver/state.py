"""What the verbs work on, and how a write was asked for. Data only."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from runbook.practice.apiserver import conversion, schema
from runbook.practice.apiserver.authorization import User
from runbook.practice.apiserver.errors import ApiError, not_found
from runbook.practice.apiserver.findings import Mistyped
from runbook.practice.apiserver.registry import Registry, Resource
from runbook.practice.apiserver.store import Store, Stored
from runbook.practice.timeline import Timeline

JSON = dict[str, Any]
FieldValidation = Literal["Strict", "Warn", "Ignore"]

# Sees a create or an update (old is None on create) before it is stored; refuses by ApiError.
Admission = Callable[[Resource, JSON, JSON | None], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about: a collection when it has no name."""

    resource: Resource
    namespace: str | None = None
    name: str = ""
    subresource: str = ""


def any_node_port(_port: int) -> bool:
    """The answer of a node that keeps its ports to itself."""
    return True


@dataclass(slots=True)
class State:
    """The one cluster: its table of resources, its objects, its time and its chance."""

    registry: Registry
    store: Store
    timeline: Timeline
    chance: random.Random
    inspect_controllers: bool = False
    node_port_is_free: Callable[[int], bool] = any_node_port
    admissions: list[Admission] = field(default_factory=list)
    last_admissions: list[Admission] = field(default_factory=list)

    def must(self, target: Target) -> Stored:
        found = self.store.get(target.resource.name, target.namespace, target.name)
        if found is None:
            raise not_found(target.resource, target.name)
        return found

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))


@dataclass(slots=True)
class WriteOptions:
    """`manager` is the field manager of a person's write; a controller's write has none, and its
    fields are not tracked: that would double the memory of every object the cluster makes itself.
    `user` and `sent` (the query's own options) are what admission webhooks are told.
    """

    manager: str | None = None
    validation: FieldValidation = "Strict"
    dry_run: bool = False
    force: bool = False
    warnings: list[str] = field(default_factory=list)
    user: User | None = None
    sent: JSON = field(default_factory=dict)
    # Words a decoding error about a field, or about none; a patch has its own.
    undecodable: Callable[[str, Mistyped | None], ApiError] | None = None


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    propagation: str | None = None
    grace: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    dry_run: bool = False
    user: User | None = None
    sent: JSON = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def in_version(resource: Resource, obj: JSON) -> JSON:
    """The object as the asked version shows it: versions differ in name and in what they know.

    Defaults that the stored version has by now are filled in; what the asked one does not know is
    left out.
    """
    if resource.crd is None:
        return conversion.as_shown(resource, obj)
    shown = schema.as_read(resource, obj)
    if shown["apiVersion"] == resource.api_version:
        return shown
    return {**shown, "apiVersion": resource.api_version}
