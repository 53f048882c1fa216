from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.practice_cluster import path_for_commands
from runbook.executors.probe import run_probe
from runbook.redact import Redactor
from runbook.run.readings import Verdict
from runbook.target.client import connect
from tests.checks.accounts import account, grant, rule
from tests.checks.test_tools import plan_of

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: a}
---
apiVersion: v1
kind: Namespace
metadata: {name: a}
"""


@pytest.fixture
async def limited(cluster: Any, tmp_path: Path) -> AsyncIterator[Any]:
    """The cluster as an account sees it that may do what `grant` gives it."""
    file = await account(cluster, tmp_path / "limited", "bob")
    cluster.directory = tmp_path
    environment = {**os.environ, "PATH": path_for_commands()}
    cluster.run_tool = run_probe(environment, tmp_path, Redactor())
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "all.yaml").write_text(MANIFEST)
    (tmp_path / "base" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    async with await connect(file) as client:
        cluster.client = client
        yield cluster


WATCH = rule(["list", "watch"], "pods")


async def test_a_right_that_a_step_needs_is_named_with_the_step(limited: Any) -> None:
    await grant(limited, "bob", WATCH)
    limited.plan = plan_of({"id": "gone", "run": "kubectl delete pod x -n a --wait=false"})
    reading = await limited.look(rights={})
    assert reading.verdict is FAILS
    assert reading.observed == "not allowed: delete pods in a (step gone)"


async def test_it_holds_once_it_is_granted_even_for_that_name_alone(limited: Any) -> None:
    limited.plan = plan_of({"id": "gone", "run": "kubectl delete pod x -n a --wait=false"})
    await grant(limited, "bob", WATCH)
    await grant(limited, "bob", rule(["delete"], "pods", resourceNames=["x"]), namespace="a")
    assert await limited.verdict(rights={}) is HOLDS


@pytest.mark.parametrize("flag", ["-k base", "-f base/all.yaml"])
async def test_manifests_are_rendered_into_what_they_hold(limited: Any, flag: str) -> None:
    limited.plan = plan_of({"id": "base", "run": f"kubectl delete {flag} --wait=false"})
    await grant(limited, "bob", WATCH, rule(["delete"], "configmaps"))
    reading = await limited.look(rights={})
    assert reading.observed == "not allowed: delete namespaces (step base)"


async def test_manifests_that_are_not_there_are_red(limited: Any) -> None:
    limited.plan = plan_of({"id": "base", "run": "kubectl apply -k nowhere"})
    reading = await limited.look(rights={})
    assert reading.verdict is FAILS
    assert reading.observed.startswith("step base: nowhere: ")


async def test_workflows_checks_and_what_is_watched_count(limited: Any) -> None:
    limited.plan = plan_of(
        {"id": "train", "workflow": {"namespace": "a", "template": "t"}},
        {"id": "look", "check": {"secret": {"namespace": "b", "name": "s"}}},
    )
    seen = (await limited.look(rights={})).observed
    assert "create,get,list workflows.argoproj.io in a (step train)" in seen
    assert "get secrets in b (step look)" in seen
    assert "pods (step watch)" in seen


async def test_what_words_do_not_tell_is_told_of_and_can_be_added(limited: Any) -> None:
    limited.plan = plan_of({"id": "loop", "run": "for x in a; do kubectl get $x -n a; done"})
    await grant(limited, "bob", WATCH)
    reading = await limited.look(rights={})
    assert (reading.verdict, reading.observed) == (HOLDS, "2 allowed; not all told of loop")
    also = [{"verbs": ["get"], "resource": "pods/log", "namespace": "a"}]
    reading = await limited.look(rights={"also": also})
    assert reading.observed == "not allowed: get pods/log in a (step also)"


async def test_a_kind_that_is_not_served_cannot_be_told(cluster: Any) -> None:
    cluster.plan = plan_of({"id": "x", "run": "kubectl get nosuches -n a"})
    reading = await cluster.look(rights={})
    assert reading.verdict is UNKNOWN
    assert "serves no nosuches (step x)" in reading.observed
