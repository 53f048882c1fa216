"""One scheduler for two namespaces, by an alias: what is told apart, and what is not."""

from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.dns import CLUSTER_DNS, WILDCARDS
from runbook.practice.controllers.network import POLICIES
from runbook.practice.controllers.seldon import names
from runbook.practice.controllers.seldon.filters import NO_SERVER
from tests.practice.controllers.seldon.stage import Stage

NS, TEAM = "financial-inference", "risk-scoring"
MODEL = "risk-predictor"
NEEDS = ["mlflow", "xgboost"]


@pytest.fixture
async def shared(healthy: Stage) -> Stage:
    """A team's namespace, with an alias for the scheduler and what an agent needs to start."""
    await healthy.server.create("namespaces", {"metadata": {"name": TEAM}})
    alias = f"{names.SCHEDULER}.{NS}.svc.cluster.local"
    spec = {"type": "ExternalName", "externalName": alias}
    metadata = {"name": names.SCHEDULER, "namespace": TEAM}
    await healthy.server.create("services", {"metadata": metadata, "spec": spec})
    await healthy.rclone_secret(namespace=TEAM)
    settings = healthy.get("configmaps", names.AGENT_CONFIG)["data"]
    metadata = {"name": names.AGENT_CONFIG, "namespace": TEAM}
    await healthy.server.create("configmaps", {"metadata": metadata, "data": settings})
    metadata = {"name": "seldon-server", "namespace": TEAM}
    await healthy.server.create("serviceaccounts", {"metadata": metadata})
    return healthy


def model_said(stage: Stage) -> tuple[str, str]:
    conditions = stage.get(names.MODELS, MODEL, TEAM).get("status", {}).get("conditions", [])
    found: JSON = next((c for c in conditions if c["type"] == "ModelReady"), {})
    return found.get("message", ""), found.get("reason", "")


async def test_a_server_of_another_name_serves_its_own_namespace(shared: Stage) -> None:
    await shared.make_server("risk-mlserver", TEAM, capabilities=NEEDS)
    await shared.model(MODEL, "m-1", TEAM, requirements=NEEDS)
    await shared.until(lambda: model_said(shared)[0] == "ModelAvailable", within=120)
    assert shared.route(MODEL).targets[0].pods == ((TEAM, "risk-mlserver-0"),)
    assert shared.core.envoys.healthy(shared.route(MODEL).targets[0])
    assert shared.healthy()


async def test_a_second_server_of_one_name_waits_and_is_measured_by_the_first(
    shared: Stage,
) -> None:
    await shared.make_server(namespace=TEAM, capabilities=NEEDS)
    await shared.model(MODEL, "m-1", TEAM, requirements=NEEDS)
    await shared.run(300)
    assert model_said(shared) == ("ScheduleFailed", NO_SERVER)
    agent = shared.lines("mlserver-0", names.AGENT, TEAM)
    assert "Call subscribe to scheduler" in agent
    assert "Subscribed to scheduler" not in agent
    heard = shared.lines(names.SCHEDULER_POD, names.SCHEDULER_CONTAINER)
    assert heard.count("Received subscribe request from mlserver:0") == 2
    await shared.delete("pods", "mlserver-0")
    await shared.until(lambda: model_said(shared)[0] == "ModelAvailable", within=120)
    assert not shared.healthy()


async def test_deleting_the_second_does_not_take_the_first_out_of_service(shared: Stage) -> None:
    await shared.make_server(namespace=TEAM)
    await shared.run(60)
    await shared.delete(names.SERVERS, "mlserver", TEAM)
    await shared.run(150)
    known = shared.scheduler().scheduler.servers["mlserver"]
    assert known.expected_replicas == 1
    await shared.model("third", "m-1")
    await shared.until(lambda: shared.said("third")[1] == "ModelAvailable", within=60)


async def test_a_policy_hits_the_operator_when_it_dials_anew(healthy: Stage) -> None:
    spec = {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}]}],
    }
    metadata = {"name": "own-pods-only", "namespace": NS}
    await healthy.server.create(POLICIES, {"metadata": metadata, "spec": spec})
    await healthy.model("first", "m-1")
    await healthy.until(lambda: healthy.said("first")[1] == "ModelAvailable", within=60)
    await healthy.scale_operator(0)
    await healthy.run(30)
    await healthy.scale_operator(1)
    await healthy.model("second", "m-1")
    await healthy.run(60)
    assert "status" not in healthy.get(names.MODELS, "second")
    assert ":9004: i/o timeout" in healthy.core.operator.dial_error(NS)


async def test_the_operators_own_dns_settings_decide_whom_it_dials(healthy: Stage) -> None:
    domain, address = next(iter(WILDCARDS.items()))
    config = {
        "nameservers": [CLUSTER_DNS],
        "searches": [domain, "svc.cluster.local"],
        "options": [{"name": "ndots", "value": "5"}],
    }
    spec = {"dnsPolicy": "None", "dnsConfig": config}
    place = (names.OPERATOR_DEPLOYMENT, {"spec": {"template": {"spec": spec}}})
    await healthy.patch("deployments.apps", *place, names.OPERATOR_NAMESPACE)
    await healthy.until(lambda: f"dial tcp {address}:9004" in healthy.operator_log(), within=60)
    assert healthy.ready_containers("mlserver-0") == "3/3"
    progressing = ("False", "ModelProgressing")
    await healthy.until(lambda: healthy.said("baseline-predictor")[:2] == progressing, within=400)
    assert f"dial tcp {address}:9004: i/o timeout" in healthy.said("baseline-predictor")[2]
