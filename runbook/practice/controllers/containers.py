"""One container of a pod on the node: from waiting over running to its end, and round again.

A `Container` is what the kubelet remembers; `status()` is how it writes that down. Durations come from
the `ContainerPlan`; this module knows neither the API server nor when to look again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

from runbook.practice.cluster import JSON
from runbook.practice.controllers.behaviours import ContainerPlan, Exit
from runbook.practice.controllers.images import image_id

FIRST_RESTART = 1.0  # seconds; the first crash is answered at once
FIRST_BACK_OFF = 10.0  # from the second on; doubled with every restart
LAST_BACK_OFF = 300.0
STABLE_AFTER = 600.0  # a container that ran this long starts its back-off anew


class Phase(StrEnum):
    WAITING = "waiting"  # not its turn yet, or something it needs is missing
    PULLING = "pulling"
    STARTING = "starting"
    RUNNING = "running"
    BACKING_OFF = "backing off"  # ended, and to be started again after a while
    ENDED = "ended"


@dataclass(slots=True)
class Container:
    """What the kubelet knows of one container."""

    pod_uid: str
    spec: JSON
    init: bool
    phase: Phase = Phase.WAITING
    since: float = 0.0  # simulated second at which the phase began
    plan: ContainerPlan = field(default_factory=ContainerPlan)
    restarts: int = 0
    back_off: float = FIRST_BACK_OFF
    restart_after: float = FIRST_RESTART
    waiting_reason: str = ""
    waiting_message: str = ""
    retry_at: float = 0.0  # when what is missing is tried, and complained of, again
    started_at: str = ""
    last_end: JSON | None = None
    this_end: JSON | None = None
    ready: bool = False
    lines_written: int = 0

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def image(self) -> str:
        return str(self.spec.get("image", ""))

    @property
    def sidecar(self) -> bool:
        """An init container that keeps running beside the main ones."""
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def started(self) -> bool:
        return self.phase is Phase.RUNNING

    @property
    def exit_code(self) -> int | None:
        return None if self.this_end is None else int(self.this_end["exitCode"])

    @property
    def done(self) -> bool:
        """Ended well, for good."""
        return self.phase is Phase.ENDED and self.exit_code == 0

    @property
    def passed(self) -> bool:
        """An init container that no longer holds up the others."""
        return self.done or (self.sidecar and self.started)

    def go(self, phase: Phase, now: float) -> None:
        self.phase, self.since = phase, now

    def wait(self, reason: str, message: str = "") -> None:
        self.waiting_reason, self.waiting_message = reason, message

    def begin(self, now: float, stamp: str) -> None:
        """The process starts."""
        self.go(Phase.RUNNING, now)
        self.wait("")
        self.started_at, self.lines_written, self.this_end = stamp, 0, None

    def end(self, how: Exit, now: float, stamp: str) -> None:
        """The process ends, for good until `crash_loop` says otherwise."""
        if now - self.since >= STABLE_AFTER:
            self.back_off = FIRST_BACK_OFF
        self.this_end = {
            "exitCode": how.code,
            "reason": how.reason or ("Completed" if how.code == 0 else "Error"),
            "startedAt": self.started_at,
            "finishedAt": stamp,
            "containerID": self.container_id,
        }
        if how.message:
            self.this_end["message"] = how.message
        self.ready = False
        self.go(Phase.ENDED, now)

    def crash_loop(self, now: float, pod: str) -> None:
        """The pod's restart policy starts it again: at once the first time, then ever later."""
        if self.restarts == 0:
            self.restart_after = FIRST_RESTART
        else:
            self.restart_after = self.back_off
            self.back_off = min(LAST_BACK_OFF, self.back_off * 2)
            delay = _go_duration(self.restart_after)
            message = f"back-off {delay} restarting failed container={self.name} pod={pod}"
            self.wait("CrashLoopBackOff", message)
            self.last_end = self.this_end
        self.go(Phase.BACKING_OFF, now)

    def restart(self, now: float) -> None:
        """The back-off is over; the next instance waits for its turn."""
        self.last_end = self.this_end
        self.restarts += 1
        self.wait("")
        self.go(Phase.WAITING, now)

    @property
    def container_id(self) -> str:
        """Stable for one instance, and of the shape clients expect."""
        instance = f"{self.pod_uid} {self.name} {self.restarts}"
        return f"containerd://{hashlib.sha256(instance.encode()).hexdigest()}"

    def status(self) -> JSON:
        """The entry of `containerStatuses`."""
        running = self.phase is Phase.RUNNING
        started = running or (self.init and self.done)
        status: JSON = {
            "name": self.name,
            "image": self.image,
            "imageID": "",
            "ready": (running and self.ready) or (self.init and self.done),
            "started": running if not self.init else started,
            "restartCount": self.restarts,
            "state": self._state(),
            "lastState": {"terminated": self.last_end} if self.last_end else {},
        }
        if running or self.this_end:
            status["imageID"] = image_id(self.image)
            status["containerID"] = self.container_id
        return status

    def _state(self) -> JSON:
        if self.phase is Phase.RUNNING:
            return {"running": {"startedAt": self.started_at}}
        if self.this_end and (self.phase is Phase.ENDED or not self.waiting_reason):
            return {"terminated": self.this_end}
        waiting = {"reason": self.waiting_reason or "ContainerCreating"}
        if self.waiting_message:
            waiting["message"] = self.waiting_message
        return {"waiting": waiting}


def _go_duration(seconds: float) -> str:
    """As Go prints it: 40s, 2m40s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
