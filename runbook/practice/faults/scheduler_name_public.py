"""The operator's search list leads the scheduler's name out of the cluster."""

from __future__ import annotations

from runbook.practice.controllers.dns import CLUSTER_DNS, WILDCARDS
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import (
    DEPLOYMENTS,
    ENHANCED,
    INFERENCE,
    MODELS,
    OPERATOR,
    POLICIES,
    PREDICTORS,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import SERVER_WHOLE, model_says, operator_log

_DOMAIN, _PUBLIC = next(iter(WILDCARDS.items()))
_POLICY = "serving-ingress"
_CLUSTER = [f"{OPERATOR[0]}.svc.cluster.local", "svc.cluster.local", "cluster.local"]


async def inject(bench: Bench) -> None:
    bench.remember(POLICIES, INFERENCE, _POLICY)
    bench.remember_all(MODELS, INFERENCE)
    config = {
        "nameservers": [CLUSTER_DNS],
        "searches": [_DOMAIN, *_CLUSTER],
        "options": [{"name": "ndots", "value": "5"}],
    }
    spec = {"dnsPolicy": "None", "dnsConfig": config}
    await bench.patch(DEPLOYMENTS, *OPERATOR, {"spec": {"template": {"spec": spec}}})

    async def change_model() -> None:
        await bench.patch(MODELS, INFERENCE, ENHANCED, {"spec": {"memory": "200Ki"}})

    bench.when(lambda: _rolled_out(bench), change_model)


def _rolled_out(bench: Bench) -> bool:
    pods = [
        pod
        for pod in bench.api.select("pods", OPERATOR[0])
        if pod["metadata"]["name"].startswith(f"{OPERATOR[1]}-")
    ]
    return bool(pods) and all(dig(pod, "spec", "dnsPolicy") == "None" for pod in pods)


async def check(case: Case) -> str:
    return await models_available(case) or await experiment_ready(case)


async def _pinned(case: Case) -> bool:
    deployment = await case.read.get(DEPLOYMENTS, *OPERATOR)
    return bool(dig(deployment, "spec", "template", "spec", "hostAliases"))


_PATCH = f"kubectl patch deployment {OPERATOR[1]} -n {OPERATOR[0]} --type=merge -p "

FAULT = Fault(
    name="scheduler-name-public",
    title="The operator talks to an address outside the cluster",
    story=(
        "Since the network team gave the operator the company's DNS settings, no change of a model"
        " gets through. The scheduler runs, the model server is ready, and no policy was touched."
    ),
    symptoms=(
        operator_log(f"{_PUBLIC}:9004"),
        model_says(ENHANCED, "i/o timeout"),
        SERVER_WHOLE,
    ),
    diagnosis=(
        f"The operator dials seldon-scheduler.{INFERENCE}, a name with one dot, so the search list"
        f" comes first. Its first domain {_DOMAIN} has a public wildcard: the name exists there,"
        " and the cluster's own domains are never tried."
    ),
    remedies=(
        Remedy(
            "Give the operator the cluster's usual DNS settings again",
            (
                f"{_PATCH}'"
                '{"spec":{"template":{"spec":{"dnsPolicy":"ClusterFirst","dnsConfig":null}}}}\'',
            ),
        ),
        Remedy(
            "Search the cluster's domains first",
            (
                f'{_PATCH}\'{{"spec":{{"template":{{"spec":{{"dnsConfig":{{"searches":'
                f'["{_CLUSTER[0]}","{_CLUSTER[1]}","{_CLUSTER[2]}","{_DOMAIN}"]}}}}}}}}}}\'',
            ),
        ),
    ),
    penalties=(
        Penalty(
            "address-pinned",
            "the scheduler's address was written into the operator's hosts file, where it is wrong"
            " from the next rebuild on",
            _pinned,
            (
                f"ADDRESS=$(kubectl get service seldon-scheduler -n {INFERENCE}"
                " -o jsonpath={.spec.clusterIP})",
                f'{_PATCH}\'{{"spec":{{"template":{{"spec":{{"hostAliases":[{{"ip":"$ADDRESS",'
                f'"hostnames":["seldon-scheduler.{INFERENCE}"]}}]}}}}}}}}\'',
            ),
        ),
        Penalty(
            "policy-deleted",
            "a network policy was deleted, and was not at fault",
            was_deleted(POLICIES, INFERENCE, _POLICY),
            (f"kubectl delete networkpolicy {_POLICY} -n {INFERENCE}",),
        ),
        Penalty(
            "model-deleted",
            "a model was deleted while the operator could not have it unloaded: it hangs now",
            was_deleted(MODELS, INFERENCE, *PREDICTORS),
            (f"kubectl delete model {PREDICTORS[0]} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "Read which address the operator dials. Whose is it?",
        "The name is right and the answer is wrong: how does the operator's pod look names up?",
        "Its Deployment has dnsPolicy None and searches a public domain first. Take both out, or put"
        " the cluster's domains first.",
    ),
    inject=inject,
    check=check,
)
