"""What containers have printed. Bounded: a container keeps its last lines, and one earlier instance.

Knows nothing of pods but their names; whoever makes a container do something writes the line here.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime

from runbook.practice.timeline import Timeline

LINES_KEPT = 2000  # per container instance; a kubelet rotates at 10 MiB, about as long as a drill
LONGEST_LINE = 16 * 1024  # where container runtimes split a line

Line = tuple[datetime, str]
Container = tuple[str, str, str]  # namespace, pod, container


class PodLogs:
    """The log of every container, current instance and previous one."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._current: dict[Container, deque[Line]] = {}
        self._previous: dict[Container, deque[Line]] = {}

    def append(self, namespace: str, pod: str, container: str, line: str) -> None:
        """Print one line (or several, at newlines) now."""
        lines = self._current.setdefault((namespace, pod, container), deque(maxlen=LINES_KEPT))
        now = self._timeline.now()
        lines.extend((now, text[:LONGEST_LINE]) for text in line.split("\n"))

    def read(
        self, namespace: str, pod: str, container: str, *, previous: bool = False
    ) -> list[Line]:
        """Lines with their times, oldest first; [] when it has printed nothing."""
        instances = self._previous if previous else self._current
        return list(instances.get((namespace, pod, container), ()))

    def restart(self, namespace: str, pod: str, container: str) -> None:
        """A new instance starts: what was printed becomes `--previous`."""
        key = (namespace, pod, container)
        self._previous[key] = self._current.pop(key, deque(maxlen=LINES_KEPT))

    def forget(self, namespace: str, pod: str) -> None:
        """The pod is gone, and its logs with it."""
        for instances in (self._current, self._previous):
            for key in [key for key in instances if key[:2] == (namespace, pod)]:
                del instances[key]
