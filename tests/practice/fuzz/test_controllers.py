"""Whatever odd object is let in, no controller stumbles over it or goes round in circles."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, note, strategies as st

from runbook.practice import health
from runbook.practice.apiserver.registry import Resource
from tests.practice.fuzz.cases import SECONDS, cases, nothing_stumbles
from tests.practice.fuzz.cluster import resource_of, schema_of
from tests.practice.fuzz.hostile import JSON, Change, Schema, changed, changes, samples
from tests.practice.fuzz.world import World, path_of

pytestmark = pytest.mark.timeout(SECONDS)

_AFTERWARDS = ("nothing", "nothing", "replace", "status", "delete", "orphan", "foreground")
_KEPT = ("SelfSubjectAccessReview", "SelfSubjectRulesReview", "SelfSubjectReview", "Node")
_MANY = 20
_COUNTS = {"replicas", "parallelism", "completions", "minReplicas", "maxReplicas"}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Act:
    """An object that is made, and what becomes of it after some seconds."""

    sample: JSON
    made: list[Change]
    afterwards: str
    again: list[Change]
    seconds: int


acts = st.builds(
    Act,
    st.sampled_from([one for one in samples() if one["kind"] not in _KEPT]),
    changes,
    st.sampled_from(_AFTERWARDS),
    changes,
    st.sampled_from((0, 1, 30)),
)


class Worlds:
    """The one in use; a new one after a failure."""

    def __init__(self) -> None:
        self.present: World | None = None

    @contextmanager
    def one(self) -> Iterator[World]:
        found, self.present = self.present or World(), None
        try:
            yield found
        except BaseException:
            found.close()
            raise
        self.present = found


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    kept = Worlds()
    yield kept
    if kept.present is not None:
        kept.present.close()


@cases(25)
@given(st.lists(acts, min_size=1, max_size=4))
def test_no_controller_stumbles(worlds: Worlds, acted: list[Act]) -> None:
    with worlds.one() as world, nothing_stumbles():
        namespace = f"fuzz-{next(_numbers)}"
        world.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        world.run(1)
        made: list[tuple[Resource, str]] = []
        for act in acted:
            _play(world, namespace, act, made)
        world.run(120)
        world.empty(namespace, made)
        assert health.unhealthy(world.machine.api) == []


def _play(world: World, namespace: str, act: Act, made: list[tuple[Resource, str]]) -> None:
    resource = resource_of(act.sample)
    schema = schema_of(resource)
    obj = _few(changed(act.sample, act.made, schema))
    if isinstance(obj, dict) and isinstance(obj.get("metadata"), dict):
        obj["metadata"].pop("namespace", None)
    status, said = world.ask("POST", path_of(resource, namespace), obj)
    note(f"{status} {said[:300]!r}")
    if status != 201 or not isinstance(obj, dict):
        return
    name = obj["metadata"]["name"]
    if not resource.namespaced:
        made.append((resource, name))
    world.run(act.seconds)
    path = f"{path_of(resource, namespace)}/{name}"
    match act.afterwards:
        case "replace":
            world.ask("PUT", path, _few(changed(obj, act.again, schema)))
        case "status" if schema is not None:
            live: Any = {**obj, "status": _few(_status(schema, act))}
            inside = "/status" if "status" in resource.subresources else ""
            said = world.ask("PUT", f"{path}{inside}", live)
            note(f"status: {said!r}")
        case "delete":
            world.ask("DELETE", path)
        case "orphan" | "foreground":
            world.ask("DELETE", path, {"propagationPolicy": act.afterwards.capitalize()})
        case _:
            pass
    world.run(act.seconds)


def _status(schema: Schema, act: Act) -> Any:
    """A status as somebody might write it by hand; some of it fits."""
    chance = random.Random(sum(change.value for change in act.again))
    return schema.value(schema.at(("status",)), chance, levels=5)


def _few(value: Any) -> Any:
    """The same with no more than a handful of what would become pods: they are made, as in life."""
    if isinstance(value, dict):
        return {
            key: min(item, _MANY) if key in _COUNTS and isinstance(item, int) else _few(item)
            for key, item in value.items()
        }
    return [_few(item) for item in value] if isinstance(value, list) else value
