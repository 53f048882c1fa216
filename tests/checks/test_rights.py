from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.practice_cluster import path_for_commands
from runbook.executors.probe import run_probe
from runbook.model.commands import LONGEST
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


async def test_a_name_makes_nothing_of_a_right_to_create(limited: Any) -> None:
    # An object has no name yet when the API server asks who may create it.
    limited.plan = plan_of({"id": "base", "run": "kubectl apply -f base/all.yaml"})
    everything = rule(["get", "patch"], "configmaps", "namespaces")
    await grant(limited, "bob", WATCH, everything, rule(["create"], "namespaces"))
    named = rule(["create"], "configmaps", resourceNames=["c"])
    await grant(limited, "bob", named, namespace="a")
    reading = await limited.look(rights={})
    assert reading.observed == "not allowed: create configmaps in a (step base)"


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("helm", "helmCharts: [{name: x}]", "must specify --enable-helm"),
        ("nowhere", None, "nowhere: must build at directory"),
        ("wrong", "resources: [nothing.yaml]", "no such file"),
    ],
)
async def test_why_a_kustomization_cannot_be_built_is_told(
    limited: Any, tmp_path: Path, path: str, content: str | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / path).mkdir()
        (tmp_path / path / "kustomization.yaml").write_text(content)
    limited.plan = plan_of({"id": "base", "run": f"kubectl apply -k {path}"})
    reading = await limited.look(rights={})
    assert reading.verdict is FAILS
    assert reason in reading.observed


async def test_a_namespace_gives_no_right_to_what_is_in_none(limited: Any) -> None:
    limited.plan = plan_of({"id": "node", "run": "kubectl get node x -n a"})
    await grant(limited, "bob", WATCH)
    await grant(limited, "bob", rule(["get"], "nodes"), namespace="a")
    reading = await limited.look(rights={})
    assert reading.observed == "not allowed: get nodes (step node)"


@pytest.mark.parametrize(
    ("flag", "home"), [("-k base", "."), ("-f base/all.yaml", "."), ("-f all.yaml", "base")]
)
async def test_manifests_are_rendered_into_what_they_hold(
    limited: Any, flag: str, home: str
) -> None:
    command = f"kubectl delete {flag} --wait=false"
    limited.plan = plan_of({"id": "base", "run": command, "working-directory": home})
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
        {
            "id": "seals",
            "check": {"sealed_secrets": {"controller_namespace": "keys", "synced_in": ["b"]}},
        },
        secrets={"p": {"from": "kubernetes", "namespace": "c", "name": "s", "key": "k"}},
    )
    seen = (await limited.look(rights={})).observed
    assert "create,get,list workflows.argoproj.io in a (step train)" in seen
    assert "list pods in a (step train)" in seen
    assert "get pods/log in a (step train)" in seen
    assert "list secrets in keys (step seals)" in seen
    assert "list sealedsecrets.bitnami.com in b (step seals)" in seen
    assert "get secrets in c (step secret p)" in seen
    assert "get,list secrets in b (step look)" in seen
    assert "pods (step watch)" in seen


async def test_what_words_do_not_tell_is_told_of_and_can_be_added(limited: Any) -> None:
    limited.plan = plan_of(
        {"id": "loop", "run": "for x in a; do kubectl get $x -n a; done"},
        {"id": "own", "run": "runbook release-finalizers -n a"},
        {"id": "long", "run": f"kubectl delete ns a {'#' * LONGEST}"},
    )
    await grant(limited, "bob", WATCH, rule(["get"], "pods"))
    reading = await limited.look(rights={})
    assert reading.verdict is HOLDS
    assert reading.observed == "2 allowed; not all told of loop, own, long"
    also = [{"verbs": ["get"], "resource": "pods/log", "namespace": "a"}]
    reading = await limited.look(rights={"also": also})
    assert reading.observed == "not allowed: get pods/log in a (step also)"


async def test_a_kind_that_is_not_served_cannot_be_told(cluster: Any) -> None:
    cluster.plan = plan_of({"id": "x", "run": "kubectl get nosuches -n a"})
    reading = await cluster.look(rights={})
    assert reading.verdict is UNKNOWN
    assert "serves no nosuches (step x)" in reading.observed
