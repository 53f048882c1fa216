"""Every rule that a module states in its docstring has a test, and every test named here is there.

A rule is a line of a list after `Rules`, or a paragraph that begins with `Rule N:`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

import runbook
from runbook.errors import IllegalTransition
from runbook.run.events import Record, RunFinished, StepEvent
from runbook.run.state import TRANSITIONS, RunState, Status, StepState, evolve
from runbook.run.terms import Result
from tests.named import is_a_test
from tests.run.driving import BUILD, T0, opened, plan_of

HOME = Path(runbook.__file__).parent

MACHINE, DETOURS, FILE = "run/test_machine.py::", "run/test_detours.py::", "journal/test_file.py::"
LOADER, HERE = "model/test_loader.py::", "test_rules.py::"
PROVEN: dict[str, list[str]] = {
    "a gate passes only when one of its approvers, in time": [
        MACHINE + "test_a_gate_passes_only_with_the_asked_text",
        MACHINE + "test_no_gate_passes_without_the_right_person_in_time",
        MACHINE + "test_a_preauthorisation_opens_the_gate_it_names_until_it_expires",
    ],
    "`*` in a pre-authorisation opens gates of practice only": [
        MACHINE + "test_a_star_opens_gates_of_practice_only"
    ],
    "a refused or expired gate stops the run": [
        MACHINE + "test_a_refused_gate_stops_the_run",
        MACHINE + "test_an_approval_after_the_time_is_an_expiry_and_the_run_stops",
    ],
    "without an operator, a gate that nobody opened beforehand is refused": [
        MACHINE + "test_without_an_operator_a_gate_nobody_opened_is_refused"
    ],
    "a gate is never skipped, and skipping anything needs a reason": [
        MACHINE + "test_a_gate_is_never_skipped",
        MACHINE + "test_skipping_needs_a_reason_and_a_step_that_allows_it",
    ],
    "an interrupted step is never started again by itself": [
        MACHINE + "test_an_interrupted_step_is_never_started_again_by_itself"
    ],
    "while the run is held nothing starts, and what runs goes on": [
        MACHINE + "test_while_held_nothing_starts_and_what_runs_goes_on"
    ],
    "an outcome of an attempt that is not the present one changes nothing": [
        MACHINE + "test_an_outcome_of_another_attempt_changes_nothing"
    ],
    "a failure leads nowhere while a neighbour of its group still runs": [
        DETOURS + "TestGroups::test_a_failure_leads_nowhere_while_a_neighbour_still_runs"
    ],
    "forward, what lies between is skipped; backward, what lies between is open again": [
        DETOURS + "TestJumps::test_forward_what_lies_between_is_skipped",
        DETOURS + "TestJumps::test_backward_what_lies_between_is_open_again",
    ],
    "no way leads forward past a gate, or past a step that must not be skipped": [
        DETOURS
        + "TestJumps::test_no_way_leads_forward_past_a_gate_or_past_what_must_not_be_skipped"
    ],
    "a failure leads past no gate, and neither into what is always done nor out of it": [
        LOADER + "test_no_failure_leads_past_a_gate",
        LOADER + "test_how_steps_stand_to_each_other_is_checked",
    ],
    "the steps of a group are neighbours, at least two, and need no person": [
        LOADER + "test_how_steps_stand_to_each_other_is_checked"
    ],
    "what is always done asks nobody and destroys nothing": [
        LOADER + "test_what_is_always_done_asks_nobody_and_destroys_nothing"
    ],
    "the records of one turn are one `write` and one `fdatasync`": [
        FILE + "test_the_records_of_one_turn_are_one_write_and_one_sync",
        "test_engine.py::test_a_command_s_end_and_what_follows_are_durable_at_once",
    ],
    "any failed write or sync is final": [
        FILE + "test_after_a_failed_write_or_sync_nothing_is_ever_written_again",
        "test_engine.py::test_when_the_journal_fails_nothing_more_is_started",
    ],
    "only a torn *last* line": [
        FILE + "test_a_torn_last_line_is_cut_wherever_it_tore_and_kept_aside",
        FILE + "test_damage_that_is_not_a_torn_end_is_refused_and_left_alone",
    ],
    "one process writes at a time": [
        FILE + "test_a_second_writer_is_refused_until_the_first_has_gone"
    ],
    "which fact may follow which is in `TRANSITIONS`, and nowhere else": [
        HERE + "test_which_fact_may_follow_which_is_in_transitions_and_nowhere_else"
    ],
    "a run that finished stays finished": [HERE + "test_a_run_that_finished_stays_finished"],
    "the recovery clock starts where the outage began": [
        MACHINE + "test_the_clock_starts_where_the_outage_began_if_that_was_said",
        MACHINE + "test_the_clock_starts_with_the_run_where_the_runbook_says_so",
        MACHINE + "test_the_clock_stops_where_health_began_and_not_at_the_last_step",
        MACHINE + "test_what_was_green_before_the_platform_was_touched_proves_nothing",
    ],
    "nothing here waits, reads a clock, or asks whether a fact was wise": [
        HERE + "test_nothing_in_the_state_waits_or_reads_a_clock"
    ],
    "nothing is asked of a cluster that nobody named": [
        "cli/test_probe.py::test_no_cluster_is_asked_that_nobody_named",
        "cli/test_release_finalizers.py::test_no_cluster_is_changed_that_was_not_named",
    ],
    "within a step of a run it is the run's cluster or none": [
        "cli/test_release_finalizers.py::"
        "test_a_step_of_a_run_acts_on_its_own_cluster_and_hands_on_what_it_did"
    ],
}
"""The beginning of each rule, and the tests that hold it."""


def rules() -> list[str]:
    found = []
    for path in sorted(HOME.rglob("*.py")):
        if "practice" in path.parts:
            continue
        said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found += [
            " ".join(m[1].split())
            for m in re.finditer(r"^Rule \d+: (.*?)(?=^Rule |\Z)", said, re.MULTILINE | re.DOTALL)
        ]
        if listed := re.search(r"^Rules\b[^\n]*:\n(.*)", said, re.MULTILINE | re.DOTALL):
            found += [
                " ".join(line.split())
                for line in re.split(r"^- ", listed[1], flags=re.MULTILINE)[1:]
            ]
    return found


@pytest.mark.parametrize("rule", rules())
def test_a_rule_has_a_test(rule: str) -> None:
    assert [start for start in PROVEN if rule.startswith(start)], f"nothing proves: {rule}"


@pytest.mark.parametrize("start", PROVEN)
def test_what_is_said_to_be_proven_is_a_rule_with_tests_that_exist(start: str) -> None:
    assert [rule for rule in rules() if rule.startswith(start)]
    assert [name for name in PROVEN[start] if not is_a_test(name)] == []


KINDS: tuple[Any, ...] = get_args(StepEvent)
FIELDS: dict[str, Any] = {
    "attempt": 1,
    "by": "ann",
    "reason": "why",
    "message": "?",
    "how": "person",
    "instructions": "do it",
    "evidence": "none",
}


def made(kind: Any) -> Any:
    """A fact of some kind about step `build`."""
    needed = {f.name: FIELDS[f.name] for f in fields(kind) if f.name in FIELDS}
    return kind(step="build", **needed)


@pytest.mark.parametrize(("status", "kind"), list(product(Status, KINDS)))
def test_which_fact_may_follow_which_is_in_transitions_and_nowhere_else(
    status: Status, kind: Any
) -> None:
    state = evolve(RunState(), Record(1, T0, opened(plan_of(BUILD))))
    before = StepState(status=status, attempt=1)
    state = RunState(opened=state.opened, steps={"build": before})
    allowed = TRANSITIONS[status].get(kind)
    if allowed is None:
        with pytest.raises(IllegalTransition, match="is not possible while"):
            evolve(state, Record(2, T0, made(kind)))
    else:
        assert evolve(state, Record(2, T0, made(kind))).step("build").status is allowed


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_finished_stays_finished(kind: Any) -> None:
    plan = plan_of(BUILD)
    state = evolve(RunState(), Record(1, T0, opened(plan)))
    state = evolve(state, Record(2, T0, RunFinished(result=Result.ABORTED)))
    with pytest.raises(IllegalTransition, match="after the run has finished"):
        evolve(state, Record(3, T0, made(kind)))


def test_nothing_in_the_state_waits_or_reads_a_clock() -> None:
    tree = ast.parse((HOME / "run" / "state.py").read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert not imported & {"time", "asyncio", "runbook.clock", "threading"}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not called & {"now", "utcnow", "today", "sleep"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Await)]
