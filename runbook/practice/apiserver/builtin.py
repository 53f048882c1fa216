"""The table of built-in resources, as one readable block of text.

Only what the practice cluster keeps and a few review kinds that answer questions. Two are served in a
second form, which `conversion.py` makes of the stored one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

# group/version   plural kind short-names scope(N|C) subresources categories
_TABLE = """
v1 namespaces Namespace ns C status,finalize -
v1 nodes Node no C status -
v1 persistentvolumes PersistentVolume pv C status -
v1 pods Pod po N status,log,exec,attach,portforward,eviction,binding all
v1 services Service svc N status,proxy all
v1 configmaps ConfigMap cm N - -
v1 secrets Secret - N - -
v1 serviceaccounts ServiceAccount sa N token -
v1 persistentvolumeclaims PersistentVolumeClaim pvc N status -
v1 events Event ev N - -
v1 endpoints Endpoints ep N - -
v1 resourcequotas ResourceQuota quota N status -
v1 limitranges LimitRange limits N - -
v1 podtemplates PodTemplate - N - -
v1 replicationcontrollers ReplicationController rc N status,scale all
apps/v1 deployments Deployment deploy N status,scale all
apps/v1 replicasets ReplicaSet rs N status,scale all
apps/v1 statefulsets StatefulSet sts N status,scale all
apps/v1 daemonsets DaemonSet ds N status all
apps/v1 controllerrevisions ControllerRevision - N - -
batch/v1 jobs Job - N status all
batch/v1 cronjobs CronJob cj N status all
autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler hpa N status all
autoscaling/v1 horizontalpodautoscalers HorizontalPodAutoscaler hpa N status all
events.k8s.io/v1 events Event ev N - -
networking.k8s.io/v1 ingresses Ingress ing N status -
networking.k8s.io/v1 ingressclasses IngressClass - C - -
networking.k8s.io/v1 networkpolicies NetworkPolicy netpol N - -
policy/v1 poddisruptionbudgets PodDisruptionBudget pdb N status -
rbac.authorization.k8s.io/v1 roles Role - N - -
rbac.authorization.k8s.io/v1 rolebindings RoleBinding - N - -
rbac.authorization.k8s.io/v1 clusterroles ClusterRole - C - -
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding - C - -
storage.k8s.io/v1 storageclasses StorageClass sc C - -
coordination.k8s.io/v1 leases Lease - N - -
discovery.k8s.io/v1 endpointslices EndpointSlice - N - -
node.k8s.io/v1 runtimeclasses RuntimeClass - C - -
storage.k8s.io/v1 csidrivers CSIDriver - C - -
storage.k8s.io/v1 csinodes CSINode - C status -
storage.k8s.io/v1 csistoragecapacities CSIStorageCapacity - N - -
storage.k8s.io/v1 volumeattachments VolumeAttachment - C status -
flowcontrol.apiserver.k8s.io/v1 flowschemas FlowSchema - C status -
flowcontrol.apiserver.k8s.io/v1 prioritylevelconfigurations PriorityLevelConfiguration - C status -
scheduling.k8s.io/v1 priorityclasses PriorityClass pc C - -
admissionregistration.k8s.io/v1 validatingwebhookconfigurations ValidatingWebhookConfiguration - C - api-extensions
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations MutatingWebhookConfiguration - C - api-extensions
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition crd,crds C status api-extensions
apiregistration.k8s.io/v1 apiservices APIService - C status api-extensions
authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview - C - -
authorization.k8s.io/v1 subjectaccessreviews SubjectAccessReview - C - -
authorization.k8s.io/v1 localsubjectaccessreviews LocalSubjectAccessReview - N - -
authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview - C - -
authentication.k8s.io/v1 tokenreviews TokenReview - C - -
authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview - C - -
"""
# Versions that are stored in the form of another one of the same kind.
STORED_AS = {"events.k8s.io/v1": "v1", "autoscaling/v1": "autoscaling/v2"}


@dataclass(frozen=True, slots=True)
class Row:
    group: str
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...]
    namespaced: bool
    subresources: frozenset[str]
    categories: tuple[str, ...]
    stored_as: str

    @property
    def review(self) -> bool:
        """Answers a question and stores nothing."""
        return self.group in {"authorization.k8s.io", "authentication.k8s.io"}


def builtin_rows() -> Iterator[Row]:
    for line in _TABLE.strip().splitlines():
        api_version, plural, kind, short, scope, subresources, categories = line.split()
        group, _, version = api_version.rpartition("/")
        yield Row(
            group=group,
            version=version,
            plural=plural,
            kind=kind,
            short_names=_listed(short),
            namespaced=scope == "N",
            subresources=frozenset(_listed(subresources)),
            categories=_listed(categories),
            stored_as=STORED_AS.get(api_version, ""),
        )


def _listed(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(cell.split(","))
