"""A network policy keeps workflow pods from the API server, to which they report."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    ROLE_WIDENED,
    UNREPORTED,
    adding,
    role_is_narrow,
    submit,
    submitting,
)
from runbook.practice.faults.places import DATA_TEMPLATE, POLICIES, TRAINING
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import workflow_says

_POLICY = "training-egress"
_PORTS = {443, 6443}


async def inject(bench: Bench) -> None:
    bench.remember(POLICIES, TRAINING, _POLICY)
    rules = bench.get(POLICIES, TRAINING, _POLICY)["spec"]["egress"]
    kept = [
        rule
        for rule in rules
        if not _PORTS & {port.get("port") for port in rule.get("ports") or []}
    ]
    await bench.patch(POLICIES, TRAINING, _POLICY, {"spec": {"egress": kept}})
    await submit(bench, DATA_TEMPLATE)


async def check(case: Case) -> str:
    if not await case.same(POLICIES, TRAINING, _POLICY):
        return f"network policy {_POLICY} is not the one it was"
    if await _opened(case):
        return f"network policy {_POLICY} lets everything out"
    return await role_is_narrow(case) or await workflow_succeeded(case, DATA_TEMPLATE)


async def _opened(case: Case) -> bool:
    policy = await case.read.get(POLICIES, TRAINING, _POLICY)
    rules = dig(policy, "spec", "egress", default=[])
    return any(not rule.get("to") and not rule.get("ports") for rule in rules)


def _let_out(rule: str) -> str:
    return adding("networkpolicy", _POLICY, "/spec/egress/-", rule)


FAULT = Fault(
    name="executor-cannot-report",
    title="A pipeline's step does its work and still errors",
    story=(
        "Egress of the pipelines' namespace was tightened. Steps run to their end, and half a"
        " minute later they are in Error. Get the data pipeline to succeed; the namespace stays"
        " closed."
    ),
    symptoms=(
        UNREPORTED,
        workflow_says("i/o timeout"),
    ),
    diagnosis=(
        "Argo's wait container reports each step's result to the API server. The egress policy lost"
        " its rule for 443 and 6443, so the report times out and wait exits 64."
    ),
    remedies=(
        Remedy(
            "Let the pods reach the API server again, and submit again",
            (
                _let_out(
                    '{"ports":[{"port":443,"protocol":"TCP"},{"port":6443,"protocol":"TCP"}]}'
                ),
                submitting(DATA_TEMPLATE),
            ),
        ),
        Remedy(
            "Apply the manifests, which have the rule, and submit again",
            ("kubectl apply -k k8s/base", submitting(DATA_TEMPLATE)),
        ),
    ),
    penalties=(
        Penalty(
            "policy-deleted",
            "the policy was deleted: training code may send the data anywhere",
            was_deleted(POLICIES, TRAINING, _POLICY),
            (f"kubectl delete networkpolicy {_POLICY} -n {TRAINING}",),
        ),
        Penalty(
            "policy-opened",
            "the policy lets everything out, to anywhere",
            _opened,
            (_let_out("{}"),),
        ),
        ROLE_WIDENED,
    ),
    hints=(
        "The step's message names the container that failed: it is not the one that worked.",
        "It tries to POST to the API server and times out. Nothing refuses it; something drops it.",
        "training-egress needs a rule for ports 443 and 6443; then submit the data pipeline again.",
    ),
    inject=inject,
    check=check,
)
