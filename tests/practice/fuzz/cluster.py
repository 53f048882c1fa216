"""An API server that holds one object of every kind, made anew for each case in a few milliseconds."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

from runbook.practice import manifests
from runbook.practice.apiserver import openapi
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.registry import Resource
from runbook.practice.timeline import Timeline
from tests.practice.fuzz.hostile import JSON, Schema, samples

NAMESPACE = "default"
_ALWAYS = ("Namespace", "PriorityClass")
_FIRST = (*_ALWAYS, "CustomResourceDefinition")

T = TypeVar("T")


def resource_named(api: ApiServer, obj: JSON) -> Resource:
    kind = (obj["apiVersion"], obj["kind"])
    return next(one for one in api.registry.all() if (one.api_version, one.kind) == kind)


async def seeded(kinds: Collection[str]) -> ApiServer:
    """Samples of these kinds, with the definitions of those that need one."""
    api = ApiServer(Timeline(datetime(2026, 1, 1, tzinfo=UTC)), seed=1)
    await api.create("namespaces", {"metadata": {"name": NAMESPACE}})
    known = [obj for obj in manifests_of_kinds() if obj["metadata"]["name"] != NAMESPACE]
    for obj in sorted([*known, *samples()], key=lambda one: one["kind"] not in _FIRST):
        defined = (obj.get("spec") or {}).get("names", {}).get("kind")
        if obj["kind"] not in kinds and obj["kind"] not in _ALWAYS and defined not in kinds:
            continue
        resource = resource_named(api, obj)
        if "create" not in resource.verbs or resource.verbs == ("create",):
            continue
        inside = {"namespace": NAMESPACE} if resource.namespaced else {}
        await api.create(resource.name, {**obj, "metadata": {**obj["metadata"], **inside}})
    return api


@functools.cache
def manifests_of_kinds() -> tuple[JSON, ...]:
    return tuple(obj for obj in manifests.packaged() if obj["kind"] in _FIRST)


@functools.cache
def _catalogue() -> tuple[dict[tuple[str, str], Resource], dict[str, Schema]]:
    api = asyncio.run(seeded([obj["kind"] for obj in samples()]))
    found, schemas = {}, {}
    for obj in samples():
        resource = resource_named(api, obj)
        found[obj["apiVersion"], obj["kind"]] = resource
        path = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
        document = openapi.document(api.registry.all(), 1, path)
        assert document is not None
        components = json.loads(document)["components"]["schemas"]
        wanted = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        for component in components.values():
            if wanted in component.get("x-kubernetes-group-version-kind", ()):
                schemas[resource.name] = Schema(component, components)
    return found, schemas


def resource_of(obj: JSON) -> Resource:
    """The resource of a sample."""
    return _catalogue()[0][obj["apiVersion"], obj["kind"]]


def schema_of(resource: Resource) -> Schema | None:
    return _catalogue()[1].get(resource.name)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """One case in an event loop of its own."""
    return asyncio.run(work())
