"""Kinds that are served in two forms: what is written in one is read in the other."""

from __future__ import annotations

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import JSON, PARTIAL_LIST, TABLE, Talk

OLD = "/api/v1/namespaces/{ns}/events"
NEW = "/apis/events.k8s.io/v1/namespaces/{ns}/events"
V1 = "/apis/autoscaling/v1/namespaces/{ns}/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers"

CORE_EVENT = (
    "{metadata: {name: a}, involvedObject: {kind: Pod, name: p, namespace: '{ns}', fieldPath: x}, "
    "reason: Because, message: said, type: Normal, count: 3, source: {component: c, host: h}, "
    "firstTimestamp: '2026-01-02T03:04:05Z', lastTimestamp: '2026-01-02T03:04:06Z'}"
)
NEW_EVENT = (
    "{metadata: {name: b}, eventTime: '2026-01-02T03:04:05.000006Z', reportingController: a/b, "
    "reportingInstance: one, action: Doing, reason: Because, note: said, type: Warning, "
    "regarding: {kind: Pod, name: p, namespace: '{ns}'}, related: {kind: Node, name: n}, "
    "series: {count: 2, lastObservedTime: '2026-01-02T03:04:07.000001Z'}}"
)


def test_events(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        begun = talk.get(NEW, quiet=True)["metadata"]["resourceVersion"]
        talk.post(OLD, CORE_EVENT)
        talk.post(NEW, NEW_EVENT)
        for path in (OLD, NEW):
            talk.get(path)
            for name in "ab":
                talk.get(f"{path}/{name}")
            for accept in (TABLE, PARTIAL_LIST):
                talk.get(path, headers={"Accept": accept}, without="columnDefinitions")
            talk.get(
                path, headers={"Accept": TABLE}, includeObject="Object", without="columnDefinitions"
            )
            talk.get(path, fieldSelector="involvedObject.kind=Pod,reason=Because")
            talk.get(path, fieldSelector="regarding.kind=Pod")
            talk.get(path, fieldSelector="type=Warning")
            talk.get(path, fieldSelector="reportingComponent=a/b")
            talk.get(path, fieldSelector="reportingController=a/b")
            talk.get(path, fieldSelector="source=c")
        talk.merge(f"{NEW}/a", {"note": "changed"}, fieldManager="two")
        talk.merge(f"{NEW}/b", {"series": {"count": 3}}, fieldManager="two")
        talk.merge(f"{OLD}/b", {"message": "changed", "count": 4}, fieldManager="two")
        talk.merge(f"{OLD}/a", {"message": "changed", "count": 4}, fieldManager="two")
        talk.strategic(f"{NEW}/b", {"metadata": {"labels": {"a": "b"}}}, fieldManager="two")
        found = talk.get(f"{NEW}/b")
        talk.put(f"{NEW}/b", {**found, "series": {**found["series"], "count": 5}})
        talk.get(f"{OLD}/b")
        talk.watch(NEW, resourceVersion=begun)
        talk.watch(OLD, resourceVersion=begun)
        talk.get(f"{NEW}/nope")
        talk.post(NEW, NEW_EVENT)
        talk.delete(f"{NEW}/a")
        talk.delete(NEW)
        talk.get(OLD)

    compare("two-forms/events", scenario, real, practice)


def test_refused_events(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        whole = {
            "metadata": {"name": "a"},
            "eventTime": "2026-01-02T03:04:05.000006Z",
            "reportingController": "a/b",
            "reportingInstance": "one",
            "action": "Doing",
            "reason": "Because",
            "type": "Normal",
            "regarding": {"kind": "Pod", "name": "p", "namespace": talk.namespace},
        }
        talk.post(NEW, {"metadata": {"name": "a"}})
        for left_out in whole:
            talk.post(NEW, {key: value for key, value in whole.items() if key != left_out})
        odd: JSON
        for odd in (
            {"type": "Odd"},
            {"series": {}},
            {"series": {"count": 1, "lastObservedTime": "2026-01-02T03:04:05.000006Z"}},
            {"deprecatedCount": 2},
            {"deprecatedFirstTimestamp": "2026-01-02T03:04:05Z"},
            {"deprecatedLastTimestamp": "2026-01-02T03:04:05Z"},
            {"deprecatedSource": {"component": "c"}},
            {"regarding": {"kind": "Pod", "name": "p", "namespace": "other"}},
            {"regarding": {"kind": "Node", "name": "p"}},
            {"reportingController": "not/a/name"},
            {"reportingInstance": "x" * 129},
            {"action": "x" * 129},
            {"reason": "x" * 129},
            {"note": "x" * 1025},
            {"involvedObject": {}},
            {"kind": "Nope", "apiVersion": "events.k8s.io/v1"},
            {"eventTime": "yesterday"},
            {"regarding": "p"},
        ):
            talk.post(NEW, {**whole, **odd}, fieldValidation="Strict")
        talk.post(NEW, f"{{kind: Event, apiVersion: v1, {CORE_EVENT[1:]}")
        talk.post(OLD, f"{{kind: Event, apiVersion: events.k8s.io/v1, {NEW_EVENT[1:]}")
        talk.post(OLD, {"metadata": {"name": "c"}, "eventTime": "2026-01-02T03:04:05.000006Z"})
        talk.post(NEW, whole)
        for change in (
            {"action": "Else"},
            {"reason": "Else"},
            {"note": "Else"},
            {"type": "Warning"},
            {"regarding": {"name": "q"}},
            {"related": {"name": "q"}},
            {"reportingController": "c/d"},
            {"reportingInstance": "two"},
            {"eventTime": "2026-01-02T03:04:06.000006Z"},
            {"deprecatedCount": 2},
            {"series": {"count": 1}},
        ):
            talk.merge(f"{NEW}/a", change)

    compare("two-forms/refused-events", scenario, real, practice)


def test_applied_events(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        body = f"{{apiVersion: events.k8s.io/v1, kind: Event, {NEW_EVENT[1:]}"
        talk.apply(f"{NEW}/b", body)
        talk.apply(f"{NEW}/b", body)
        talk.get(f"{OLD}/b")
        talk.apply(f"{OLD}/a", f"{{apiVersion: v1, kind: Event, {CORE_EVENT[1:]}")
        talk.get(f"{NEW}/a")

    compare("two-forms/applied-events", scenario, real, practice)


TARGET = "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nope}"
AUTOSCALERS = {
    "plain": f"{{metadata: {{name: a}}, spec: {{{TARGET}, maxReplicas: 3}}}}",
    "share": f"{{metadata: {{name: a}}, spec: {{{TARGET}, maxReplicas: 3, minReplicas: 2, "
    "targetCPUUtilizationPercentage: 55}}",
}
METRICS = (
    f"{{metadata: {{name: b, annotations: {{c: d}}}}, spec: {{{TARGET}, maxReplicas: 3, metrics: ["
    "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}}, "
    "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 7}}}, "
    "{type: ContainerResource, containerResource: {name: cpu, container: x, target: "
    "{type: Utilization, averageUtilization: 60}}}, "
    "{type: Pods, pods: {metric: {name: hits, selector: {matchLabels: {e: f}}}, target: "
    "{type: AverageValue, averageValue: '5'}}}, "
    "{type: Object, object: {describedObject: {kind: Service, name: s, apiVersion: v1}, metric: "
    "{name: hits}, target: {type: Value, value: 10k}}}, "
    "{type: External, external: {metric: {name: queue}, target: {type: AverageValue, "
    "averageValue: '30'}}}], behavior: {scaleDown: {stabilizationWindowSeconds: 60, policies: "
    "[{type: Pods, value: 1, periodSeconds: 30}]}}}}"
)


def test_autoscalers(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        tried = {"dryRun": "All"}
        for body in AUTOSCALERS.values():
            talk.post(V1, body, **tried)
            talk.post(V2, body, **tried)
        talk.post(V1, METRICS, **tried)
        talk.post(V2, METRICS, **tried)
        talk.post(V1, "{metadata: {name: a}}", **tried)
        talk.post(V1, "{metadata: {name: a}, spec: {maxReplicas: 0}}", **tried)
        for asked, given in ((V1, "autoscaling/v2"), (V2, "autoscaling/v1")):
            talk.post(asked, f"{{apiVersion: {given}, kind: HorizontalPodAutoscaler}}", **tried)

    compare("two-forms/autoscalers", scenario, real, practice)


def _share(**target: object) -> JSON:
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


REFUSED_METRICS: list[JSON] = [
    {},
    {"type": "Odd"},
    {"type": "Resource"},
    {"type": "Pods", "resource": {"name": "cpu", "target": {"type": "Utilization"}}},
    {"type": "Resource", "resource": {"name": "", "target": {}}},
    _share(type="Utilization"),
    _share(type="Odd", averageUtilization=0),
    _share(type="Utilization", averageUtilization=3, averageValue="1"),
    _share(type="AverageValue", averageValue="-1"),
    _share(type="Value", value="1"),
    {"type": "ContainerResource", "containerResource": {"name": "", "container": "", "target": {}}},
    {"type": "Pods", "pods": {"metric": {"name": ""}, "target": {"type": "AverageValue"}}},
    {"type": "Pods", "pods": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": 3}}},
    {
        "type": "Object",
        "object": {"metric": {"name": ""}, "describedObject": {}, "target": {"type": "Value"}},
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "a"},
            "describedObject": {"kind": "A", "name": "b"},
            "target": {"type": "Value", "value": "0"},
        },
    },
    {"type": "External", "external": {"metric": {"name": ""}, "target": {"type": "Value"}}},
    # One source too many at a time: upstream says several in an order that changes.
    {**_share(type="Utilization", averageUtilization=3), "external": {}},
    {**_share(type="Utilization", averageUtilization=3), "pods": {}},
    {"type": "Odd", "pods": {}},
    {
        "type": "External",
        "external": {
            "metric": {"name": "a"},
            "target": {"type": "Value", "value": "1", "averageValue": "2"},
        },
    },
]
REFUSED_BEHAVIOURS: list[JSON] = [
    {"scaleUp": {"stabilizationWindowSeconds": -1}},
    {"scaleUp": {"stabilizationWindowSeconds": 3601}},
    {"scaleDown": {"selectPolicy": "Odd"}},
    {"scaleDown": {"policies": [{}]}},
    {"scaleDown": {"policies": [{"type": "Odd", "value": 0, "periodSeconds": 0}]}},
    {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}},
]


def test_refused_autoscalers(real: Side, practice: Side) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    specs: list[JSON] = [
        {"maxReplicas": 2, "scaleTargetRef": {"kind": "A/b", "name": "b%", "apiVersion": "a/b/c"}},
        {"maxReplicas": 2, "scaleTargetRef": {"kind": "A", "name": "..", "apiVersion": "v1"}},
        {"maxReplicas": 3, "scaleTargetRef": target, "minReplicas": 0},
        {"maxReplicas": 3, "scaleTargetRef": target, "minReplicas": -1},
        *(
            {"maxReplicas": 3, "scaleTargetRef": target, "metrics": [metric]}
            for metric in REFUSED_METRICS
        ),
        *(
            {"maxReplicas": 3, "scaleTargetRef": target, "behavior": behaviour}
            for behaviour in REFUSED_BEHAVIOURS
        ),
    ]

    def scenario(talk: Talk) -> None:
        for spec in specs:
            talk.post(V2, {"metadata": {"name": "a"}, "spec": spec})
        share = {"maxReplicas": 3, "scaleTargetRef": target, "targetCPUUtilizationPercentage": 0}
        talk.post(V1, {"metadata": {"name": "a"}, "spec": share})

    compare("two-forms/refused-autoscalers", scenario, real, practice)
