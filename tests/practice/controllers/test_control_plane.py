from __future__ import annotations

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab


async def _walk(lab: Lab) -> list[tuple[str, str, JSON]]:
    """A few minutes of ordinary life; every object that is there afterwards."""
    await lab.create("deployments.apps", lab.workload("web", replicas=3))
    await lab.run(30)
    await lab.delete("pods", lab.names("pods")[0])
    await lab.patch("deployments.apps", "web", {"spec": {"replicas": 2}})
    await lab.run(120)
    return [
        (resource, obj["metadata"]["name"], obj)
        for resource, _ in lab.server.resources()
        for obj in lab.server.select(resource)
    ]


async def test_the_same_seed_gives_the_same_cluster(lab: Lab) -> None:
    other = type(lab)()
    await other.furnish()
    assert await _walk(lab) == await _walk(other)


async def test_another_seed_gives_other_names(lab: Lab) -> None:
    other = type(lab)(seed=2)
    await other.furnish()
    await _walk(lab)
    await _walk(other)
    assert lab.names("pods") != other.names("pods")


async def test_a_day_of_churn_leaves_nothing_behind(lab: Lab) -> None:
    def size() -> int:
        return sum(len(lab.server.select(name)) for name, _ in lab.server.resources())

    before = size()
    for round_ in range(5):
        await lab.create("deployments.apps", lab.workload(f"web-{round_}", replicas=10))
        await lab.run(3600)
        await lab.delete("deployments.apps", f"web-{round_}")
        await lab.run(3600)
    await lab.run(3600)
    assert size() == before
