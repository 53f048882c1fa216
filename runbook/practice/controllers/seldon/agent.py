"""The agents: one in each model server pod, between the scheduler and the MLServer beside it.

Rule 1: an agent connects when its three containers run and the scheduler's Service answers; until then
its pod is not ready. Rule 2: what MLServer has loaded stays loaded while the scheduler is away, and
is reported when the agent connects again. Rule 3: a task that was begun ends in the pod, but its
result reaches only the scheduler that asked for it. Every line an agent prints is printed here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    key_of,
    labels_of,
    name_of,
    uid_of,
)
from runbook.practice.controllers.seldon.inventory import (
    AgentReplica,
    ModelSpec,
    ReplicaState,
    VersionRef,
)
from runbook.practice.controllers.seldon.loading import Download, LoadFault, Loading
from runbook.practice.controllers.seldon.names import (
    AGENT,
    AGENT_PORT,
    CAPABILITIES_VARIABLE,
    DEFAULT_CAPABILITIES,
    MEMORY_VARIABLE,
    MLSERVER,
    RCLONE,
    SCHEDULER,
    SCHEDULER_HOST_VARIABLE,
    SERVER_LABEL,
)
from runbook.practice.controllers.seldon.processes import Process, Schedulers
from runbook.practice.controllers.seldon.rclone import RcloneFault, Remote, remotes
from runbook.practice.controllers.seldon.scheduler import Instruction, News
from runbook.practice.controllers.seldon.wording import logrus_line, mlserver_line, rclone_line
from runbook.quantities import parse_quantity

SUBSCRIBE_AFTER = 2.0  # seconds from "could connect" to connected
RETRY = 5.0  # between two attempts to reach the scheduler
DOWNLOAD_TAKES = 6.0
LOAD_TAKES = 9.0
UNLOAD_TAKES = 8.0
LOAD_RETRIES = 5


@dataclass(slots=True)
class Agent:
    """One running agent and its MLServer."""

    key: Key
    pod_uid: str
    server: str
    index: int
    instances: tuple[str, str]  # container ids of agent and mlserver
    remotes: Mapping[str, Remote] = field(default_factory=dict)
    loaded: dict[VersionRef, ModelSpec] = field(default_factory=dict)
    unwanted: set[VersionRef] = field(default_factory=set)  # unloaded while they were being loaded
    connected_to: Process | None = None
    connect_at: float | None = None
    waits_at: Process | None = None  # the scheduler that heard of it and has not taken it yet


class Agents:
    """A controller over the model server pods."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        schedulers: Schedulers,
        *,
        loading: Loading,
        logs: PodLogs,
        look_again: Callable[[str, str], None],
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._schedulers = schedulers
        self._loading = loading
        self._logs = logs
        self._look_again = look_again
        self._agents: dict[Key, Agent] = {}
        schedulers.add_listener(self)

    # -- asked -----------------------------------------------------------------------------------

    def connected(self, namespace: str, pod: str) -> bool:
        """Whether the pod's agent is subscribed to a scheduler: its readiness."""
        agent = self._agents.get(("pods", namespace, pod))
        return agent is not None and agent.connected_to is not None

    def repository(self, namespace: str, pod: str) -> list[str]:
        """What MLServer's repository index of this pod lists: `model_version`."""
        agent = self._agents.get(("pods", namespace, pod))
        return sorted(ref.internal_name for ref in agent.loaded) if agent is not None else []

    # -- the controller --------------------------------------------------------------------------

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {"pods": lambda pod: [key_of("pods", pod)] if SERVER_LABEL in labels_of(pod) else []}

    async def reconcile(self, key: Key) -> float | None:
        pod = self._cluster.get(*key)
        instances = _instances(pod) if pod is not None and not being_deleted(pod) else None
        agent = self._agents.get(key)
        if agent is not None and (pod is None or instances != agent.instances):
            self._leave(agent)
            del self._agents[key]
            agent = None
        if pod is None or instances is None:
            return None
        if agent is None:
            agent = self._agents[key] = self._start(key, pod, instances)
        if agent.connected_to is None and _is_ready(pod, MLSERVER):
            return self._try_to_connect(agent, pod)
        return None

    def _start(self, key: Key, pod: JSON, instances: tuple[str, str]) -> Agent:
        server, index = labels_of(pod)[SERVER_LABEL], int(name_of(pod).rpartition("-")[2])
        agent = Agent(key, uid_of(pod), server, index, instances)
        self._read_remotes(agent)
        return agent

    def _read_remotes(self, agent: Agent) -> None:
        """From the Secrets as they are now; what cannot be read leaves the former remotes."""
        try:
            agent.remotes = remotes(self._cluster, _namespace(agent))
        except RcloneFault as fault:
            self._say(agent, "Failed to update rclone config", level="error", error=fault)

    def _try_to_connect(self, agent: Agent, pod: JSON) -> float | None:
        now = self._cluster.timeline.elapsed()
        if agent.connect_at is None:
            agent.connect_at = now + SUBSCRIBE_AFTER
            self._say(agent, "Call subscribe to scheduler", source="Client")
        if now < agent.connect_at:
            return agent.connect_at - now
        host = _variable(pod, SCHEDULER_HOST_VARIABLE, SCHEDULER)
        try:
            process = self._schedulers.dial(pod, host, AGENT_PORT)
        except Unreachable as error:
            self._say(agent, "Scheduler not ready", level="error", error=error)
            agent.waits_at = None
            return RETRY
        if agent.waits_at != process:
            agent.waits_at = process
            who = f"{agent.server}:{agent.index}"
            self._schedulers.log(process.namespace, f"Received subscribe request from {who}")
        if process.scheduler.holds(agent.server, agent.index, agent.pod_uid):
            return RETRY
        self._connect(agent, pod, process)
        return None

    def _connect(self, agent: Agent, pod: JSON, process: Process) -> None:
        agent.connected_to, agent.connect_at, agent.waits_at = process, None, None
        self._say(agent, "Subscribed to scheduler", source="Client")
        capabilities = _variable(pod, CAPABILITIES_VARIABLE, ",".join(DEFAULT_CAPABILITIES))
        replica = AgentReplica(
            agent.index,
            agent.pod_uid,
            _namespace(agent),
            tuple(part.strip() for part in capabilities.split(",") if part.strip()),
            int(parse_quantity(_variable(pod, MEMORY_VARIABLE, "1Gi"))),
        )
        loaded = sorted(agent.loaded.items(), key=lambda entry: str(entry[0]))
        process.scheduler.agent_subscribed(agent.server, replica, loaded)
        self._schedulers.publish(process.namespace)
        self._look_again(_namespace(agent), agent.key[2])

    def _leave(self, agent: Agent) -> None:
        """The stream ends: the scheduler loses this replica at once."""
        process, agent.connected_to = agent.connected_to, None
        if process is None or self._schedulers.serving(process.namespace) != process:
            return
        who = f"{agent.server}:{agent.index}"
        self._schedulers.log(process.namespace, f"Client replica {who} has disconnected")
        process.scheduler.agent_left(agent.server, agent.index)
        self._schedulers.publish(process.namespace)

    # -- what schedulers tell --------------------------------------------------------------------

    def scheduler_started(self, namespace: str) -> None:
        for agent in self._agents.values():
            if agent.connected_to is None:
                self._controllers.queue(self, agent.key)

    def scheduler_stopped(self, namespace: str) -> None:
        for agent in self._agents.values():
            if agent.connected_to is not None and agent.connected_to.namespace == namespace:
                agent.connected_to = None
                self._say(agent, "event recv failed", level="error", error="EOF")
                self._look_again(_namespace(agent), agent.key[2])
                self._controllers.queue(self, agent.key)

    def scheduler_news(self, process: Process, news: News, experiments: Iterable[str]) -> None:
        """The operator's business."""

    def scheduler_instructs(self, process: Process, instruction: Instruction) -> None:
        for agent in self._agents.values():
            mine = (agent.server, agent.index) == (instruction.server, instruction.index)
            if mine and agent.connected_to == process:
                begin = self._begin_load if instruction.load else self._begin_unload
                begin(agent, process, instruction)

    # -- loading ---------------------------------------------------------------------------------

    def _begin_load(self, agent: Agent, process: Process, task: Instruction) -> None:
        agent.unwanted.discard(task.ref)
        self._say(agent, f"Load model {task.ref}", func="LoadModel", source="AgentServiceManager")

        async def downloaded() -> None:
            if not self._is_current(agent):
                return
            self._report(agent, process, task, ReplicaState.LOADING)
            try:
                files = self._download(agent, task)
            except LoadFault as fault:
                self._fail(agent, process, task, fault)
                return
            self._cluster.timeline.after(LOAD_TAKES, loaded_from(files))

        def loaded_from(files: Download) -> Callable[[], Awaitable[None]]:
            async def loaded() -> None:
                if self._is_current(agent) and task.ref not in agent.unwanted:
                    self._finish_load(agent, process, task, files)

            return loaded

        self._cluster.timeline.after(DOWNLOAD_TAKES, downloaded)

    def _download(self, agent: Agent, task: Instruction) -> Download:
        """A copy that fails is tried once more after the configuration was read again."""
        pod = self._cluster.get(*agent.key)
        assert pod is not None, "an agent is current only while its pod is there"
        try:
            return self._loading.download(pod, task.spec, agent.remotes)
        except LoadFault as fault:
            if not fault.rclone:
                raise
            self._print(agent, RCLONE, rclone_line(self._now(), fault.rclone, level="ERROR"))
        self._read_remotes(agent)
        return self._loading.download(pod, task.spec, agent.remotes)

    def _finish_load(
        self, agent: Agent, process: Process, task: Instruction, files: Download
    ) -> None:
        try:
            path = self._loading.serve(task.spec, task.ref, files)
        except LoadFault as fault:
            for attempt in range(1, LOAD_RETRIES + 1):
                self._say(agent, f"Retry op #{attempt}", level="warning", error=fault)
            self._fail(agent, process, task, fault)
            return
        agent.loaded[task.ref] = task.spec
        name = task.ref.internal_name
        self._say(agent, f"Chose path {path} for model {task.ref}", source="V2Repository")
        loaded = f"Loaded model '{name}' successfully."
        self._print(agent, MLSERVER, mlserver_line(self._now(), loaded))
        self._say(agent, f"Load model {task.ref} success", source="AgentServiceManager")
        self._report(agent, process, task, ReplicaState.AVAILABLE)

    def _fail(self, agent: Agent, process: Process, task: Instruction, fault: LoadFault) -> None:
        if fault.rclone:
            self._print(agent, RCLONE, rclone_line(self._now(), fault.rclone, level="ERROR"))
        if fault.mlserver:
            self._print(agent, MLSERVER, mlserver_line(self._now(), fault.mlserver, level="ERROR"))
        failed = f"Failed to handle load model {task.ref}"
        self._say(agent, failed, level="error", error=fault.reason)
        self._say(agent, "Failed to load model, sending error to scheduler", level="error")
        self._report(agent, process, task, ReplicaState.LOAD_FAILED, fault.reason)

    def _begin_unload(self, agent: Agent, process: Process, task: Instruction) -> None:
        agent.unwanted.add(task.ref)
        self._say(
            agent, f"Unload model {task.ref}", func="UnloadModel", source="AgentServiceManager"
        )

        async def unloaded() -> None:
            if not self._is_current(agent):
                return
            agent.loaded.pop(task.ref, None)
            text = f"Unloaded model '{task.ref.internal_name}' successfully."
            self._print(agent, MLSERVER, mlserver_line(self._now(), text))
            self._say(agent, f"Unload model {task.ref} success", source="AgentServiceManager")
            self._report(agent, process, task, None)

        self._cluster.timeline.after(UNLOAD_TAKES, unloaded)

    def _report(
        self,
        agent: Agent,
        process: Process,
        task: Instruction,
        state: ReplicaState | None,
        reason: str = "",
    ) -> None:
        if agent.connected_to != process or self._schedulers.serving(process.namespace) != process:
            return
        process.scheduler.model_event(agent.server, agent.index, task.ref, state, reason)
        self._schedulers.publish(process.namespace)

    def _is_current(self, agent: Agent) -> bool:
        return self._agents.get(agent.key) is agent

    # -- printing --------------------------------------------------------------------------------

    def _say(self, agent: Agent, message: str, *, level: str = "info", **fields: object) -> None:
        self._print(agent, AGENT, logrus_line(self._now(), message, level=level, **fields))

    def _print(self, agent: Agent, container: str, line: str) -> None:
        self._logs.append(_namespace(agent), agent.key[2], container, line)

    def _now(self) -> datetime:
        return self._cluster.timeline.now()


def _namespace(agent: Agent) -> str:
    return str(agent.key[1])


def _instances(pod: JSON) -> tuple[str, str] | None:
    """The ids of the agent's and MLServer's containers, while all three run."""
    ids = [_running(pod, container) for container in (RCLONE, AGENT, MLSERVER)]
    return (ids[1], ids[2]) if all(ids) else None


def _running(pod: JSON, container: str) -> str:
    status = _container_status(pod, container)
    return str(status.get("containerID", "")) if dig(status, "state", "running") else ""


def _is_ready(pod: JSON, container: str) -> bool:
    return bool(_container_status(pod, container).get("ready"))


def _container_status(pod: JSON, container: str) -> JSON:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return next((status for status in statuses if status["name"] == container), {})


def _variable(pod: JSON, name: str, default: str) -> str:
    """A variable of the agent's environment, as the pod spec spells it out."""
    containers = dig(pod, "spec", "containers", default=[])
    agent: JSON = next((c for c in containers if c["name"] == AGENT), {})
    variables = agent.get("env") or []
    value = next((v.get("value") for v in variables if v["name"] == name), None)
    return str(value) if value else default
