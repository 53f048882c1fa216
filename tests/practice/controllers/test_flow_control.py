from __future__ import annotations

from runbook.practice.controllers.flow_control import LEVELS, SCHEMAS, own_objects
from tests.practice.controllers.lab import Lab


def _dangling(lab: Lab, name: str) -> tuple[str, str]:
    condition = lab.conditions(SCHEMAS, name, None)["Dangling"]
    return condition["status"], condition["reason"]


async def test_every_cluster_has_its_own_levels_and_schemas(lab: Lab) -> None:
    assert len(lab.names(LEVELS, None)) == 8
    assert len(lab.names(SCHEMAS, None)) == 11
    assert {_dangling(lab, name) for name in lab.names(SCHEMAS, None)} == {("False", "Found")}


async def test_its_own_come_again(lab: Lab) -> None:
    before = lab.get(LEVELS, "system", None)
    await lab.delete(LEVELS, "system", None)
    await lab.run(1)
    after = lab.get(LEVELS, "system", None)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"] == before["spec"] == own_objects()[LEVELS, None, "system"]["spec"]


async def test_a_schema_dangles_until_its_level_comes(lab: Lab) -> None:
    spec = {"priorityLevelConfiguration": {"name": "ours"}}
    await lab.create(SCHEMAS, {"metadata": {"name": "ours"}, "spec": spec})
    await lab.run(1)
    assert _dangling(lab, "ours") == ("True", "NotFound")

    limited = {"limitResponse": {"type": "Reject"}}
    level = {"metadata": {"name": "ours"}, "spec": {"type": "Limited", "limited": limited}}
    await lab.create(LEVELS, level)
    await lab.run(1)
    assert _dangling(lab, "ours") == ("False", "Found")
    await lab.delete(LEVELS, "ours", None)
    await lab.run(1)
    assert _dangling(lab, "ours") == ("True", "NotFound")
