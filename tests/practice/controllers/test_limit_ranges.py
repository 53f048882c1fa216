"""Defaults that a LimitRange gives to containers."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.limit_ranges import LimitRanger
from tests.practice.controllers.lab import Lab

JSON = dict[str, Any]
RANGE: JSON = {
    "metadata": {"name": "defaults", "namespace": "default"},
    "spec": {
        "limits": [
            {
                "type": "Container",
                "default": {"cpu": "2", "memory": "1Gi"},
                "defaultRequest": {"cpu": "1"},
            },
            {"type": "Pod", "max": {"cpu": "1"}},
        ]
    },
}


@pytest.mark.parametrize(
    ("own", "filled"),
    [
        (
            {},
            {
                "limits": {"cpu": "2", "memory": "1Gi"},
                "requests": {"cpu": "1", "memory": "1Gi"},
            },
        ),
        (
            {"limits": {"cpu": "500m"}},
            {
                "limits": {"cpu": "500m", "memory": "1Gi"},
                "requests": {"cpu": "500m", "memory": "1Gi"},
            },
        ),
        (
            {"requests": {"cpu": "100m"}, "limits": {"memory": "2Gi"}},
            {
                "limits": {"cpu": "2", "memory": "2Gi"},
                "requests": {"cpu": "100m", "memory": "2Gi"},
            },
        ),
    ],
)
async def test_what_a_container_does_not_say_is_filled_in(own: JSON, filled: JSON) -> None:
    lab = Lab()
    lab.server.add_admission(LimitRanger(lab.server).admit)
    await lab.furnish()
    await lab.create("limitranges", RANGE)
    container = {"name": "c", "image": "busybox:1.37", "resources": own}
    spec = {"containers": [container], "initContainers": [{**container, "name": "i"}]}
    pod = await lab.create(
        "pods", {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}
    )
    made = [*pod["spec"]["containers"], *pod["spec"]["initContainers"]]
    assert [one["resources"] for one in made] == [filled, filled]


async def test_elsewhere_nothing_is_filled_in() -> None:
    lab = Lab()
    lab.server.add_admission(LimitRanger(lab.server).admit)
    await lab.furnish()
    await lab.create("limitranges", RANGE)
    spec = {"containers": [{"name": "c", "image": "busybox:1.37"}]}
    place = {"name": "p", "namespace": "kube-system"}
    pod = await lab.create("pods", {"metadata": place, "spec": spec})
    assert pod["spec"]["containers"][0].get("resources", {}) == {}
