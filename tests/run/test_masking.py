"""Nothing from outside gets into a fact as it is, however deep it lies in it."""

from __future__ import annotations

from runbook.redact import Redactor
from runbook.run.events import CommandStarting, StepPassed, TaskRequested
from runbook.run.masking import masked
from runbook.run.workflow_events import WorkflowNode, WorkflowProgressed
from tests.run.driving import BUILD, opened, plan_of

VALUE = "swordfish-12345"
SHOWN = "[REDACTED:password]"


def mask(text: str) -> str:
    redactor = Redactor()
    redactor.register("password", VALUE)
    return redactor.text(text)


def test_texts_in_lists_maps_and_parts_of_a_fact_are_masked() -> None:
    passed = StepPassed(step="s", detail=VALUE, outputs={"k": VALUE})
    assert masked(passed, mask) == StepPassed(step="s", detail=SHOWN, outputs={"k": SHOWN})
    starting = CommandStarting(step="s", attempt=1, script=VALUE, shell="bash", env=(VALUE,))
    assert VALUE not in repr(masked(starting, mask))
    node = WorkflowNode(name="train", phase="Failed", message=f"no login with {VALUE}")
    told = WorkflowProgressed(
        step="s",
        attempt=1,
        workflow="w",
        phase="Running",
        nodes=(node,),
        links=(f"https://argo/?token={VALUE}",),
    )
    clean = masked(told, mask)
    assert clean.nodes[0].message == f"no login with {SHOWN}"
    assert VALUE not in repr(clean)


def test_names_of_our_own_and_what_opens_a_run_stay_as_they_are() -> None:
    asked = TaskRequested(step=VALUE, instructions=VALUE, evidence="none", expires=None)
    assert masked(asked, mask).step == VALUE
    assert masked(asked, mask).instructions == SHOWN
    fact = opened(plan_of(BUILD), title=VALUE)
    assert masked(fact, mask) is fact


def test_a_fact_without_a_secret_is_the_same_fact() -> None:
    fact = StepPassed(step="s", detail="exit 0", outputs={"k": "v"})
    assert masked(fact, mask) is fact
