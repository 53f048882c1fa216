"""What a LimitRange fills in and refuses, as the API server does."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.limits.limit_ranges import filled_in, items_of, refusals_of_claim, refusals_of_pod

JSON = dict[str, Any]


def items(**limits: Any) -> list[JSON]:
    return items_of({"spec": {"limits": [{"type": "Container", **limits}]}})


def pod(**resources: JSON) -> JSON:
    return {"containers": [{"name": "c", "resources": resources}]}


@pytest.mark.parametrize(
    ("limits", "own", "filled"),
    [
        ({"default": {"cpu": "2"}}, {}, {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}),
        ({"max": {"cpu": "3"}}, {}, {"limits": {"cpu": "3"}, "requests": {"cpu": "3"}}),
        ({"min": {"cpu": "1"}}, {}, {"requests": {"cpu": "1"}}),
        (
            {"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}, "max": {"cpu": "3"}},
            {},
            {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}},
        ),
        # A limit that a container states is its request, before any default is.
        (
            {"default": {"cpu": "2"}, "defaultRequest": {"cpu": "1"}},
            {"limits": {"cpu": "4"}},
            {"limits": {"cpu": "4"}, "requests": {"cpu": "4"}},
        ),
        (
            {"default": {"cpu": "2"}},
            {"requests": {"cpu": "1"}},
            {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}},
        ),
    ],
)
def test_a_container_says_what_it_did_not_say_itself(limits: JSON, own: JSON, filled: JSON) -> None:
    spec = {**pod(**own), "initContainers": [{"name": "i", "resources": own}]}
    found = filled_in(spec, items(**limits))
    for one in (found["containers"][0], found["initContainers"][0]):
        assert one["resources"] == filled
    assert spec["containers"][0]["resources"] == own


def test_only_what_is_said_of_containers_is_filled_in() -> None:
    of_pods = {"type": "Pod", "max": {"cpu": "3"}, "default": {"cpu": "2"}}
    assert filled_in(pod(), items_of({"spec": {"limits": [of_pods]}})) == pod()
    assert items_of({"spec": {"limits": [{"type": "Pod", "max": {"cpu": "3"}}]}}) == [
        {"type": "Pod", "max": {"cpu": "3"}}
    ]


@pytest.mark.parametrize(
    ("limits", "resources", "refusal"),
    [
        ({"min": {"cpu": "1"}}, {}, "minimum cpu usage per Container is 1.  No request"),
        ({"min": {"cpu": "1"}}, {"requests": {"cpu": "500m"}}, "but request is 500m"),
        (
            {"min": {"cpu": "1"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "900m"}},
            "but limit is 900m",
        ),
        ({"min": {"cpu": "1"}}, {"requests": {"cpu": "1"}}, ""),
        ({"max": {"cpu": "1"}}, {}, "maximum cpu usage per Container is 1.  No limit"),
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, "but limit is 2"),
        (
            {"max": {"cpu": "1"}},
            {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}},
            "but request is 2",
        ),
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "1000m"}}, ""),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {}, "no request is specified or request is 0"),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}},
            "no limit is specified or limit is 0",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "provided ratio is 3.000000",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}},
            "",
        ),
    ],
)
def test_a_pod_out_of_bounds_is_refused_with_the_bound(
    limits: JSON, resources: JSON, refusal: str
) -> None:
    found = refusals_of_pod(pod(**resources), [{"type": "Container", **limits}])
    assert len(found) == bool(refusal)
    assert refusal in "".join(found)


def test_a_pod_is_measured_as_a_whole_too() -> None:
    two = {"containers": [*pod(limits={"cpu": "1"})["containers"]] * 2}
    bound = {"type": "Pod", "max": {"cpu": "1500m"}}
    (refusal,) = refusals_of_pod(two, [bound])
    assert refusal == "maximum cpu usage per Pod is 1500m, but limit is 2"
    assert refusals_of_pod(pod(limits={"cpu": "1"}), [bound]) == []


@pytest.mark.parametrize(
    ("limits", "size", "refusal"),
    [
        ({"min": {"storage": "2Gi"}}, "1Gi", "minimum storage usage per PersistentVolumeClaim"),
        ({"max": {"storage": "2Gi"}}, "3Gi", "maximum storage usage per PersistentVolumeClaim"),
        ({"min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}, "2Gi", ""),
        ({"max": {"storage": "2Gi"}}, None, "No request is specified"),
    ],
)
def test_a_claim_out_of_bounds_is_refused_with_the_bound(
    limits: JSON, size: str | None, refusal: str
) -> None:
    spec = {"resources": {"requests": {"storage": size} if size else {}}}
    kind = "PersistentVolumeClaim"
    found = refusals_of_claim(
        spec, [{"type": kind, **limits}, {"type": "Pod", "max": {"cpu": "1"}}]
    )
    assert len(found) == bool(refusal)
    assert refusal in "".join(found)
