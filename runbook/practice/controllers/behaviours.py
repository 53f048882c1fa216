"""How the containers of certain pods behave: no program runs here, so somebody has to say.

A `PodBehaviour` is registered for pods by label. The kubelet asks it for the plan of each container
instance when that starts, and at every look at the pod whether the container is ready or has ended.
Whoever changes such an answer asks the kubelet to look again (`Kubelet.look_again`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import controller_key, labels_of


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended. `reason` is derived from the code when it is left empty."""

    code: int
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container instance from its creation to its end, in simulated seconds."""

    start: float = 0.5  # from image present to started
    ready: float = 2.0  # from started to ready
    runs: float | None = None  # from started to `end`; None = until it is stopped
    end: Exit = Exit(0)
    stop: float = 1.0  # from SIGTERM to gone; the pod's grace period is the upper limit
    lines: tuple[tuple[float, str], ...] = ()  # (seconds after start, log line), in order
    image_error: str = ""  # the registry's answer when the image cannot be pulled


class PodBehaviour:
    """The default: every container starts, becomes ready and runs until it is stopped.

    Containers of a Job, like init containers, do their work and end well.
    """

    def plan(self, pod: JSON, container: str, attempt: int) -> ContainerPlan:
        """The plan of this instance; `attempt` counts the restarts, from 0."""
        image = next(
            c["image"]
            for field in ("initContainers", "containers")
            for c in pod["spec"].get(field) or []
            if c["name"] == container
        )
        lines = ((0.0, f"{container}: starting {image}"), (2.0, f"{container}: ready"))
        is_init = any(c["name"] == container for c in pod["spec"].get("initContainers") or [])
        runs = 2.5 if is_init else 5.0 if controller_key(pod, "Job", "") else None
        return ContainerPlan(runs=runs, lines=lines)

    def ready(self, pod: JSON, container: str) -> bool:
        """Whether a started container passes its readiness probe now."""
        return True

    def ended(self, pod: JSON, container: str) -> Exit | None:
        """How a running container has ended by what happened around it; None: it has not."""
        return None


class PodBehaviours:
    """Which behaviour a pod has: the most specific registered labels win, then the latest."""

    def __init__(self) -> None:
        self._registered: list[tuple[dict[str, str], PodBehaviour]] = []
        self._default = PodBehaviour()

    def register(self, labels: Mapping[str, str], behaviour: PodBehaviour) -> None:
        """For pods that carry all these labels. A value of "" asks only that the label is there."""
        self._registered.append((dict(labels), behaviour))
        self._registered.sort(key=lambda entry: len(entry[0]))

    def of(self, pod: JSON) -> PodBehaviour:
        labels = labels_of(pod)
        for wanted, behaviour in reversed(self._registered):
            if all(
                name in labels and value in ("", labels[name]) for name, value in wanted.items()
            ):
                return behaviour
        return self._default
