"""A day of churn on the stepped clock: objects of every kind made and deleted, watchers come and go.

`Churn.round` leaves the cluster as it was before it, so whatever still grows from round to round is a
leak; `sizes` counts every container that the machine's own objects hold, by the path to it.
"""

from __future__ import annotations

import base64
import collections
import gc
from collections.abc import Iterator, Mapping
from typing import Any

from runbook.practice.apiserver.messages import Stream
from runbook.practice.apiserver.store import Stored
from runbook.practice.machine import Machine
from runbook.practice.seal import practice_certificate, sealed
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/financial-inference/models"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WATCHED = ("/api/v1/pods", "/api/v1/events", "/apis/apps/v1/deployments", "/api/v1/secrets")
WATCH = {
    "watch": "true",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}
AFTERWARDS = 2 * 3600.0  # simulated seconds after a round: every event is forgotten by then
ACTIVE = 60.0
MODELS_A_ROUND = 2


class Churn:
    """Rounds of one machine. `made` counts what was posted; what controllers made comes on top."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.client = Client(machine.api)
        self.made = 0
        self._round = 0
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "sealed-0", "annotations": {_WIDE: "true"}},
            "data": {"password": base64.b64encode(b"hunter2").decode()},
        }
        self._sealed = sealed(secret, practice_certificate())

    async def round(self, size: int = 1) -> None:
        """`size` times 40 objects, all gone at the end, and everything said about them too."""
        self._round += 1
        namespace = f"churn-{self._round}"
        core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
        before = self.names()
        staying = [await self._watch(path) for path in WATCHED]
        await self._post(CRDS, _definition())
        await self._post("/api/v1/namespaces", {"kind": "Namespace", **_named(namespace)})
        await self.machine.timeline.advance(5)
        for number in range(MODELS_A_ROUND):
            await self._post(MODELS, _model(f"churn-{number}"))
        passing = [await self._watch(path, accept=TABLE) for path in WATCHED]
        for part in range(size):
            await self._fill(namespace, core, apps, part)
        await self.machine.timeline.advance(ACTIVE)
        self._check_alive(namespace)
        for stream in passing:
            await stream.chunks.aclose()
        await self._delete(f"{core}/pods", "pod-0-0")
        await self._delete(f"{apps}/deployments", "deploy-0-0")
        for number in range(MODELS_A_ROUND):
            await self._delete(MODELS, f"churn-{number}")
        await self._delete("/api/v1/namespaces", namespace)
        await self.machine.timeline.advance(ACTIVE)
        await self._delete(CRDS, "widgets.churn.example.com")
        await self.machine.timeline.advance(AFTERWARDS)
        for stream in staying:
            await anext(stream.chunks)
            await stream.chunks.aclose()
        after = self.names()
        assert after == before, f"left over: {sorted(after - before)}; lost: {before - after}"

    def names(self) -> set[str]:
        store = self.machine.api.store
        return {
            f"{resource} {obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"
            for resource, _ in self.machine.api.resources()
            for obj in store.select(resource)
        }

    async def _fill(self, namespace: str, core: str, apps: str, part: int) -> None:
        batch = f"/apis/batch/v1/namespaces/{namespace}"
        argo = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}"
        own = f"/apis/churn.example.com/v1/namespaces/{namespace}/widgets"
        seals = f"/apis/bitnami.com/v1alpha1/namespaces/{namespace}/sealedsecrets"
        for n in range(8):
            await self._post(f"{core}/pods", {"kind": "Pod", **_named(f"pod-{part}-{n}"), **POD})
            secret = {"kind": "Secret", **_named(f"secret-{part}-{n}"), "stringData": {"a": "b"}}
            await self._post(f"{core}/secrets", secret)
            name = f"remark-{self._round}-{part}-{n}"
            event = _remark("default", f"pod-{part}-{n}", name)
            await self._post("/api/v1/namespaces/default/events", event)
        for n in range(4):
            await self._post(f"{apps}/deployments", _deployment(f"deploy-{part}-{n}"))
            await self._post(own, _widget(f"widget-{part}-{n}"))
            await self._post(seals, {**self._sealed, **_wide(f"sealed-{part}-{n}")})
        for n in range(2):
            await self._post(f"{batch}/jobs", _job(f"job-{part}-{n}"))
            await self._post(f"{argo}/workflows", _workflow(f"workflow-{part}-{n}"))

    def _check_alive(self, namespace: str) -> None:
        """It would prove nothing if nothing had happened meanwhile."""
        api = self.machine.api
        pods = {pod["metadata"]["name"]: pod["status"] for pod in api.select("pods", namespace)}
        assert pods["pod-0-0"]["phase"] == "Running"
        assert any(name.startswith("deploy-0-0-") for name in pods)
        assert api.get("secrets", namespace, "sealed-0-0") is not None
        workflow = api.get("workflows.argoproj.io", namespace, "workflow-0-0")
        assert workflow is not None
        assert workflow["status"]["phase"]
        assert api.select("events", namespace)

    async def _watch(self, path: str, accept: str = "application/json") -> Stream:
        stream = await self.client.stream(path, accept=accept, query=WATCH)
        await anext(stream.chunks)  # a subscription exists from the first thing said
        return stream

    async def _post(self, path: str, obj: JSON) -> None:
        answer = await self.client.ask("POST", path, {"apiVersion": _version(path), **obj})
        assert answer.status == 201, answer.body
        self.made += 1

    async def _delete(self, path: str, name: str) -> None:
        answer = await self.client.ask("DELETE", f"{path}/{name}")
        assert answer.status in {200, 202}, answer.body


_WIDE = "sealedsecrets.bitnami.com/cluster-wide"
POD: JSON = {"spec": {"containers": [{"name": "main", "image": "app:1"}]}}


def _version(path: str) -> str:
    parts = path.split("/")
    return parts[2] if parts[1] == "api" else f"{parts[2]}/{parts[3]}"


def _named(name: str) -> JSON:
    return {"metadata": {"name": name}}


def _wide(name: str) -> JSON:
    return {"metadata": {"name": name, "annotations": {_WIDE: "true"}}}


def _remark(namespace: str, pod: str, name: str) -> JSON:
    """An event as somebody else's controller would write it."""
    involved = {"kind": "Pod", "namespace": namespace, "name": pod}
    return {"kind": "Event", **_named(name), "involvedObject": involved, "reason": "Seen"}


def _deployment(name: str) -> JSON:
    template = {"metadata": {"labels": {"app": name}}, **POD}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template, "replicas": 2}
    return {"kind": "Deployment", **_named(name), "spec": spec}


def _job(name: str) -> JSON:
    template = {"spec": {**POD["spec"], "restartPolicy": "Never"}}
    return {"kind": "Job", **_named(name), "spec": {"template": template}}


def _workflow(name: str) -> JSON:
    main = {"name": "main", "container": {"image": "alpine:3", "command": ["echo", "hello"]}}
    return {"kind": "Workflow", **_named(name), "spec": {"entrypoint": "main", "templates": [main]}}


def _model(name: str) -> JSON:
    uri = "s3://mlflow-artifacts/1/models/m-4f0c1d7be2a84c55a6d3908e71bb25f0/artifacts/"
    spec = {"storageUri": uri, "requirements": ["mlflow"], "memory": "100Ki"}
    return {"kind": "Model", **_named(name), "spec": spec}


def _widget(name: str) -> JSON:
    return {"kind": "Widget", **_named(name), "spec": {"size": 3}}


def _definition() -> JSON:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "kind": "CustomResourceDefinition",
        **_named("widgets.churn.example.com"),
        "spec": {
            "group": "churn.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [version],
        },
    }


def sizes(machine: Machine) -> Mapping[str, int]:
    """Path -> how many things every dict, set and list of the program's own objects holds.

    What is bounded by its type (a deque with a longest length) is left out, and so is what is inside.
    """
    gc.collect()
    found: collections.Counter[str] = collections.Counter()
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("machine", machine)]
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen or isinstance(value, Stored | str | bytes | int | float | type):
            continue
        seen.add(id(value))
        if isinstance(value, collections.deque) and value.maxlen is not None:
            continue
        if isinstance(value, dict | set | frozenset | list | tuple | collections.deque):
            found[path] += len(value)
            inside = value.values() if isinstance(value, dict) else value
            waiting += [(f"{path}[]", one) for one in inside]
        elif type(value).__module__.startswith("runbook."):
            waiting += [(f"{path}.{name}", one) for name, one in _attributes(value)]
    return found


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if hasattr(value, name):
                yield name, getattr(value, name)
