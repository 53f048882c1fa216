"""The metrics adapter was removed, and its APIService was not: no namespace goes any more."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig, has_condition
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import API_SERVICES
from runbook.practice.faults.shortcuts import finalizing

_NAMESPACE = "model-review"
_SERVICE = "v1beta1.custom.metrics.k8s.io"
_ADAPTER = ("kube-system", "prometheus-adapter")
_GROUP, _VERSION = "custom.metrics.k8s.io", "v1beta1"


async def inject(bench: Bench) -> None:
    await bench.create(API_SERVICES, _api_service())
    await bench.create(
        "namespaces",
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
    )
    bench.remember("namespaces", None, _NAMESPACE)

    def noticed() -> bool:
        return has_condition(bench.get(API_SERVICES, None, _SERVICE), "Available", "False")

    async def delete() -> None:
        await bench.delete("namespaces", None, _NAMESPACE)

    bench.when(noticed, delete)


def _api_service() -> dict[str, object]:
    namespace, name = _ADAPTER
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": _SERVICE, "labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "group": _GROUP,
            "version": _VERSION,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": namespace, "name": name, "port": 443},
        },
    }


async def check(case: Case) -> str:
    if await case.same("namespaces", None, _NAMESPACE):
        return f"namespace {_NAMESPACE} is still there"
    service = await case.read.get(API_SERVICES, None, _SERVICE)
    if service is not None and not has_condition(service, "Available"):
        return f"API service {_SERVICE} is there and does not answer"
    return ""


async def _finalized_by_hand(case: Case) -> bool:
    """Whether the namespace went while nobody knew what was in that group."""
    gone = case.deletions.of("namespaces", case.uid("namespaces", None, _NAMESPACE))
    if gone is None:
        return False
    return any(
        (one["type"], one["status"]) == ("NamespaceDeletionDiscoveryFailure", "True")
        for one in dig(gone.obj, "status", "conditions", default=[])
    )


_DEPLOY = f"""kubectl apply -f - <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {_ADAPTER[1]}, namespace: {_ADAPTER[0]}}}
spec:
  selector: {{matchLabels: {{app: {_ADAPTER[1]}}}}}
  template:
    metadata: {{labels: {{app: {_ADAPTER[1]}}}}}
    spec: {{containers: [{{name: adapter, image: "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: {_ADAPTER[1]}, namespace: {_ADAPTER[0]}}}
spec:
  selector: {{app: {_ADAPTER[1]}}}
  ports: [{{port: 443, targetPort: 6443}}]
EOF"""

FAULT = Fault(
    name="stale-api-service",
    title="An empty namespace hangs in Terminating",
    story=(
        f"Namespace {_NAMESPACE} was deleted. There is nothing in it, and it does not go. Last week"
        " the metrics adapter was uninstalled, because nobody used it. Find what holds the"
        " namespace, and see to it that the next one does not hang either."
    ),
    symptoms=(
        Symptom(f"kubectl get namespace {_NAMESPACE}", "Terminating"),
        Symptom(f"kubectl get namespace {_NAMESPACE} -o yaml", "DiscoveryFailed"),
        Symptom(f"kubectl get namespace {_NAMESPACE} -o yaml", f"{_GROUP}/{_VERSION}"),
        Symptom(f"kubectl get apiservice {_SERVICE}", "False (ServiceNotFound)"),
    ),
    diagnosis=(
        "A namespace goes when it is known to be empty in every group of the API. One group is"
        " served by an adapter that is gone; its APIService is still registered, so what is in that"
        " group cannot be asked."
    ),
    remedies=(
        Remedy("Take the registration away", (f"kubectl delete apiservice {_SERVICE}",)),
        Remedy("Bring the adapter back", (_DEPLOY,)),
    ),
    penalties=(
        Penalty(
            "namespace-finalized",
            "the namespace's finalizer was taken off while a group could not be asked: what it held"
            " there is in the store still, and the next namespace hangs as well",
            _finalized_by_hand,
            (finalizing(_NAMESPACE),),
        ),
    ),
    hints=(
        "The namespace's conditions say what its controller could not find out.",
        "Discovery fails for one group. kubectl get apiservices tells who should serve it.",
        f"Nobody serves {_GROUP} any more: delete APIService {_SERVICE}, or install the adapter"
        " again. Leave the namespace's finalizer alone.",
    ),
    inject=inject,
    check=check,
)
