"""A SealedSecret was applied into a namespace for which it was not sealed."""

from __future__ import annotations

from runbook.practice.controllers.objects import annotations_of
from runbook.practice.controllers.unsealing import PREFIX
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import synced
from runbook.practice.faults.places import INFERENCE, PLATFORM_SECRET, SEALED_SECRETS, TRAINING
from runbook.practice.faults.sealing_key_lost import SECRET_BY_HAND
from runbook.practice.faults.symptoms import RCLONE_SECRET_OPEN, not_unsealed
from runbook.sealing import Scope

_WIDER = (f"{PREFIX}/{Scope.NAMESPACE_WIDE}", f"{PREFIX}/{Scope.CLUSTER_WIDE}")


async def inject(bench: Bench) -> None:
    spec = bench.get(SEALED_SECRETS, TRAINING, PLATFORM_SECRET)["spec"]
    place = {"name": PLATFORM_SECRET, "namespace": INFERENCE}
    template = {**spec["template"], "metadata": {**spec["template"]["metadata"], **place}}
    await bench.delete(SEALED_SECRETS, TRAINING, PLATFORM_SECRET)
    await bench.create(
        SEALED_SECRETS,
        {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": place,
            "spec": {**spec, "template": template},
        },
    )
    bench.when(lambda: bench.find("secrets", TRAINING, PLATFORM_SECRET) is None, _nothing)


async def _nothing() -> None:
    """The fault is in place once the Secret has gone with its SealedSecret."""


async def check(case: Case) -> str:
    if wrong := await synced(case, TRAINING, PLATFORM_SECRET):
        return wrong
    for resource in (SEALED_SECRETS, "secrets"):
        if await case.read.get(resource, INFERENCE, PLATFORM_SECRET) is not None:
            return f"{PLATFORM_SECRET} is in {INFERENCE}, where nothing needs it"
    return "the secret is open to more than its place" if await _widened(case) else ""


async def _widened(case: Case) -> bool:
    for namespace in (TRAINING, INFERENCE):
        found = await case.read.get(SEALED_SECRETS, namespace, PLATFORM_SECRET)
        if found is not None and any(annotations_of(found).get(w) == "true" for w in _WIDER):
            return True
    return False


FAULT = Fault(
    name="sealed-for-another-namespace",
    title="A sealed secret does not open, and the others do",
    story=(
        f"After a rebuild no pipeline can start: their credentials, Secret {PLATFORM_SECRET}, are"
        " missing. Whoever applied the sealed secrets had exchanged the namespace in one of the"
        " files. The controller has all its keys."
    ),
    symptoms=(
        *not_unsealed(INFERENCE, PLATFORM_SECRET),
        RCLONE_SECRET_OPEN,
        Symptom(f"kubectl get secret {PLATFORM_SECRET} -n {TRAINING}", "not found"),
    ),
    diagnosis=(
        "What is sealed with strict scope is bound to its name and its namespace; elsewhere it does"
        " not open, with the same words as if the key were lost. The copy has to go, and what is"
        " sealed for the right namespace has to be applied there."
    ),
    remedies=(
        Remedy(
            "Delete the copy, and apply the file that is sealed for the right namespace",
            (
                f"kubectl delete sealedsecret {PLATFORM_SECRET} -n {INFERENCE}",
                f"kubectl apply -f k8s/secrets/{PLATFORM_SECRET}.yaml",
            ),
        ),
        Remedy(
            "Apply all the files as they are, and delete the copy",
            (
                "kubectl apply -f k8s/secrets",
                f"kubectl delete sealedsecret {PLATFORM_SECRET} -n {INFERENCE}",
            ),
        ),
    ),
    penalties=(
        SECRET_BY_HAND,
        Penalty(
            "scope-widened",
            "the secret was declared open to other names or namespaces; it was sealed for one",
            _widened,
            (
                f"kubectl annotate sealedsecret {PLATFORM_SECRET} -n {INFERENCE}"
                f" {PREFIX}/{Scope.CLUSTER_WIDE}=true",
            ),
        ),
    ),
    hints=(
        "The other sealed secret is open, so a key is there. What is different about this one?",
        "With strict scope a sealed value is bound to a name and a namespace. For which one was"
        " this sealed? The files in k8s/secrets tell.",
        f"Delete SealedSecret {PLATFORM_SECRET} in {INFERENCE} and apply"
        f" k8s/secrets/{PLATFORM_SECRET}.yaml, which belongs to {TRAINING}.",
    ),
    inject=inject,
    check=check,
)
