"""Where things are: paths of the API, names of the platform that is broken. Facts only."""

from __future__ import annotations

from typing import Final

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.cluster import JSON

INFERENCE: Final = "financial-inference"
TRAINING: Final = "financial-mlops-pytorch"
OPERATOR: Final = ("seldon-system", "seldon-v2-controller-manager")
ARGO: Final = ("argowf", "workflow-controller")
MLFLOW: Final = ("mlflow", "mlflow")
MINIO: Final = ("minio", "minio")
SEALER: Final = ("kube-system", "sealed-secrets-controller")

BASELINE: Final = "baseline-predictor"
ENHANCED: Final = "enhanced-predictor"
PREDICTORS: Final = (BASELINE, ENHANCED)
EXPERIMENT: Final = "financial-ab-test-experiment"
SERVER: Final = "mlserver"
SERVER_POD: Final = "mlserver-0"
RUNTIME: Final = "seldon"
SCHEDULER_POD: Final = "seldon-scheduler-0"
RCLONE_SECRET: Final = "seldon-rclone-gs-public"  # noqa: S105 - a name
PLATFORM_SECRET: Final = "ml-platform"  # noqa: S105 - a name
DATA_TEMPLATE: Final = "financial-data-pipeline-template"
TRAINING_TEMPLATE: Final = "financial-training-pipeline-template"
DATA_CLAIM: Final = "shared-data-pvc"
ARTIFACTS_CLAIM: Final = "shared-artifacts-pvc"
TRAINING_QUOTA: Final = "training-quota"
TRAINING_ROLE: Final = "financial-mlops-role"

MODELS: Final = "models.mlops.seldon.io"
EXPERIMENTS: Final = "experiments.mlops.seldon.io"
SERVERS: Final = "servers.mlops.seldon.io"
RUNTIMES: Final = "seldonruntimes.mlops.seldon.io"
SEALED_SECRETS: Final = "sealedsecrets.bitnami.com"
WORKFLOWS: Final = "workflows.argoproj.io"
TEMPLATES: Final = "workflowtemplates.argoproj.io"
CRDS: Final = "customresourcedefinitions.apiextensions.k8s.io"
POLICIES: Final = "networkpolicies.networking.k8s.io"
ROLES: Final = "roles.rbac.authorization.k8s.io"
BINDINGS: Final = "rolebindings.rbac.authorization.k8s.io"
CLUSTER_BINDINGS: Final = "clusterrolebindings.rbac.authorization.k8s.io"
API_SERVICES: Final = "apiservices.apiregistration.k8s.io"
VALIDATING_WEBHOOKS: Final = "validatingwebhookconfigurations.admissionregistration.k8s.io"
MUTATING_WEBHOOKS: Final = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
CLAIMS: Final = "persistentvolumeclaims"
CLASSES: Final = "storageclasses.storage.k8s.io"
VOLUMES: Final = "persistentvolumes"
DEPLOYMENTS: Final = "deployments.apps"
STATEFUL_SETS: Final = "statefulsets.apps"


def path_of(api: ApiServer, resource: str, namespace: str | None, name: str = "") -> str:
    """The request path of a resource, or of one object; empty when the resource is not served."""
    found = api.registry.named(resource)
    if found is None:
        return ""
    root = f"/apis/{found.group}/{found.version}" if found.group else f"/api/{found.version}"
    inside = f"/namespaces/{namespace}" if namespace and found.namespaced else ""
    return f"{root}{inside}/{found.plural}" + (f"/{name}" if name else "")


def resource_of(api: ApiServer, obj: JSON) -> str:
    """The resource a manifest is stored as; empty when its kind is not served."""
    wanted = (obj["apiVersion"], obj["kind"])
    served = api.registry.all()
    return next((r.name for r in served if (r.api_version, r.kind) == wanted), "")
