"""How the containers of Seldon's pods behave: start-up lines, readiness, and agents that cannot start.

Rule: an agent that cannot read its rclone configuration prints why and exits, again at each restart;
the rest of its pod runs on, which shows as 2/3 and CrashLoopBackOff.
"""

from __future__ import annotations

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.behaviours import ContainerPlan, Exit, PodBehaviour
from runbook.practice.controllers.objects import name_of, namespace_of
from runbook.practice.controllers.seldon.agent import Agents
from runbook.practice.controllers.seldon.names import (
    AGENT,
    DEFAULT_RCLONE_SECRET,
)
from runbook.practice.controllers.seldon.rclone import RcloneFault, remotes, secret_names
from runbook.practice.controllers.seldon.wording import (
    go_list,
    logrus_line,
    mlserver_line,
    rclone_line,
)

DRAIN_TAKES = 12.0  # seconds; preStop asks the drainer, up to the grace period of 120 s
MLSERVER_STARTS = 8.0


class ServerPods(PodBehaviour):
    """rclone, agent and mlserver."""

    def __init__(self, cluster: Cluster, agents: Agents) -> None:
        self._cluster = cluster
        self._agents = agents

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        now = self._cluster.timeline.now()
        match container:
            case "rclone":
                line = rclone_line(now, "Serving remote control on http://[::]:5572/")
                return ContainerPlan(ready=1.0, stop=DRAIN_TAKES, lines=((0.2, line),))
            case "agent":
                return self._agent(pod, attempt)
            case "mlserver":
                lines = (
                    (1.0, mlserver_line(now, _NO_TARBALL, level="WARNING")),
                    (5.0, mlserver_line(now, "HTTP server running on http://0.0.0.0:9000")),
                    (7.0, mlserver_line(now, "gRPC server running on http://0.0.0.0:9500")),
                )
                return ContainerPlan(ready=MLSERVER_STARTS, stop=DRAIN_TAKES, lines=lines)
        return super().plan(pod, container, attempt)

    def ready(self, pod: JSON, container: str) -> bool:
        if container != AGENT:
            return True
        return self._agents.connected(str(namespace_of(pod)), name_of(pod))

    def _agent(self, pod: JSON, attempt: int) -> ContainerPlan:
        now, namespace = self._cluster.timeline.now(), str(namespace_of(pod))
        lines = [
            logrus_line(now, "retrieving Rclone secret", secret_name=name, source="RCloneClient")
            for name in secret_names(self._cluster, namespace) or [DEFAULT_RCLONE_SECRET]
        ]
        try:
            found = remotes(self._cluster, namespace)
        except RcloneFault as fault:
            lines += [
                logrus_line(now, "Failed to load rclone defaults", level="error", error=fault),
                logrus_line(
                    now,
                    "Failed to initialise rclone config listener",
                    level="fatal",
                    error=fault,
                ),
            ]
            return ContainerPlan(runs=1.0, end=Exit(1), lines=tuple((0.3, line) for line in lines))
        verb = "updating existing" if attempt else "creating new"
        for name in found:
            lines += [
                logrus_line(now, "loaded config", remote_name=name, source="RCloneClient"),
                logrus_line(now, f"{verb} Rclone remote", remote_name=name, source="RCloneClient"),
            ]
        names = go_list(tuple(found))
        lines.append(logrus_line(now, f"After update current set of remotes is {names}"))  # noqa: S608 - not SQL
        return ContainerPlan(
            ready=0.5, stop=DRAIN_TAKES, lines=tuple((0.3, line) for line in lines)
        )


class SchedulerPods(PodBehaviour):
    """The scheduler, whose grace period is five seconds: it goes before anything that needs it."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        now = self._cluster.timeline.now()
        lines = (
            (0.5, logrus_line(now, "Starting xDS server", port=9002, source="main")),
            (
                1.0,
                logrus_line(now, "Scheduler server running", port=9004, source="SchedulerServer"),
            ),
            (1.0, logrus_line(now, "Agent server running", port=9005, source="AgentServer")),
        )
        return ContainerPlan(ready=5.0, stop=3.0, lines=lines)


_NO_TARBALL = "Environment tarball not found; using the environment MLServer runs in"
