"""What became of nodes from one look to the next, as events tell it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import (
    ERROR,
    FAILED,
    NODE_ID,
    NODE_NAME,
    NODE_START_TIME,
    NODE_TYPE,
    PENDING,
    RUNNING,
    SUCCEEDED,
)

_TOLD = frozenset({RUNNING, SUCCEEDED, FAILED, ERROR})


def phase_changes(
    before: Mapping[str, JSON], after: Mapping[str, JSON]
) -> Iterator[tuple[str, JSON]]:
    """Phases that nodes have reached; one that ended unseen has been Running in between."""
    for id_, node in after.items():
        was = before[id_]["phase"] if id_ in before else PENDING
        if was == node["phase"] or node["phase"] not in _TOLD:
            continue
        if was == PENDING and node["phase"] != RUNNING:
            yield RUNNING, node
        yield node["phase"], node


def node_annotations(node: JSON) -> dict[str, str]:
    """Which node an event of the workflow is about."""
    began = datetime.strptime(node["startedAt"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return {
        NODE_ID: node["id"],
        NODE_NAME: node["name"],
        NODE_START_TIME: f"{int(began.timestamp())}000000000",
        NODE_TYPE: node["type"],
    }
