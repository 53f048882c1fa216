"""What a HorizontalPodAutoscaler says and does where no metrics API is served."""

from __future__ import annotations

from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import JSON, TABLE, Talk

DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers"
EVENTS = "/api/v1/namespaces/{ns}/events"
HITS: JSON = {"name": "hits"}
CHOSEN: JSON = {
    "matchLabels": {"b": "c", "a": "d"},
    "matchExpressions": [{"key": "e", "operator": "In", "values": ["f", "g"]}],
}
FOUND: JSON = {"name": "queue", "selector": CHOSEN}
THREE: JSON = {"type": "AverageValue", "averageValue": "3"}
SHARE: JSON = {"type": "Utilization", "averageUtilization": 50}
SERVICE: JSON = {"kind": "Service", "name": "s", "apiVersion": "v1"}
METRICS: dict[str, list[JSON]] = {
    "memory": [{"type": "Resource", "resource": {"name": "memory", "target": THREE}}],
    "container": [
        {
            "type": "ContainerResource",
            "containerResource": {"name": "cpu", "container": "a", "target": SHARE},
        }
    ],
    "container-raw": [
        {
            "type": "ContainerResource",
            "containerResource": {"name": "memory", "container": "a", "target": THREE},
        }
    ],
    "pods": [{"type": "Pods", "pods": {"metric": FOUND, "target": THREE}}],
    "object": [
        {
            "type": "Object",
            "object": {
                "describedObject": SERVICE,
                "metric": HITS,
                "target": {"type": "Value", "value": "3"},
            },
        }
    ],
    "external": [{"type": "External", "external": {"metric": HITS, "target": THREE}}],
    "external-value": [
        {
            "type": "External",
            "external": {"metric": FOUND, "target": {"type": "Value", "value": "3"}},
        }
    ],
    "two": [
        {"type": "Resource", "resource": {"name": "memory", "target": THREE}},
        {"type": "Resource", "resource": {"name": "cpu", "target": SHARE}},
    ],
}
TARGETS: dict[str, tuple[str, str, str]] = {
    "gone": ("apps/v1", "Deployment", "nope"),
    "kind": ("example.org/v1", "Nope", "a"),
    "unscaled": ("batch/v1", "Job", "a"),
    "model": ("mlops.seldon.io/v1alpha1", "Model", "nope"),
}


def _deployment(talk: Talk, name: str, replicas: int) -> None:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "a", "image": "nginx"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    talk.post(DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec}, quiet=True)


def _autoscaler(talk: Talk, name: str, target: tuple[str, str, str], **spec: object) -> None:
    version, kind, named = target
    reference = {"apiVersion": version, "kind": kind, "name": named}
    whole = {"scaleTargetRef": reference, "maxReplicas": 3, **spec}
    talk.post(AUTOSCALERS, {"metadata": {"name": name}, "spec": whole}, quiet=True)


def _settled(talk: Talk) -> bool:
    found = talk.get(AUTOSCALERS, quiet=True)["items"]
    return all(
        any(one["status"] == "False" for one in item["status"].get("conditions") or ())
        for item in found
    )


def _rescaled(talk: Talk, name: str) -> bool:
    """Whether it was looked at once more after it had scaled."""
    found = talk.get(f"{AUTOSCALERS}/{name}", quiet=True)
    reasons = [one["reason"] for one in found["status"].get("conditions") or ()]
    return "NotScaledToZero" in reasons and "FailedGetResourceMetric" in reasons


def test_autoscalers(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        for name, replicas in {"one": 1, "zero": 0, "many": 5, "few": 1}.items():
            _deployment(talk, name, replicas)
            least = 2 if name == "few" else 1
            _autoscaler(talk, name, ("apps/v1", "Deployment", name), minReplicas=least)
        for name, metrics in METRICS.items():
            _deployment(talk, name, 1)
            _autoscaler(talk, name, ("apps/v1", "Deployment", name), metrics=metrics)
        for name, target in TARGETS.items():
            _autoscaler(talk, name, target)
        wait_until(lambda: _settled(talk), 40, "every autoscaler was looked at")
        wait_until(lambda: _rescaled(talk, "few") and _rescaled(talk, "many"), 60, "scaled")
        for item in talk.get(AUTOSCALERS, quiet=True)["items"]:
            talk.note(item["metadata"]["name"], {"status": item["status"]})
        table = talk.get(AUTOSCALERS, quiet=True, headers={"Accept": TABLE})
        talk.note("table", {"rows": [row["cells"][:-1] for row in table["rows"]]})
        for name in ("many", "few", "zero"):
            found = talk.get(f"{DEPLOYMENTS}/{name}", quiet=True)
            talk.note(f"deployment {name}", {"replicas": found["spec"]["replicas"]})
        kind = "involvedObject.kind=HorizontalPodAutoscaler"
        said = sorted(
            [
                *(event["involvedObject"]["name"], event["type"], event["reason"]),
                *(event["message"], event["source"]["component"]),
            ]
            for event in talk.get(EVENTS, quiet=True, fieldSelector=kind)["items"]
        )
        talk.note("events", {"events": said})

    compare("autoscalers/all", scenario, real, practice)
