"""Whether what was written into a workflow can be read at all: texts, numbers and lists in their places.

The kinds take any spec, so a misplaced list reaches the controller. Argo's own dies of it, again and
again, until the workflow is deleted; here it is left alone. Pure.
"""

from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON

_EVERY = "*"  # of a map whose keys are not known
_SCALAR = (str, int, float)  # a quantity, or a number that may come as text
_ARGUMENTS: JSON = {"parameters": [{"name": str, "valueFrom": {}}], "artifacts": [{}]}
_REFERENCE: JSON = {"name": str, "template": str, "clusterScope": bool}
_RESOURCES: JSON = {"limits": {_EVERY: _SCALAR}, "requests": {_EVERY: _SCALAR}}
_CONTAINER: JSON = {
    "name": str,
    "image": str,
    "source": str,
    "command": [str],
    "args": [str],
    "env": [{"name": str, "value": str, "valueFrom": {}}],
    "envFrom": [{}],
    "resources": _RESOURCES,
    "volumeMounts": [{"name": str, "mountPath": str, "subPath": str}],
}
_METADATA: JSON = {"labels": {_EVERY: str}, "annotations": {_EVERY: str}}
_VOLUME: JSON = {
    "name": str,
    "persistentVolumeClaim": {"claimName": str},
    "emptyDir": {},
    "secret": {},
    "configMap": {},
}
_STEP: JSON = {
    "name": str,
    "template": str,
    "templateRef": _REFERENCE,
    "when": str,
    "arguments": _ARGUMENTS,
    "depends": str,
    "dependencies": [str],
    "continueOn": {"error": bool, "failed": bool},
    "inline": {"container": _CONTAINER, "script": _CONTAINER},
}
_TEMPLATE: JSON = {
    "name": str,
    "inputs": _ARGUMENTS,
    "outputs": _ARGUMENTS,
    "metadata": _METADATA,
    "container": _CONTAINER,
    "script": _CONTAINER,
    "steps": [_STEP],
    "dag": {"tasks": [_STEP], "failFast": bool},
    "suspend": {"duration": _SCALAR},
    "retryStrategy": {
        "limit": _SCALAR,
        "retryPolicy": str,
        "expression": str,
        "backoff": {"duration": _SCALAR, "maxDuration": _SCALAR, "factor": _SCALAR},
    },
    "activeDeadlineSeconds": _SCALAR,
    "parallelism": int,
    "serviceAccountName": str,
    "podSpecPatch": str,
    "nodeSelector": {_EVERY: str},
    "tolerations": [{}],
    "volumes": [_VOLUME],
    "initContainers": [_CONTAINER],
    "sidecars": [_CONTAINER],
}
_SPEC: JSON = {
    "entrypoint": str,
    "onExit": str,
    "arguments": _ARGUMENTS,
    "templates": [_TEMPLATE],
    "templateDefaults": _TEMPLATE,
    "workflowTemplateRef": _REFERENCE,
    "serviceAccountName": str,
    "activeDeadlineSeconds": int,
    "parallelism": int,
    "suspend": bool,
    "shutdown": str,
    "podGC": {"strategy": str, "deleteDelayDuration": str},
    "ttlStrategy": {
        "secondsAfterCompletion": int,
        "secondsAfterSuccess": int,
        "secondsAfterFailure": int,
    },
    "podMetadata": _METADATA,
    "podSpecPatch": str,
    "nodeSelector": {_EVERY: str},
    "tolerations": [{}],
    "volumes": [_VOLUME],
    "volumeClaimTemplates": [{}],
}
_NODE: JSON = {
    "id": str,
    "name": str,
    "displayName": str,
    "type": str,
    "templateName": str,
    "phase": str,
    "boundaryID": str,
    "message": str,
    "startedAt": str,
    "finishedAt": str,
    "hostNodeName": str,
    "children": [str],
    "outboundNodes": [str],
    "inputs": _ARGUMENTS,
    "outputs": {**_ARGUMENTS, "result": str, "exitCode": str},
    "nodeFlag": {},
    "resourcesDuration": {},
}
_STATUS: JSON = {
    "phase": str,
    "message": str,
    "startedAt": str,
    "finishedAt": str,
    "progress": str,
    "nodes": {_EVERY: _NODE},
    "conditions": [{"type": str, "status": str, "message": str}],
    "storedTemplates": {_EVERY: _TEMPLATE},
    "storedWorkflowTemplateSpec": _SPEC,
    "resourcesDuration": {},
}


def unreadable(workflow: JSON) -> str:
    """The first place of a workflow, or of a template of workflows, where something else stands; "" if none."""
    return _misfit({"spec": _SPEC, "status": _STATUS}, workflow, "")


def _misfit(shape: Any, value: Any, path: str) -> str:
    if value is None:
        return ""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return path
        inside = ((key, shape.get(key, shape.get(_EVERY))) for key in value)
        found = (
            _misfit(one, value[key], f"{path}.{key}".lstrip("."))
            for key, one in inside
            if one is not None
        )
        return next(filter(None, found), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return path
        return next(filter(None, (_item(shape[0], one, path) for one in value)), "")
    wanted = shape if isinstance(shape, tuple) else (shape,)
    fits = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
    return "" if fits else path


def _item(shape: Any, value: Any, path: str) -> str:
    """An item of a list; the steps of a group may come as a list of their own."""
    if isinstance(value, list) and path.endswith(".steps"):
        return _misfit([shape], value, path.removesuffix("steps") + "group")
    return path if value is None else _misfit(shape, value, path)
