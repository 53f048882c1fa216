from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runbook.checks.base import CommandResult
from runbook.executors.probe import run_probe
from runbook.model.loader import load
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.redact import Redactor
from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN


def plan_of(*steps: dict[str, Any], **more: Any) -> Plan:
    document = {
        "apiVersion": "runbook/v1",
        "name": "test",
        "phases": [{"id": "p", "steps": list(steps)}],
        **more,
    }
    facts = TargetFacts("c", "s", "u")
    return make_plan(
        load(json.dumps(document), "x.yaml", lambda _: b""),
        inputs={},
        target=facts,
        mode="drill",
        environment={},
    )


@pytest.fixture
def machine(cluster: Any, tmp_path: Path) -> Any:
    """Programs really run; on PATH there is `argo` and what bash needs."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "argo").write_text("#!/bin/sh\n")
    (tools / "argo").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tools}:/usr/bin:/bin"}
    cluster.run_tool = run_probe(environment, tmp_path, Redactor())
    return cluster


async def test_a_program_that_a_step_calls_and_that_is_not_here_is_red(machine: Any) -> None:
    machine.plan = plan_of(
        {"id": "one", "run": "argo list | grep x; for i in a; do echo $i; done"},
        {"id": "two", "run": "own() { true; }\nown\nnosuchkubeseal --help; $what"},
        {"id": "three", "check": {"run": "nosuchargo get x"}},
        {"id": "four", "run": "nosuchpython", "shell": "python3 -"},
    )
    reading = await machine.look(tools={})
    assert reading.verdict is FAILS
    assert reading.observed == (
        "not on this machine: nosuchkubeseal (step two), nosuchargo (step three)"
    )


async def test_programs_that_are_here_are_named(machine: Any) -> None:
    machine.plan = plan_of({"id": "one", "run": "argo list"})
    reading = await machine.look(tools={"programs": ["cat"]})
    assert (reading.verdict, reading.observed) == (HOLDS, "argo, cat")
    assert await machine.verdict(tools={"programs": ["nosuch"]}) is FAILS


async def test_what_undoes_a_step_is_looked_for_too(machine: Any) -> None:
    machine.plan = plan_of({"id": "one", "run": "argo list", "rollback": "nosuchundo all"})
    reading = await machine.look(tools={})
    assert reading.observed.startswith("not on this machine: nosuchundo")


@pytest.mark.parametrize(
    ("client", "verdict", "told"),
    [
        ("31", HOLDS, ""),
        ("33+", HOLDS, ""),
        ("34", FAILS, "kubectl is 2 minor versions newer"),
        ("30", FAILS, "kubectl is 2 minor versions older"),
        ("2.32", FAILS, "server v1.32"),
    ],
)
async def test_kubectl_is_within_one_minor_version(
    cluster: Any, client: str, verdict: Verdict, told: str
) -> None:
    assert (await cluster.client.get("/version"))["minor"] == "32"

    major, _, minor = client.rpartition(".")

    async def run(script: str, *_: Any) -> CommandResult:
        version = {"major": major or "1", "minor": minor, "gitVersion": f"v1.{client}.0"}
        answer = json.dumps({"clientVersion": version}) if "version" in script else ""
        return CommandResult(0, answer, "")

    cluster.run_tool = run
    reading = await cluster.look(tools={"skew": 1})
    assert reading.verdict is verdict
    assert f"kubectl v1.{client}.0, server v1.32" in reading.observed
    assert told in reading.observed


async def test_a_kubectl_that_does_not_answer_cannot_be_told(cluster: Any) -> None:
    async def run(script: str, *_: Any) -> CommandResult:
        return CommandResult(None if "version" in script else 0, "", "killed")

    cluster.run_tool = run
    reading = await cluster.look(tools={"skew": 1})
    assert (reading.verdict, reading.observed) == (UNKNOWN, "kubectl tells no version: killed")


async def test_a_kubectl_whose_version_is_asked_for_must_be_here(cluster: Any) -> None:
    async def run(script: str, *_: Any) -> CommandResult:
        return CommandResult(0, "kubectl\n" if "in kubectl;" in script else "", "")

    cluster.run_tool = run
    reading = await cluster.look(tools={"skew": 1})
    assert reading.verdict is FAILS
    assert reading.observed == "not on this machine: kubectl (step the check)"


async def test_nothing_is_promised_of_a_version_that_nobody_asked_for(cluster: Any) -> None:
    reading = await cluster.look(tools={"programs": ["bash"]})
    assert reading.expected == "all programs that steps call, bash"
    reading = await cluster.look(tools={"skew": 1})
    assert reading.expected.endswith("; kubectl within 1 of the server's version")
