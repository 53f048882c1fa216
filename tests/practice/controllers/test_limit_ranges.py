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
            {"type": "Pod", "max": {"cpu": "8"}},
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


async def _refused(item: JSON, kind: str, spec: JSON) -> str:
    lab = Lab()
    lab.server.add_admission(LimitRanger(lab.server).admit)
    await lab.furnish()
    place = {"name": "bounds", "namespace": "default"}
    await lab.create("limitranges", {"metadata": place, "spec": {"limits": [item]}})
    return await lab.refused(
        kind, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}
    )


def _pod(*resources: JSON, **more: Any) -> JSON:
    made = [
        {"name": f"c{n}", "image": "busybox:1.37", "resources": own}
        for n, own in enumerate(resources)
    ]
    return {"containers": made, **more}


@pytest.mark.parametrize(
    ("item", "resources", "why"),
    [
        (
            {"type": "Container", "min": {"cpu": "100m"}},
            [{"requests": {"cpu": "50m"}}],
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"type": "Container", "max": {"memory": "1Gi"}},
            [{"limits": {"memory": "2Gi"}, "requests": {"memory": "1Gi"}}],
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}},
            [{"limits": {"cpu": "600m"}}, {"limits": {"cpu": "600m"}}],
            "maximum cpu usage per Pod is 1, but limit is 1200m",
        ),
        (
            {"type": "Pod", "max": {"cpu": "1", "memory": "1Gi"}},
            [{}],
            "[maximum cpu usage per Pod is 1.  No limit is specified, "
            "maximum memory usage per Pod is 1Gi.  No limit is specified]",
        ),
        (
            {"type": "Pod", "min": {"memory": "1Gi"}},
            [{"requests": {"memory": "512Mi"}}],
            "minimum memory usage per Pod is 1Gi, but request is 512Mi",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            [{"requests": {"cpu": "100m"}, "limits": {"cpu": "250m"}}],
            "cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000",
        ),
    ],
)
async def test_a_pod_out_of_bounds_is_refused_in_the_servers_words(
    item: JSON, resources: list[JSON], why: str
) -> None:
    assert await _refused(item, "pods", _pod(*resources)) == f'pods "p" is forbidden: {why}'


async def test_a_claim_out_of_bounds_is_refused() -> None:
    item = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    why = "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi"
    said = await _refused(item, "persistentvolumeclaims", spec)
    assert said == f'persistentvolumeclaims "p" is forbidden: {why}'
