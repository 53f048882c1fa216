"""Two Servers of one name, in two namespaces, at one scheduler."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import being_deleted, dig, has_condition
from runbook.practice.controllers.seldon.names import AGENT_CONFIG, SERVER_LABEL
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available, stale
from runbook.practice.faults.places import (
    BASELINE,
    INFERENCE,
    MODELS,
    OPERATOR,
    POLICIES,
    RCLONE_SECRET,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED, was_deleted

_TEAM, _MODEL = "risk-scoring", "risk-predictor"
_SCHEDULER, _ACCOUNT = "seldon-scheduler", "seldon-server"
_SELDON = "mlops.seldon.io/v1alpha1"
_CAPABILITIES = ["mlflow", "torch", "numpy", "xgboost"]
_NEEDS = ["mlflow", "xgboost"]


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    bench.remember("pods", INFERENCE, SERVER_POD)
    data = bench.get("secrets", INFERENCE, RCLONE_SECRET)["data"]
    uri = bench.get(MODELS, INFERENCE, BASELINE)["spec"]["storageUri"]
    await bench.create("namespaces", _object("v1", "Namespace", _TEAM))
    await bench.create(POLICIES, _policy())
    alias = f"{_SCHEDULER}.{INFERENCE}.svc.cluster.local"
    settings = bench.get("configmaps", INFERENCE, AGENT_CONFIG)["data"]
    spec: JSON = {"type": "ExternalName", "externalName": alias}
    await bench.create("services", _object("v1", "Service", _SCHEDULER, _TEAM, spec=spec))
    secret = _object("v1", "Secret", RCLONE_SECRET, _TEAM, data=data)
    await bench.create("secrets", secret)
    config = _object("v1", "ConfigMap", AGENT_CONFIG, _TEAM, data=settings)
    await bench.create("configmaps", config)
    await bench.create("serviceaccounts", _object("v1", "ServiceAccount", _ACCOUNT, _TEAM))
    spec = {"serverConfig": SERVER, "replicas": 1, "capabilities": _CAPABILITIES}
    await bench.create(SERVERS, _object(_SELDON, "Server", SERVER, _TEAM, spec=spec))
    model: JSON = {"storageUri": uri, "requirements": _NEEDS, "memory": "100Ki"}
    await bench.create(MODELS, _object(_SELDON, "Model", _MODEL, _TEAM, spec=model))


def _object(version: str, kind: str, name: str, namespace: str = "", **fields: JSON) -> JSON:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def _policy() -> JSON:
    """The scheduler's ports are open to the team."""
    labels = {"kubernetes.io/metadata.name": _TEAM}
    rule = {
        "from": [{"namespaceSelector": {"matchLabels": labels}}],
        "ports": [{"port": port, "protocol": "TCP"} for port in (9002, 9004, 9005, 9008)],
    }
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [rule]}
    name = f"scheduler-for-{_TEAM}"
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, INFERENCE, spec=spec)


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    pods = await case.read.list("pods", _TEAM)
    serving = [pod for pod in pods if SERVER_LABEL in (dig(pod, "metadata", "labels") or {})]
    if not serving:
        return f"no model server runs in {_TEAM}"
    for pod in serving:
        if being_deleted(pod) or not has_condition(pod, "Ready"):
            return f"pod {pod['metadata']['name']} in {_TEAM} is not ready"
    model = await case.read.get(MODELS, _TEAM, _MODEL)
    if model is None:
        return f"there is no model {_MODEL} in {_TEAM}"
    if being_deleted(model) or stale(model) or not has_condition(model, "ModelReady"):
        return f"model {_MODEL} is not ready at its present generation"
    return f"model {_MODEL} no longer says what it needs" if await _needs_less(case) else ""


async def _needs_less(case: Case) -> bool:
    model = await case.read.get(MODELS, _TEAM, _MODEL)
    wanted = dig(model, "spec", "requirements", default=[])
    return model is not None and not set(_NEEDS) <= set(wanted)


_RENAMED = f"""kubectl apply -f - <<'EOF'
apiVersion: {_SELDON}
kind: Server
metadata: {{name: risk-mlserver, namespace: {_TEAM}}}
spec:
  serverConfig: {SERVER}
  replicas: 1
  capabilities: [{", ".join(_CAPABILITIES)}]
EOF"""

_RUNTIME = f"""kubectl apply -f - <<'EOF'
apiVersion: {_SELDON}
kind: SeldonRuntime
metadata: {{name: seldon, namespace: {_TEAM}}}
spec:
  seldonConfig: default
  overrides:
    - {{name: {_SCHEDULER}, replicas: 1, serviceType: ClusterIP}}
    - {{name: seldon-envoy, replicas: 1, serviceType: ClusterIP}}
EOF"""

FAULT = Fault(
    name="server-name-taken",
    title="A second team's model server never takes part",
    story=(
        f"The team of {_TEAM} was given a namespace of its own, with a model server, and an alias"
        f" by which it uses the scheduler of {INFERENCE}. Its server offers what {_MODEL} needs,"
        f" and yet no server takes it. Have it served in {_TEAM}, without disturbing {INFERENCE}."
    ),
    symptoms=(
        Symptom(f"kubectl get pod {SERVER_POD} -n {_TEAM}", "2/3"),
        Symptom(f"kubectl logs {SERVER_POD} -n {_TEAM} -c agent", "Call subscribe to scheduler"),
        Symptom(f"kubectl get model {_MODEL} -n {_TEAM} -o yaml", "no matching servers"),
        Symptom(f"kubectl get service {_SCHEDULER} -n {_TEAM}", "ExternalName"),
        Symptom(f"kubectl get servers -n {INFERENCE}", "True"),
    ),
    diagnosis=(
        "A scheduler knows servers by name alone. Both are called mlserver, so the second one's"
        " agent waits until the first one's goes, and models are measured against what the first"
        " one offers."
    ),
    remedies=(
        Remedy(
            "Give the second server another name",
            (f"kubectl delete server {SERVER} -n {_TEAM}", _RENAMED),
        ),
        Remedy(
            "Give the team a scheduler of its own, and have the operator dial anew",
            (
                f"kubectl delete service {_SCHEDULER} -n {_TEAM}",
                _RUNTIME,
                f"kubectl wait --for=jsonpath='{{.status.readyReplicas}}'=1"
                f" statefulset/{_SCHEDULER} -n {_TEAM} --timeout=120s",
                f"kubectl rollout restart deployment/{OPERATOR[1]} -n {OPERATOR[0]}",
            ),
        ),
    ),
    penalties=(
        SERVER_DELETED,
        Penalty(
            "server-restarted",
            f"the server of {INFERENCE} was restarted, and the other one took its place",
            was_deleted("pods", INFERENCE, SERVER_POD),
            (f"kubectl delete pod {SERVER_POD} -n {INFERENCE}",),
        ),
        Penalty(
            "requirements-removed",
            f"{_MODEL} no longer says what it needs: it went to the other team's server",
            _needs_less,
            (
                f"kubectl patch model {_MODEL} -n {_TEAM} --type=merge"
                ' -p \'{"spec":{"requirements":["mlflow"]}}\'',
            ),
        ),
    ),
    hints=(
        f"Did the agent in {_TEAM} ever say that it subscribed? Read on the other side, too.",
        "Whom does the scheduler know under the name mlserver already?",
        "Delete the second Server and make it again under another name, or give the namespace its"
        " own SeldonRuntime instead of the alias.",
    ),
    inject=inject,
    check=check,
)
