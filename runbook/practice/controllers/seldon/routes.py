"""What envoy would do with a request: from the value of `seldon-model` to weighted targets.

Rule 1: a model's own route goes to the version that serves; an active experiment has the route
`NAME.experiment`, and takes over the plain route of its default. Rule 2: envoy keeps the last
routes it was given for as long as its pod lives, also when the scheduler is gone; a new envoy without
a scheduler has none. Whoever carries requests (the inference mesh) reads here and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from runbook.practice.controllers.seldon.experiment_book import ExperimentBook
from runbook.practice.controllers.seldon.inventory import (
    ExperimentSpec,
    ModelEntry,
    ServerEntry,
    VersionRef,
)


@dataclass(frozen=True, slots=True)
class Target:
    """One model version behind a route, and the pods (namespace, name) that have it loaded."""

    ref: VersionRef
    pods: tuple[tuple[str, str], ...]
    weight: int = 100


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is the header's value. Weights are relative to their sum; the mirror gets copies."""

    name: str
    targets: tuple[Target, ...]
    mirror: Target | None = None


RouteTable = Mapping[str, Route]


def compute(
    models: Iterable[ModelEntry], book: ExperimentBook, servers: Mapping[str, ServerEntry]
) -> dict[str, Route]:
    """The table that follows from what is loaded and which experiments are active."""
    targets = {
        entry.newest.spec.name: target
        for entry in models
        if (target := _target(entry, servers)) is not None
    }
    table = {name: Route(name, (target,)) for name, target in sorted(targets.items())}
    for spec in book.active():
        name = f"{spec.name}.experiment"
        route = _split(name, spec, targets)
        table[name] = route
        if spec.default:
            table[spec.default] = Route(spec.default, route.targets, route.mirror)
    return table


def _target(entry: ModelEntry, servers: Mapping[str, ServerEntry]) -> Target | None:
    version = entry.serving
    if entry.deleted or version is None:
        return None
    connected = servers[version.server].replicas
    pods = [
        (connected[index].namespace, f"{version.server}-{index}") for index in version.available
    ]
    return Target(version.ref, tuple(pods))


def _split(name: str, spec: ExperimentSpec, targets: Mapping[str, Target]) -> Route:
    weighted = tuple(replace(targets[one.name], weight=one.weight) for one in spec.candidates)
    return Route(name, weighted, targets[spec.mirror] if spec.mirror else None)
