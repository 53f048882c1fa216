"""A kubectl for stepped time: the commands of the faults, against a machine in this process.

It takes the lines as they stand in the faults, makes the requests that kubectl would make, and
gives back what would be printed (tables as the API server renders them). Only what the faults use
is here; anything else is refused, so that no command is skipped unnoticed. What `runbook` does is not
imitated: such a line is typed into a shell, against the machine's own port.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runbook.practice import manifests
from runbook.practice.apiserver import jsonpath
from runbook.practice.apiserver.messages import Request, Response
from runbook.practice.faults.places import path_of, resource_of
from runbook.practice.machine import Machine

ROOT = Path(__file__).parents[3]
JSON = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
SPEED = 30  # simulated seconds to the second while a program of its own runs
AFTER_WRITE = 5.0  # simulated seconds a person takes from one command to the next
VALUED = ("-n", "-c", "-p", "-f", "-k", "-o", "-l", "--raw", "--type", "--replicas", "--for",
          "--timeout", "--tail")  # fmt: skip
CONDITION = re.compile(r"condition=(\w+)|jsonpath='?\{(?P<path>[.\w]+)\}'?=(?P<value>\w+)")


@dataclass(frozen=True, slots=True)
class Done:
    """What one command printed, and whether it ended well."""

    text: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """One command line, taken apart."""

    verb: str
    plain: tuple[str, ...]
    options: Mapping[str, str]
    stdin: str

    @property
    def namespace(self) -> str | None:
        return self.options.get("-n")


def words(line: str) -> Words:
    command, _, rest = line.partition(" <<'EOF'\n")
    stdin = rest.removesuffix("\nEOF")
    given = shlex.split(command)
    assert given[0] == "kubectl", line
    plain: list[str] = []
    options: dict[str, str] = {}
    left = iter(given[1:])
    for word in left:
        name, equals, value = word.partition("=")
        if word in VALUED:
            options[word] = next(left)
        elif equals and name in VALUED:
            options[name] = value
        elif word.startswith("-"):
            options[name] = value if equals else ""
        else:
            plain.append(word)
    return Words(plain[0], tuple(plain[1:]), options, stdin)


class Kubectl:
    """Commands against one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.api = machine.api
        self._variables: dict[str, str] = {}

    async def __call__(self, line: str) -> Done:
        """Run one command; after one that writes, time goes on a little."""
        for name, value in self._variables.items():
            line = line.replace(f"${name}", value)
        if (slept := re.fullmatch(r"sleep (\d+)", line)) is not None:
            await self.machine.timeline.advance(int(slept[1]))
            return Done("")
        if (kept := re.fullmatch(r"(\w+)=\$\((.+)\)", line)) is not None:
            answer = await self(kept[2])
            self._variables[kept[1]] = answer.text
            return answer
        if line.startswith("runbook "):
            return await self._typed(line)
        asked = words(line)
        done: Done = await getattr(self, f"_{asked.verb.replace('-', '_')}")(asked)
        if asked.verb not in {"get", "logs", "wait"}:
            await self.machine.timeline.advance(AFTER_WRITE)
        return done

    async def _typed(self, line: str) -> Done:
        if not self.machine.server.port:
            await self.machine.listen()
        with tempfile.TemporaryDirectory() as home:
            config = Path(home) / "kubeconfig"
            config.write_text(json.dumps(self.machine.kubeconfig()), encoding="utf-8")
            tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", line, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
                env={"PATH": tools, "HOME": home, "KUBECONFIG": str(config)},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            work = asyncio.ensure_future(process.communicate())
            while not work.done():
                await self.machine.timeline.advance(1)
                await asyncio.wait([work], timeout=1 / SPEED)
            said, _ = work.result()
        await self.machine.timeline.advance(AFTER_WRITE)
        return Done(said.decode(), process.returncode == 0)

    # -- looking

    async def _get(self, asked: Words) -> Done:
        if "--raw" in asked.options:
            return await self._ask("GET", asked.options["--raw"])
        resource, names = self._named(asked)
        query = {"labelSelector": asked.options["-l"]} if "-l" in asked.options else {}
        path = path_of(self.api, resource, asked.namespace, names[0] if names else "")
        if asked.options.get("-o", "wide") == "wide":
            answer = await self._request("GET", path, query=query, accept=TABLE)
            return Done(_table(json.loads(answer.body)) if answer.status == 200 else _said(answer),
                        answer.status == 200)  # fmt: skip
        answer = await self._request("GET", path, query=query)
        if asked.options["-o"].startswith("jsonpath="):
            wanted = asked.options["-o"].removeprefix("jsonpath=").strip("{}")
            found = jsonpath.find(json.loads(answer.body), wanted)
            return Done(" ".join(map(str, found)), answer.status == 200)
        return Done(yaml.safe_dump(json.loads(answer.body), width=10_000), answer.status == 200)

    async def _logs(self, asked: Words) -> Done:
        if "-l" in asked.options:
            wanted_labels = dict([asked.options["-l"].split("=")])
            chosen = self.api.select("pods", asked.namespace, wanted_labels)
            name = str(chosen[0]["metadata"]["name"]) if chosen else "none"
        else:
            name = asked.plain[0]
        if name.startswith("deployment/"):
            wanted = name.removeprefix("deployment/")
            pods = self.api.select("pods", asked.namespace)
            found = [p["metadata"]["name"] for p in pods]
            name = next((one for one in found if one.startswith(f"{wanted}-")), "none")
        query = {"container": asked.options["-c"]} if "-c" in asked.options else {}
        query |= {"previous": "true"} if "--previous" in asked.options else {}
        path = f"{path_of(self.api, 'pods', asked.namespace, name)}/log"
        answer = await self._request("GET", path, query=query)
        return Done(answer.body.decode(), answer.status == 200)

    # -- writing

    async def _patch(self, asked: Words) -> Done:
        resource, [name] = self._named(asked)
        media = JSON_PATCH if asked.options.get("--type") == "json" else MERGE
        path = path_of(self.api, resource, asked.namespace, name)
        return await self._ask("PATCH", path, asked.options["-p"].encode(), media)

    async def _scale(self, asked: Words) -> Done:
        resource, [name] = self._named(asked)
        body = {"spec": {"replicas": int(asked.options["--replicas"])}}
        path = f"{path_of(self.api, resource, asked.namespace, name)}/scale"
        return await self._ask("PATCH", path, json.dumps(body).encode(), MERGE)

    async def _label(self, asked: Words) -> Done:
        return await self._mark(asked, "labels")

    async def _annotate(self, asked: Words) -> Done:
        return await self._mark(asked, "annotations")

    async def _mark(self, asked: Words, field: str) -> Done:
        kind, name, *given = asked.plain
        values: dict[str, str | None] = {}
        for one in given:
            key, equals, value = one.partition("=")
            values[key.removesuffix("-")] = value if equals else None
        path = path_of(self.api, self._resource(kind), asked.namespace, name)
        body = json.dumps({"metadata": {field: values}}).encode()
        return await self._ask("PATCH", path, body, MERGE)

    async def _rollout(self, asked: Words) -> Done:
        assert asked.plain[0] == "restart", asked
        kind, _, name = asked.plain[1].partition("/")
        stamp = {"kubectl.kubernetes.io/restartedAt": self.machine.timeline.stamp()}
        body = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        path = path_of(self.api, self._resource(kind), asked.namespace, name)
        return await self._ask("PATCH", path, json.dumps(body).encode(), MERGE)

    async def _delete(self, asked: Words) -> Done:
        resource, names = self._named(asked)
        if "-l" in asked.options:
            path = path_of(self.api, resource, asked.namespace)
            return await self._ask("DELETE", path, query={"labelSelector": asked.options["-l"]})
        said = []
        for name in names:
            done = await self._ask("DELETE", path_of(self.api, resource, asked.namespace, name))
            said.append(done)
        if "--wait" not in asked.options:
            await self._until(lambda: not any(self._there(resource, asked, n) for n in names), 180)
        return Done("\n".join(one.text for one in said), all(one.ok for one in said))

    async def _create(self, asked: Words) -> Done:
        return await self._send(self._documents(asked), create=True)

    async def _apply(self, asked: Words) -> Done:
        return await self._send(self._documents(asked), create=False)

    async def _replace(self, asked: Words) -> Done:
        return await self._ask("PUT", asked.options["--raw"], asked.stdin.encode())

    async def _send(self, documents: Iterable[JSON], *, create: bool) -> Done:
        said = []
        for document in documents:
            metadata, resource = document["metadata"], resource_of(self.api, document)
            if not resource:
                said.append(Done(f'no matches for kind "{document["kind"]}"', ok=False))
                continue
            namespace, name = metadata.get("namespace"), metadata.get("name", "")
            if create or self.api.get(resource, namespace, name) is None:
                obj = document if create else manifests.as_applied(document)
                path = path_of(self.api, resource, namespace)
                said.append(await self._ask("POST", path, json.dumps(obj).encode()))
            else:
                path = path_of(self.api, resource, namespace, name)
                body = json.dumps(manifests.as_applied(manifests.stored_form(document))).encode()
                said.append(await self._ask("PATCH", path, body, MERGE))
            if document["kind"] in {"Namespace", "CustomResourceDefinition"}:
                await self.machine.timeline.advance(0.5)
        return Done("\n".join(one.text for one in said), all(one.ok for one in said))

    # -- waiting

    async def _wait(self, asked: Words) -> Done:
        wanted, patience = asked.options["--for"], int(asked.options["--timeout"].removesuffix("s"))
        kind, _, name = asked.plain[0].partition("/")
        resource = self._resource(kind)

        def holds() -> bool:
            found = self.api.get(resource, asked.namespace, name)
            if wanted == "delete":
                return found is None
            return found is not None and _meets(found, wanted)

        return Done("condition met", await self._until(holds, patience))

    async def _until(self, holds: Any, patience: float) -> bool:
        for _ in range(int(patience / 2) + 1):
            if holds():
                return True
            await self.machine.timeline.advance(2)
        return False

    # -- requests

    def _documents(self, asked: Words) -> list[JSON]:
        if asked.options.get("-f") == "-":
            return [one for one in yaml.safe_load_all(asked.stdin) if one]
        return manifests.read(ROOT / (asked.options.get("-k") or asked.options["-f"]))

    def _resource(self, kind: str) -> str:
        for resource in self.api.registry.all():
            known = {resource.name, resource.plural, resource.singular, *resource.short_names}
            if kind in known:
                return resource.name
        raise AssertionError(f"no resource is called {kind}")

    def _named(self, asked: Words) -> tuple[str, tuple[str, ...]]:
        kind, slash, name = asked.plain[0].partition("/")
        return self._resource(kind), ((name,) if slash else asked.plain[1:])

    def _there(self, resource: str, asked: Words, name: str) -> bool:
        return self.api.get(resource, asked.namespace, name) is not None

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        media: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Done:
        answer = await self._request(method, path, body, media=media, query=query)
        return Done(_said(answer), answer.status < 400)

    async def _request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        media: str = "application/json",
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Response:
        headers = {"content-type": media, "accept": accept, "user-agent": "kubectl/v1.32"}
        request = Request(method, path, query=query or {}, headers=headers, body=body)
        answer = await self.api.handle(request)
        if isinstance(answer, Response):
            return answer
        content = b"".join([chunk async for chunk in answer.chunks])
        return Response(answer.status, content)


def _said(answer: Response) -> str:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer.body.decode()
    message = document.get("message") if isinstance(document, dict) else None
    return str(message) if answer.status >= 400 else answer.body.decode()


def _table(document: JSON) -> str:
    heads = [column["name"].upper() for column in document["columnDefinitions"]]
    rows = [[str("" if c is None else c) for c in row["cells"]] for row in document["rows"]]
    return "\n".join("   ".join(row) for row in [heads, *rows])


def _meets(obj: JSON, wanted: str) -> bool:
    found = CONDITION.fullmatch(wanted)
    assert found is not None, wanted
    if found[1]:
        conditions = (obj.get("status") or {}).get("conditions") or []
        return any((c["type"], c["status"]) == (found[1], "True") for c in conditions)
    value: Any = obj
    for step in found["path"].strip(".").split("."):
        value = (value or {}).get(step)
    return str(value) == found["value"]
