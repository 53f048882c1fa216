"""The Job controller: pods until enough have succeeded, or too many have failed.

When pods are missing for the parallelism, they are created (after a failure with a growing delay);
when the completions are reached the Job is Complete, beyond the back-off limit or the deadline it is
Failed and its running pods go. A finished Job goes after its time to live. Counts come from the pods
that are there: one that is deleted by hand is run again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    dig,
    has_condition,
    key_of,
    name_of,
    with_condition,
)
from runbook.practice.controllers.templates import (
    claim,
    is_active,
    is_ready,
    new_pod,
    random_suffix,
)
from runbook.practice.controllers.writing import delete_if_there, write_status

JOBS = "jobs.batch"
SOURCE = "job-controller"
FIRST_BACK_OFF, LAST_BACK_OFF = 10.0, 360.0  # seconds between a failure and the next pod


class Jobs:
    """Watches Jobs and their pods."""

    def __init__(self, cluster: Cluster, events: EventRecorder, *, seed: int = 0) -> None:
        self._cluster = cluster
        self._events = events
        self._random = random.Random(f"jobs {seed}")
        self._failures: dict[str, tuple[int, float]] = {}  # uid -> seen, when the last came
        self._began: dict[str, float] = {}
        self._finished: dict[str, float] = {}
        self.watches: Mapping[str, KeysOf] = {
            JOBS: lambda job: [key_of(JOBS, job)],
            "pods": lambda pod: controller_key(pod, "Job", JOBS),
        }

    async def reconcile(self, key: Key) -> float | None:
        job = self._cluster.get(*key)
        if job is None or being_deleted(job):
            return None
        if has_condition(job, "Complete") or has_condition(job, "Failed"):
            return await self._outlive(job)
        pods = await claim(self._cluster, "pods", job, job["spec"].get("selector"))
        active = [pod for pod in pods if is_active(pod)]
        succeeded = sum(dig(pod, "status", "phase") == "Succeeded" for pod in pods)
        failed = sum(dig(pod, "status", "phase") == "Failed" for pod in pods)
        if dig(job, "spec", "suspend"):
            for pod in active:
                await delete_if_there(self._cluster, "pods", pod)
            await self._report(key)
            return None
        verdict = self._verdict(job, succeeded, failed)
        if verdict is not None:
            await self._finish(key, active, verdict)
            return None
        delay = self._delay(job, failed)
        if delay <= 0:
            await self._create(job, len(active), succeeded)
        await self._report(key)
        left = self._time_left(job)
        return min((moment for moment in (delay, left) if moment and moment > 0), default=None)

    def _verdict(self, job: JSON, succeeded: int, failed: int) -> tuple[str, str, str] | None:
        """(condition, reason, message) when the Job is over."""
        completions = dig(job, "spec", "completions")
        enough = completions if completions is not None else 1
        if succeeded >= int(enough):
            message = "Reached expected number of succeeded pods"
            return "Complete", "CompletionsReached", message
        left = self._time_left(job)
        if left is not None and left <= 0:
            message = "Job was active longer than specified deadline"
            return "Failed", "DeadlineExceeded", message
        if failed > int(dig(job, "spec", "backoffLimit", default=6)):
            message = "Job has reached the specified backoff limit"
            return "Failed", "BackoffLimitExceeded", message
        return None

    def _time_left(self, job: JSON) -> float | None:
        now = self._cluster.timeline.elapsed()
        began = self._began.setdefault(job["metadata"]["uid"], now)
        deadline = dig(job, "spec", "activeDeadlineSeconds")
        return None if deadline is None else began + float(deadline) - now

    def _delay(self, job: JSON, failed: int) -> float:
        """Seconds until the next pod may be made after the failures so far."""
        now = self._cluster.timeline.elapsed()
        seen, since = self._failures.get(job["metadata"]["uid"], (0, now))
        if failed > seen:
            since = now
            self._failures[job["metadata"]["uid"]] = (failed, now)
        if not failed:
            return 0.0
        delay: float = min(LAST_BACK_OFF, FIRST_BACK_OFF * 2.0 ** (failed - 1))
        return since + delay - now

    async def _create(self, job: JSON, active: int, succeeded: int) -> None:
        parallelism = int(dig(job, "spec", "parallelism", default=1))
        completions = dig(job, "spec", "completions")
        missing = parallelism if completions is None else int(completions) - succeeded
        if completions is None and succeeded:
            return  # a work queue that has begun to finish gets no new pods
        for _ in range(min(parallelism, missing) - active):
            prefix = f"{name_of(job)}-"
            name = prefix + random_suffix(self._random)
            pod = new_pod(job, job["spec"]["template"], name, generate_name=prefix)
            await self._cluster.create("pods", pod)
            message = f"Created pod: {name}"
            await self._events.record(job, "SuccessfulCreate", message, source=SOURCE)

    async def _finish(self, key: Key, active: list[JSON], verdict: tuple[str, str, str]) -> None:
        job = self._cluster.get(*key)
        if job is None:
            return
        for pod in active:
            await delete_if_there(self._cluster, "pods", pod)
        await self._report(key, ended=verdict)
        type_, reason, message = verdict
        if type_ == "Complete":
            await self._events.record(job, "Completed", "Job completed", source=SOURCE)
        else:
            await self._events.record(job, reason, message, "Warning", SOURCE)

    async def _report(self, key: Key, ended: tuple[str, str, str] | None = None) -> None:
        job = self._cluster.get(*key)
        if job is None:
            return
        stamp = self._cluster.timeline.stamp()
        owned = self._cluster.owned_by(job["metadata"]["uid"])
        pods = [obj for resource, obj in owned if resource == "pods"]
        active = [pod for pod in pods if is_active(pod)]
        counts = {
            "active": 0 if ended else len(active),
            "succeeded": sum(dig(pod, "status", "phase") == "Succeeded" for pod in pods),
            "failed": sum(dig(pod, "status", "phase") == "Failed" for pod in pods),
        }
        status: JSON = {
            **{field: count for field, count in counts.items() if count},
            "ready": sum(map(is_ready, active)),
            "terminating": sum(map(being_deleted, pods)),
            "uncountedTerminatedPods": {},
            "startTime": dig(job, "status", "startTime", default=stamp),
        }
        if conditions := _conditions(job, ended, stamp):
            status["conditions"] = conditions
        if ended is not None and ended[0] == "Complete":
            status["completionTime"] = stamp
        await write_status(self._cluster, JOBS, job, status)

    async def _outlive(self, job: JSON) -> float | None:
        """A finished Job with a time to live goes when it is over, with its pods."""
        lifetime = dig(job, "spec", "ttlSecondsAfterFinished")
        uid, now = job["metadata"]["uid"], self._cluster.timeline.elapsed()
        self._began.pop(uid, None)
        self._failures.pop(uid, None)
        if lifetime is None:
            return None
        since = self._finished.setdefault(uid, now)
        if since + float(lifetime) > now:
            return since + float(lifetime) - now
        del self._finished[uid]
        await delete_if_there(self._cluster, JOBS, job)
        return None


def _conditions(job: JSON, ended: tuple[str, str, str] | None, now: str) -> list[JSON]:
    conditions: list[JSON] = dig(job, "status", "conditions", default=[])
    suspended = bool(dig(job, "spec", "suspend"))
    if suspended or any(condition["type"] == "Suspended" for condition in conditions):
        word = "Suspended" if suspended else "Resumed"
        conditions = with_condition(
            conditions,
            "Suspended",
            suspended,
            now=now,
            reason=f"Job{word}",
            message=f"Job {word.lower()}",
            lastProbeTime=now,
        )
    if ended is None:
        return conditions
    type_, reason, message = ended
    for name in ("SuccessCriteriaMet" if type_ == "Complete" else "FailureTarget", type_):
        conditions = with_condition(
            conditions,
            name,
            status=True,
            now=now,
            reason=reason,
            message=message,
            lastProbeTime=now,
        )
    return conditions
