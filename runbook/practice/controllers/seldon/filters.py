"""Which servers and replicas a model may be put on, and the words when there is none.

Rule: a requirement must *equal* an entry of the capability list, letter for letter, so `sklearn` does
not match `scikit-learn`. Which filter said no is not told to anyone but the scheduler's debug log.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbook.practice.controllers.seldon.inventory import (
    LEAVING,
    LIVE,
    AgentReplica,
    ModelEntry,
    ModelSpec,
    ServerEntry,
)

NO_SERVER = "Failed to schedule model as no matching servers are available"
NO_REPLICA = "Failed to schedule model as no matching server had enough suitable replicas"


def suits(server: ServerEntry, spec: ModelSpec) -> bool:
    if not server.replicas or server.expected_replicas == 0:
        return False
    if spec.server:
        if server.name != spec.server:
            return False
    elif not server.shared:
        return False
    return has_capabilities(next(iter(server.replicas.values())), spec)


def has_capabilities(replica: AgentReplica, spec: ModelSpec) -> bool:
    return all(wanted.strip() in replica.capabilities for wanted in spec.requirements)


def memory_used(entries: Iterable[ModelEntry], server: str, index: int) -> int:
    """Bytes of everything that is, or still is, loaded on this replica."""
    return sum(
        version.spec.memory
        for entry in entries
        for version in entry.versions
        if version.server == server
        and index in version.replicas
        and version.replicas[index].state in LIVE | LEAVING
    )
