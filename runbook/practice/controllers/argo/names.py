"""The names Argo Workflows 3.6 goes by: resources, labels, annotations, images, phases. Facts only."""

from __future__ import annotations

from typing import Final

WORKFLOWS: Final = "workflows.argoproj.io"
WORKFLOW_TEMPLATES: Final = "workflowtemplates.argoproj.io"
CLUSTER_WORKFLOW_TEMPLATES: Final = "clusterworkflowtemplates.argoproj.io"

CONTROLLER_NAMESPACE: Final = "argowf"
CONTROLLER_DEPLOYMENT: Final = "workflow-controller"
CONTROLLER_CONTAINER: Final = "controller"
EXECUTOR_IMAGE: Final = "quay.io/argoproj/argoexec:v3.6.10"

WORKFLOW_LABEL: Final = "workflows.argoproj.io/workflow"
COMPLETED_LABEL: Final = "workflows.argoproj.io/completed"
INSTANCE_ID: Final = "workflows.argoproj.io/controller-instanceid"
PHASE_LABEL: Final = "workflows.argoproj.io/phase"
NODE_NAME: Final = "workflows.argoproj.io/node-name"
NODE_ID: Final = "workflows.argoproj.io/node-id"
NODE_START_TIME: Final = "workflows.argoproj.io/node-start-time"
NODE_TYPE: Final = "workflows.argoproj.io/node-type"
ON_EXIT_LABEL: Final = "workflows.argoproj.io/on-exit"
POD_GC_STRATEGY: Final = "workflows.argoproj.io/pod-gc-strategy"
POD_NAME_FORMAT: Final = "workflows.argoproj.io/pod-name-format"
DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"
STAGING: Final = "/argo/staging"
STAGED_SCRIPT: Final = "/argo/staging/script"
TEMPLATE_VARIABLE: Final = "ARGO_TEMPLATE"
"""Of init: the template as JSON, from which a script's source is staged."""
INIT, WAIT, MAIN = "init", "wait", "main"

PENDING, RUNNING = "Pending", "Running"
SUCCEEDED, FAILED, ERROR = "Succeeded", "Failed", "Error"
SKIPPED, OMITTED = "Skipped", "Omitted"
FULFILLED: Final = frozenset({SUCCEEDED, FAILED, ERROR, SKIPPED, OMITTED})
BAD: Final = frozenset({FAILED, ERROR})
