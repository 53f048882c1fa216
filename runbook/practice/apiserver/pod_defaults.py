"""What the API server fills into a pod's spec, in pods and in every template of one.

Changes the given dict: callers hand over their own copy. Applied on every write, so that a template
that says nothing and one that says the default are the same template.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODES = {"configMap": 420, "secret": 420, "downwardAPI": 420, "projected": 420}


def default_pod_spec(spec: JSON) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    elif "serviceAccount" in spec:
        spec["serviceAccountName"] = spec["serviceAccount"]
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        _default_container(container)
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def default_pod(pod: JSON) -> None:
    """What the defaults of a pod say beyond those of a template's spec."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        resources = container["resources"]
        if resources.get("limits"):
            # A limit without a request is a request of the same amount.
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def quality_of_service(spec: JSON) -> str:
    """Guaranteed, Burstable or BestEffort, from requests and limits of cpu and memory."""
    guaranteed, asks = True, False
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            asks = asks or name in requests or name in limits
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                guaranteed = False
    if not asks:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _default_container(container: JSON) -> None:
    image = container.get("image") or ""
    container.setdefault("imagePullPolicy", _pull_policy(image))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        _default_source(variable.get("valueFrom") or {})
    for name in _PROBES:
        if name in container:
            _default_probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        _default_action(hook)


def _pull_policy(image: str) -> str:
    last = image.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    _, _, tag = last.partition(":")
    return "Always" if tag in {"", "latest"} else "IfNotPresent"


def _default_probe(probe: JSON) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _default_action(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _default_action(action: JSON) -> None:
    if "httpGet" in action:
        action["httpGet"].setdefault("path", "/")
        action["httpGet"].setdefault("scheme", "HTTP")


def _default_source(source: JSON) -> None:
    """Where a variable's or a file's text is read from in the pod itself."""
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in source:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _default_volume(volume: JSON) -> None:
    if volume.keys() == {"name"}:
        volume["emptyDir"] = {}
    for source, mode in _MODES.items():
        if source in volume:
            volume[source].setdefault("defaultMode", mode)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    if "iscsi" in volume:
        volume["iscsi"].setdefault("iscsiInterface", "default")
    if "ephemeral" in volume:
        template = volume["ephemeral"].setdefault("volumeClaimTemplate", {})
        template.setdefault("metadata", {})
        template.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    for part in ({"downwardAPI": volume.get("downwardAPI")}, *_projected(volume)):
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", 3600)
        for item in (part.get("downwardAPI") or {}).get("items") or ():
            _default_source(item)


def _projected(volume: JSON) -> list[JSON]:
    found: list[JSON] = (volume.get("projected") or {}).get("sources") or []
    return found
