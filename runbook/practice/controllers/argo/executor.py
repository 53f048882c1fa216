"""The executor: runs the jobs of workflow pods, beside the kubelet that starts and stops containers.

Rule 1: a job begins when its main container runs and dies with its pod; what it had not done by then
does not happen. Rule 2: `init` takes a moment, `wait` ends when `main` has ended. Rule 3: `wait`
reports to the API server, and fails when network policies or the rights of the pod's account do not
let it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from runbook.practice.apiserver.authorization import Attributes, User, check
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.argo.jobs import Act, JobFailed, JobRun, JobTable
from runbook.practice.controllers.argo.names import INIT, MAIN, NODE_ID, WAIT, WORKFLOW_LABEL
from runbook.practice.controllers.argo.volumes_data import VolumesData
from runbook.practice.controllers.behaviours import ContainerPlan, Exit, PodBehaviour
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.network import (
    api_server_address,
    end_of,
    reaches_api_server,
)
from runbook.practice.controllers.objects import (
    annotations_of,
    being_deleted,
    dig,
    key_of,
    labels_of,
    uid_of,
)
from runbook.practice.controllers.seldon.wording import logrus_line

MAIN_ENDS_AFTER = 0.5  # from the program's last act to the container's end
INIT_TAKES = 1.0
REPORT_TIMEOUT = 30.0  # until a report that nobody lets through is given up
REPORTS_TO = ("argoproj.io", "workflowtaskresults")  # made by `wait`, then filled in
UNABLE = 64  # how the executor ends when it cannot do its own work
TERMINATED = Exit(143)


@dataclass(slots=True)
class Work:
    """One job of one pod."""

    key: Key
    pod_uid: str
    steps: Iterator[float | Act]
    run: JobRun
    printed: list[str] = field(default_factory=list)
    outcome: Exit | None = None
    reported: Exit | None = None


class Executor(PodBehaviour):
    """A controller over the workflows' pods, and their behaviour."""

    def __init__(
        self,
        cluster: Cluster,
        jobs: JobTable,
        volumes: VolumesData,
        *,
        logs: PodLogs,
        look_again: Callable[[str, str], None],
    ) -> None:
        self._cluster = cluster
        self._jobs = jobs
        self._volumes = volumes
        self._logs = logs
        self._look_again = look_again
        self._works: dict[Key, Work] = {}
        self._terminated: set[str] = set()  # uids of pods that were ended before they began

    # -- the kubelet asks ------------------------------------------------------------------------

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        now = self._cluster.timeline.now()
        if container == INIT:
            line = logrus_line(now, "Starting Workflow Executor", version="v3.6.10")
            return ContainerPlan(start=0.3, ready=0.0, runs=INIT_TAKES, lines=((0.0, line),))
        if container == WAIT:
            lines = (
                (0.0, logrus_line(now, "Starting Workflow Executor", version="v3.6.10")),
                (0.1, logrus_line(now, "Starting deadline monitor")),
            )
            return ContainerPlan(start=0.3, ready=0.0, lines=lines)
        return ContainerPlan(start=0.3, ready=0.0, stop=2.0)

    def ready(self, pod: JSON, container: str) -> bool:
        return True

    def ended(self, pod: JSON, container: str) -> Exit | None:
        work = self._works.get(key_of("pods", pod))
        if work is None or work.pod_uid != uid_of(pod):
            return None
        return work.outcome if container == MAIN else work.reported

    # -- the workflow controller asks ------------------------------------------------------------

    def results(self, pods: Mapping[str, JSON]) -> dict[str, str]:
        """Node id -> the last thing its ended program printed, for `outputs.result`."""
        found = {}
        for pod in pods.values():
            work = self._works.get(key_of("pods", pod))
            mine = work is not None and work.pod_uid == uid_of(pod)
            if work is not None and mine and work.outcome == Exit(0) and work.printed:
                found[annotations_of(pod).get(NODE_ID, "")] = work.printed[-1]
        return found

    def terminate(self, pod: JSON) -> None:
        """End a pod's program, as by SIGTERM; the pod stays, Failed."""
        work = self._works.get(key_of("pods", pod))
        if work is None or work.pod_uid != uid_of(pod):
            self._terminated.add(uid_of(pod))
        elif work.outcome is None:
            work.steps = _never_again()
            self._end(work, TERMINATED)

    # -- the controller --------------------------------------------------------------------------

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {"pods": lambda p: [key_of("pods", p)] if WORKFLOW_LABEL in labels_of(p) else []}

    async def reconcile(self, key: Key) -> float | None:
        pod = self._cluster.get(*key)
        work = self._works.get(key)
        if work is not None and (pod is None or uid_of(pod) != work.pod_uid):
            del self._works[key]
            work = None
        if work is None and pod is not None and not being_deleted(pod) and _main_runs(pod):
            self._begin(key, pod)
        return None

    def _begin(self, key: Key, pod: JSON) -> None:
        printed: list[str] = []

        def say(line: str) -> None:
            printed.append(line)
            self._logs.append(str(key[1]), key[2], MAIN, line)

        run = JobRun(self._cluster, self._volumes, pod, say)
        steps = self._jobs.of(pod)(run)
        self._works[key] = work = Work(key, uid_of(pod), steps, run, printed)
        if work.pod_uid in self._terminated:
            self._terminated.remove(work.pod_uid)
            self._end(work, TERMINATED)
        else:
            self._go_on(work, 0.0)

    def _go_on(self, work: Work, delay: float) -> None:
        async def step() -> None:
            if not self._alive(work):
                return
            try:
                coming = next(work.steps)
                while not isinstance(coming, float | int):
                    await coming()
                    coming = next(work.steps)
                self._go_on(work, coming)
            except StopIteration:
                self._end(work, Exit(0))
            except ApiError as refusal:
                work.run.print(refusal.message)
                self._end(work, Exit(1))
            except JobFailed as failure:
                for line in failure.lines:
                    work.run.print(line)
                self._end(work, Exit(failure.code, failure.reason))

        self._cluster.timeline.after(delay, step)

    def _end(self, work: Work, outcome: Exit) -> None:
        async def ended() -> None:
            if not self._alive(work):
                return
            work.outcome = outcome
            self._log(work, "Main container completed")
            if not reaches_api_server(self._cluster, end_of(work.run.pod)):
                self._cluster.timeline.after(REPORT_TIMEOUT, timed_out)
            elif forbidden := self._forbidden(work):
                self._give_up(work, forbidden)
            else:
                work.reported = Exit(0)
            self._look_again(str(work.key[1]), work.key[2])

        async def timed_out() -> None:
            if self._alive(work):
                address = api_server_address(self._cluster)
                path = f"/apis/argoproj.io/v1alpha1/namespaces/{work.key[1]}/workflowtaskresults"
                error = f'Post "https://{address}{path}": dial tcp {address}: i/o timeout'
                self._give_up(work, error)
                self._look_again(str(work.key[1]), work.key[2])

        self._cluster.timeline.after(MAIN_ENDS_AFTER, ended)

    def _forbidden(self, work: Work) -> str:
        """Why the pod's account may not report, in the API server's words; empty when it may."""
        namespace, pod = str(work.key[1]), work.run.pod
        account = dig(pod, "spec", "serviceAccountName", default="default")
        user = User.service_account(namespace, account)
        node = annotations_of(pod).get(NODE_ID, "")
        try:
            for verb, name in (("create", ""), ("patch", node)):
                wanted = Attributes(verb, *REPORTS_TO, namespace=namespace, name=name)
                check(self._cluster, user, wanted)
        except ApiError as refusal:
            return refusal.message
        return ""

    def _give_up(self, work: Work, error: str) -> None:
        self._log(work, "failed to report outputs", level="error", error=error)
        work.reported = Exit(UNABLE, message=error)

    def _log(self, work: Work, message: str, *, level: str = "info", **fields: object) -> None:
        line = logrus_line(self._cluster.timeline.now(), message, level=level, **fields)
        self._logs.append(str(work.key[1]), work.key[2], WAIT, line)

    def _alive(self, work: Work) -> bool:
        pod = self._cluster.get(*work.key)
        same = pod is not None and uid_of(pod) == work.pod_uid and not being_deleted(pod)
        return same and self._works.get(work.key) is work


def _never_again() -> Iterator[float | Act]:
    while True:
        yield 3600.0


def _main_runs(pod: JSON) -> bool:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return any(s["name"] == MAIN and dig(s, "state", "running") is not None for s in statuses)
