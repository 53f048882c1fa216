from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.checks.base import CommandResult
from runbook.cli.practice_cluster import path_for_commands
from runbook.executors.probe import run_probe
from runbook.redact import Redactor
from runbook.run.readings import Verdict
from tests.checks.test_tools import plan_of

JSON = dict[str, Any]
HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS
HERE: JSON = {"namespaces": ["a"]}
APPLY = {"id": "apply", "run": "kubectl apply -k base"}


def meta(name: str, **more: Any) -> JSON:
    return {"name": name, "namespace": "a", **more}


def owned(kind: str, name: str = "x") -> JSON:
    owner = {"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": True}
    return {"ownerReferences": [owner]}


def container(**resources: Any) -> JSON:
    return {"name": "c", "image": "x:1", "resources": resources}


def deployment(name: str, replicas: int, **more: Any) -> JSON:
    template = {"metadata": {"labels": {"a": name}}, "spec": {"containers": [container()]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"a": name}}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(name, **more),
        "spec": spec,
    }


def quota(name: str = "q", **hard: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": meta(name),
        "spec": {"hard": {key.replace("_", "."): value for key, value in hard.items()}},
    }


@pytest.fixture
def applied(cluster: Any, tmp_path: Path) -> Any:
    """Gives a cluster whose runbook applies these objects by a kustomization."""

    def given(*objects: JSON) -> Any:
        (tmp_path / "base").mkdir()
        (tmp_path / "base" / "all.yaml").write_text(yaml.safe_dump_all(objects))
        (tmp_path / "base" / "kustomization.yaml").write_text("resources: [all.yaml]\n")
        environment = {**os.environ, "PATH": path_for_commands()}
        cluster.directory = tmp_path
        cluster.run_tool = run_probe(environment, tmp_path, Redactor())
        cluster.plan = plan_of(APPLY)
        return cluster

    return given


async def test_without_quotas_everything_fits(cluster: Any) -> None:
    await cluster.put("deployments.apps", deployment("web", 50))
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (HOLDS, "no quota there")


async def test_a_quota_that_was_tightened_under_what_runs_is_red(cluster: Any) -> None:
    await cluster.put("deployments.apps", deployment("web", 3))
    await cluster.put("resourcequotas", quota(pods="2"))
    reading = await cluster.look(quotas=HERE)
    assert reading.verdict is FAILS
    assert reading.observed == "a: quota q: pods 3 of 2, of Deployment web 3"
    assert await cluster.verdict(quotas={"namespaces": ["b"]}) is HOLDS
    await cluster.api.patch("deployments.apps", "a", "web", {"spec": {"replicas": 0}})
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (HOLDS, "a: quota q: pods 0 of 2")


async def test_what_a_limit_range_refuses_now_is_red_without_a_quota(cluster: Any) -> None:
    await cluster.put("deployments.apps", deployment("web", 1))
    most = {"type": "Container", "max": {"memory": "1Gi"}, "maxLimitRequestRatio": {"cpu": "2"}}
    await cluster.put("limitranges", {"metadata": meta("r"), "spec": {"limits": [most]}})
    reading = await cluster.look(quotas=HERE)
    assert reading.verdict is FAILS
    assert "LimitRange r refuses pods of Deployment web" in reading.observed


async def test_each_pod_is_counted_by_what_makes_it_and_once(cluster: Any) -> None:
    await cluster.put("deployments.apps", deployment("web", 2))
    made = {**deployment("web-1", 2, **owned("Deployment")), "kind": "ReplicaSet"}
    await cluster.put("replicasets.apps", made)
    every = {**deployment("agent", 1), "kind": "DaemonSet"}
    del every["spec"]["replicas"]
    await cluster.put("daemonsets.apps", every, {"desiredNumberScheduled": 3})
    await cluster.put("resourcequotas", quota(pods="4"))
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == "a: quota q: pods 5 of 4, of DaemonSet agent 3, Deployment web 2"


async def test_what_steps_apply_counts_as_they_say_it(applied: Any) -> None:
    cluster = applied(deployment("web", 4), quota(pods="4"))
    await cluster.put("deployments.apps", deployment("web", 9))
    await cluster.put("resourcequotas", quota(pods="2"))
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (HOLDS, "a: quota q: pods 4 of 4")


DELETED = [
    {"id": "gone", "run": "kubectl delete namespace a"},
    {"id": "gone", "run": "kubectl delete -k base --ignore-not-found"},
]


@pytest.mark.parametrize("gone", DELETED)
async def test_what_limits_a_namespace_now_stays_unless_the_namespace_is_deleted(
    applied: Any, gone: JSON
) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    cluster = applied(namespace, deployment("web", 4), quota(pods="4"))
    await cluster.put("resourcequotas", quota(pods="9", limits_cpu="4"))
    await cluster.put("resourcequotas", quota("other", pods="3"))
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == (
        "a: quota q limits limits.cpu, of which containers do not say how much: Deployment web (c); "
        "a: quota other: pods 4 of 3, of Deployment web 4"
    )
    cluster.plan = plan_of(gone, APPLY)
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (HOLDS, "a: quota q: pods 4 of 4")


async def test_what_is_sealed_is_a_secret_once_it_is_opened(applied: Any) -> None:
    sealed = {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": meta("s"),
        "spec": {"encryptedData": {"k": "x"}},
    }
    reading = await applied(sealed, quota(secrets="0")).look(quotas=HERE)
    assert reading.observed == "a: quota q: secrets 1 of 0, of s 1"


async def test_a_namespace_may_be_named_by_the_command_alone(applied: Any) -> None:
    web = deployment("web", 3)
    del web["metadata"]["namespace"]
    cluster = applied(web, quota(pods="2"))
    cluster.plan = plan_of({"id": "apply", "run": "kubectl apply -k base -n a"})
    assert await cluster.verdict(quotas=HERE) is FAILS


async def test_what_operators_made_counts_too(applied: Any) -> None:
    cluster = applied(deployment("web", 2), quota(pods="4"))
    await cluster.put("deployments.apps", deployment("made", 2, **owned("Server")))
    assert await cluster.verdict(quotas=HERE) is HOLDS
    pod = {"metadata": meta("alone"), "spec": {"containers": [container()]}}
    await cluster.put("pods", pod, {"phase": "Running"})
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == (
        "a: quota q: pods 5 of 4, of Deployment made 2, Deployment web 2, Pod alone 1"
    )


@pytest.mark.parametrize(
    ("owner", "phase"),
    [("ReplicaSet", "Running"), ("Workflow", "Running"), ("Job", "Pending"), ("Sth", "Failed")],
)
async def test_pods_of_what_is_counted_itself_or_ends_are_not_counted(
    cluster: Any, owner: str, phase: str
) -> None:
    await cluster.put("resourcequotas", quota(pods="1"))
    for name in ("one", "two"):
        pod = {"metadata": meta(name, **owned(owner)), "spec": {"containers": [container()]}}
        await cluster.put("pods", pod, {"phase": phase})
    assert await cluster.verdict(quotas=HERE) is HOLDS


async def test_pods_of_an_operator_of_its_own_are(cluster: Any) -> None:
    await cluster.put("resourcequotas", quota(pods="1"))
    for name in ("one", "two"):
        metadata = meta(name, **owned("StrimziPodSet"))
        await cluster.put("pods", {"metadata": metadata, "spec": {"containers": [container()]}})
    assert await cluster.verdict(quotas=HERE) is FAILS


async def test_a_pod_that_does_not_say_what_it_wants_is_found_before_it_is_made(
    applied: Any,
) -> None:
    cluster = applied(deployment("web", 1), quota(limits_cpu="4"))
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == (
        "a: quota q limits limits.cpu, of which containers do not say how much: Deployment web (c)"
    )
    default = {"type": "Container", "default": {"cpu": "1"}}
    await cluster.put("limitranges", {"metadata": meta("r"), "spec": {"limits": [default]}})
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (HOLDS, "a: quota q: limits.cpu 1 of 4")


async def test_claims_of_templates_and_counts_of_other_kinds(applied: Any) -> None:
    requests = {"requests": {"storage": "10Gi"}}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": requests}
    stateful = {
        **deployment("db", 2),
        "kind": "StatefulSet",
    }
    stateful["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    model = {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": meta("iris"),
        "spec": {"storageUri": "s3://b/k", "requirements": ["sklearn"]},
    }
    hard = {"requests.storage": "15Gi", "count/models.mlops.seldon.io": "0", "secrets": "0"}
    limits = {**quota(), "spec": {"hard": hard}}
    cluster = applied(stateful, model, limits)
    name = meta("data-db-0")
    await cluster.put("persistentvolumeclaims", {"metadata": name, "spec": claim})
    await cluster.put("secrets", {"metadata": meta("token")})
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == (
        "a: quota q: count/models.mlops.seldon.io 1 of 0, of iris 1; "
        "a: quota q: requests.storage 20Gi of 15Gi, of data-db-0 10Gi, data-db-1 10Gi; "
        "a: quota q: secrets 1 of 0, of token 1"
    )


async def test_workflows_that_were_run_do_not_come_back(cluster: Any) -> None:
    limits = {**quota(), "spec": {"hard": {"count/workflows.argoproj.io": "0"}}}
    await cluster.put("resourcequotas", limits)
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": meta("old"),
        "spec": {"entrypoint": "x", "templates": [{"name": "x", "container": {"image": "x"}}]},
    }
    await cluster.put("workflows.argoproj.io", workflow)
    assert await cluster.verdict(quotas=HERE) is HOLDS


async def test_a_namespace_that_is_not_there_is_told(applied: Any) -> None:
    there = {**deployment("web", 2), "metadata": {"name": "web", "namespace": "new"}}
    limits = {**quota(pods="2"), "metadata": {"name": "q", "namespace": "new"}}
    cluster = applied(there, limits)
    reading = await cluster.look(quotas={"namespaces": ["new"]})
    assert (reading.verdict, reading.observed) == (
        HOLDS,
        "namespace new is not there, so only what is applied was counted; "
        "new: quota q: pods 2 of 2",
    )


async def test_manifests_that_cannot_be_read_are_red(cluster: Any) -> None:
    cluster.plan = plan_of(APPLY)
    cluster.result = CommandResult(1, "", "error: no such directory\n")
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (FAILS, "base: error: no such directory")


async def test_what_is_no_quantity_is_told_with_its_place(applied: Any) -> None:
    cluster = applied(quota(pods="many"))
    reading = await cluster.look(quotas=HERE)
    assert reading.verdict is FAILS
    assert reading.observed == "a: 'many' is not a quantity, as 500m, 2 or 1Gi are"


async def test_kinds_that_the_cluster_has_not_are_told(applied: Any) -> None:
    unknown = {"apiVersion": "x.io/v1", "kind": "Thing", "metadata": meta("t")}
    cluster = applied(unknown, quota(pods="1"))
    reading = await cluster.look(quotas=HERE)
    assert reading.verdict is HOLDS
    assert reading.observed.endswith("not counted, as the cluster has no such kind: Thing")


async def test_every_file_of_a_command_counts(cluster: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for place in ("a.yaml", "b.yaml", "sub/c.yaml"):
        (tmp_path / place).write_text(yaml.safe_dump(deployment(place[-6], 1)))
    await cluster.put("resourcequotas", quota(pods="9"))
    cluster.directory = tmp_path
    for words, pods in [("-f a.yaml -f b.yaml", 2), ("-fb.yaml,a.yaml", 2), ("-Rf .", 3)]:
        cluster.plan = plan_of({"id": "apply", "run": f"kubectl apply {words}"})
        reading = await cluster.look(quotas=HERE)
        assert (reading.verdict, reading.observed) == (HOLDS, f"a: quota q: pods {pods} of 9")


async def test_what_is_tried_or_undone_is_not_what_will_be(applied: Any) -> None:
    cluster = applied(deployment("web", 4))
    await cluster.put("resourcequotas", quota(pods="3"))
    cluster.plan = plan_of({"id": "try", "run": "kubectl apply -k base --dry-run=server"})
    assert await cluster.verdict(quotas=HERE) is HOLDS
    cluster.plan = plan_of({**APPLY, "rollback": "kubectl delete namespace a"})
    assert await cluster.verdict(quotas=HERE) is FAILS


async def test_what_is_applied_last_counts(applied: Any, tmp_path: Path) -> None:
    cluster = applied(deployment("web", 1))
    await cluster.put("resourcequotas", quota(pods="3"))
    (tmp_path / "more.yaml").write_text(yaml.safe_dump(deployment("web", 4)))
    cluster.plan = plan_of(APPLY, {"id": "more", "run": "kubectl apply -f more.yaml"})
    assert await cluster.verdict(quotas=HERE) is FAILS


async def test_what_is_deleted_and_not_applied_again_is_not_counted(applied: Any) -> None:
    cluster = applied(deployment("web", 4))
    await cluster.put("deployments.apps", deployment("web", 4))
    await cluster.put("deployments.apps", deployment("old", 4))
    await cluster.put("resourcequotas", quota(pods="4"))
    assert await cluster.verdict(quotas=HERE) is FAILS
    gone = {"id": "gone", "run": "kubectl delete deployment old web -n a"}
    cluster.plan = plan_of(gone, APPLY)
    assert (await cluster.look(quotas=HERE)).observed == "a: quota q: pods 4 of 4"
    cluster.plan = plan_of(
        {"id": "gone", "run": "kubectl delete -k base; kubectl delete deploy old -n a"}
    )
    assert (await cluster.look(quotas=HERE)).observed == "a: quota q: pods 0 of 4"
    cluster.plan = plan_of({"id": "gone", "run": "kubectl delete quota q -n a"})
    assert (await cluster.look(quotas=HERE)).observed == "no quota there"


async def test_what_manifests_do_not_say_stays_as_it_is(applied: Any) -> None:
    scaled, every = deployment("web", 1), {**deployment("agent", 1), "kind": "DaemonSet"}
    for one in (scaled, every):
        del one["spec"]["replicas"]
    cluster = applied(scaled, every)
    await cluster.put("deployments.apps", deployment("web", 4))
    await cluster.put("daemonsets.apps", every, {"desiredNumberScheduled": 3})
    await cluster.put("resourcequotas", quota(pods="9"))
    assert (await cluster.look(quotas=HERE)).observed == "a: quota q: pods 7 of 9"
    gone = {"id": "gone", "run": "kubectl delete namespace a"}
    cluster.plan = plan_of(gone, {"id": "limit", "run": "kubectl apply -k base"})
    assert (await cluster.look(quotas=HERE)).observed == "no quota there"


async def test_an_autoscaler_keeps_its_least(applied: Any) -> None:
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("web"),
        "spec": {
            "minReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    reading = await applied(deployment("web", 1), scaler, quota(pods="4")).look(quotas=HERE)
    assert reading.observed == "a: quota q: pods 5 of 4, of Deployment web 5"


async def test_of_what_makes_no_pods_nothing_is_asked(applied: Any) -> None:
    cluster = applied(deployment("web", 0), quota(pods="1", limits_cpu="1"))
    reading = await cluster.look(quotas=HERE)
    assert (reading.verdict, reading.observed) == (
        HOLDS,
        "a: quota q: limits.cpu 0 of 1, pods 0 of 1",
    )


async def test_steps_whose_words_do_not_tell_all_are_named(cluster: Any) -> None:
    cluster.plan = plan_of({"id": "piped", "run": "cat x | kubectl apply -f -"})
    assert (await cluster.look(quotas=HERE)).observed == "not all told of piped"


async def test_a_claim_that_names_no_class_gets_the_default_one(applied: Any) -> None:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    claims = [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta(name), "spec": spec}
        for name, spec in (("x", wanted), ("none", {**wanted, "storageClassName": ""}))
    ]
    limited = "fast.storageclass.storage.k8s.io/requests.storage"
    quota_of_class = quota()
    quota_of_class["spec"]["hard"] = {limited: "1Gi"}
    cluster = applied(*claims, quota_of_class)
    assert await cluster.verdict(quotas=HERE) is HOLDS
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    fast = {"metadata": {"name": "fast", "annotations": default}, "provisioner": "x"}
    await cluster.put("storageclasses.storage.k8s.io", fast)
    reading = await cluster.look(quotas=HERE)
    assert reading.observed == f"a: quota q: {limited} 2Gi of 1Gi, of x 2Gi"


async def test_what_names_no_namespace_is_for_that_of_the_context(applied: Any) -> None:
    one = deployment("web", 2)
    del one["metadata"]["namespace"]
    cluster = applied(one, {**quota(pods="9"), "metadata": {"name": "q"}})
    reading = await cluster.look(quotas={"namespaces": ["default"]})
    assert reading.observed.endswith("; default: quota q: pods 2 of 9")


async def test_a_kustomization_that_is_deleted_and_applied_is_built_once(cluster: Any) -> None:
    cluster.plan = plan_of({"id": "gone", "run": "kubectl delete -k base"}, APPLY)
    cluster.result = CommandResult(0, yaml.safe_dump(quota(pods="1")), "")
    assert await cluster.verdict(quotas=HERE) is HOLDS
    built = [script for script, _, _ in cluster.commands if "kustomize" in script]
    assert len(built) == 1
