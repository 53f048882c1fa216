"""The namespace was made again by hand, without the label by which the policies choose it."""

from __future__ import annotations

import copy

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig, labels_of
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import (
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    POLICIES,
    PREDICTORS,
    RUNTIME,
    RUNTIMES,
    SERVER,
    SERVERS,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import AGENT_CUT_OFF, log_of

_LABEL, _OWN = "name", "kubernetes.io/metadata.name"
_INGRESS, _EGRESS = "serving-ingress", "serving-egress"
_OTHERS = ("kube-system", "minio", "mlflow", "seldon-system")


async def inject(bench: Bench) -> None:
    for name in _OTHERS:
        await bench.patch("namespaces", None, name, {"metadata": {"labels": {_LABEL: name}}})
    inside = [one for one in bench.documents if one["metadata"].get("namespace") == INFERENCE]
    inside = [_by_label(one) if one["kind"] == "NetworkPolicy" else one for one in inside]
    await bench.delete(EXPERIMENTS, INFERENCE, EXPERIMENT)
    for name in PREDICTORS:
        await bench.delete(MODELS, INFERENCE, name)

    async def delete_serving() -> None:
        await bench.delete(SERVERS, INFERENCE, SERVER)
        await bench.delete(RUNTIMES, INFERENCE, RUNTIME)
        bench.when(lambda: not bench.api.select(RUNTIMES, INFERENCE), delete_namespace)

    async def delete_namespace() -> None:
        await bench.delete("namespaces", None, INFERENCE)
        bench.when(lambda: bench.find("namespaces", None, INFERENCE) is None, make_again)

    async def make_again() -> None:
        metadata = {"name": INFERENCE}
        await bench.create(
            "namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        )
        await bench.apply(inside)
        for name in (_INGRESS, _EGRESS):
            bench.remember(POLICIES, INFERENCE, name)
        bench.memory["policies"] = {
            name: bench.get(POLICIES, INFERENCE, name)["spec"] for name in (_INGRESS, _EGRESS)
        }
        bench.remember("namespaces", None, INFERENCE)

    bench.when(lambda: not bench.api.select(MODELS, INFERENCE), delete_serving)


def _by_label(policy: JSON) -> JSON:
    """The same policy, with every namespace chosen by the label that people write, its own too."""
    changed = copy.deepcopy(policy)
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in changed["spec"].get(direction) or []:
            for peer in rule.get(side) or []:
                chosen = dig(peer, "namespaceSelector", "matchLabels", _OWN)
                if chosen or peer == {"podSelector": {}}:
                    peer.pop("podSelector", None)
                    labels = {_LABEL: chosen or INFERENCE}
                    peer["namespaceSelector"] = {"matchLabels": labels}
    return changed


async def check(case: Case) -> str:
    namespace = await case.read.get("namespaces", None, INFERENCE)
    if namespace is None or labels_of(namespace).get(_LABEL) != INFERENCE:
        return f"namespace {INFERENCE} is not chosen by any policy"
    for name in (_INGRESS, _EGRESS):
        if not await case.same(POLICIES, INFERENCE, name):
            return f"network policy {name} is not the one it was"
    if await _changed(case):
        return "a network policy was changed"
    return await models_available(case) or await experiment_ready(case)


async def _changed(case: Case) -> bool:
    for name, spec in (case.memory.get("policies") or {}).items():
        policy = await case.read.get(POLICIES, INFERENCE, name)
        if policy is not None and policy["spec"] != spec:
            return True
    return False


async def _policy_deleted(case: Case) -> bool:
    return "policies" in case.memory and await _gone(case)


_gone = was_deleted(POLICIES, INFERENCE, _INGRESS, _EGRESS)

FAULT = Fault(
    name="namespace-label-lost",
    title="The policies are what they were, and nothing gets through",
    story=(
        f"{INFERENCE} was deleted and made again by hand, and everything was applied into it. Since"
        " then the model server is not ready. The network policies are those of the security team,"
        " and the same as before: leave them."
    ),
    symptoms=(
        AGENT_CUT_OFF,
        log_of("agent", ":9005: i/o timeout"),
        Symptom(
            f"kubectl get networkpolicy {_INGRESS} -n {INFERENCE} -o yaml",
            f"{_LABEL}: {INFERENCE}",
        ),
        Symptom(f"kubectl get namespace {_OTHERS[0]} -o yaml", f"{_LABEL}: {_OTHERS[0]}"),
    ),
    diagnosis=(
        f"The policies choose namespaces by the label {_LABEL}, also {INFERENCE} itself. The others"
        " carry it; the one made by hand does not, so a rule meant for its own pods fits nobody."
    ),
    remedies=(
        Remedy(
            "Label the namespace",
            (f"kubectl label namespace {INFERENCE} {_LABEL}={INFERENCE}",),
        ),
        Remedy(
            "Apply the namespace with its label",
            (
                "kubectl apply -f - <<'EOF'\n"
                "apiVersion: v1\n"
                "kind: Namespace\n"
                f"metadata: {{name: {INFERENCE}, labels: {{{_LABEL}: {INFERENCE}}}}}\n"
                "EOF",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "policy-deleted",
            "a policy was deleted: what it kept out comes in now",
            _policy_deleted,
            (f"kubectl delete networkpolicy {_INGRESS} -n {INFERENCE}",),
        ),
        Penalty(
            "policy-changed",
            "a policy was changed, and was not at fault",
            _changed,
            (
                f"kubectl patch networkpolicy {_INGRESS} -n {INFERENCE} --type=json"
                ' -p \'[{"op":"add","path":"/spec/ingress/-","value":{}}]\'',
            ),
        ),
    ),
    hints=(
        "Nothing refuses the agent, something drops it. Which rule was to let it through?",
        "The rule chooses a namespace by a label. Look at the namespace's labels, and at others'.",
        f"Give the namespace the label {_LABEL}={INFERENCE}.",
    ),
    inject=inject,
    check=check,
)
