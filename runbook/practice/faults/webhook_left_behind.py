"""An operator was uninstalled, and its admission webhook was not: nothing can be created any more."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import INFERENCE, MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS

_LEFT = "model-policy-validator"
_LEFT_SERVICE = ("model-policy-system", "model-policy-webhook")
_OTHERS = ("pod-standards", "image-registry")
_STANDARDS = ("kube-system", "pod-standards-webhook")
_SERVICES = "services"
_DEPLOYMENTS = "deployments.apps"
_KINDS: tuple[JSON, ...] = (
    {
        "apiGroups": ["", "apps", "mlops.seldon.io"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": ["configmaps", "pods", "deployments", "models"],
        "scope": "Namespaced",
    },
)


async def inject(bench: Bench) -> None:
    await bench.create(_DEPLOYMENTS, _deployment(*_STANDARDS))
    await bench.create(_SERVICES, _service(*_STANDARDS))
    standards = {**_webhook("standards.pods.example.com", _STANDARDS), "failurePolicy": "Ignore"}
    await bench.create(
        VALIDATING_WEBHOOKS, _configuration(VALIDATING_WEBHOOKS, _OTHERS[0], standards)
    )
    images = {**_webhook("images.registry.example.com", _STANDARDS), "failurePolicy": "Ignore"}
    await bench.create(MUTATING_WEBHOOKS, _configuration(MUTATING_WEBHOOKS, _OTHERS[1], images))
    bench.remember(VALIDATING_WEBHOOKS, None, _OTHERS[0])
    bench.remember(MUTATING_WEBHOOKS, None, _OTHERS[1])

    def stands() -> bool:
        found = bench.get(_DEPLOYMENTS, *_STANDARDS)
        return bool(dig(found, "status", "availableReplicas", default=0))

    async def leave() -> None:
        left = _webhook("validate.model-policy.example.com", _LEFT_SERVICE)
        await bench.create(VALIDATING_WEBHOOKS, _configuration(VALIDATING_WEBHOOKS, _LEFT, left))

    bench.when(stands, leave)


def _configuration(resource: str, name: str, webhook: JSON) -> JSON:
    mutating = resource == MUTATING_WEBHOOKS
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{'Mutating' if mutating else 'Validating'}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


def _webhook(name: str, service: tuple[str, str]) -> JSON:
    here: JSON = {"namespace": service[0], "name": service[1], "path": "/validate", "port": 443}
    return {
        "name": name,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"service": here},
        "rules": list(_KINDS),
        "namespaceSelector": {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "NotIn",
                    "values": ["kube-system"],
                }
            ]
        },
        "failurePolicy": "Fail",
    }


def _deployment(namespace: str, name: str) -> JSON:
    labels = {"app": name}
    container = {"name": "webhook", "image": f"registry.example.com/{name}:1.4.0"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _service(namespace: str, name: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": [{"port": 443, "targetPort": 9443}]},
    }


async def check(case: Case) -> str:
    for configuration in await case.read.list(VALIDATING_WEBHOOKS):
        for webhook in configuration.get("webhooks") or ():
            service = dig(webhook, "clientConfig", "service", default={})
            if (service.get("namespace"), service.get("name")) == _LEFT_SERVICE:
                return "nothing can be created: the webhook of an operator that is gone is asked"
    return "" if not await _touched(case) else "another webhook is not what it was"


async def _touched(case: Case) -> bool:
    """Whether the webhooks of those who are still there were deleted, or changed."""
    for resource, name in ((VALIDATING_WEBHOOKS, _OTHERS[0]), (MUTATING_WEBHOOKS, _OTHERS[1])):
        found = await case.read.get(resource, None, name)
        if found is None or found["metadata"]["uid"] != case.uid(resource, None, name):
            return True
        if found["metadata"].get("generation", 1) != 1:
            return True
    return False


_CREATE = f"""kubectl create -f - <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata: {{name: review-notes, namespace: {INFERENCE}}}
data: {{reviewed: "yes"}}
EOF"""
_DELETE = "kubectl delete validatingwebhookconfiguration"

FAULT = Fault(
    name="webhook-left-behind",
    title="Nothing can be created in the platform's namespaces",
    story=(
        "Since the model policy operator was uninstalled, every create fails: models, pods, even a"
        " ConfigMap. What runs goes on running, but a pod that is lost does not come back. Make"
        " creating work again."
    ),
    symptoms=(
        Symptom(_CREATE, "failed calling webhook"),
        Symptom(_CREATE, f'service "{_LEFT_SERVICE[1]}" not found'),
        Symptom("kubectl get validatingwebhookconfigurations", _LEFT),
    ),
    diagnosis=(
        "A webhook configuration outlived its operator. The API server asks it before each create,"
        " its service is gone, and its failurePolicy is Fail."
    ),
    remedies=(Remedy("Delete that one configuration", (f"{_DELETE} {_LEFT}", _CREATE)),),
    penalties=(
        Penalty(
            "other-webhooks-touched",
            "webhooks that were not at fault were deleted or changed: what they guarded is open",
            _touched,
            (f"{_DELETE} {_OTHERS[0]} {_LEFT}",),
        ),
    ),
    hints=(
        "Create anything and read the refusal: it names a webhook, and a service.",
        "Which configuration has that webhook? Is there still somebody behind its service?",
        f"kubectl get validatingwebhookconfigurations; delete {_LEFT}, and only that one.",
    ),
    inject=inject,
    check=check,
)
