from __future__ import annotations

from typing import Any

import pytest

from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
WORKFLOWS = "workflows.argoproj.io"
QUERY = {"namespace": "a", "template": "training"}


async def put(
    cluster: Any,
    name: str,
    status: dict[str, Any] | None,
    *,
    template: str = "training",
    **parameters: str,
) -> None:
    arguments = [{"name": key, "value": value} for key, value in parameters.items()]
    await cluster.put(
        WORKFLOWS,
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "namespace": "a"},
            "spec": {
                "workflowTemplateRef": {"name": template},
                "arguments": {"parameters": arguments},
            },
        },
        status,
    )


@pytest.mark.parametrize(
    ("status", "verdict", "observed"),
    [
        ({"phase": "Succeeded", "progress": "2/2"}, HOLDS, "one Succeeded 2/2"),
        ({"phase": "Running", "progress": "1/2"}, FAILS, "one Running 1/2"),
        ({"phase": "Failed", "message": "OOMKilled"}, FAILS, "one Failed: OOMKilled"),
        ({"phase": "Error"}, FAILS, "one Error"),
        (None, FAILS, "one was not picked up by a workflow controller yet"),
    ],
)
async def test_a_workflow_is_judged_by_its_phase(
    cluster: Any, status: dict[str, Any] | None, verdict: Verdict, observed: str
) -> None:
    await put(cluster, "one", status)
    reading = await cluster.look(workflow=QUERY)
    assert (reading.verdict, reading.observed) == (verdict, observed)


async def test_the_newest_of_the_template_counts(cluster: Any) -> None:
    assert "no such Workflow" in (await cluster.look(workflow=QUERY)).observed
    await put(cluster, "other", {"phase": "Succeeded"}, template="data")
    assert await cluster.verdict(workflow=QUERY) is FAILS
    started = "2026-05-01T12:00:0{}Z"
    await put(cluster, "first", {"phase": "Succeeded", "startedAt": started.format(1)})
    assert await cluster.verdict(workflow=QUERY) is HOLDS
    await put(cluster, "second", {"phase": "Failed", "startedAt": started.format(2)})
    assert (await cluster.look(workflow=QUERY)).observed == "second Failed"


async def test_parameters_choose_among_workflows(cluster: Any) -> None:
    await put(cluster, "base", {"phase": "Succeeded"}, variant="baseline", epochs="3")
    await put(cluster, "enh", {"phase": "Failed"}, variant="enhanced")
    wanted = QUERY | {"parameters": {"variant": "baseline"}}
    assert await cluster.verdict(workflow=wanted) is HOLDS
    assert await cluster.verdict(workflow=QUERY | {"parameters": {"variant": "enhanced"}}) is FAILS
    assert await cluster.verdict(workflow=QUERY | {"parameters": {"variant": "light"}}) is FAILS


async def test_a_node_is_judged_on_its_own(cluster: Any) -> None:
    nodes = {
        "n0": {"displayName": "ingest", "phase": "Failed", "startedAt": "2026-05-01T12:00:00Z"},
        "n1": {"displayName": "ingest", "phase": "Succeeded", "startedAt": "2026-05-01T12:01:00Z"},
        "n2": {"displayName": "features", "phase": "Running", "progress": "0/1"},
    }
    await put(cluster, "one", {"phase": "Running", "nodes": nodes})
    ingest = await cluster.look(workflow=QUERY | {"node": "ingest"})
    assert (ingest.verdict, ingest.observed) == (HOLDS, "one ingest Succeeded")
    features = await cluster.look(workflow=QUERY | {"node": "features"})
    assert (features.verdict, features.observed) == (FAILS, "one features Running 0/1")
    missing = await cluster.look(workflow=QUERY | {"node": "none"})
    assert missing.observed == "one has no node none; Running"
