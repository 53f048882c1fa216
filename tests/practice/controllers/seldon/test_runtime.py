from __future__ import annotations

from typing import Any

import yaml

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"


async def begin(stage: Stage, *overrides: dict[str, Any]) -> None:
    await stage.server.create("namespaces", {"metadata": {"name": NS}})
    await stage.runtime(*overrides)
    await stage.run(40)


def statuses(stage: Stage) -> dict[str, str]:
    conditions = stage.get(names.RUNTIMES, "seldon")["status"]["conditions"]
    return {condition["type"]: condition["status"] for condition in conditions}


async def test_it_brings_everything_that_serving_needs(stage: Stage) -> None:
    await begin(stage)
    assert set(statuses(stage).values()) == {"True"}
    assert sorted(statuses(stage)) == [
        "DataflowEngineReady",
        "EnvoyReady",
        "HodometerReady",
        "ModelGatewayReady",
        "PipelineGatewayReady",
        "Ready",
        "SchedulerReady",
    ]
    assert stage.has("pods", names.SCHEDULER_POD)
    assert stage.has("persistentvolumeclaims", "scheduler-state-seldon-scheduler-0")
    config = stage.get("configmaps", names.AGENT_CONFIG)["data"]["agent.yaml"]
    assert yaml.safe_load(config) == {"rclone": {"config_secrets": [names.DEFAULT_RCLONE_SECRET]}}
    assert stage.has("serviceaccounts", "seldon-server")
    assert "SeldonRuntime [seldon] is Ready" in stage.events("seldon")


async def test_a_component_with_no_replicas_is_ready_and_a_disabled_one_unknown(
    stage: Stage,
) -> None:
    await begin(
        stage,
        {"name": "hodometer", "replicas": 0},
        {"name": "seldon-modelgateway", "disable": True},
        {"name": "mlserver", "replicas": 7},
    )
    found = statuses(stage)
    assert found["HodometerReady"] == "True"
    assert "ModelGatewayReady" not in found
    assert found["Ready"] == "Unknown"
    assert not stage.has("deployments.apps", "seldon-modelgateway")
    override = [{"name": "seldon-modelgateway"}]
    await stage.patch(names.RUNTIMES, "seldon", {"spec": {"overrides": override}})
    await stage.until(lambda: statuses(stage)["Ready"] == "True")


async def test_an_override_takes_the_service_type_with_it(stage: Stage) -> None:
    await begin(stage, {"name": names.SCHEDULER, "replicas": 1})
    types = {
        service["metadata"]["name"]: service["spec"]["type"]
        for service in stage.server.select("services", NS)
    }
    assert types[names.SCHEDULER] == "ClusterIP"
    assert types[names.MESH] == "LoadBalancer"


async def test_what_somebody_changed_or_removed_is_put_right(stage: Stage) -> None:
    await begin(stage)
    await stage.scale("deployments.apps", names.ENVOY, 3)
    await stage.delete("services", names.MESH)
    await stage.run(2)
    assert stage.get("deployments.apps", names.ENVOY)["spec"]["replicas"] == 1
    assert stage.has("services", names.MESH)


async def test_settled_it_writes_nothing_more(stage: Stage) -> None:
    await begin(stage)
    await stage.run(30)
    before = stage.server.store.version
    await stage.run(600)
    assert stage.server.store.version == before


async def test_two_runtimes_in_a_namespace_do_not_take_things_from_each_other(stage: Stage) -> None:
    await begin(stage)
    first = stage.get(names.RUNTIMES, "seldon")
    await stage.server.create(
        names.RUNTIMES,
        {"metadata": {"name": "other", "namespace": NS}, "spec": first["spec"]},
    )
    await stage.run(10)
    before = stage.server.store.version
    await stage.run(60)
    assert stage.server.store.version - before < 20
    (owner,) = stage.get("services", "seldon-mesh")["metadata"]["ownerReferences"]
    assert owner["uid"] == first["metadata"]["uid"]
