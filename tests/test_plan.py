"""A runbook with every value bound, numbered and hashed."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.errors import UsageError
from runbook.model.document import ApproveStep, CheckStep, Runbook, RunStep
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan

FACTS = TargetFacts("prod", "https://10.0.0.1:6443", "uid-1", "ca")


def plan(document: dict[str, Any], facts: TargetFacts = FACTS, /, **inputs: Any) -> Plan:
    base: dict[str, Any] = {"apiVersion": "runbook/v1", "name": "test"}
    return make_plan(
        Runbook.model_validate({**base, **document}),
        inputs=inputs,
        target=facts,
        mode="drill",
        environment={"HOME": "/home/ann"},
        source_digest="0" * 64,
    )


INPUTS = {
    "ns": {"default": "mlops", "pattern": "[a-z]+"},
    "count": {"type": "integer", "default": 2},
    "fast": {"type": "boolean", "default": False},
    "size": {"options": ["s", "m"], "default": "s"},
}
STEPS = [
    {"id": "go", "approve": {"message": "delete ${{ inputs.ns }} on ${{ target.context }}?"}},
    {"id": "get", "run": "kubectl get pods -n ${{ inputs.ns }}", "register": "pods"},
    {
        "id": "seen",
        "check": {"http": {"url": "${{ vars.base }}/${{ registered.pods }}"}},
    },
]


def document(**more: Any) -> dict[str, Any]:
    return {
        "inputs": INPUTS,
        "vars": {"base": "http://x"},
        "phases": [{"id": "one", "steps": STEPS}],
        **more,
    }


def test_values_that_exist_by_now_are_bound_and_late_ones_stay() -> None:
    go, get, seen = (planned.step for planned in plan(document()).steps)
    assert isinstance(go, ApproveStep)
    assert go.approve.message == "delete mlops on prod?"
    assert isinstance(get, RunStep)
    assert get.run == "kubectl get pods -n ${{ 'mlops' }}"
    assert isinstance(seen, CheckStep)
    assert seen.check.model_dump()["http"]["url"] == "http://x/${{ registered.pods }}"


def test_inputs_are_given_as_text_and_read_by_their_type() -> None:
    assert dict(plan(document(), count="5", fast="true").inputs) == {
        "ns": "mlops",
        "count": 5,
        "fast": True,
        "size": "s",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ns": "UPPER"}, "input ns: 'UPPER' does not match"),
        ({"count": "many"}, "input count: 'many' is not an integer"),
        ({"size": "xl"}, "input size: 'xl' is none of: s, m"),
        ({"fast": "perhaps"}, "input fast: 'perhaps' is not true or false"),
        ({"nss": "x"}, "there is no input 'nss'; the runbook has: ns, count, fast, size"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_what_is_allowed(
    given: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        plan(document(), **given)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "given"),
    [
        ({"default": 3}, {}),
        ({"type": "number", "default": 5}, {}),
        ({"type": "number", "pattern": "[0-9]+"}, {"x": "5"}),
        ({"type": "boolean", "pattern": "yes|no"}, {"x": "yes"}),
        ({}, {}),
    ],
)
def test_the_values_of_a_run_make_the_same_plan_again(
    spec: dict[str, Any], given: dict[str, str]
) -> None:
    inputs = {"ns": {"default": "mlops"}, "x": spec}
    first = plan(document(inputs=inputs), **given)
    again = plan(document(inputs=inputs), **first.inputs)
    assert again.digest == first.digest


@pytest.mark.parametrize("given", ["nan", "inf", "-Infinity"])
def test_a_number_is_one_that_can_be_recorded(given: str) -> None:
    with pytest.raises(UsageError, match=f"input n: '{given}' is not a number"):
        plan(document(inputs={"ns": {"default": "mlops"}, "n": {"type": "number"}}), n=given)


def test_a_required_input_has_no_silent_default() -> None:
    with pytest.raises(UsageError, match="input ns is required: the namespace"):
        plan(document(inputs={"ns": {"required": True, "description": "the namespace"}}))


def test_steps_are_numbered_by_phase_and_preflight_is_phase_0() -> None:
    preflight = [{"id": "tools", "run": "true"}]
    numbers = [step.number for step in plan(document(preflight=preflight)).steps]
    assert numbers == ["0.1", "1.1", "1.2", "1.3"]


def test_a_check_by_name_is_the_health_check_itself() -> None:
    health = {"web": {"title": "The web answers", "check": {"tcp": {"host": "h", "port": 1}}}}
    steps = [{"id": "w", "check": {"health": "web"}}]
    planned = plan(document(health=health, phases=[{"id": "one", "steps": steps}])).steps[0]
    assert planned.title == "The web answers"
    assert planned.step.model_dump()["check"] == {"tcp": {"host": "h", "port": 1}}


def test_the_digest_covers_steps_values_and_cluster() -> None:
    digests = {
        plan(document()).digest,
        plan(document(), ns="other").digest,
        plan(document(), TargetFacts("prod", FACTS.server, "uid-2", "ca")).digest,
        plan(document(phases=[{"id": "one", "steps": STEPS[:2]}])).digest,
    }
    assert len(digests) == 4
    assert plan(document()).digest == plan(document()).digest


def test_a_gate_is_not_skippable() -> None:
    steps = [{"id": "go", "approve": {"message": "?"}}]
    assert not plan({"phases": [{"id": "one", "steps": steps}]}).step("go").skippable


def test_where_only_a_text_may_stand_a_number_becomes_one() -> None:
    steps = [
        {"id": "a", "run": "true", "env": {"PORT": "${{ inputs.count }}"}},
        {"id": "b", "approve": {"message": "?", "confirm_text": "${{ inputs.count }}"}},
        {"id": "c", "check": {"run": "x", "expect": {"jsonpath": JSONPATH}}},
    ]
    made = plan({"inputs": INPUTS, "phases": [{"id": "one", "steps": steps}]})
    told: list[Any] = [made.step(name).step for name in "abc"]
    assert told[0].env == {"PORT": "2"}
    assert told[1].approve.confirm_text == "2"
    assert told[2].check.expect.jsonpath.equals == 2


JSONPATH = {"path": ".n", "equals": "${{ inputs.count }}"}


def test_a_variable_of_the_environment_is_bound_with_the_plan() -> None:
    steps = [{"id": "a", "wait": "1s", "title": "of ${{ env.HOME }}${{ env.NONE }}"}]
    made = plan(document(phases=[{"id": "one", "steps": steps}]))
    assert made.steps[0].title == "of /home/ann"
