from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from runbook.practice.controllers.behaviours import ContainerPlan, Exit, PodBehaviour
from tests.practice.controllers.lab import Lab

JOBS = "jobs.batch"


class Runs(PodBehaviour):
    """Ends after so many seconds: badly the first times, then well."""

    def __init__(self, seconds: float, *, failures: int = 0) -> None:
        self.seconds = seconds
        self.failures = failures

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        self.failures -= 1
        end = Exit(1) if self.failures >= 0 else Exit(0)
        return ContainerPlan(start=0.5, runs=self.seconds, end=end)


async def _job(lab: Lab, behaviour: PodBehaviour, **spec: Any) -> None:
    lab.plane.behaviours.register({"job-name": "count"}, behaviour)
    lab.plane.kubelet.have_image("app:1")
    template = lab.template({}, restartPolicy="Never")
    metadata = {"name": "count", "namespace": "default"}
    await lab.create(JOBS, {"metadata": metadata, "spec": {"template": template, **spec}})


async def test_a_job_is_complete_when_enough_pods_have_succeeded(lab: Lab) -> None:
    await _job(lab, Runs(5.0), completions=3, parallelism=2)
    await lab.run(4)
    assert lab.get(JOBS, "count")["status"]["active"] == 2
    await lab.run(20)
    status = lab.get(JOBS, "count")["status"]
    assert (status["succeeded"], "active" in status) == (3, False)
    assert lab.conditions(JOBS, "count")["Complete"]["reason"] == "CompletionsReached"
    assert ("Completed", "Job completed") in lab.events("count")


async def test_a_failed_pod_is_followed_by_another_after_a_while(lab: Lab) -> None:
    await _job(lab, Runs(2.0, failures=1))
    await lab.run(8)
    assert len(lab.names("pods")) == 1
    await lab.run(20)
    status = lab.get(JOBS, "count")["status"]
    assert (status["failed"], status["succeeded"]) == (1, 1)


async def test_too_many_failures_fail_the_job(lab: Lab) -> None:
    await _job(lab, Runs(2.0, failures=9), backoffLimit=1)
    await lab.run(60)
    assert lab.conditions(JOBS, "count")["Failed"]["reason"] == "BackoffLimitExceeded"
    assert len(lab.names("pods")) == 2


async def test_a_deadline_ends_the_job_and_its_pods(lab: Lab) -> None:
    await _job(lab, Runs(500.0), activeDeadlineSeconds=20)
    await lab.run(30)
    assert lab.conditions(JOBS, "count")["Failed"]["reason"] == "DeadlineExceeded"
    assert lab.names("pods") == []


async def test_a_finished_job_goes_after_its_time_to_live(lab: Lab) -> None:
    await _job(lab, Runs(2.0), ttlSecondsAfterFinished=30)
    await lab.run(20)
    assert lab.has(JOBS, "count")
    await lab.run(30)
    assert not lab.has(JOBS, "count")
    assert lab.names("pods") == []


async def test_a_suspended_job_has_no_pods(lab: Lab) -> None:
    await _job(lab, Runs(5.0), suspend=True)
    await lab.run(10)
    assert lab.names("pods") == []
    assert lab.conditions(JOBS, "count")["Suspended"]["status"] == "True"
    await lab.patch(JOBS, "count", {"spec": {"suspend": False}})
    await lab.run(20)
    assert lab.conditions(JOBS, "count")["Complete"]["status"] == "True"


async def test_a_job_of_an_unknown_program_completes(lab: Lab) -> None:
    template = lab.template({}, restartPolicy="Never")
    del template["metadata"]
    job = {"metadata": {"name": "once", "namespace": "default"}, "spec": {"template": template}}
    await lab.create("jobs.batch", job)
    await lab.run(60)
    live = lab.get("jobs.batch", "once")
    assert lab.conditions("jobs.batch", "once")["Complete"]["status"] == "True"
    assert live["metadata"]["labels"]["job-name"] == "once"
