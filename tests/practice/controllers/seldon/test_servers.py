from __future__ import annotations

from typing import Any

from runbook.practice.controllers.seldon import defaults, names
from runbook.practice.controllers.seldon.servers import stateful_set_of
from tests.practice.controllers.seldon.stage import Stage


def capabilities(spec: dict[str, Any]) -> list[str]:
    server = {"metadata": {"name": "mlserver"}, "spec": {"serverConfig": "mlserver", **spec}}
    made = stateful_set_of(server, defaults.server_config())
    agent = next(
        c for c in made["spec"]["template"]["spec"]["containers"] if c["name"] == names.AGENT
    )
    variables = {v["name"]: v["value"] for v in agent["env"]}
    return str(variables[names.CAPABILITIES_VARIABLE]).split(",")


def test_capabilities_replace_the_configurations_and_extra_ones_are_added() -> None:
    assert capabilities({}) == list(names.DEFAULT_CAPABILITIES)
    assert capabilities({"capabilities": ["a"]}) == ["a"]
    assert capabilities({"extraCapabilities": ["a"]}) == [*names.DEFAULT_CAPABILITIES, "a"]


def test_a_servers_own_pod_spec_is_laid_over_the_configurations_by_container() -> None:
    own = {"containers": [{"name": "mlserver", "image": "mine:1"}], "nodeSelector": {"disk": "ssd"}}
    server = {"metadata": {"name": "s"}, "spec": {"serverConfig": "mlserver", "podSpec": own}}
    config = defaults.server_config()
    pod = stateful_set_of(server, config)["spec"]["template"]["spec"]
    images = {container["name"]: container["image"] for container in pod["containers"]}
    assert images["mlserver"] == "mine:1"
    assert images["agent"].endswith("seldon-agent:2.9.1")
    assert pod["nodeSelector"] == {"disk": "ssd"}
    assert "nodeSelector" not in config["spec"]["podSpec"]


async def test_a_configuration_is_looked_up_by_its_plain_name_only(stage: Stage) -> None:
    await stage.build(server={"serverConfig": "seldon-system/mlserver"})
    await stage.run(30)
    found = stage.condition(names.SERVERS, "mlserver", "StatefulSetReady")
    assert found["status"] == "False"
    assert 'ServerConfig.mlops.seldon.io "seldon-system/mlserver" not found' in found["reason"]
    assert not stage.has("statefulsets.apps", "mlserver")
    await stage.patch(names.SERVERS, "mlserver", {"spec": {"serverConfig": "mlserver"}})
    await stage.until(stage.healthy)


async def test_a_deleted_server_is_gone_at_once_and_its_pod_takes_its_time(healthy: Stage) -> None:
    await healthy.delete(names.SERVERS, "mlserver")
    assert not healthy.has(names.SERVERS, "mlserver")
    await healthy.run(5)
    assert "deletionTimestamp" in healthy.get("pods", "mlserver-0")["metadata"]
    await healthy.until(lambda: not healthy.has("pods", "mlserver-0"), within=120)
    assert healthy.said("baseline-predictor")[1] == "ScheduleFailed"


async def test_ready_follows_the_pods_and_says_so(healthy: Stage) -> None:
    assert "Server [mlserver] is Ready" in healthy.events("mlserver")
    await healthy.delete("pods", "mlserver-0")

    def ready() -> str:
        return str(healthy.condition(names.SERVERS, "mlserver", "Ready")["status"])

    await healthy.until(lambda: ready() == "False")
    reason = healthy.condition(names.SERVERS, "mlserver", "StatefulSetReady")["reason"]
    assert reason == "StatefulSet replicas does not match desired replicas"
    await healthy.until(lambda: ready() == "True")
