"""A network policy cuts the agents off from their scheduler."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import INFERENCE, MODELS, POLICIES, PREDICTORS, SERVER_POD
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import AGENT_CUT_OFF, log_of, no_server_fits

_POLICY = "serving-ingress"


async def inject(bench: Bench) -> None:
    bench.remember(POLICIES, INFERENCE, _POLICY)
    bench.remember_all(MODELS, INFERENCE)
    policy = bench.get(POLICIES, INFERENCE, _POLICY)
    kept = [rule for rule in policy["spec"]["ingress"] if not _same_namespace(rule)]
    await bench.patch(POLICIES, INFERENCE, _POLICY, {"spec": {"ingress": kept}})
    await bench.delete("pods", INFERENCE, SERVER_POD)


def _same_namespace(rule: dict[str, object]) -> bool:
    return rule.get("from") == [{"podSelector": {}}]


async def check(case: Case) -> str:
    if not await case.same(POLICIES, INFERENCE, _POLICY):
        return f"network policy {_POLICY} is not the one it was"
    return await models_available(case) or (
        f"network policy {_POLICY} lets everybody in" if await _opened(case) else ""
    )


async def _opened(case: Case) -> bool:
    policy = await case.read.get(POLICIES, INFERENCE, _POLICY)
    rules = dig(policy, "spec", "ingress", default=[])
    return any(not rule.get("from") and not rule.get("ports") for rule in rules)


_ADD = "kubectl patch networkpolicy {} -n {} --type=json -p '[{}]'"
_RULE = '{{"op":"add","path":"/spec/ingress/-","value":{}}}'


def _add(rule: str) -> str:
    return _ADD.format(_POLICY, INFERENCE, _RULE.format(rule))


FAULT = Fault(
    name="agent-port-blocked",
    title="The model server is not ready since its restart",
    story=(
        "The network policies were tightened, and the model server was restarted. Since then no"
        " model is served. Repair it without giving the policies up."
    ),
    symptoms=(
        AGENT_CUT_OFF,
        log_of("agent", "i/o timeout"),
        no_server_fits(PREDICTORS[0]),
    ),
    diagnosis=(
        "Agents reach the scheduler on port 9005 from within the namespace. The ingress policy lost"
        " its rule for the namespace's own pods; connections that stood before went on."
    ),
    remedies=(
        Remedy(
            "Let the namespace's own pods in again",
            (_add('{"from":[{"podSelector":{}}]}'),),
        ),
        Remedy(
            "Let the server's pods reach port 9005",
            (
                _add(
                    '{"from":[{"podSelector":{"matchLabels":{"seldon-server-name":"mlserver"}}}],'
                    '"ports":[{"port":9005,"protocol":"TCP"}]}'
                ),
            ),
        ),
    ),
    penalties=(
        Penalty(
            "policy-deleted",
            "the policy was deleted: the scheduler is open to every pod of the cluster",
            was_deleted(POLICIES, INFERENCE, _POLICY),
            (f"kubectl delete networkpolicy {_POLICY} -n {INFERENCE}",),
        ),
        Penalty(
            "policy-opened",
            "the policy lets everybody in, on every port",
            _opened,
            (_add("{}"),),
        ),
        Penalty(
            "model-deleted",
            "a model was deleted, and was not at fault",
            was_deleted(MODELS, INFERENCE, *PREDICTORS),
            (f"kubectl delete model {PREDICTORS[0]} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "One container of the server's pod is not ready. Read its log.",
        "It dials the scheduler on 9005 and times out: nothing refuses it, something drops it.",
        "serving-ingress names other namespaces but not its own: add a rule with an empty"
        " podSelector.",
    ),
    inject=inject,
    check=check,
)
