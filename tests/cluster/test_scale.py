"""The scale subresource: what it shows, how it is written, and what becomes of it in the object."""

from __future__ import annotations

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import JSON, Talk

APPS = "/apis/apps/v1/namespaces/{ns}"
NS = "/api/v1/namespaces/{ns}"
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"
POD = "template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: nginx}]}}"
LABELS = "selector: {matchLabels: {app: a}}"
MIXED = (
    "selector: {matchLabels: {app: a}, matchExpressions: "
    "[{key: b, operator: NotIn, values: [y, x]}, {key: c, operator: DoesNotExist}, "
    "{key: app, operator: In, values: [z, a]}]}"
)
SCALE = "{kind: Scale, apiVersion: autoscaling/v1, metadata: {name: a, namespace: '{ns}'}, "

# kind -> (collection, object)
SCALED = {
    "deployment": (
        f"{APPS}/deployments",
        "{metadata: {name: a}, spec: {paused: true, replicas: 0, " + f"{LABELS}, {POD}" + "}}",
    ),
    "deployment-mixed": (
        f"{APPS}/deployments",
        "{metadata: {name: a}, spec: {paused: true, replicas: 0, " + f"{MIXED}, {POD}" + "}}",
    ),
    "replicaset": (
        f"{APPS}/replicasets",
        "{metadata: {name: a}, spec: {replicas: 0, " + f"{LABELS}, {POD}" + "}}",
    ),
    "statefulset": (
        f"{APPS}/statefulsets",
        "{metadata: {name: a}, spec: {replicas: 0, serviceName: a, " + f"{LABELS}, {POD}" + "}}",
    ),
    "controller": (
        f"{NS}/replicationcontrollers",
        "{metadata: {name: a}, spec: {replicas: 0, selector: {app: a, b: c}, template: {metadata: "
        "{labels: {app: a, b: c}}, spec: {containers: [{name: a, image: nginx}]}}}}",
    ),
    "model": (
        MODELS,
        "{apiVersion: mlops.seldon.io/v1alpha1, kind: Model, metadata: {name: a}, "
        "spec: {storageUri: 'gs://a'}}",
    ),
}


@pytest.mark.parametrize("kind", SCALED)
def test_scaling(kind: str, real: Side, practice: Side) -> None:
    path, body = SCALED[kind]
    scale = f"{path}/a/scale"

    def scenario(talk: Talk) -> None:
        talk.get(scale)
        talk.post(path, body, quiet=True)
        # What follows is only tried, so that no controller has anything to do meanwhile.
        tried: JSON = {"dryRun": "All"}
        talk.get(scale)
        talk.put(scale, SCALE + "spec: {replicas: 3}}", **tried)
        talk.put(scale, "{spec: {replicas: 3}}", **tried)
        talk.put(scale, "{metadata: {name: a}, spec: {replicas: 3}}", **tried)
        talk.put(scale, SCALE + "spec: {}}", **tried)
        talk.put(scale, SCALE + "spec: {replicas: -1}}", **tried)
        talk.put(scale, "{metadata: {name: b}, spec: {replicas: 3}}", **tried)
        talk.put(scale, "{metadata: {name: a, namespace: b}, spec: {replicas: 3}}", **tried)
        talk.put(scale, "{metadata: {name: a, resourceVersion: '1'}, spec: {replicas: 3}}", **tried)
        talk.put(scale, "{kind: Nope, apiVersion: v1, metadata: {name: a}}", **tried)
        talk.put(scale, "{metadata: {name: a}, spec: {replicas: many}}", **tried)
        talk.merge(scale, {"spec": {"replicas": 2}}, **tried)
        talk.merge(scale, {"spec": {"replicas": 0}}, **tried)
        talk.merge(scale, {"spec": {"replicas": None}}, **tried)
        talk.merge(scale, {"spec": {"replicas": "many"}}, **tried)
        talk.merge(scale, {"spec": None}, **tried)
        talk.merge(scale, {"status": {"replicas": 7}}, **tried)
        talk.merge(scale, {"metadata": {"labels": {"a": "b"}}}, **tried)
        talk.merge(scale, {"metadata": {"resourceVersion": "1"}}, **tried)
        talk.strategic(scale, {"spec": {"replicas": 2}}, **tried)
        talk.json_patch(scale, [{"op": "replace", "path": "/spec/replicas", "value": 2}], **tried)
        talk.json_patch(scale, [{"op": "add", "path": "/spec/replicas", "value": 2}], **tried)
        talk.json_patch(scale, [{"op": "test", "path": "/spec/replicas", "value": 9}], **tried)
        talk.post(scale, SCALE + "spec: {replicas: 3}}", **tried)
        talk.delete(scale, **tried)
        talk.merge(scale, {"spec": {"replicas": 2}}, dryRun="Nope")
        talk.get(f"{path}/nope/scale")
        talk.merge(f"{path}/nope/scale", {"spec": {"replicas": 2}})
        talk.put(f"{path}/nope/scale", SCALE + "spec: {replicas: 3}}")

    compare(f"scale/{kind}", scenario, real, practice)


def test_who_scaled(real: Side, practice: Side) -> None:
    path, body = SCALED["deployment"]

    def scenario(talk: Talk) -> None:
        talk.post(path, body, quiet=True, fieldManager="maker")
        talk.merge(f"{path}/a/scale", {"spec": {"replicas": 2}}, fieldManager="scaler")
        talk.get(f"{path}/a", without="status")
        talk.merge(f"{path}/a/scale", {"spec": {"replicas": 2}}, fieldManager="other")
        talk.merge(f"{path}/a", {"spec": {"replicas": 1}}, fieldManager="maker", without="status")
        applied = (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, "
            f"{LABELS}, {POD}" + "}}"
        )
        talk.apply(f"{path}/a", applied, "applier", without="status")
        talk.apply(f"{path}/a", applied, "applier", force="true", without="status")
        talk.merge(f"{path}/a/scale", {"spec": {"replicas": 4}}, fieldManager="scaler")
        talk.get(f"{path}/a", without="status")
        talk.apply(f"{path}/a", applied, "applier", without="status")

    compare("scale/managers", scenario, real, practice)
