"""`tools`: the programs that the steps of a runbook call are on this machine, and kubectl is in step.

kubectl is supported within one minor version of its server; further away a field it does not know is
lost without a word.
"""

from __future__ import annotations

import json
import re
import shlex

from runbook.checks import planned
from runbook.checks.base import CheckContext, RunCommand
from runbook.checks.expectation import last_line
from runbook.model.commands import read
from runbook.model.preflight import ToolsQuery
from runbook.plan import Plan
from runbook.run.readings import Reading, fails, holds, unknown

PLAIN = re.compile(r"[A-Za-z0-9_][\w.+-]*")
_NUMBER = re.compile(r"\d+")


def expects(query: ToolsQuery) -> str:
    more = f", {', '.join(query.programs)}" if query.programs else ""
    skew = (
        f"; kubectl within {query.skew} of the server's version" if query.skew is not None else ""
    )
    return f"all programs that steps call{more}{skew}"


async def look(query: ToolsQuery, context: CheckContext, expected: str) -> Reading:
    run = context.run_tool or context.run_command
    programs = called(context.plan) if context.plan is not None else {}
    programs |= {name: "the check" for name in query.programs if name not in programs}
    if query.skew is not None:
        programs.setdefault("kubectl", "the check")
    missing = await _missing(programs, run, context.timeout)
    if missing:
        told = ", ".join(f"{name} (step {programs[name]})" for name in missing)
        return fails(expected, f"not on this machine: {told}")
    told = ", ".join(sorted(programs)) or "none is called"
    if query.skew is None:
        return holds(expected, told)
    result = await run("kubectl version --client --output=json", None, {}, context.timeout)
    if result.exit != 0:
        return unknown(expected, f"kubectl tells no version: {last_line(result.stderr)}")
    client = json.loads(result.stdout)["clientVersion"]
    server = await context.cluster.get("/version")
    versions = f"kubectl {client['gitVersion']}, server {server['gitVersion']}"
    apart = _minor(client["minor"]) - _minor(server["minor"])
    if client["major"] != server["major"]:
        return fails(expected, versions)
    if abs(apart) > query.skew:
        way = "newer" if apart > 0 else "older"
        return fails(expected, f"{versions}: kubectl is {abs(apart)} minor versions {way}")
    return holds(expected, f"{versions}; {told}")


def called(plan: Plan) -> dict[str, str]:
    """Programs that bash scripts of a plan call by plain names, each with the first step that does."""
    found: dict[str, str] = {}
    for script in planned.scripts(plan):
        own = set(re.findall(r"^\s*(?:function\s+)?([\w-]+)\s*\(\)", script.text, re.MULTILINE))
        for command in read(script.text).commands:
            name = command.words[0].text
            if PLAIN.fullmatch(name) and name not in own:
                found.setdefault(name, script.step)
    return found


async def _missing(programs: dict[str, str], run: RunCommand, timeout: float) -> list[str]:
    """Those that bash finds neither built in nor on PATH."""
    names = " ".join(shlex.quote(name) for name in programs)
    script = f'for name in {names}; do command -v "$name" >/dev/null || echo "$name"; done'
    result = await run(script, None, {}, timeout)
    return result.stdout.split()


def _minor(text: str) -> int:
    """`33` and `33+`, as some vendors write it."""
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError(f"no minor version: {text!r}")
    return int(found[0])
