"""The logs of a Workflow's pods, read while they still exist: pod GC takes them seconds after the end."""

from __future__ import annotations

from runbook.errors import RunbookError
from runbook.executors.base import Attempt, Desk, Writer
from runbook.redact import Redactor
from runbook.target.api import ResourceRef
from runbook.target.client import ClusterClient

PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)


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

    def say(self, line: str) -> None:
        data = (self._redactor.text(line) + "\n").encode()
        self._writer.write(data)
        self._desk.output(self._attempt, data)

    async def fetch(self, namespace: str, workflow: str, *, final: bool) -> None:
        """Read what is new. A pod that is gone or not started yet has nothing to say."""
        try:
            pods = await self._client.list(
                PODS, namespace, label_selector=f"workflows.argoproj.io/workflow={workflow}"
            )
            for pod in pods.items:
                name = str(pod["metadata"]["name"])
                text = await self._client.logs(namespace, name, container="main")
                lines = text.splitlines() if final else text.splitlines(keepends=True)
                whole = [line for line in lines if final or line.endswith("\n")]
                for line in whole[self._seen.get(name, 0) :]:
                    self.say(f"{name}: {line.rstrip()}")
                self._seen[name] = max(self._seen.get(name, 0), len(whole))
        except RunbookError:
            return
