"""The same workflows on Argo's own controller and on practice's: what each of them writes and makes.

Practice imitates Argo 3.6.10, which the platform runs; the real controller here is 4.0.5. Where the
two releases differ, 3.6.10's own source was read, and the table says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import argo_told, sides
from tests.cluster.argo_stories import (
    FULL,
    LIMITED,
    NAMESPACE,
    TEMPLATES,
    Seen,
    Story,
    Telling,
)
from tests.cluster.flat import Ledger, Meant, leaves
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side

JSON = dict[str, Any]
WITHIN = 100.0
HASTY, PATIENT = argo_told.hasty_stories(), argo_told.stories()
NAMES = [story.name for story in (*HASTY, *PATIENT)]
TOLD_TO_END = ("workflow shutdown with strategy", "Step exceeded its deadline")
"""Messages of nodes whose pods are told to end, which on a fake node they do not."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

MEANT = (
    Meant(
        r"/message$|^/events/",
        "4.0 puts the container's name before what it died of; 3.6.10 does not",
        said=r"main: Error \(exit code",
    ),
    Meant(
        r"/message$|^/events/",
        "4.0 says first that references failed to resolve; 3.6.10 does not",
        said="failed to resolve references: ",
    ),
    Meant(
        r"/message$|^/events/",
        "practice has no arithmetic in conditions, and says so",
        said="Expected boolean evaluation for '1 \\+ 1'",
    ),
    Meant(
        r"/message$|^/events/",
        "the rest of the sentence is that of a Go library",
        said="unable to evaluate expression .*unexpected token EOF",
    ),
    Meant(r"^/annotations(/workflows.argoproj.io/last-seen-version)?$", "4.0 only"),
    Meant(
        r"/taskResultSynced$", "of WorkflowTaskResults, which practice's executor has no need of"
    ),
    Meant(r"/resourcesDuration/", "practice's programs use nothing that could be added up"),
    Meant(r"^/status/storedTemplates/", "the controller's own cache of templates it has looked up"),
    Meant(r"/image$", "the platform's release of the executor", said="argoexec:v4.0.5"),
    Meant(r"/finishedAt$", "practice's API server keeps no nulls", said="^None$"),
    Meant(
        r"^/status/conditions/PodRunning$",
        "a pod that was told to end goes on running on a fake node",
        said="^True$",
    ),
)


@pytest.fixture(scope="module")
def told(
    real: Side, practice: Side, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Mapping[str, Seen]]]:
    """How every story ended, by side and name."""
    plane = real.control_plane
    if plane is None:
        pytest.skip("Argo's controller runs beside our own control plane only")
    plane.workflow_controller()
    try:
        at_the_pace_of_life = sides.practice(tmp_path_factory.mktemp("unhurried"), speed=1)
        with at_the_pace_of_life as unhurried, ThreadPoolExecutor(2) as both:
            theirs = both.submit(_tell, real, real)
            ours = both.submit(_tell, practice, unhurried)
            yield {"real": theirs.result(), "practice": ours.result()}
    finally:
        plane.stop("workflow-controller")


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(MEANT)


def _tell(patient: Side, hasty: Side) -> Mapping[str, Seen]:
    for side in {id(side): side for side in (patient, hasty)}.values():
        _furnish(side)
    _follow(hasty, argo_told.warm_up())  # a node that pulls its images first is not hasty
    return _follow(hasty, HASTY) | _follow(patient, PATIENT)


def _follow(side: Side, stories: Sequence[Story]) -> dict[str, Seen]:
    telling = Telling(side, stories)
    telling.submit()
    try:
        wait_until(telling.look, WITHIN, "every story is over")
    except TimeoutError as late:
        raise TimeoutError(f"{side.name}: not over: {', '.join(telling.unfinished)}") from late
    return telling.seen()


def _furnish(side: Side) -> None:
    """Namespaces with their accounts, quotas and WorkflowTemplates."""
    quotas = {LIMITED: {"limits.memory": "8Gi"}, FULL: {"pods": "0"}}
    for namespace in (NAMESPACE, LIMITED, FULL):
        _post(side, "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for namespace, hard in quotas.items():
        quota = {"metadata": {"name": "quota"}, "spec": {"hard": hard}}
        _post(side, f"/api/v1/namespaces/{namespace}/resourcequotas", quota)
    for template in (*argo_told.templates(), *argo_told.applications()):
        _post(side, TEMPLATES.format(NAMESPACE), template)
    for path, body in argo_told.rights():
        _post(side, path, body)
    for resource, body in argo_told.belongings():
        _post(side, f"/api/v1/namespaces/{NAMESPACE}/{resource}", body)
    for namespace in (NAMESPACE, LIMITED, FULL):
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        wait_until(lambda path=account: side.http.get(path).is_success, 30, account)  # type: ignore[misc]
    for namespace in quotas:
        path = f"/api/v1/namespaces/{namespace}/resourcequotas/quota"
        wait_until(lambda path=path: _is_counted(side, path), 30, path)  # type: ignore[misc]


def _is_counted(side: Side, path: str) -> bool:
    return "hard" in (side.http.get(path).json().get("status") or {})


def _post(side: Side, path: str, body: JSON) -> None:
    side.http.post(path, json=body).raise_for_status()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_goes_as_on_argo(
    told: Mapping[str, Mapping[str, Seen]], ledger: Ledger, name: str
) -> None:
    real, practice = (dict(leaves(_shape(told[side][name]))) for side in ("real", "practice"))
    assert ledger.differences(real, practice) == {}


def test_every_difference_that_is_meant_is_one(ledger: Ledger) -> None:
    assert ledger.compared > 5000, "the stories were not told"
    assert ledger.idle == []


# -- what is compared ------------------------------------------------------------------------------


def _shape(seen: Seen) -> JSON:
    if seen.workflow is None:
        return {"deleted": True}
    metadata = seen.workflow["metadata"]
    status = _without_times(seen.workflow.get("status") or {})
    nodes: dict[str, JSON] = status.get("nodes") or {}
    status["conditions"] = {each["type"]: each["status"] for each in status.get("conditions", [])}
    shape = {
        "labels": metadata.get("labels"),
        "annotations": metadata.get("annotations"),
        "finalizers": metadata.get("finalizers"),
        "spec": seen.workflow["spec"],
        "status": status,
        "pods": {pod["metadata"]["name"]: _pod(pod, nodes) for pod in seen.pods},
        "events": _events(seen),
    }
    for node in nodes.values():
        if node.get("hostNodeName"):
            node["hostNodeName"] = "(a node)"
        if node.get("children"):
            node["children"].sort()  # pods that run at once end in any order
        if str(node.get("message", "")).startswith("Unschedulable"):
            node["message"] = re.sub(r"\d+", "N", node["message"])  # of nodes there are
    return shape


def _without_times(value: Any) -> Any:
    """A copy in which a moment is only that there is one."""
    if isinstance(value, dict):
        return {key: _without_times(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_times(inner) for inner in value]
    if isinstance(value, str):
        return TIME.sub("(a time)", value)
    return value


def _pod(pod: JSON, nodes: Mapping[str, JSON]) -> JSON:
    metadata, spec = pod["metadata"], pod["spec"]
    labels = dict(metadata["labels"])
    node = nodes.get(metadata["annotations"]["workflows.argoproj.io/node-id"], {})
    if str(node.get("message", "")).startswith(TOLD_TO_END):
        del labels["workflows.argoproj.io/completed"]  # comes with its end, which it may not have
    owner = dict(metadata["ownerReferences"][0])
    del owner["uid"]
    return {
        "labels": labels,
        "annotations": metadata["annotations"],
        "finalizers": metadata.get("finalizers"),
        "owner": owner,
        "restartPolicy": spec["restartPolicy"],
        "account": spec["serviceAccountName"],
        "nodeSelector": spec.get("nodeSelector"),
        "volumes": [v["name"] for v in spec["volumes"] if not _of_the_account(v)],
        "initContainers": [_container(each) for each in spec["initContainers"]],
        "containers": [_container(each) for each in spec["containers"]],
    }


def _container(container: JSON) -> JSON:
    """Without its environment, which is between the controller and its executor."""
    mounts = [mount for mount in container["volumeMounts"] if not _of_the_account(mount)]
    fields = ("name", "image", "command", "args", "resources")
    return {field: container.get(field) for field in fields} | {"volumeMounts": mounts}


def _of_the_account(volume: JSON) -> bool:
    """Put there by admission, not by Argo."""
    return str(volume["name"]).startswith("kube-api-access-")


def _events(seen: Seen) -> JSON:
    """Each kind of event once; a node that was seen late tells its end in its beginning."""
    found: JSON = {}
    for event in seen.events:
        message = event.get("message", "")
        if event["reason"] == "WorkflowNodeRunning":
            message = message.partition(":")[0]
        notes = dict(event["metadata"].get("annotations") or {})
        notes.pop("workflows.argoproj.io/node-start-time", None)
        told = {"message": message, "type": event["type"], "by": event["source"], "notes": notes}
        about = notes.get("workflows.argoproj.io/node-name", "")
        found[f"{event['reason']} {about}"] = told
    return found
