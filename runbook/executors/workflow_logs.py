"""The logs of a Workflow's pods, read while they still exist: pod GC takes them seconds after the end."""

from __future__ import annotations

from typing import Any

from runbook.errors import RunbookError
from runbook.executors.base import Attempt, Desk, Writer
from runbook.redact import Redactor
from runbook.target.api import ApiStatusError, ResourceRef
from runbook.target.client import ClusterClient

PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)
NODE_ID = "workflows.argoproj.io/node-id"
MAIN = "main"


class WorkflowLogs:
    """Passes on what the main containers of one Workflow have written, each line once."""

    def __init__(
        self,
        client: ClusterClient,
        attempt: Attempt,
        desk: Desk,
        redactor: Redactor,
        writer: Writer,
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._desk = desk
        self._redactor = redactor
        self._writer = writer
        self._seen: dict[str, int] = {}
        self._complete: set[str] = set()
        self._begun: set[str] = set()
        self._said: set[str] = set()

    def say(self, line: str) -> None:
        data = (self._redactor.text(line) + "\n").encode()
        self._writer.write(data)
        self._desk.output(self._attempt, data)

    def say_once(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self.say(line)

    async def fetch(self, namespace: str, workflow: str, *, final: bool) -> None:
        """Read what is new. A pod that is gone or not started yet has nothing to say."""
        try:
            pods = await self._client.list(
                PODS, namespace, label_selector=f"workflows.argoproj.io/workflow={workflow}"
            )
        except RunbookError as fault:
            self._refused(fault)
            return
        for pod in pods.items:
            node = (pod["metadata"].get("annotations") or {}).get(NODE_ID) or ""
            node = str(node or pod["metadata"]["name"])
            if node not in self._complete:
                await self._read(namespace, pod, node, final=final)

    async def _read(self, namespace: str, pod: dict[str, Any], node: str, *, final: bool) -> None:
        name, over = str(pod["metadata"]["name"]), _over(pod)
        try:
            text = await self._client.logs(namespace, name, container=MAIN)
        except RunbookError as fault:
            self._refused(fault)
            return
        whole = [
            line.rstrip("\r\n")
            for line in text.splitlines(keepends=True)
            if final or over or line.endswith("\n")
        ]
        for line in whole[self._seen.get(node, 0) :]:
            self.say(f"{name}: {line.rstrip()}")
        self._seen[node] = max(self._seen.get(node, 0), len(whole))
        self._begun.add(node)
        if over:
            self._complete.add(node)

    def lost(self, started: dict[str, str], strategy: str) -> None:
        """Say of which nodes the log could not be read to its end. `started`: names by node id."""
        cause = f"podGC {strategy} removed its pod" if strategy else "its pod is gone"
        for node, name in started.items():
            if node in self._complete:
                continue
            what = "the end of the log" if node in self._begun else "the log"
            self.say(f"[{what} of {name} is lost: {cause} before it was read]")

    def _refused(self, fault: RunbookError) -> None:
        """Rights that are missing stay missing; a pod without a log yet is nothing to speak of."""
        if isinstance(fault, ApiStatusError) and fault.code == 403:
            self.say_once(f"[no logs: {fault.message}]")


def _over(pod: dict[str, Any]) -> bool:
    """Whether the main container has written its last line."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return any(s.get("name") == MAIN and (s.get("state") or {}).get("terminated") for s in statuses)
