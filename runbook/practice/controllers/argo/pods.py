"""The pod a workflow makes for a container or script template: init, wait and main. Pure.

Rule: only the volumes that the template mounts come along, so a malformed one that nobody mounts does
no harm; `podSpecPatch` is laid over last, as a strategic merge patch, containers by their names.
"""

from __future__ import annotations

from typing import Any

import yaml

from runbook.practice.apiserver.patch import strategic_merge_patch
from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import (
    COMPLETED_LABEL,
    DEFAULT_CONTAINER,
    EXECUTOR_IMAGE,
    INIT,
    MAIN,
    NODE_ID,
    NODE_NAME,
    WAIT,
    WORKFLOW_LABEL,
)
from runbook.practice.controllers.argo.nodes import pod_name
from runbook.practice.controllers.argo.operation import WantedPod
from runbook.practice.controllers.objects import owner_reference

_PASSED_ON = (
    "nodeSelector",
    "tolerations",
    "affinity",
    "securityContext",
    "imagePullSecrets",
    "hostAliases",
    "priorityClassName",
)
_ARGO_VOLUME = {"name": "var-run-argo", "emptyDir": {}}
_ARGO_MOUNT = {"name": "var-run-argo", "mountPath": "/var/run/argo"}


class BadPatch(ValueError):
    """A `podSpecPatch` that is neither JSON nor YAML of an object."""


def workflow_pod(workflow: JSON, spec: JSON, wanted: WantedPod) -> JSON:
    """The pod for one node. Raises BadPatch."""
    name = str(workflow["metadata"]["name"])
    template = wanted.template
    custom = template.get("metadata") or {}
    shared = spec.get("podMetadata") or {}
    pod: JSON = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(name, wanted.node_name, str(template["name"])),
            "namespace": workflow["metadata"]["namespace"],
            "labels": {
                **(shared.get("labels") or {}),
                **(custom.get("labels") or {}),
                COMPLETED_LABEL: "false",
                WORKFLOW_LABEL: name,
            },
            "annotations": {
                **(shared.get("annotations") or {}),
                **(custom.get("annotations") or {}),
                DEFAULT_CONTAINER: MAIN,
                NODE_ID: wanted.node_id,
                NODE_NAME: wanted.node_name,
            },
            "ownerReferences": [owner_reference(workflow)],
        },
        "spec": _pod_spec(spec, template),
    }
    for text in (spec.get("podSpecPatch"), template.get("podSpecPatch")):
        if text:
            pod = strategic_merge_patch(pod, {"spec": _patch(str(text))}, "Pod")
    return pod


def _pod_spec(spec: JSON, template: JSON) -> JSON:
    main = _main(template)
    volumes = [*(spec.get("volumes") or []), *(template.get("volumes") or [])]
    mounted = {mount["name"] for mount in main.get("volumeMounts") or []}
    main["volumeMounts"] = [*(main.get("volumeMounts") or []), _ARGO_MOUNT]
    account = template.get("serviceAccountName") or spec.get("serviceAccountName")
    pod_spec: JSON = {
        "restartPolicy": "Never",
        "volumes": [_ARGO_VOLUME, *(v for v in volumes if v["name"] in mounted)],
        "initContainers": [_executor(INIT, ["argoexec", "init"])],
        "containers": [_executor(WAIT, ["argoexec", "wait"]), main],
    }
    if account:
        pod_spec["serviceAccountName"] = account
    for field in _PASSED_ON:
        value: Any = template.get(field, spec.get(field))
        if value:
            pod_spec[field] = value
    return pod_spec


def _main(template: JSON) -> JSON:
    if "script" in template:
        script = dict(template["script"])
        source = script.pop("source", "")
        return {**script, "name": MAIN, "args": [*(script.get("args") or []), source]}
    return {**template["container"], "name": MAIN}


def _executor(name: str, command: list[str]) -> JSON:
    return {
        "name": name,
        "image": EXECUTOR_IMAGE,
        "command": command,
        "args": ["--loglevel", "info", "--log-format", "text"],
        "volumeMounts": [_ARGO_MOUNT],
    }


def _patch(text: str) -> JSON:
    try:
        patch = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise BadPatch(f"Failed to unmarshal podSpecPatch: {fault}") from fault
    if not isinstance(patch, dict):
        raise BadPatch("Failed to unmarshal podSpecPatch: it is not an object")
    return patch
