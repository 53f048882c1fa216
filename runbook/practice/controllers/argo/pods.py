"""The pod a workflow makes for a container or script template: init, wait and main. Pure.

Rule: only the volumes that the template mounts come along, so a malformed one that nobody mounts does
no harm; `podSpecPatch` is laid over last, as a strategic merge patch, containers by their names.
"""

from __future__ import annotations

import json
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
    ON_EXIT_LABEL,
    POD_GC_STRATEGY,
    STAGED_SCRIPT,
    STAGING,
    TEMPLATE_VARIABLE,
    WAIT,
    WORKFLOW_LABEL,
)
from runbook.practice.controllers.argo.nodes import pod_name
from runbook.practice.controllers.argo.operation import WantedPod
from runbook.practice.controllers.argo.retention import gc_strategy
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
_TMP_MOUNT = {"name": "tmp-dir-argo", "mountPath": "/tmp", "subPath": "0"}  # noqa: S108 - in the pod
_STAGING_MOUNT = {"name": "argo-staging", "mountPath": STAGING}
_LOGGING = ("--loglevel", "info", "--log-format", "text", "--gloglevel", "0")


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
    if wanted.on_exit:
        pod["metadata"]["labels"][ON_EXIT_LABEL] = "true"
    if collected := spec.get("podGC"):
        pod["metadata"]["annotations"][POD_GC_STRATEGY] = gc_strategy(collected)
    for text in (spec.get("podSpecPatch"), template.get("podSpecPatch")):
        if text:
            pod = strategic_merge_patch(pod, {"spec": _patch(str(text))}, "Pod")
    return pod


def _pod_spec(spec: JSON, template: JSON) -> JSON:
    main = _main(template)
    volumes = [*(spec.get("volumes") or []), *(template.get("volumes") or [])]
    mounted = {mount["name"] for mount in main.get("volumeMounts") or []}
    is_script = "script" in template
    staged = [_STAGING_MOUNT] if is_script else []
    own = [*(main.get("volumeMounts") or []), *staged]
    seen_by_wait = [{**mount, "mountPath": f"/mainctrfs{mount['mountPath']}"} for mount in own]
    main["volumeMounts"] = [*own, _ARGO_MOUNT]
    account = template.get("serviceAccountName") or spec.get("serviceAccountName")
    pod_spec: JSON = {
        "restartPolicy": "Never",
        "volumes": [
            _ARGO_VOLUME,
            {"name": "tmp-dir-argo", "emptyDir": {}},
            *(v for v in volumes if v["name"] in mounted),
            *([{"name": "argo-staging", "emptyDir": {}}] if is_script else []),
        ],
        "initContainers": [
            _executor(INIT, staged)
            | {"env": [{"name": TEMPLATE_VARIABLE, "value": json.dumps(template)}]}
        ],
        "containers": [_executor(WAIT, [*seen_by_wait, _TMP_MOUNT]), main],
    }
    if account:
        pod_spec["serviceAccountName"] = account
    for field in _PASSED_ON:
        value: Any = template.get(field, spec.get(field))
        if value:
            pod_spec[field] = value
    return pod_spec


def _main(template: JSON) -> JSON:
    """The user's container, its program behind the executor; a script's source is staged by init."""
    main = dict(template["script"] if "script" in template else template["container"])
    main.pop("source", None)
    command = ["/var/run/argo/argoexec", "emissary", *_LOGGING, "--", *(main.get("command") or [])]
    if "script" in template:
        main["args"] = [*(main.get("args") or []), STAGED_SCRIPT]
    return {**main, "name": MAIN, "command": command}


def _executor(name: str, mounts: list[JSON]) -> JSON:
    return {
        "name": name,
        "image": EXECUTOR_IMAGE,
        "command": ["argoexec", name, *_LOGGING],
        "volumeMounts": [*mounts, _ARGO_MOUNT],
    }


def _patch(text: str) -> JSON:
    try:
        patch = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        raise BadPatch("Error applying PodSpecPatch") from fault
    if not isinstance(patch, dict):
        raise BadPatch("Error applying PodSpecPatch")
    return patch
