from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.behaviours import ContainerPlan, Exit, PodBehaviour
from tests.practice.controllers.lab import Lab


class Planned(PodBehaviour):
    """Every instance follows the same plan; what it is asked between can be changed by a test."""

    def __init__(self, plan: ContainerPlan) -> None:
        self.chosen = plan
        self.is_ready = True
        self.end: Exit | None = None

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        return self.chosen

    def ready(self, pod: JSON, container: str) -> bool:
        return self.is_ready

    def ended(self, pod: JSON, container: str) -> Exit | None:
        return self.end


async def _planned(lab: Lab, pod: JSON, plan: ContainerPlan) -> Planned:
    behaviour = Planned(plan)
    lab.plane.behaviours.register(pod["metadata"]["labels"], behaviour)
    lab.plane.kubelet.have_image("app:1")
    await lab.create("pods", pod)
    return behaviour


def _state(lab: Lab, pod: str, index: int = 0, field: str = "containerStatuses") -> JSON:
    status: JSON = lab.get("pods", pod)["status"][field][index]
    return status


async def test_a_pod_is_placed_created_and_ready_within_twenty_seconds(lab: Lab) -> None:
    await lab.create("pods", lab.pod("p"))
    await lab.run(0.5)
    assert _state(lab, "p")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    await lab.run(19)
    status = lab.get("pods", "p")["status"]
    assert status["phase"] == "Running"
    assert status["podIP"].startswith("10.42.")
    assert {name: one["status"] for name, one in lab.conditions("pods", "p").items()} == {
        "PodScheduled": "True",
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
    }
    reasons = [reason for reason, _ in lab.events("p")]
    assert reasons == ["Scheduled", "Pulling", "Pulled", "Created", "Started"]


async def test_an_image_is_pulled_once(lab: Lab) -> None:
    await lab.create("pods", lab.pod("first"))
    await lab.run(20)
    await lab.create("pods", lab.pod("second"))
    await lab.run(20)
    present = 'Container image "app:1" already present on machine'
    assert ("Pulled", present) in lab.events("second")


async def test_an_image_named_by_a_tag_that_moves_is_looked_for_every_time(lab: Lab) -> None:
    for name in ("first", "second"):
        pod = lab.pod(name)
        pod["spec"]["containers"][0]["image"] = "app:latest"
        await lab.create("pods", pod)
        await lab.run(20)
        assert ("Pulling", 'Pulling image "app:latest"') in lab.events(name)
        assert _state(lab, name)["imageID"].startswith("app@sha256:")


async def test_lines_are_printed_when_they_are_due(lab: Lab) -> None:
    lines = ((0.0, "hello"), (5.0, "still here"))
    await _planned(lab, lab.pod("p"), ContainerPlan(start=1.0, lines=lines))
    await lab.run(3)
    assert lab.lines("p", "main") == ["hello"]
    await lab.run(5)
    assert lab.lines("p", "main") == ["hello", "still here"]


async def test_init_containers_run_one_after_the_other_before_the_others(lab: Lab) -> None:
    pod = lab.pod("p", initContainers=[{"name": n, "image": "app:1"} for n in ("one", "two")])
    await _planned(lab, pod, ContainerPlan(start=0.5, runs=3.0))
    await lab.run(3)
    assert _state(lab, "p", 0, "initContainerStatuses")["state"].keys() == {"running"}
    assert _state(lab, "p", 1, "initContainerStatuses")["state"].keys() == {"waiting"}
    assert _state(lab, "p")["state"] == {"waiting": {"reason": "PodInitializing"}}
    initialized = lab.conditions("pods", "p")["Initialized"]
    assert initialized["message"] == "containers with incomplete status: [one two]"
    await lab.run(6)
    second = _state(lab, "p", 1, "initContainerStatuses")["state"]
    assert second["terminated"]["reason"] == "Completed"
    assert lab.get("pods", "p")["status"]["phase"] == "Running"


async def test_readiness_follows_the_behaviour_when_it_is_asked_to_look(lab: Lab) -> None:
    behaviour = await _planned(lab, lab.pod("p"), ContainerPlan(start=0.5, ready=1.0))
    behaviour.is_ready = False
    await lab.run(10)
    assert lab.conditions("pods", "p")["Ready"]["message"] == (
        "containers with unready status: [main]"
    )
    behaviour.is_ready = True
    lab.plane.kubelet.look_again("default", "p")
    await lab.run(0)
    assert lab.conditions("pods", "p")["Ready"]["status"] == "True"


@pytest.mark.parametrize(
    ("policy", "end", "phase"),
    [
        ("Never", Exit(0), "Succeeded"),
        ("Never", Exit(1), "Failed"),
        ("OnFailure", Exit(0), "Succeeded"),
        ("OnFailure", Exit(1), "Running"),
        ("Always", Exit(0), "Running"),
    ],
)
async def test_the_end_of_a_container_means_what_the_policy_says(
    lab: Lab, policy: str, end: Exit, phase: str
) -> None:
    await _planned(
        lab, lab.pod("p", restartPolicy=policy), ContainerPlan(start=0.5, runs=3.0, end=end)
    )
    await lab.run(5.0)
    assert lab.get("pods", "p")["status"]["phase"] == phase


async def test_a_container_that_keeps_failing_backs_off_ever_longer(lab: Lab) -> None:
    end = Exit(137, "OOMKilled")
    await _planned(
        lab, lab.pod("p"), ContainerPlan(start=0.5, runs=1.0, end=end, lines=((0.0, "boot"),))
    )
    await lab.run(6)
    status = _state(lab, "p")
    assert status["restartCount"] == 1
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["state"]["waiting"]["message"].startswith("back-off 10s restarting failed")
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert lab.lines("p", "main", previous=True) == ["boot"]
    await lab.run(60)
    message = _state(lab, "p")["state"]["waiting"]["message"]
    assert message.startswith("back-off 40s")
    assert "BackOff" in [reason for reason, _ in lab.events("p")]


async def test_a_running_container_ends_when_its_behaviour_says_so(lab: Lab) -> None:
    behaviour = await _planned(lab, lab.pod("p", restartPolicy="Never"), ContainerPlan(start=0.5))
    await lab.run(10)
    behaviour.end = Exit(2, message="the disk is full")
    lab.plane.kubelet.look_again("default", "p")
    await lab.run(0)
    ended = _state(lab, "p")["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (2, "the disk is full")


async def test_an_image_that_cannot_be_pulled_keeps_the_pod_waiting(lab: Lab) -> None:
    await _planned(lab, lab.pod("p"), ContainerPlan(image_error="not found"))
    await lab.run(5)
    assert _state(lab, "p")["state"]["waiting"]["reason"] == "ErrImagePull"
    await lab.run(10)
    assert _state(lab, "p")["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert ("Failed", 'Failed to pull image "app:1": not found') in lab.events("p")


async def test_a_missing_secret_in_the_environment_is_a_configuration_error(lab: Lab) -> None:
    source = [{"secretRef": {"name": "ml-platform"}}]
    await lab.create("pods", lab.pod("p", {"name": "main", "image": "app:1", "envFrom": source}))
    await lab.run(10)
    assert _state(lab, "p")["state"]["waiting"] == {
        "reason": "CreateContainerConfigError",
        "message": 'secret "ml-platform" not found',
    }
    await lab.create("secrets", {"metadata": {"name": "ml-platform", "namespace": "default"}})
    await lab.run(20)
    assert lab.conditions("pods", "p")["Ready"]["status"] == "True"


async def test_a_missing_volume_keeps_the_pod_in_creation(lab: Lab) -> None:
    volume = {"name": "config", "secret": {"secretName": "rclone"}}
    await lab.create("pods", lab.pod("p", volumes=[volume]))
    await lab.run(10)
    assert _state(lab, "p")["state"] == {"waiting": {"reason": "ContainerCreating"}}
    why = 'MountVolume.SetUp failed for volume "config" : secret "rclone" not found'
    assert ("FailedMount", why) in lab.events("p")
    await lab.create("secrets", {"metadata": {"name": "rclone", "namespace": "default"}})
    await lab.run(20)
    assert lab.conditions("pods", "p")["Ready"]["status"] == "True"


async def test_a_deleted_pod_stops_in_its_own_time(lab: Lab) -> None:
    await _planned(lab, lab.pod("p"), ContainerPlan(stop=12.0))
    await lab.run(10)
    await lab.delete("pods", "p")
    await lab.run(11.5)
    assert lab.has("pods", "p")
    assert ("Killing", "Stopping container main") in lab.events("p")
    await lab.run(1)
    assert not lab.has("pods", "p")
    assert lab.lines("p", "main") == []


async def test_the_grace_period_is_the_upper_limit(lab: Lab) -> None:
    await _planned(lab, lab.pod("p", terminationGracePeriodSeconds=5), ContainerPlan(stop=60.0))
    await lab.run(10)
    await lab.delete("pods", "p")
    await lab.run(6)
    assert not lab.has("pods", "p")


async def test_a_pod_deleted_by_force_is_gone_at_once(lab: Lab) -> None:
    await _planned(lab, lab.pod("p"), ContainerPlan(stop=60.0))
    await lab.run(10)
    await lab.delete("pods", "p", grace=0)
    assert not lab.has("pods", "p")


async def test_a_pod_that_comes_back_under_its_name_starts_from_nothing(lab: Lab) -> None:
    await _planned(lab, lab.pod("p"), ContainerPlan(lines=((0.0, "hello"),)))
    await lab.run(10)
    await lab.delete("pods", "p", grace=0)
    await lab.create("pods", lab.pod("p"))
    assert "containerStatuses" not in lab.get("pods", "p")["status"]
    await lab.run(10)
    assert lab.lines("p", "main") == ["hello"]
    assert _state(lab, "p")["restartCount"] == 0


async def test_a_sidecar_does_not_keep_a_finished_pod_running(lab: Lab) -> None:
    sidecar = {"name": "proxy", "image": "app:1", "restartPolicy": "Always"}

    class OneEnds(PodBehaviour):
        def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
            return ContainerPlan(start=0.5, runs=3.0 if container == "main" else None)

    pod = lab.pod("p", initContainers=[sidecar], restartPolicy="Never")
    lab.plane.behaviours.register({"app": "p"}, OneEnds())
    await lab.create("pods", pod)
    await lab.run(40)
    assert lab.get("pods", "p")["status"]["phase"] == "Succeeded"
    assert _state(lab, "p", 0, "initContainerStatuses")["state"].keys() == {"terminated"}
