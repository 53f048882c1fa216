from __future__ import annotations

from tests.practice.controllers.lab import Lab


async def test_repeating_an_event_counts_the_earlier_one_up(lab: Lab) -> None:
    config = await lab.create("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    for _ in range(3):
        await lab.plane.events.record(config, "Seen", "it is here", source="tester")
        await lab.run(10)
    (event,) = lab.server.select("events", "default")
    assert (event["count"], event["reason"], event["type"]) == (3, "Seen", "Normal")
    assert event["firstTimestamp"] < event["lastTimestamp"]
    assert event["involvedObject"]["uid"] == config["metadata"]["uid"]


async def test_an_event_about_an_object_without_namespace_is_kept_in_default(lab: Lab) -> None:
    node = lab.get("nodes", "practice-node-1", None)
    await lab.plane.events.record(node, "Rebooted", "Node rebooted", "Warning")
    (event,) = lab.server.select("events", "default")
    assert event["type"] == "Warning"


async def test_events_are_forgotten_after_an_hour(lab: Lab) -> None:
    config = await lab.create("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    await lab.plane.events.record(config, "Old", "long ago")
    await lab.run(3000)
    await lab.plane.events.record(config, "Young", "just now")
    await lab.run(1000)
    assert lab.events("c") == [("Young", "just now")]


async def test_a_remark_in_a_namespace_that_is_going_is_dropped(lab: Lab) -> None:
    await lab.create("namespaces", {"metadata": {"name": "gone"}})
    config = await lab.create("configmaps", {"metadata": {"name": "c", "namespace": "gone"}})
    await lab.delete("namespaces", "gone", None)
    await lab.plane.events.record(config, "Late", "too late")
    assert lab.events("c") == []


async def test_an_event_that_somebody_else_wrote_is_forgotten_too(lab: Lab) -> None:
    involved = {"kind": "ConfigMap", "namespace": "default", "name": "c"}
    event = {"metadata": {"name": "c.1", "namespace": "default"}, "involvedObject": involved}
    await lab.create("events", event)
    await lab.run(3000)
    await lab.patch("events", "c.1", {"count": 2})
    await lab.run(3300)
    assert lab.has("events", "c.1")
    await lab.run(700)
    assert not lab.has("events", "c.1")


async def test_a_remark_whose_event_was_removed_is_written_anew(lab: Lab) -> None:
    config = await lab.create("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    await lab.plane.events.record(config, "Seen", "it is here")
    (event,) = lab.server.select("events", "default")
    await lab.delete("events", event["metadata"]["name"])
    await lab.plane.events.record(config, "Seen", "it is here")
    (again,) = lab.server.select("events", "default")
    assert (again["count"], again["metadata"]["name"] != event["metadata"]["name"]) == (1, True)
