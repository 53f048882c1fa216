"""Traps that other runbook programs fell into, each with the test that keeps us out of it.

What is proven elsewhere in the very same words is named in `ELSEWHERE`; the rest is tested here.
"""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import run_directory
from runbook.cli.late_values import LateValues
from runbook.cli.main import SUBCOMMANDS, parser_for
from runbook.errors import InvalidRunbook, RunbookError
from runbook.model.loader import load_text
from runbook.redact import Redactor
from runbook.run.machine import Execute, pending
from runbook.run.refusals import refusal
from runbook.run.signals import Abort, Confirm, Ending, Jump, Leave, Refuse, Tick
from runbook.run.state import Status
from runbook.run.terms import Result
from runbook.settings import read_settings
from tests.named import is_a_test
from tests.run.driving import BUILD, DELETE, GATE, T0, Drive, plan_of

ELSEWHERE: dict[str, list[str]] = {
    "an approval passes although it comes from whoever started the run": [
        "run/test_machine.py::test_a_gate_with_approvers_is_never_passed_by_the_operator_or_a_stranger",
        "cli/test_second_person.py::test_the_operators_own_answer_does_not",
    ],
    "an approval that timed out is recorded as granted": [
        "run/test_machine.py::test_an_approval_after_the_time_is_an_expiry_and_the_run_stops",
        "cli/test_second_person.py::test_an_answer_that_comes_late_is_an_expiry",
    ],
    "an unattended run answers gates with yes": [
        "run/test_machine.py::test_without_an_operator_a_gate_nobody_opened_is_refused"
    ],
    "the end of input is taken for yes": [
        "cli/test_second_person.py::test_anything_else_and_the_end_of_input_are_a_refusal",
        "cli/test_asking.py::test_the_end_of_input_refuses",
    ],
    "ctrl-c rolls back": [
        "tui/test_app.py::test_ctrl_c_asks_before_it_leaves",
        "run/test_detours.py::TestRollback::test_it_is_never_done_by_itself",
        "test_drill.py::test_term_holds_the_run_and_resume_goes_on",
    ],
    "a lost connection kills the program without a word": [
        "test_drill.py::test_a_terminal_that_is_closed_holds_the_run_and_leaves_no_process"
    ],
    "a torn last line makes a run impossible to resume": [
        "journal/test_file.py::test_a_torn_last_line_is_cut_wherever_it_tore_and_kept_aside"
    ],
    "what ran when the program died is run again by itself": [
        "test_drill.py::test_kill_9_in_a_step_loses_nothing_and_nothing_runs_twice_by_itself"
    ],
    "a resumed run goes on with a runbook that was edited meanwhile": [
        "cli/test_resume.py::test_a_changed_runbook_is_shown_and_gone_on_with_only_as_it_was_started"
    ],
    "a key is accepted, and nothing obeys it": [
        "keys/test_every_key.py::test_a_key_makes_the_difference_that_its_case_says"
    ],
    "a secret stands in the command line for everybody to see": [
        "test_late_secrets.py::test_the_argv_of_a_command_holds_no_secret"
    ],
    "a secret is masked on the screen and not in the export": [
        "test_late_secrets.py::test_a_secret_reaches_none_of_the_surfaces"
    ],
    "a value becomes a command": [
        "model/test_shell.py::test_whatever_surrounds_it_a_value_never_becomes_a_command"
    ],
    "the commands reach another cluster than the one that was meant": [
        "target/test_identity.py::test_another_cluster_is_refused_by_what_differs"
    ],
    "retries follow each other without a pause": [
        "run/test_machine.py::test_retries_are_the_plans_and_wait_for_their_delay"
    ],
    "the recovery clock ends at the last step": [
        "run/test_machine.py::test_the_clock_stops_where_health_began_and_not_at_the_last_step"
    ],
    "what was green before the teardown proves the recovery": [
        "run/test_machine.py::test_what_was_green_before_the_platform_was_touched_proves_nothing"
    ],
    "a failure is skipped without a reason": [
        "run/test_machine.py::test_skipping_needs_a_reason_and_a_step_that_allows_it"
    ],
    "a fault in a file is told without its place": [
        "model/test_loader.py::test_every_problem_is_told_at_once_in_order_with_its_place"
    ],
    "a command that failed inside a pipe counts as done": [
        "executors/test_command.py::test_a_failure_inside_a_pipe_or_of_an_unset_variable_is_a_failure"
    ],
}


@pytest.mark.parametrize("trap", ELSEWHERE)
def test_what_is_proven_elsewhere_is_there(trap: str) -> None:
    assert [name for name in ELSEWHERE[trap] if not is_a_test(name)] == []


def test_declining_a_confirmation_does_not_go_on_to_the_step_that_destroys() -> None:
    run = Drive(plan_of(GATE, DELETE))
    run.send(Refuse("go", "ann", "not today"))
    assert run.status("delete") is Status.PENDING
    assert run.result == "aborted"


def test_a_task_that_nobody_did_does_not_go_on_to_the_step_that_destroys() -> None:
    task = {"id": "look", "manual": {"instructions": "look"}, "timeout": "5m"}
    run = Drive(plan_of(task, DELETE))
    run.send(Tick(), after=301)
    assert run.status("look") is Status.TIMED_OUT
    assert run.status("delete") is Status.PENDING


@pytest.mark.parametrize(
    "text", ["${{ inputs.namespce }}", "${{ vars.none }}", "${{ steps.b.status }}"]
)
def test_an_undefined_variable_is_an_error_and_no_empty_text(text: str) -> None:
    book = f"""\
apiVersion: runbook/v1
name: x
inputs: {{namespace: {{default: a}}}}
phases: [{{id: p, steps: [{{id: a, run: "echo {text}"}}]}}]
"""
    with pytest.raises(InvalidRunbook, match=r"unknown name|no earlier step"):
        load_text(book, "x.yaml")


async def test_an_output_that_no_step_gave_is_an_error_and_no_empty_text() -> None:
    nobody: Any = None
    run = Drive(plan_of(DELETE, BUILD))
    run.ends("delete")
    late = LateValues(run.plan, nobody, Redactor(), nobody)
    with pytest.raises(RunbookError, match=r"no earlier step has given steps\.delete\.outputs\.n"):
        await late.read("steps.delete.outputs.n", run.state)


def flags(of: argparse.ArgumentParser) -> set[str]:
    found = {flag for action in of._actions for flag in action.option_strings}
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                found |= flags(inner)
    return found


def test_no_flag_answers_every_gate() -> None:
    known = {flag for command in SUBCOMMANDS for flag in flags(parser_for([command]))}
    assert "--preauthorised" in known
    assert not known & {"--yes", "-y", "--auto", "--auto-approve", "--force", "--skip-prompts"}


@pytest.mark.parametrize("signal", [Leave("ann", "ctrl-c"), Leave("ann", "SIGHUP")])
def test_an_interruption_holds_and_neither_answers_nor_undoes(signal: Leave) -> None:
    run = Drive(plan_of({**DELETE, "rollback": "undo"}, GATE))
    run.ends("delete")
    run.send(signal)
    assert run.state.step("go").status is Status.WAITING
    assert run.state.rolling_back is None
    assert run.state.finished is None
    assert not [e for e in pending(run.plan, run.state) if isinstance(e, Execute)]


def test_an_abort_undoes_nothing_by_itself() -> None:
    run = Drive(plan_of({**DELETE, "rollback": "undo"}, GATE))
    run.ends("delete")
    run.send(Abort("ann", "enough"))
    assert run.result == "aborted"
    assert run.status("delete.rollback") is Status.PENDING


def test_two_runs_of_one_book_do_not_share_what_they_resume_from(tmp_path: Path) -> None:
    runs = {run_directory.create(tmp_path, "same", T0).path for _ in range(20)}
    assert len(runs) == 20


def test_what_a_run_resumes_from_is_not_in_a_temporary_folder() -> None:
    settings = read_settings({"HOME": "/home/ann", "TMPDIR": "/somewhere"})
    assert settings.state.is_relative_to("/home/ann")


def test_no_word_for_the_end_of_a_run_leaves_open_whether_it_succeeded() -> None:
    words = {result.value for result in Result}
    assert words == {"recovered", "recovered_late", "not_recovered", "aborted"}


def test_a_run_whose_last_step_failed_is_never_called_recovered() -> None:
    for ending in (Ending.FAILED, Ending.TIMED_OUT):
        run = Drive(plan_of(DELETE, {**BUILD, "on_failure": "stop"}))
        run.ends("delete")
        run.ends("build", ending, "AccessDenied")
        assert run.result == "not_recovered"


def test_a_start_at_a_step_is_by_its_id_and_never_by_its_title() -> None:
    steps = [{**DELETE, "title": "Build"}, {**BUILD, "title": "Delete"}]
    run = Drive(plan_of({"id": "first", "manual": {"instructions": "?"}}, *steps))
    assert "there is no step 'Build'" in refusal(run.plan, run.state, Jump("Build", "ann", "why"))
    run.send(Jump("build", "ann", "why"))
    assert run.status("build") is Status.RUNNING


def test_a_start_at_a_later_step_leaves_no_gate_behind() -> None:
    run = Drive(plan_of({"id": "first", "manual": {"instructions": "?"}}, GATE, DELETE))
    assert "a gate" in refusal(run.plan, run.state, Jump("delete", "ann", "why"))


def test_a_late_confirmation_of_a_task_is_no_confirmation() -> None:
    task = {"id": "look", "manual": {"instructions": "look"}, "timeout": "5m"}
    run = Drive(plan_of(task, BUILD))
    run.now += timedelta(seconds=301)
    run.send(Confirm("look", "ann"))
    assert run.status("look") is Status.TIMED_OUT


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("if", "when"), ("tiemout", "timeout"), ("on_error", "on_failure"), ("name", "title")],
)
def test_a_key_with_a_slip_is_refused_and_not_dropped(wrong: str, right: str) -> None:
    book = f"""\
apiVersion: runbook/v1
name: x
phases: [{{id: p, steps: [{{id: a, run: "true", {wrong}: x}}]}}]
"""
    with pytest.raises(InvalidRunbook, match=f"unknown key '{wrong}'") as caught:
        load_text(book, "x.yaml")
    assert f"did you mean '{right}'?" in str(caught.value)


@pytest.mark.parametrize(("wrong", "right"), [("command", "run"), ("confirm", "approve")])
def test_a_kind_as_other_programs_call_it_is_told_by_its_name_here(wrong: str, right: str) -> None:
    book = f"""\
apiVersion: runbook/v1
name: x
phases: [{{id: p, steps: [{{id: a, {wrong}: x}}]}}]
"""
    with pytest.raises(InvalidRunbook, match=f"did you mean '{right}' instead of '{wrong}'"):
        load_text(book, "x.yaml")


@pytest.mark.parametrize("bare", ["90", "1.5"])
def test_a_bare_number_is_no_duration(bare: str) -> None:
    book = f"""\
apiVersion: runbook/v1
name: x
phases: [{{id: p, steps: [{{id: a, run: "true", timeout: {bare}}}]}}]
"""
    with pytest.raises(InvalidRunbook, match=f"write {bare}s or {bare}m"):
        load_text(book, "x.yaml")
