"""An Ingress names no class, so no controller takes it: the mesh is well, and nobody gets in."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.ingress_nginx import (
    CONTAINER,
    CONTROLLER_CLASS,
    INGRESSES,
    NAME,
    NAMESPACE,
    PROGRAM,
    WATCH_ALL,
)
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import BASELINE, DEPLOYMENTS, INFERENCE, POLICIES
from runbook.practice.faults.shortcuts import was_deleted

_INGRESS, _CLASS, _POLICY = "inference", "nginx", "serving-ingress"
_PROBE = f"/v2/models/{BASELINE}"
_DOOR, _MESH = f"{NAME}:http", "seldon-mesh:http"


async def inject(bench: Bench) -> None:
    bench.remember(POLICIES, INFERENCE, _POLICY)
    await bench.apply(_controller())
    found = bench.find(INGRESSES, INFERENCE, _INGRESS)
    if found is not None:
        await bench.delete(INGRESSES, INFERENCE, _INGRESS)

    def runs() -> bool:
        deployment = bench.find(DEPLOYMENTS, NAMESPACE, NAME)
        return bool(dig(deployment, "status", "availableReplicas", default=0))

    async def publish() -> None:
        await bench.apply((_ingress(),))

    bench.when(runs, publish)


async def check(case: Case) -> str:
    if await case.read.get(INGRESSES, INFERENCE, _INGRESS) is None:
        return f"there is no ingress {_INGRESS}"
    status, answer = await case.read.ask(NAMESPACE, _DOOR, _PROBE, {})
    if status != 200 or "x-seldon-route" not in answer:
        return f"from outside {_PROBE} is answered with {status}, and not by a model"
    if await _serves_any(case):
        return "the ingress controller serves whatever names no class"
    return ""


async def _serves_any(case: Case) -> bool:
    deployment = await case.read.get(DEPLOYMENTS, NAMESPACE, NAME)
    containers = dig(deployment, "spec", "template", "spec", "containers", default=[])
    return any(WATCH_ALL in (one.get("args") or []) for one in containers)


def _controller() -> tuple[JSON, ...]:
    """ingress-nginx as its chart installs it, for plain HTTP."""
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": PROGRAM}
    container = {
        "name": CONTAINER,
        "image": "registry.k8s.io/ingress-nginx/controller:v1.13.0",
        "args": [
            "/nginx-ingress-controller",
            f"--publish-service={NAMESPACE}/{NAME}",
            f"--controller-class={CONTROLLER_CLASS}",
        ],
        "ports": [{"name": "http", "containerPort": 80}],
    }
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": _CLASS, "labels": PROGRAM},
            "spec": {"controller": CONTROLLER_CLASS},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": PROGRAM},
                "template": {"metadata": {"labels": PROGRAM}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "type": "LoadBalancer",
                "selector": PROGRAM,
                "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            },
        },
    )


def _ingress() -> JSON:
    mesh = {"service": {"name": "seldon-mesh", "port": {"number": 80}}}
    path = {"path": "/v2", "pathType": "Prefix", "backend": mesh}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": _INGRESS, "namespace": INFERENCE},
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    }


_WATCH = (
    f"kubectl patch deployment {NAME} -n {NAMESPACE} --type=json -p"
    f' \'[{{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"{WATCH_ALL}"}}]\''
)

FAULT = Fault(
    name="ingress-without-class",
    title="Inside every model answers, outside there is a page that says 404",
    story=(
        "Clients outside the cluster get a 404 for every request since the ingress was written"
        f" anew. They come in at Service {NAME} in {NAMESPACE}; its node port is open on this"
        " computer. Asked directly, the mesh answers."
    ),
    symptoms=(
        Symptom(f"kubectl get ingress {_INGRESS} -n {INFERENCE}", "<none>"),
        Symptom(
            f"kubectl logs deployment/{NAME} -n {NAMESPACE}",
            "ingress does not contain a valid IngressClass",
        ),
        Symptom(
            f"kubectl get --raw /api/v1/namespaces/{INFERENCE}/services/{_MESH}/proxy{_PROBE}",
            BASELINE,
        ),
    ),
    diagnosis=(
        "The Ingress names no class and none is the cluster's default, so no controller takes it:"
        " it has no address, and nginx has no rule for the request. The 404 is nginx's own, a page"
        " of HTML; one of the mesh would be empty."
    ),
    remedies=(
        Remedy(
            "Name the class in the Ingress",
            (
                f"kubectl patch ingress {_INGRESS} -n {INFERENCE} --type=merge"
                f' -p \'{{"spec":{{"ingressClassName":"{_CLASS}"}}}}\'',
            ),
        ),
        Remedy(
            "Name it in the older annotation, which this controller still reads",
            (
                f"kubectl annotate ingress {_INGRESS} -n {INFERENCE}"
                f" kubernetes.io/ingress.class={_CLASS}",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "serves-any",
            "the controller was told to serve every Ingress without a class, other people's too",
            _serves_any,
            (_WATCH,),
        ),
        Penalty(
            "policy-deleted",
            "a network policy was deleted, and was not at fault",
            was_deleted(POLICIES, INFERENCE, _POLICY),
            (f"kubectl delete networkpolicy {_POLICY} -n {INFERENCE}",),
        ),
    ),
    hints=(
        "Whose 404 is it? Ask the door and the mesh for the same path, and look at the body and at"
        " the header Server.",
        "The Ingress has no ADDRESS: no controller has taken it. The controller's log says why.",
        f"Set spec.ingressClassName of Ingress {_INGRESS} to {_CLASS}.",
    ),
    inject=inject,
    check=check,
)
