"""The keys of a whole runbook: its values, goals, health and phases."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

from runbook.cli.reports import facts_of
from runbook.clock import RealClock
from runbook.report import markdown, plan_text
from runbook.run.outline import outline_of
from runbook.run.readings import Verdict
from runbook.run.signals import Leave, Tick
from runbook.target.watch import Feed, FeedBatch
from tests.keys.cases import driven, performed, planned, refused, shows
from tests.keys.world import Performed, World, book
from tests.run.driving import Drive, opened
from tests.test_engine import Bench

ECHO = {"id": "s", "run": "true"}
PLAIN = book(ECHO)


def report(run: Performed) -> str:
    return markdown.render(facts_of(run.records))


def shown(words: str) -> Any:
    return planned(lambda plan: words in plan_text.render(plan, "main.yaml", digest=""))


# -- the top level

shows(
    "Runbook.apiVersion",
    refused("is not allowed"),
    {**PLAIN, "apiVersion": "runbook/v2"},
    PLAIN,
    True,
)
shows(
    "Runbook.name",
    performed(lambda r: "(other)" in report(r)),
    {**PLAIN, "name": "other"},
    PLAIN,
    True,
)
shows(
    "Runbook.title",
    performed(lambda r: "# Recovery log: All of it" in report(r)),
    {**PLAIN, "title": "All of it"},
    PLAIN,
    True,
)
shows(
    "Runbook.description",
    shown("what it is for"),
    {**PLAIN, "description": "what it is for"},
    PLAIN,
    True,
)
shows(
    "Runbook.owner",
    performed(lambda r: "ml-platform" in report(r)),
    {**PLAIN, "owner": "ml-platform"},
    PLAIN,
    True,
)
SAY = {"id": "s", "run": "echo ${{ inputs.x }}"}
shows(
    "Runbook.inputs",
    performed(lambda r: r.output),
    book(SAY, inputs={"x": {"default": "given"}}),
    PLAIN,
    "given\n",
)
shows(
    "Runbook.vars",
    performed(lambda r: r.output),
    book({"id": "s", "run": "echo ${{ vars.x }}"}, vars={"x": 7}),
    PLAIN,
    "7\n",
)
shows(
    "Runbook.env",
    performed(lambda r: r.output),
    book({"id": "s", "run": "echo ${A-none}"}, env={"A": "b"}),
    book({"id": "s", "run": "echo ${A-none}"}),
    "b\n",
)
shows(
    "Runbook.preflight",
    performed(lambda r: list(r.state.steps)),
    book(ECHO, preflight=[{"id": "p", "run": "true"}]),
    PLAIN,
    ["p", "s"],
)
shows(
    "Runbook.always",
    performed(lambda r: r.status("z")),
    book({"id": "s", "run": "false", "on_failure": "stop"}, always=[{"id": "z", "run": "true"}]),
    PLAIN,
    "passed",
)
shows(
    "Runbook.phases",
    performed(lambda r: list(r.state.steps)),
    book(ECHO, {"id": "t", "run": "true"}),
    PLAIN,
    ["s", "t"],
)

# -- inputs


def given(spec: dict[str, Any]) -> dict[str, Any]:
    return book(SAY, inputs={"x": spec})


VALUE = planned(lambda plan: plan.inputs["x"], x="5")
shows("Input.type", VALUE, given({"type": "integer"}), given({}), 5)
shows(
    "Input.default", planned(lambda plan: plan.inputs["x"]), given({"default": "d"}), given({}), "d"
)
shows("Input.required", refused("input x is required"), given({"required": True}), given({}), True)
shows(
    "Input.description",
    refused("the namespace"),
    given({"required": True, "description": "the namespace"}),
    given({"required": True}),
    True,
)
shows(
    "Input.pattern", refused("does not match", x="5"), given({"pattern": "[a-z]+"}), given({}), True
)
shows(
    "Input.options", refused("is none of", x="5"), given({"options": ["a", "b"]}), given({}), True
)

# -- secrets

os.environ.update({"KEYS_ONE": "swordfish-1", "KEYS_TWO": "swordfish-2"})
TELL = {"id": "s", "run": "echo ${{ secrets.pw }}"}


def secret(source: dict[str, Any]) -> dict[str, Any]:
    return book(TELL, secrets={"pw": {"sensitive": False, **source}})


OUTPUT = performed(lambda r: r.output)
MASKED = "[REDACTED:pw]\n"
ENV = {"from": "env", "key": "KEYS_ONE"}
KUBERNETES = {"from": "kubernetes", "namespace": "a", "name": "pair", "key": "a"}
OTHER = {"from": "kubernetes", "namespace": "a", "name": "one", "key": "a"}
shows("Runbook.secrets", OUTPUT, secret(ENV), PLAIN, "swordfish-1\n")
shows("EnvSecret.from", OUTPUT, secret(ENV), secret(KUBERNETES), "swordfish-1\n")
shows("EnvSecret.key", OUTPUT, secret({**ENV, "key": "KEYS_TWO"}), secret(ENV), "swordfish-2\n")
shows(
    "EnvSecret.sensitive",
    performed(lambda r: "swordfish" in r.output),
    secret(ENV),
    secret({**ENV, "sensitive": True}),
    True,
)


async def from_file(world: World, source: dict[str, Any]) -> object:
    """What a step prints of a secret whose file is in the world's folder."""
    for name in ("first", "second"):
        (world.folder / name).write_text(f"swordfish-{name}\n")
    if "path" in source:
        source = {**source, "path": str(world.folder / source["path"])}
    return (await world.perform(secret(source))).output


shows("FileSecret.from", from_file, {"from": "file", "path": "first"}, ENV, "swordfish-first\n")
shows(
    "FileSecret.path",
    from_file,
    {"from": "file", "path": "second"},
    {"from": "file", "path": "first"},
    "swordfish-second\n",
)
shows(
    "FileSecret.sensitive",
    from_file,
    {"from": "file", "path": "first", "sensitive": True},
    {"from": "file", "path": "first"},
    MASKED,
)
shows("KubernetesSecret.from", OUTPUT, secret(KUBERNETES), secret(ENV), '{"x": 1}\n')
shows(
    "KubernetesSecret.namespace",
    OUTPUT,
    secret({**KUBERNETES, "namespace": "b"}),
    secret(KUBERNETES),
    "",
)
shows(
    "KubernetesSecret.name",
    performed(lambda r: r.status()),
    secret({**OTHER, "key": "b"}),
    secret({**KUBERNETES, "key": "b"}),
    "failed",
)
shows(
    "KubernetesSecret.key", OUTPUT, secret({**KUBERNETES, "key": "b"}), secret(KUBERNETES), "{}\n"
)
shows(
    "KubernetesSecret.sensitive",
    OUTPUT,
    secret({**KUBERNETES, "sensitive": True}),
    secret(KUBERNETES),
    MASKED,
)
COMMAND = {"from": "command", "run": "echo swordfish-$((1 + 2))"}
shows("CommandSecret.from", OUTPUT, secret(COMMAND), secret(ENV), "swordfish-3\n")
shows(
    "CommandSecret.run",
    OUTPUT,
    secret({**COMMAND, "run": "echo swordfish-four"}),
    secret(COMMAND),
    "swordfish-four\n",
)
shows(
    "CommandSecret.env",
    OUTPUT,
    secret({"from": "command", "run": "echo $FISH", "env": {"FISH": "swordfish-5"}}),
    secret({"from": "command", "run": "echo ${FISH-swordfish-6}"}),
    "swordfish-5\n",
)
shows(
    "CommandSecret.timeout",
    performed(lambda r: r.status()),
    secret({"from": "command", "run": "sleep 1; echo swordfish", "timeout": "50ms"}),
    secret({"from": "command", "run": "sleep 1; echo swordfish"}),
    "failed",
)
shows(
    "CommandSecret.sensitive",
    OUTPUT,
    secret({**COMMAND, "sensitive": True}),
    secret(COMMAND),
    MASKED,
)

# -- target


async def rows(world: World, document: Any) -> object:
    """The resources and namespaces of the rows that the screen's feed brings."""
    plan = world.planned(document)
    found: set[tuple[str, str]] = set()
    complete = asyncio.Event()

    def on_batch(batch: FeedBatch) -> None:
        found.update((key.resource, key.namespace) for key, row in batch.changes if row)
        if all(state.connected for _, state in batch.states):
            complete.set()

    feed = Feed(world.cluster.client, plan.watch, plan.namespaces, RealClock())
    async with asyncio.timeout(10):
        watching = asyncio.ensure_future(feed.run(on_batch))
        await complete.wait()
        watching.cancel()
        await asyncio.wait([watching])
    return sorted(found)


A = {"namespaces": ["a"]}
shows("Runbook.target", rows, {**PLAIN, "target": A}, PLAIN, [("pods", "a")])
shows(
    "Target.namespaces",
    rows,
    {**PLAIN, "target": A},
    {**PLAIN, "target": {"namespaces": ["b"]}},
    [("pods", "a")],
)
shows(
    "Target.watch",
    rows,
    {**PLAIN, "target": {**A, "watch": ["models.mlops.seldon.io"]}},
    {**PLAIN, "target": A},
    [("models.mlops.seldon.io", "a")],
)

# -- objectives and health

UP = {"web": {"check": {"tcp": {"host": "127.0.0.1", "port": 1}}}}
DELETE = {"id": "s", "run": "true", "effect": "destroy"}
GATED = {"id": "s", "approve": {"message": "?"}}


def goals(**objectives: Any) -> dict[str, Any]:
    return book(DELETE, health=UP, objectives={"recovered_when": ["web"], **objectives})


def result_at(seconds: float) -> Any:
    """The result of a run whose health came back so many seconds after its only step."""

    def look(run: Drive) -> str:
        run.ends("s")
        run.reads(Verdict.HOLDS, after=seconds)
        run.send(Tick(), after=5)
        return run.result

    return driven(look)


shows(
    "Runbook.objectives", result_at(120), goals(rto="1m"), book(DELETE, health=UP), "recovered_late"
)
shows("Objectives.rto", result_at(120), goals(rto="1m"), goals(), "recovered_late")
shows(
    "Objectives.recovered_when",
    driven(lambda run: (run.ends("s"), run.result)[1]),
    goals(),
    goals(recovered_when=[]),
    "",
)
shows("Objectives.settle", result_at(1), goals(settle="1h"), goals(), "")
shows(
    "Objectives.clock",
    driven(lambda run: run.state.clock.started is not None),
    {**goals(clock="open"), "phases": book(GATED)["phases"]},
    {**goals(), "phases": book(GATED)["phases"]},
    True,
)


async def looks(world: World, document: Any) -> object:
    """How often health is read in twenty seconds."""
    plan = world.planned(document)
    bench = Bench(plan)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("approval.requested")
    await bench.clock.advance(20)
    bench.engine.send(Leave("ann", "enough"))
    await run
    return len(bench.watcher.seen)


shows("Runbook.health", looks, book(GATED, health=UP), book(GATED), 5)
shows(
    "NamedCheck.every",
    looks,
    book(GATED, health={"web": {**UP["web"], "every": "10s"}}),
    book(GATED, health=UP),
    3,
)
NAMED = {"id": "s", "check": {"health": "web"}}
TRUE, FALSE = {"check": {"run": "true"}}, {"check": {"run": "false"}}
shows(
    "NamedCheck.title",
    planned(lambda plan: plan.step("s").title),
    book(NAMED, health={"web": {**TRUE, "title": "The site answers"}}),
    book(NAMED, health={"web": TRUE}),
    "The site answers",
)
BRIEF = {**NAMED, "until": "1ms", "every": "1ms"}
shows(
    "NamedCheck.check",
    performed(lambda r: r.status()),
    book(BRIEF, health={"web": TRUE}),
    book(BRIEF, health={"web": FALSE}),
    "passed",
)
shows(
    "HealthCheck.health",
    performed(lambda r: r.status()),
    book(BRIEF, health={"web": TRUE, "app": FALSE}),
    book({**BRIEF, "check": {"health": "app"}}, health={"web": TRUE, "app": FALSE}),
    "passed",
)

# -- phases


def phase(**more: Any) -> dict[str, Any]:
    return {**PLAIN, "phases": [{"id": "one", "steps": [ECHO], **more}]}


shows(
    "Phase.id",
    planned(lambda plan: outline_of(plan).steps[0].phase),
    phase(id="two"),
    phase(),
    "two",
)
shows(
    "Phase.title",
    performed(lambda r: "Teardown" in report(r)),
    phase(title="Teardown"),
    phase(),
    True,
)
shows("Phase.budget", performed(lambda r: "7m" in report(r)), phase(budget="7m"), phase(), True)
shows(
    "Phase.steps",
    performed(lambda r: list(r.state.steps)),
    phase(steps=[{"id": "t", "run": "true"}]),
    phase(),
    ["t"],
)


# -- notifications

TOLD = {"command": ["bash", "-c", "cat >> told"], "events": ["finished"], "in_practice": True}
HOOK = {"hook": {"from": "command", "run": "cat hook"}}
NOTIFY_SEND = "#!/bin/sh\nprintf '%s\\n' \"$@\" > shown\n"


def told(file: str = "told") -> Any:
    """Of which events a command has heard, or what else was left in a file."""

    async def see(world: World, document: Any) -> object:
        kept = world.folder / file
        kept.unlink(missing_ok=True)
        bin_folder = world.folder / "bin"
        bin_folder.mkdir(exist_ok=True)
        (bin_folder / "notify-send").write_text(NOTIFY_SEND)
        (bin_folder / "notify-send").chmod(0o755)
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
            await world.perform(document)
        if not kept.exists():
            return []
        lines = kept.read_text().splitlines()
        return [json.loads(line)["event"] for line in lines] if file == "told" else lines[0]

    return see


async def posted(world: World, document: Any) -> object:
    world.posted.clear()
    await world.perform(document)
    return [json.loads(body)["text"].splitlines()[0] for body in world.posted]


def telling(**notification: Any) -> dict[str, Any]:
    return book({"id": "ask", "manual": {"instructions": "ring"}}, notify=[notification])


shows(
    "Runbook.notify",
    told(),
    telling(**TOLD),
    telling(**{**TOLD, "events": ["failed"]}),
    ["finished"],
)
shows("Notification.command", told(), telling(**TOLD), PLAIN, ["finished"])
shows(
    "Notification.events",
    told(),
    book({"id": "s", "run": "false"}, notify=[{**TOLD, "events": ["failed"]}]),
    book({"id": "s", "run": "false"}, notify=[TOLD]),
    ["failed"],
)
shows(
    "Notification.in_practice",
    told(),
    telling(**TOLD),
    telling(**{**TOLD, "in_practice": False}),
    ["finished"],
)
shows(
    "Notification.webhook",
    posted,
    {**telling(webhook="hook", events=["finished"], in_practice=True), "secrets": HOOK},
    PLAIN,
    ["*[practice] test on practice: recovered*"],
)
shows(
    "Notification.desktop",
    told("shown"),
    telling(desktop=True, in_practice=True),
    PLAIN,
    "--app-name=runbook",
)
