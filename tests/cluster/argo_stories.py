"""Workflows that are told to both Argos: what is submitted, what is done to it, when it is over.

A pod of a real workflow runs nothing here and ends as annotations say (stages/workflows.yaml); one of
practice runs the script of its container. `run()` says the same to both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.cluster.sides import Side

JSON = dict[str, Any]
NAMESPACE = "argo-stories"
LIMITED = "argo-limited"
"""Its quota wants limits of every container."""
FULL = "argo-full"
"""Its quota lets no pod in."""
TEMPLATES = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflowtemplates"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
LONG = 600
"""Seconds of a pod that is not to end by itself."""


@dataclass(frozen=True)
class Look:
    """What is there at one moment of one workflow."""

    side: Side
    namespace: str
    workflow: JSON | None
    pods: Sequence[JSON] = ()

    @property
    def status(self) -> JSON:
        return (self.workflow or {}).get("status") or {}

    @property
    def done(self) -> bool:
        return bool(self.status.get("finishedAt"))

    def node(self, display: str) -> JSON:
        nodes = self.status.get("nodes") or {}
        return next((node for node in nodes.values() if node["displayName"] == display), {})

    def pod(self, display: str) -> JSON:
        """The pod of a node."""
        id_ = self.node(display).get("id")
        note = "workflows.argoproj.io/node-id"
        found = (pod for pod in self.pods if pod["metadata"]["annotations"][note] == id_)
        return next(found, {})

    def runs(self, *displays: str) -> bool:
        """Whether these nodes and their pods are Running."""
        return all(
            self.node(display).get("phase") == "Running"
            and self.pod(display).get("status", {}).get("phase") == "Running"
            for display in displays
        )

    def patch(self, change: JSON) -> None:
        assert self.workflow is not None
        path = f"{WORKFLOWS.format(self.namespace)}/{self.workflow['metadata']['name']}"
        kind = {"Content-Type": "application/merge-patch+json"}
        answer = self.side.http.patch(path, content=json.dumps(change), headers=kind)
        answer.raise_for_status()

    def age(self, display: str) -> float:
        """Seconds since a node was begun."""
        began = datetime.fromisoformat(self.node(display)["startedAt"])
        return (datetime.now(UTC) - began).total_seconds()

    def patch_template(self, name: str, change: JSON) -> None:
        path = f"{TEMPLATES.format(self.namespace)}/{name}"
        kind = {"Content-Type": "application/merge-patch+json"}
        self.side.http.patch(path, content=json.dumps(change), headers=kind).raise_for_status()

    def delete_template(self, name: str) -> None:
        path = f"{TEMPLATES.format(self.namespace)}/{name}"
        self.side.http.delete(path).raise_for_status()

    def delete_pod(self, display: str) -> None:
        """At once, as `kubectl delete pod --force` does: a fake node has nobody to wait for."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.pod(display)['metadata']['name']}"
        answer = self.side.http.request("DELETE", path, json={"gracePeriodSeconds": 0})
        answer.raise_for_status()


When = Callable[[Look], bool]
Act = tuple[When, Callable[[Look], None]]


def done(look: Look) -> bool:
    return look.done


@dataclass(frozen=True)
class Story:
    name: str
    spec: JSON
    acts: Sequence[Act] = ()
    over: When = done
    namespace: str = NAMESPACE
    after: str = ""
    """The story that has to be over before this one is begun."""
    metadata: JSON = field(default_factory=dict)


# -- the parts of a workflow ---------------------------------------------------------------------


def run(
    name: str, *script: str, lasts: int = 0, code: int = 0, printed: str = "", **fields: Any
) -> JSON:
    """A container template that prints, lasts and ends."""
    script = (*script, *([f"echo {printed}"] if printed else []))
    script += (*([f"sleep {lasts}"] if lasts else []), *([f"exit {code}"] if code else []))
    told = {"test-cluster/exit-code": str(code)}
    if lasts:
        told["test-cluster/lasts"] = f"{lasts}s"
    if printed:
        told["test-cluster/outputs"] = json.dumps({"result": printed})
    command = ["sh", "-c", "; ".join(script) or "true"]
    template = {"name": name, "metadata": {"annotations": told}}
    if printed:
        source = {"image": "app:1", "command": ["sh"], "source": "; ".join(script)}
        return {**template, "script": source, **fields}
    return {**template, "container": {"image": "app:1", "command": command}, **fields}


def steps(name: str, *groups: Sequence[JSON], **fields: Any) -> JSON:
    return {"name": name, "steps": [list(group) for group in groups], **fields}


def dag(name: str, *tasks: JSON, **fields: Any) -> JSON:
    return {"name": name, "dag": {"tasks": list(tasks), **fields}}


def call(name: str, template: str = "", **fields: Any) -> JSON:
    """A step or a task; its template has its name where nothing else is said."""
    return {"name": name, "template": template or name, **fields}


def given(**parameters: str) -> JSON:
    named = {name.replace("_", "-"): value for name, value in parameters.items()}
    return {"parameters": [{"name": name, "value": value} for name, value in named.items()]}


def wanting(*names: str, **defaults: str) -> JSON:
    return {"parameters": [*({"name": name} for name in names), *given(**defaults)["parameters"]]}


def workflow(*templates: JSON, **fields: Any) -> JSON:
    """The first template is the entrypoint."""
    return {"entrypoint": templates[0]["name"], "templates": list(templates), **fields}


def from_template(name: str, arguments: Mapping[str, str] | None = None, **fields: Any) -> JSON:
    spec: JSON = {"workflowTemplateRef": {"name": name}, **fields}
    if arguments:
        spec["arguments"] = given(**arguments)
    return spec


# -- telling ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """How a story ended on one side."""

    workflow: JSON | None
    """None where it was deleted when its time was over."""
    pods: Sequence[JSON]
    """Those that are there at the end."""
    events: Sequence[JSON]


class Telling:
    """Every story at once on one side, each followed until it is over."""

    def __init__(self, side: Side, stories: Sequence[Story]) -> None:
        self._side = side
        self._open = {(story.namespace, story.name): (story, list(story.acts)) for story in stories}
        self._workflows: dict[tuple[str, str], JSON | None] = {}
        self._pods: dict[tuple[str, str], Sequence[JSON]] = {}

    def submit(self, after: str = "") -> None:
        """What may begin now: everything, or what waited for this story."""
        for story, _ in [each for each in self._open.values() if each[0].after == after]:
            made = {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "metadata": {"name": story.name, **story.metadata},
                "spec": story.spec,
            }
            answer = self._side.http.post(WORKFLOWS.format(story.namespace), json=made)
            answer.raise_for_status()

    def look(self) -> bool:
        """Whether every story is over."""
        for namespace in {namespace for namespace, _ in self._open}:
            workflows = self._list(WORKFLOWS.format(namespace))
            pods = self._list(f"/api/v1/namespaces/{namespace}/pods")
            by_name = {each["metadata"]["name"]: each for each in workflows}
            for key in [key for key in self._open if key[0] == namespace]:
                mine = [pod for pod in pods if _workflow_of(pod) == key[1]]
                self._follow(key, Look(self._side, namespace, by_name.get(key[1]), mine))
        return not self._open

    def _follow(self, key: tuple[str, str], look: Look) -> None:
        story, acts = self._open[key]
        if story.after and look.workflow is None:
            return
        if acts and acts[0][0](look):
            acts.pop(0)[1](look)
        elif not acts and story.over(look) and all(map(_is_settled, look.pods)):
            self._pods[key] = look.pods
            self._workflows[key] = look.workflow
            del self._open[key]
            self.submit(story.name)

    @property
    def unfinished(self) -> Sequence[str]:
        return [name for _, name in self._open]

    def seen(self) -> dict[str, Seen]:
        events: dict[tuple[str, str], list[JSON]] = {}
        for namespace in {namespace for namespace, _ in self._workflows}:
            for event in self._list(f"/api/v1/namespaces/{namespace}/events"):
                about = event["involvedObject"]
                if about["kind"] == "Workflow":
                    events.setdefault((namespace, about["name"]), []).append(event)
        return {
            key[1]: Seen(
                workflow,
                self._pods.get(key, ()),
                events.get(key, []),
            )
            for key, workflow in self._workflows.items()
        }

    def _list(self, path: str) -> list[JSON]:
        answer = self._side.http.get(path)
        answer.raise_for_status()
        items: list[JSON] = answer.json()["items"]
        return items


def _is_settled(pod: JSON) -> bool:
    """An ended pod gets its label some time after its workflow was written."""
    ended = pod["status"]["phase"] in {"Succeeded", "Failed"}
    return not ended or pod["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"


def _workflow_of(pod: JSON) -> str | None:
    labels = pod["metadata"].get("labels") or {}
    name: str | None = labels.get("workflows.argoproj.io/workflow")
    return name
