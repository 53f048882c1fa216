"""The kubelet of the practice node: what happens to a pod between its placement and its end.

    when                           after                 then
    placed, volumes there          a sandbox's second    it has an address; containers take their turn
    container's turn               (pulling)             Pulling, Pulled
    image there                    plan.start            Created, Started; its log lines follow
    running                        plan.ready            ready, if its behaviour says so too
    running                        plan.runs             ended; restarted as the pod's policy says
    deleted                        plan.stop (<= grace)  Killing; gone

No process runs: durations, exit codes and log lines come from the `PodBehaviour` registered for a pod.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.behaviours import Exit, PodBehaviour, PodBehaviours
from runbook.practice.controllers.containers import Container, Phase
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.pod_status import (
    FINISHED,
    initialized,
    phase_of,
    pod_status,
    will_restart,
)
from runbook.practice.controllers.prerequisites import missing_environment, missing_mount
from runbook.practice.controllers.writing import delete_if_there, write_status

SANDBOX = 1.0  # seconds until a placed pod has its network
PULL = (2.0, 8.0)  # seconds, at random, the first time an image is used on the node
RETRY = 10.0  # seconds between two looks at something missing that nothing announces


@dataclass(slots=True)
class PodRun:
    """What the kubelet remembers of one pod."""

    uid: str
    containers: list[Container]
    accepted: float
    ip: str = ""
    retry_at: float = 0.0  # when a volume that is missing is complained of again
    pull_times: dict[str, float] = field(default_factory=dict)
    stopping: float | None = None


class Kubelet:
    """Runs the pods of the node, as far as any client can see."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        events: EventRecorder,
        logs: PodLogs,
        behaviours: PodBehaviours,
        *,
        seed: int = 0,
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._events = events
        self._logs = logs
        self._behaviours = behaviours
        self._random = random.Random(f"kubelet {seed}")
        self._runs: dict[Key, PodRun] = {}
        self._blocked: set[Key] = set()
        self._images: set[str] = set()
        self._addresses = 0
        self.watches: Mapping[str, KeysOf] = {
            "pods": lambda pod: [key_of("pods", pod)],
            "secrets": self._blocked_beside,
            "configmaps": self._blocked_beside,
            "persistentvolumeclaims": self._blocked_beside,
        }

    def look_again(self, namespace: str, pod: str) -> None:
        """Something that a behaviour's answers depend on has changed."""
        self._controllers.queue(self, ("pods", namespace, pod))

    def have_image(self, image: str) -> None:
        """The image is on the node already, so it need not be pulled."""
        self._images.add(image)

    def _blocked_beside(self, obj: JSON) -> list[Key]:
        namespace = namespace_of(obj)
        return sorted(key for key in self._blocked if key[1] == namespace)

    async def reconcile(self, key: Key) -> float | None:
        pod = self._cluster.get(*key)
        self._blocked.discard(key)
        run = self._runs.get(key)
        if run is not None and (pod is None or uid_of(pod) != run.uid):
            self._forget(key)
            run = None
        if pod is None or not dig(pod, "spec", "nodeName"):
            return None
        if being_deleted(pod):
            return await self._stop(key, pod, run)
        if run is None:
            if dig(pod, "status", "phase") in FINISHED:
                return None
            run = self._accept(key, pod)
        again = await self._advance(key, pod, run)
        await self._write_down(pod, run)
        return again

    def _accept(self, key: Key, pod: JSON) -> PodRun:
        uid = uid_of(pod)
        containers = [
            Container(uid, spec, init=field_name == "initContainers")
            for field_name in ("initContainers", "containers")
            for spec in dig(pod, "spec", field_name, default=[])
        ]
        run = PodRun(uid, containers, self._cluster.timeline.elapsed())
        self._runs[key] = run
        return run

    def _forget(self, key: Key) -> None:
        self._runs.pop(key, None)
        if key[1] is not None:
            self._logs.forget(key[1], key[2])

    async def _advance(self, key: Key, pod: JSON, run: PodRun) -> float | None:
        """Let everything happen whose time has come; the seconds until the next thing."""
        if not run.ip:
            waiting = await self._set_up(key, pod, run)
            if waiting is not None:
                return waiting
        delays: list[float] = []
        for container in run.containers:
            if not container.init and not initialized(run.containers):
                container.wait("PodInitializing")
                continue
            delay = await self._step(key, pod, run, container)
            if delay is not None:
                delays.append(delay)
            if container.init and not container.passed:
                _wait_for_init(run.containers)
                break
        if phase_of(run.containers) in FINISHED:
            self._stop_sidecars(run)
        return min(delays, default=None)

    async def _set_up(self, key: Key, pod: JSON, run: PodRun) -> float | None:
        """Volumes, then the sandbox; None when the pod has its address."""
        _wait_for_init(run.containers)
        now = self._cluster.timeline.elapsed()
        missing = missing_mount(self._cluster, pod)
        if missing is not None:
            if run.retry_at <= now:
                volume, complaint = missing
                message = f'MountVolume.SetUp failed for volume "{volume}" : {complaint}'
                await self._remark(pod, "FailedMount", message, warning=True)
                run.retry_at = now + RETRY
            self._blocked.add(key)
            run.accepted = now
            return run.retry_at - now
        left = run.accepted + SANDBOX - now
        if left > 0:
            return left
        self._addresses += 1
        run.ip = f"10.42.{self._addresses // 250 % 256}.{self._addresses % 250 + 2}"
        return None

    async def _step(self, key: Key, pod: JSON, run: PodRun, container: Container) -> float | None:
        """Move one container on as far as time allows; the seconds until it moves again."""
        while True:
            before = container.phase, container.since
            delay = await self._act(key, pod, run, container)
            if delay is not None or (container.phase, container.since) == before:
                return delay

    async def _act(self, key: Key, pod: JSON, run: PodRun, container: Container) -> float | None:
        now = self._cluster.timeline.elapsed()
        match container.phase:
            case Phase.WAITING:
                return await self._prepare(key, pod, run, container)
            case Phase.PULLING:
                took = run.pull_times[container.name]
                if container.since + took > now:
                    return container.since + took - now
                self._images.add(container.image)
                message = f'Successfully pulled image "{container.image}" in {took:.3f}s ({took:.3f}s including waiting).'
                await self._remark(pod, "Pulled", message, container)
                container.go(Phase.STARTING, now)
            case Phase.STARTING:
                if container.since + container.plan.start > now:
                    return container.since + container.plan.start - now
                await self._start(pod, container)
            case Phase.RUNNING:
                return await self._run(pod, container)
            case Phase.BACKING_OFF:
                due = container.since + container.restart_after
                if due > now:
                    return due - now
                container.restart(now)
            case Phase.ENDED:
                return None
        return None

    async def _prepare(
        self, key: Key, pod: JSON, run: PodRun, container: Container
    ) -> float | None:
        """Its turn has come: configuration, then the image."""
        now = self._cluster.timeline.elapsed()
        complaint = missing_environment(self._cluster, pod, container.spec)
        if complaint is not None:
            self._blocked.add(key)
            if complaint != container.waiting_message or container.retry_at <= now:
                container.wait("CreateContainerConfigError", complaint)
                await self._remark(pod, "Failed", f"Error: {complaint}", container, warning=True)
                container.retry_at = now + RETRY
            return container.retry_at - now
        container.plan = self._behaviour(pod).plan(pod, container.name, container.restarts)
        if container.plan.image_error:
            return await self._cannot_pull(pod, container, now)
        container.wait("")
        always = container.spec.get("imagePullPolicy") == "Always"
        if container.image in self._images and not always:
            message = f'Container image "{container.image}" already present on machine'
            await self._remark(pod, "Pulled", message, container)
            container.go(Phase.STARTING, now)
        else:
            await self._remark(pod, "Pulling", f'Pulling image "{container.image}"', container)
            run.pull_times[container.name] = self._random.uniform(*PULL)
            container.go(Phase.PULLING, now)
        return None

    async def _cannot_pull(self, pod: JSON, container: Container, now: float) -> float:
        """The error first, then backing off, in turns."""
        if container.retry_at > now:
            return container.retry_at - now
        image, error = container.image, container.plan.image_error
        container.retry_at = now + RETRY
        if container.waiting_reason == "ErrImagePull":
            message = f'Back-off pulling image "{image}": ErrImagePull: {error}'
            container.wait("ImagePullBackOff", message)
            await self._remark(pod, "BackOff", f'Back-off pulling image "{image}"', container)
            return RETRY
        container.wait("ErrImagePull", error)
        await self._remark(pod, "Pulling", f'Pulling image "{image}"', container)
        message = f'Failed to pull image "{image}": {error}'
        await self._remark(pod, "Failed", message, container, warning=True)
        await self._remark(pod, "Failed", "Error: ErrImagePull", container, warning=True)
        return RETRY

    async def _start(self, pod: JSON, container: Container) -> None:
        timeline = self._cluster.timeline
        if container.restarts:
            self._logs.restart(namespace_of(pod) or "", name_of(pod), container.name)
        container.begin(timeline.elapsed(), timeline.stamp())
        await self._remark(pod, "Created", f"Created container: {container.name}", container)
        await self._remark(pod, "Started", f"Started container {container.name}", container)

    async def _run(self, pod: JSON, container: Container) -> float | None:
        """A running container: print what is due, be ready or not, end when it is time."""
        timeline = self._cluster.timeline
        now, plan, behaviour = timeline.elapsed(), container.plan, self._behaviour(pod)
        age = now - container.since
        self._print_due(pod, container, age)
        ended = behaviour.ended(pod, container.name)
        if ended is None and plan.runs is not None and plan.runs <= age:
            ended = plan.end
        if ended is not None:
            container.end(ended, now, timeline.stamp())
            if will_restart(dig(pod, "spec", "restartPolicy", default="Always"), container):
                await self._crash_loop(pod, container)
            return None
        container.ready = age >= plan.ready and behaviour.ready(pod, container.name)
        moments = [plan.ready] if plan.runs is None else [plan.ready, plan.runs]
        moments += [at for at, _ in plan.lines[container.lines_written :][:1]]
        return min((at - age for at in moments if at > age), default=None)

    def _print_due(self, pod: JSON, container: Container, age: float) -> None:
        lines = container.plan.lines
        while container.lines_written < len(lines) and lines[container.lines_written][0] <= age:
            text = lines[container.lines_written][1]
            self._logs.append(namespace_of(pod) or "", name_of(pod), container.name, text)
            container.lines_written += 1

    async def _crash_loop(self, pod: JSON, container: Container) -> None:
        identity = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        container.crash_loop(self._cluster.timeline.elapsed(), identity)
        if container.waiting_reason:
            message = f"Back-off restarting failed container {container.name} in pod {identity}"
            await self._remark(pod, "BackOff", message, container, warning=True)

    def _stop_sidecars(self, run: PodRun) -> None:
        timeline = self._cluster.timeline
        for container in run.containers:
            if container.sidecar and container.started:
                container.end(Exit(0), timeline.elapsed(), timeline.stamp())

    async def _stop(self, key: Key, pod: JSON, run: PodRun | None) -> float | None:
        """SIGTERM, the time it takes to stop, and the object is released."""
        running = [] if run is None else [c for c in run.containers if c.started]
        timeline = self._cluster.timeline
        if run is not None and running:
            if run.stopping is None:
                run.stopping = timeline.elapsed()
                for container in running:
                    message = f"Stopping container {container.name}"
                    await self._remark(pod, "Killing", message, container)
            grace = float(dig(pod, "metadata", "deletionGracePeriodSeconds", default=30))
            needed = max(container.plan.stop for container in running)
            left = run.stopping + min(needed, grace) - timeline.elapsed()
            if left > 0:
                return left
            for container in running:
                how = Exit(0) if container.plan.stop <= grace else Exit(137)
                container.end(how, timeline.elapsed(), timeline.stamp())
            await self._write_down(pod, run)
        await delete_if_there(self._cluster, "pods", pod, grace=0)
        return None

    async def _write_down(self, pod: JSON, run: PodRun) -> None:
        status = pod_status(
            pod,
            run.containers,
            pod_ip=run.ip,
            host_ip=self._host_ip(pod),
            now=self._cluster.timeline.stamp(),
        )
        await write_status(self._cluster, "pods", pod, status)

    def _host_ip(self, pod: JSON) -> str:
        node = self._cluster.get("nodes", None, pod["spec"]["nodeName"])
        addresses: Sequence[JSON] = dig(node, "status", "addresses", default=[])
        found = (a["address"] for a in addresses if a["type"] == "InternalIP")
        return str(next(found, "127.0.0.1"))

    def _behaviour(self, pod: JSON) -> PodBehaviour:
        return self._behaviours.of(pod)

    async def _remark(
        self,
        pod: JSON,
        reason: str,
        message: str,
        container: Container | None = None,
        *,
        warning: bool = False,
    ) -> None:
        path = ""
        if container is not None:
            path = (
                f"spec.{'initContainers' if container.init else 'containers'}{{{container.name}}}"
            )
        await self._events.record(
            pod,
            reason,
            message,
            "Warning" if warning else "Normal",
            "kubelet",
            field_path=path,
            host=pod["spec"]["nodeName"],
        )


def _wait_for_init(containers: Sequence[Container]) -> None:
    """Main containers say what they wait for: their init containers, or just to be created."""
    has_init = any(container.init for container in containers)
    for container in containers:
        if container.phase is Phase.WAITING and not container.waiting_reason and not container.init:
            container.wait("PodInitializing" if has_init else "ContainerCreating")
