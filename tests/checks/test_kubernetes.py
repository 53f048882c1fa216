from __future__ import annotations

from typing import Any

import pytest

from runbook.run.readings import Verdict
from tests.checks.test_gitops import own, resource

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
MODELS = "models.mlops.seldon.io"
READY = {"kind": "Model", "namespace": "a", "condition": "ModelReady"}


def model(name: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name, "namespace": "a", **metadata},
        "spec": {"storageUri": "s3://b/x"},
    }


def ready(status: str = "True", generation: int | None = 1, **more: Any) -> dict[str, Any]:
    condition = {"type": "ModelReady", "status": status, **more}
    return {"conditions": [condition]} | (
        {"observedGeneration": generation} if generation is not None else {}
    )


async def test_all_matching_objects_must_satisfy(cluster: Any) -> None:
    await cluster.put(MODELS, model("one"), ready())
    assert await cluster.verdict(kubernetes=READY) is HOLDS
    await cluster.put(
        MODELS, model("two"), ready("False", message="ScheduleFailed", reason="no servers")
    )
    reading = await cluster.look(kubernetes=READY)
    assert reading.verdict is FAILS
    assert reading.expected == "Model in a with ModelReady True"
    assert reading.observed == "a/two: ModelReady False (ScheduleFailed: no servers)"


async def test_a_count_is_exact(cluster: Any) -> None:
    for name in ("one", "two"):
        await cluster.put(MODELS, model(name), ready())
    assert await cluster.verdict(kubernetes=READY | {"count": 2}) is HOLDS
    for count in (0, 1, 3):
        assert await cluster.verdict(kubernetes=READY | {"count": count}) is FAILS
    await cluster.put(MODELS, model("three"), ready("False"))
    assert await cluster.verdict(kubernetes=READY | {"count": 2}) is HOLDS


@pytest.mark.parametrize(
    ("query", "verdict"),
    [
        (READY, FAILS),
        ({"kind": "Model"}, FAILS),
        ({"kind": "Model", "absent": True}, HOLDS),
        ({"kind": "Model", "count": 0}, HOLDS),
        (READY | {"count": 0}, HOLDS),
        ({"kind": "Model", "namespace": "a", "name": "none"}, FAILS),
        ({"kind": "Model", "namespace": "a", "name": "none", "absent": True}, HOLDS),
        ({"kind": "Namespace", "name": "none", "absent": True}, HOLDS),
        ({"kind": "Namespace", "name": "a", "absent": True}, FAILS),
        ({"kind": "Namespace", "name": "a"}, HOLDS),
        ({"kind": "Namespace", "name": "a", "jsonpath": {"path": ".metadata.name"}}, HOLDS),
        ({"kind": "NoSuchKind"}, FAILS),
        ({"kind": "NoSuchKind", "absent": True}, HOLDS),
        ({"kind": "NoSuchKind", "count": 0}, HOLDS),
    ],
)
async def test_nothing_satisfies_only_absence(
    cluster: Any, query: dict[str, Any], verdict: Verdict
) -> None:
    assert await cluster.verdict(kubernetes=query) is verdict


async def test_a_condition_of_an_older_generation_is_stale(cluster: Any) -> None:
    await cluster.put(MODELS, model("one"), ready())
    await cluster.api.patch(MODELS, "a", "one", {"spec": {"storageUri": "s3://b/y"}})
    reading = await cluster.look(kubernetes=READY)
    assert reading.verdict is FAILS
    assert "stale: generation 2 is not yet observed" in reading.observed


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("{.status.observedGeneration}", FAILS),
        (".status.conditions[0].status", FAILS),
        (".spec.storageUri", HOLDS),
    ],
)
async def test_a_value_of_a_stale_status_is_not_green(
    cluster: Any, path: str, verdict: Verdict
) -> None:
    await cluster.put(MODELS, model("one"), ready())
    query = {"kind": "Model", "namespace": "a", "jsonpath": {"path": path}}
    assert await cluster.verdict(kubernetes=query) is HOLDS
    await cluster.api.patch(MODELS, "a", "one", {"spec": {"storageUri": "s3://b/y"}})
    reading = await cluster.look(kubernetes=query)
    assert reading.verdict is verdict
    assert ("stale: generation 2 is not yet observed" in reading.observed) is (verdict is FAILS)


async def test_a_condition_may_say_itself_which_generation_it_is_of(cluster: Any) -> None:
    condition = {"type": "Ready", "status": "True", "observedGeneration": 1}
    await own(cluster, "Application", {}, status={"conditions": [condition]})
    query = {"kind": "Application", "namespace": "b", "condition": "Ready"}
    assert await cluster.verdict(kubernetes=query) is HOLDS
    await cluster.api.patch(resource("Application"), "b", "app", {"spec": {"project": "x"}})
    reading = await cluster.look(kubernetes=query)
    assert reading.verdict is FAILS
    assert "stale: generation 2 is not yet observed" in reading.observed


@pytest.mark.parametrize(("replicas", "verdict"), [(0, FAILS), (2, HOLDS)])
async def test_a_deployment_of_no_pods_is_available_and_not_green(
    cluster: Any, replicas: int, verdict: Verdict
) -> None:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    conditions = [
        {"type": kind, "status": "True", "reason": "x", "message": "x"}
        for kind in ("Available", "Progressing")
    ]
    metadata = {"name": "web", "namespace": "a"}
    status = {"conditions": conditions, "observedGeneration": 1}
    await cluster.put("deployments.apps", {"metadata": metadata, "spec": spec}, status)
    query = {"kind": "Deployment", "namespace": "a", "name": "web"}
    reading = await cluster.look(kubernetes=query | {"condition": "Available"})
    assert reading.verdict is verdict
    assert ("Available True of nothing: 0 replicas" in reading.observed) is (replicas == 0)
    assert await cluster.verdict(kubernetes=query | {"condition": "Progressing"}) is HOLDS


async def test_a_status_of_another_objects_life_is_not_of_the_current_generation(
    cluster: Any,
) -> None:
    # As a restored backup has it: the status was written when the generation was higher.
    await cluster.put(MODELS, model("one"), ready(generation=5))
    for query in (READY, {"kind": "Model", "namespace": "a", "current_generation": True}):
        assert await cluster.verdict(kubernetes=query) is FAILS


async def test_the_current_generation_must_be_said(cluster: Any) -> None:
    await cluster.put(MODELS, model("one"), ready(generation=None))
    assert await cluster.verdict(kubernetes=READY) is HOLDS
    reading = await cluster.look(kubernetes=READY | {"current_generation": True})
    assert reading.verdict is FAILS
    assert "does not say which generation" in reading.observed


async def test_an_object_that_is_being_deleted_satisfies_nothing_positive(cluster: Any) -> None:
    await cluster.put(MODELS, model("one", finalizers=["seldon.model.finalizer"]), ready())
    await cluster.api.delete(MODELS, "a", "one")
    for query in (READY, {"kind": "Model", "namespace": "a"}, READY | {"count": 1}):
        reading = await cluster.look(kubernetes=query)
        assert reading.verdict is FAILS
        assert "is being deleted since" in reading.observed
    # It is still there, though.
    assert await cluster.verdict(kubernetes={"kind": "Model", "count": 0}) is FAILS
    reading = await cluster.look(kubernetes={"kind": "Model", "namespace": "a", "absent": True})
    assert reading.verdict is FAILS
    assert "held by seldon.model.finalizer" in reading.observed


async def test_a_condition_may_be_wanted_otherwise_than_true(cluster: Any) -> None:
    await cluster.put(MODELS, model("one"), ready("False"))
    assert await cluster.verdict(kubernetes=READY | {"condition": "ModelReady=False"}) is HOLDS
    reading = await cluster.look(kubernetes=READY | {"condition": "Other"})
    assert reading.observed == "a/one: has no condition Other"


async def test_containers_are_counted_exactly(cluster: Any, put_pod: Any) -> None:
    await put_pod("mlserver-0", ready={"rclone": True, "agent": False, "mlserver": True})
    query = {"kind": "Pod", "namespace": "a", "name": "mlserver-0", "ready_containers": 3}
    reading = await cluster.look(kubernetes=query)
    assert reading.verdict is FAILS
    assert reading.observed == "a/mlserver-0: 2/3 containers ready (agent CrashLoopBackOff)"
    await put_pod("mlserver-1", ready=dict.fromkeys(("rclone", "agent", "mlserver"), True))
    assert await cluster.verdict(kubernetes=query | {"name": "mlserver-1"}) is HOLDS
    wanted_two = query | {"name": "mlserver-1", "ready_containers": 2}
    assert await cluster.verdict(kubernetes=wanted_two) is FAILS
    await put_pod("mlserver-2", ready={"a": True, "b": True, "c": True, "d": False})
    assert await cluster.verdict(kubernetes=query | {"name": "mlserver-2"}) is FAILS


async def test_labels_and_names_choose_together(cluster: Any, put_pod: Any) -> None:
    await put_pod("one", labels={"app": "x"})
    await put_pod("two", labels={"app": "x"}, phase="Pending")
    running = {
        "kind": "pods",
        "namespace": "a",
        "selector": "app=x",
        "jsonpath": {"path": "{.status.phase}", "equals": "Running"},
    }
    assert await cluster.verdict(kubernetes=running) is FAILS
    assert await cluster.verdict(kubernetes=running | {"name": "one"}) is HOLDS
    assert await cluster.verdict(kubernetes=running | {"name": "one", "selector": "app=y"}) is FAILS
    assert await cluster.verdict(kubernetes=running | {"namespace": "b"}) is FAILS
    assert await cluster.verdict(kubernetes={"kind": "Pod", "name": "one"}) is HOLDS
    assert await cluster.verdict(kubernetes={"kind": "Pod", "name": "three"}) is FAILS


@pytest.mark.parametrize("kind", ["Secret", "secrets", "SECRETS"])
async def test_the_values_of_a_secret_are_not_shown(cluster: Any, kind: str) -> None:
    await cluster.put(
        "secrets", {"metadata": {"name": "s", "namespace": "a"}, "data": {"k": "aHVzaC1odXNo"}}
    )
    query = {
        "kind": kind,
        "namespace": "a",
        "name": "s",
        "jsonpath": {"path": ".data.k", "equals": "x"},
    }
    reading = await cluster.look(kubernetes=query)
    assert reading.verdict is FAILS
    assert "aHVzaC1odXNo" not in reading.observed


async def test_absence_and_a_wish_contradict_each_other(cluster: Any) -> None:
    reading = await cluster.look(kubernetes=READY | {"absent": True})
    assert reading.verdict is UNKNOWN
    assert "absent cannot be combined" in reading.observed


async def test_many_faults_are_told_by_their_first_and_a_number(cluster: Any) -> None:
    for number in range(6):
        await cluster.put(MODELS, model(f"m{number}"), ready("False"))
    reading = await cluster.look(kubernetes=READY)
    assert reading.observed.endswith("; and 3 more")


async def test_a_cluster_that_is_gone_is_neither_red_nor_green(cluster: Any) -> None:
    await cluster.server.stop()
    for query in (READY, {"kind": "Model", "absent": True}, {"kind": "NoSuch", "absent": True}):
        reading = await cluster.look(kubernetes=query)
        assert reading.verdict is UNKNOWN
        assert "does not answer" in reading.observed
