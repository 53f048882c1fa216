"""What network policies let through."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.network import End, lets_through, reaches_api_server

JSON = dict[str, Any]
AGENT = End("app", {"role": "agent"}, "10.42.0.5")
SCHEDULER = End("app", {"role": "scheduler"}, "10.42.0.6")
OPERATOR = End("system", {"role": "operator"}, "10.42.0.7")
SAME: JSON = {"podSelector": {}}
SYSTEM: JSON = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "system"}}}


class Policies:
    """The reads of a cluster that holds these policies."""

    def __init__(self, *policies: JSON) -> None:
        self._policies = policies

    def select(self, resource: str, namespace: str | None = None, labels: Any = None) -> list[JSON]:
        return [p for p in self._policies if p["metadata"]["namespace"] == namespace]

    def get(self, resource: str, namespace: str | None, name: str) -> JSON | None:
        if resource == "services":
            return {"spec": {"clusterIP": "10.96.0.1"}}
        labels = {"kubernetes.io/metadata.name": name}
        return {"metadata": {"name": name, "labels": labels}}


def cluster(*policies: JSON) -> Any:
    return Policies(*policies)


def policy(selector: JSON | None = None, **spec: Any) -> JSON:
    chosen = {"matchLabels": selector} if selector else {}
    return {"metadata": {"namespace": "app"}, "spec": {"podSelector": chosen, **spec}}


def ingress(*rules: JSON, selector: JSON | None = None) -> JSON:
    return policy(selector, policyTypes=["Ingress"], ingress=list(rules))


@pytest.mark.parametrize(
    ("policies", "agent", "operator"),
    [
        ((), True, True),
        ((ingress(),), False, False),
        ((ingress({}),), True, True),
        ((ingress({"from": [SAME]}),), True, False),
        ((ingress({"from": [SYSTEM]}),), False, True),
        ((ingress({"from": [SAME], "ports": [{"port": 9004}]}),), False, False),
        ((ingress({"from": [SAME], "ports": [{"port": 9000, "endPort": 9010}]}),), True, False),
        ((ingress({"from": [{**SYSTEM, "podSelector": {"matchLabels": {"role": "x"}}}]}),),
         False, False),
        ((ingress(selector={"role": "other"}),), True, True),
        ((ingress(), ingress({"from": [SAME]})), True, False),
        ((ingress({"from": [{"ipBlock": {"cidr": "10.42.0.0/16"}}]}),), True, True),
        ((ingress({"from": [{"ipBlock": {"cidr": "10.42.0.0/16", "except": ["10.42.0.7/32"]}}]}),),
         True, False),
        ((policy(ingress=[]),), False, False),
    ],
)  # fmt: skip
def test_who_reaches_the_scheduler(policies: tuple[JSON, ...], agent: bool, operator: bool) -> None:
    seen = [lets_through(cluster(*policies), who, SCHEDULER, 9005) for who in (AGENT, OPERATOR)]
    assert seen == [agent, operator]


@pytest.mark.parametrize(
    ("egress", "scheduler", "api"),
    [
        ([], False, False),
        ([{"to": [SAME]}], True, False),
        ([{"ports": [{"port": 6443}]}], False, True),
        ([{"to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}], "ports": [{"port": 443}]}], False, True),
        ([{}], True, True),
    ],
)
def test_where_a_pod_may_go(egress: list[JSON], scheduler: bool, api: bool) -> None:
    held = cluster(policy(policyTypes=["Egress"], egress=egress))
    assert lets_through(held, AGENT, SCHEDULER, 9005) is scheduler
    assert reaches_api_server(held, AGENT) is api
