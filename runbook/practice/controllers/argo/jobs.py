"""What the programs in workflow pods do: no program runs here, so each job is told as a short script.

A job is a generator over its `JobRun`: it prints, reads and writes files on the pod's real volumes, and
yields the seconds until it goes on, or an act on the cluster that is awaited. It ends well by returning and badly by raising `JobFailed`; it
fails when, and only when, what it needs is not there. Which job a pod runs follows from the program
its main container is told to start.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.argo.names import MAIN, STAGED_SCRIPT, TEMPLATE_VARIABLE
from runbook.practice.controllers.argo.volumes_data import VolumesData
from runbook.practice.controllers.objects import dig, name_of, namespace_of


class JobFailed(Exception):
    """The program ends with this exit code, having printed these lines."""

    def __init__(self, *lines: str, code: int = 1, reason: str = "") -> None:
        super().__init__(lines[-1] if lines else f"exit code {code}")
        self.lines = lines
        self.code = code
        self.reason = reason


class Trained(Protocol):
    """Where a finished training can be found."""

    @property
    def experiment_id(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def model_id(self) -> str: ...
    @property
    def artifact_uri(self) -> str: ...


class Trainer(Protocol):
    """The tracking server as a training program uses it: a run is opened first and closed at the end.

    A job that dies in between leaves its run open, as on a real platform.
    """

    def begin(self, variant: str, /) -> str:
        """Open a run; answers its id."""
        ...

    def finish(self, run_id: str, /) -> Trained:
        """Log metrics, parameters and the model, and close the run."""
        ...

    def newest(self, variant: str, /) -> Trained | None:
        """The newest finished run of a variant that has logged a model which is READY."""
        ...


Act = Callable[[], Awaitable[None]]
Job = Callable[["JobRun"], Iterator["float | Act"]]


@dataclass(slots=True)
class JobRun:
    """One main container at work."""

    cluster: Cluster
    volumes: VolumesData
    pod: JSON
    print: Callable[[str], None]
    scratch: dict[str, bytes] = field(default_factory=dict)  # the container's own disk
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = _environment(self.cluster, self.pod, self.container)

    @property
    def namespace(self) -> str:
        return str(namespace_of(self.pod))

    @property
    def name(self) -> str:
        return name_of(self.pod)

    @property
    def container(self) -> JSON:
        return main_container(self.pod)

    def write(self, path: str, content: bytes) -> None:
        """To the volume mounted there; else to the container's own disk, which goes with it."""
        volume, inside = self._place(path)
        if volume is None:
            self.scratch[path] = content
        else:
            self.volumes.write(volume, inside, content)

    def list(self, folder: str) -> list[str]:
        """Names of the files directly in a folder."""
        volume, inside = self._place(folder)
        if volume is None:
            below = f"{folder.rstrip('/')}/"
            found = [path[len(below) :] for path in self.scratch if path.startswith(below)]
        else:
            below = f"{inside.strip('/')}/" if inside.strip("/") else ""
            found = [path[len(below) :] for path in self.volumes.list(volume, inside)]
        return sorted(name for name in found if "/" not in name)

    def exists(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        return name in self.list(folder)

    def _place(self, path: str) -> tuple[str | None, str]:
        """(PersistentVolume, path inside it) of a path in the container."""
        best: tuple[str, JSON] | None = None
        for mount in self.container.get("volumeMounts") or []:
            at = str(mount["mountPath"]).rstrip("/")
            inside = path == at or path.startswith(f"{at}/")
            if inside and (best is None or len(at) > len(best[0])):
                best = (at, mount)
        if best is None:
            return None, path
        at, mount = best
        volume = self._volume(str(mount["name"]))
        below = str(mount.get("subPath", "")).strip("/")
        return volume, f"{below}/{path[len(at) :].lstrip('/')}".strip("/")

    def _volume(self, name: str) -> str | None:
        for volume in dig(self.pod, "spec", "volumes", default=[]):
            claim_name = dig(volume, "persistentVolumeClaim", "claimName")
            if volume["name"] == name and claim_name:
                claim = self.cluster.get("persistentvolumeclaims", self.namespace, claim_name)
                bound = dig(claim, "spec", "volumeName")
                return str(bound) if bound else None
        return None


class JobTable:
    """Program -> job; a program nobody described is run as the shell script it may be."""

    def __init__(self, jobs: Mapping[str, Job]) -> None:
        self._jobs = dict(jobs)

    def of(self, pod: JSON) -> Job:
        for word in command_line(pod):
            job = self._jobs.get(word.rpartition("/")[2])
            if job is not None:
                return job
        return shell


def main_container(pod: JSON) -> JSON:
    containers = dig(pod, "spec", "containers", default=[])
    found: JSON = next(container for container in containers if container["name"] == MAIN)
    return found


def command_line(pod: JSON) -> Sequence[str]:
    """What the user's program is started with, without the executor in front of it."""
    container = main_container(pod)
    command = [str(w) for w in (*(container.get("command") or []), *(container.get("args") or []))]
    if "emissary" in command[:2]:
        command = command[command.index("--") + 1 :]
    return [_staged_source(pod) if word == STAGED_SCRIPT else word for word in command]


def _staged_source(pod: JSON) -> str:
    for container in dig(pod, "spec", "initContainers", default=[]):
        for variable in container.get("env") or []:
            if variable["name"] == TEMPLATE_VARIABLE:
                try:
                    template = json.loads(variable.get("value", ""))
                except (ValueError, RecursionError):
                    return ""
                return str(dig(template, "script", "source", default=""))
    return ""


_STATEMENT = re.compile(r"[\n;]|&&")


def shell(run: JobRun) -> Iterator[float | Act]:
    """`echo`, `sleep` and `exit` of a script; any other command takes a moment and succeeds."""
    yield 1.0
    for statement in _STATEMENT.split(" ".join(command_line(run.pod))):
        words = re.sub(r"^(/bin/)?(ba|a)?sh(\s+-\w+)?\s+", "", statement.strip()).split()
        match words[:1]:
            case ["echo"]:
                run.print(" ".join(words[1:]).strip("\"'"))
            case ["sleep"] if len(words) > 1 and words[1].isdigit():
                yield float(words[1])
            case ["exit"]:
                code = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
                if code:
                    raise JobFailed(code=code)
                return
            case _:
                yield 1.0


def _environment(cluster: Cluster, pod: JSON, container: JSON) -> dict[str, str]:
    """The container's variables with Secrets and ConfigMaps read; what is absent is left out."""
    namespace = namespace_of(pod)
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        for reference, resource in (("secretRef", "secrets"), ("configMapRef", "configmaps")):
            name = dig(source, reference, "name")
            if name:
                found |= _contents(cluster, resource, namespace, str(name))
    for variable in container.get("env") or []:
        if variable.get("value") is not None:
            found[variable["name"]] = str(variable["value"])
        for reference, resource in (("secretKeyRef", "secrets"), ("configMapKeyRef", "configmaps")):
            wanted = dig(variable, "valueFrom", reference)
            if wanted:
                contents = _contents(cluster, resource, namespace, str(wanted["name"]))
                if wanted["key"] in contents:
                    found[variable["name"]] = contents[wanted["key"]]
    return found


def _contents(cluster: Cluster, resource: str, namespace: str | None, name: str) -> dict[str, str]:
    obj = cluster.get(resource, namespace, name) or {}
    data = obj.get("data") or {}
    if resource == "configmaps":
        return dict(data)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
