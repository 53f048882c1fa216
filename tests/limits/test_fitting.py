"""What would be refused is found beforehand, with who asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.limits.fitting import Contents, Fit, Workload, fit

JSON = dict[str, Any]


def quota(hard: JSON, **spec: Any) -> JSON:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}


def bounds(*limits: JSON) -> JSON:
    return {"metadata": {"name": "r"}, "spec": {"limits": list(limits)}}


def web(pods: int = 1, requests: JSON | None = None, limits: JSON | None = None) -> Workload:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return Workload("Deployment web", pods, {"containers": [{"name": "c", "resources": resources}]})


def fitting(*workloads: Workload, **more: Any) -> Fit:
    return fit(Contents(workloads=workloads, **more))


def test_a_quota_with_room_says_how_much_of_it_is_used() -> None:
    found = fitting(web(3, {"cpu": "500m"}), quotas=[quota({"pods": "3", "requests.cpu": "2"})])
    assert found == Fit((), ("quota q: pods 3 of 3, requests.cpu 1500m of 2",))


def test_one_too_many_is_told_with_what_uses_most() -> None:
    job = Workload("StatefulSet db", 2, {"containers": [{"name": "c"}]})
    found = fitting(web(5), job, quotas=[quota({"pods": "6"})])
    assert found.faults == ("quota q: pods 7 of 6, of Deployment web 5, StatefulSet db 2",)


def test_of_many_users_those_that_use_most_are_named() -> None:
    many = [Workload(f"Deployment d{n}", n, {"containers": []}) for n in range(1, 6)]
    found = fitting(*many, quotas=[quota({"pods": "1"})])
    assert found.faults == (
        "quota q: pods 15 of 1, of Deployment d5 5, Deployment d4 4, Deployment d3 3 and 2 more",
    )


def test_a_container_that_does_not_say_what_is_limited_is_told() -> None:
    found = fitting(web(1, {"cpu": "1"}), quotas=[quota({"limits.cpu": "4", "requests.cpu": "4"})])
    assert found.faults == (
        "quota q limits limits.cpu, of which containers do not say how much: Deployment web (c)",
    )


def test_a_limit_range_says_it_for_them() -> None:
    default = bounds({"type": "Container", "default": {"cpu": "1"}})
    quotas = [quota({"limits.cpu": "4", "requests.cpu": "4"})]
    assert fitting(web(4), quotas=quotas, limit_ranges=[default]).faults == ()
    told = fitting(web(5), quotas=quotas, limit_ranges=[default]).faults
    assert told == (
        "quota q: limits.cpu 5 of 4, of Deployment web 5",
        "quota q: requests.cpu 5 of 4, of Deployment web 5",
    )


def test_its_bounds_are_told_in_the_servers_words() -> None:
    most = bounds({"type": "Container", "max": {"memory": "1Gi"}})
    found = fitting(web(2, {}, {"memory": "2Gi"}), limit_ranges=[most])
    assert found.faults == (
        "LimitRange r refuses pods of Deployment web: "
        "maximum memory usage per Container is 1Gi, but limit is 2Gi",
    )


def test_claims_count_by_their_number_their_size_and_their_bounds() -> None:
    requests = {"requests": {"storage": "10Gi"}}
    spec = {"storageClassName": "nfs", "resources": requests}
    claims = [{"metadata": {"name": f"data-{n}"}, "spec": spec} for n in range(3)]
    found = fitting(
        quotas=[
            quota(
                {
                    "persistentvolumeclaims": "3",
                    "requests.storage": "25Gi",
                    "nfs.storageclass.storage.k8s.io/requests.storage": "1Ti",
                }
            )
        ],
        limit_ranges=[bounds({"type": "PersistentVolumeClaim", "min": {"storage": "20Gi"}})],
        others={"persistentvolumeclaims": claims[:1] + claims[1:]},
    )
    assert [one for one in found.faults if one.startswith("quota")] == [
        "quota q: requests.storage 30Gi of 25Gi, of data-0 10Gi, data-1 10Gi, data-2 10Gi"
    ]
    assert len([one for one in found.faults if "LimitRange r refuses Persistent" in one]) == 3


@pytest.mark.parametrize(
    ("spec", "counts"),
    [
        ({}, True),
        ({"scopes": ["BestEffort"]}, True),
        ({"scopes": ["NotBestEffort"]}, False),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["NotTerminating"]}, True),
        (
            {"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}},
            False,
        ),
        (
            {"scopeSelector": {"matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "NotIn", "values": ["high"]}]}},
            True,
        ),
    ],
)  # fmt: skip
def test_a_quota_counts_what_is_in_its_scope(spec: JSON, counts: bool) -> None:
    assert bool(fitting(web(2), quotas=[quota({"pods": "1"}, **spec)]).faults) is counts


def test_what_is_no_quantity_is_no_guess() -> None:
    with pytest.raises(ValueError, match="'many' is not a quantity"):
        fitting(web(), quotas=[quota({"pods": "many"})])
