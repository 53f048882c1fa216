"""The rules of groups, jumps, rollback and what is always done, in the words of their modules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from runbook.run.machine import (
    Execute,
    Observe,
    WakeAt,
    current,
    decide,
    front,
    interrupted,
    pending,
)
from runbook.run.readings import Verdict
from runbook.run.refusals import refusal
from runbook.run.signals import (
    Abort,
    Approve,
    Confirm,
    Continue,
    Ending,
    Hold,
    Jump,
    Leave,
    Retry,
    RollBack,
    Skip,
    StopStep,
    Tick,
)
from runbook.run.state import Status
from runbook.run.summary import Waiting, summarise
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, Drive, plan_of


def step(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "run": "true", **more}


def grouped(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [step(name, parallel="g", **more) for name in names]


def performed(run: Drive) -> list[str]:
    return [e.step for e in pending(run.plan, run.state) if isinstance(e, Execute)]


class TestGroups:
    def test_neighbours_of_one_group_run_at_the_same_time(self) -> None:
        run = Drive(plan_of(step("a"), *grouped("b", "c"), step("d")))
        assert performed(run) == ["a"]
        run.ends("a")
        assert performed(run) == ["b", "c"]
        run.ends("c")
        assert performed(run) == ["b"]
        run.ends("b")
        assert performed(run) == ["d"]

    def test_two_groups_beside_each_other_are_two(self) -> None:
        other = [step("d", parallel="h"), step("e", parallel="h")]
        run = Drive(plan_of(*grouped("b", "c"), *other))
        assert performed(run) == ["b", "c"]

    def test_a_failure_leads_nowhere_while_a_neighbour_still_runs(self) -> None:
        run = Drive(plan_of(*grouped("a", "b", on_failure="stop")))
        assert run.ends("a", Ending.FAILED, "boom") == ["step.failed"]
        assert performed(run) == ["b"]
        assert run.ends("b")[-1] == "run.finished"
        assert run.result == "aborted"

    def test_goto_waits_for_the_neighbours_as_well(self) -> None:
        run = Drive(plan_of(step("a"), *grouped("b", "c", on_failure={"goto": "a"})))
        run.ends("a")
        run.ends("b", Ending.FAILED, "boom")
        assert run.status("a") is Status.PASSED
        run.ends("c")
        assert performed(run) == ["a"]
        run.ends("a")
        assert performed(run) == ["b"]  # its neighbour had done its work

    def test_each_neighbour_is_decided_about_by_itself(self) -> None:
        run = Drive(plan_of(*grouped("a", "b", "c")))
        run.ends("b", Ending.FAILED, "boom")
        run.ends("c", Ending.FAILED, "boom")
        assert current(run.plan, run.state) == run.plan.step("b")
        assert run.send(Skip("c", "ann", "done by hand")) == ["step.skipped"]
        assert run.send(Retry("b", "ann")) == ["step.started"]
        assert performed(run) == ["a", "b"]
        assert run.send(StopStep("a", "ann")) == ["step.stop-requested"]
        assert performed(run) == ["b"]

    def test_a_neighbour_that_goes_on_by_the_runbook_holds_up_nobody(self) -> None:
        run = Drive(plan_of(*grouped("a", "b", on_failure="continue"), step("c")))
        run.ends("a", Ending.FAILED, "boom")
        run.ends("b")
        assert performed(run) == ["c"]

    def test_retries_of_neighbours_wait_each_for_their_own_delay(self) -> None:
        run = Drive(plan_of(*grouped("a", "b", retries=1, delay="10s")))
        run.ends("a", Ending.FAILED)
        assert sum(isinstance(e, WakeAt) for e in pending(run.plan, run.state)) == 1
        run.send(Tick(), after=10)
        assert performed(run) == ["a", "b"]

    def test_a_crash_leaves_every_neighbour_unknown(self) -> None:
        run = Drive(plan_of(*grouped("a", "b")))
        run.add(interrupted(run.state))
        assert {run.status("a"), run.status("b")} == {Status.INTERRUPTED}
        assert performed(run) == []

    def test_the_time_of_neighbours_is_not_counted_twice(self) -> None:
        run = Drive(plan_of(*grouped("a", "b")))
        run.now += timedelta(seconds=10)
        run.ends("a")
        run.now += timedelta(seconds=5)
        run.ends("b")
        told = summarise(run.records)
        assert [s.seconds for s in told.steps] == [10.0, 15.0]
        assert told.phases[0].seconds == 15.0
        assert told.split[Waiting.MACHINE] == 15.0

    def test_while_a_neighbour_runs_a_failure_is_not_the_operators_time(self) -> None:
        run = Drive(plan_of(*grouped("a", "b")))
        run.ends("a", Ending.FAILED, "boom")
        run.send(Tick(), after=7)
        run.ends("b")
        run.send(Skip("a", "ann", "by hand"), after=3)
        told = summarise(run.records)
        assert (told.split[Waiting.MACHINE], told.split[Waiting.OPERATOR]) == (7.0, 3.0)


class TestAlways:
    ALWAYS: ClassVar = {"always": [step("tidy"), step("tell")]}

    def test_what_is_always_done_comes_after_the_last_step(self) -> None:
        run = Drive(plan_of(BUILD, **self.ALWAYS))
        assert run.ends("build") == ["step.passed", "run.ending", "step.started"]
        run.ends("tidy")
        assert run.ends("tell")[-1] == "run.finished"
        assert run.result == "recovered"

    def test_it_is_done_when_a_step_has_failed(self) -> None:
        run = Drive(plan_of(DELETE, {**BUILD, "on_failure": "stop"}, step("never"), **self.ALWAYS))
        run.ends("delete")
        assert run.ends("build", Ending.FAILED, "boom")[-1] == "step.started"
        assert performed(run) == ["tidy"]
        run.ends("tidy")
        run.ends("tell")
        assert run.result == "not_recovered"
        assert run.status("never") is Status.PENDING

    def test_it_is_done_when_the_run_is_aborted_and_a_second_abort_leaves_it(self) -> None:
        run = Drive(plan_of(BUILD, **self.ALWAYS))
        run.send(Abort("ann", "enough"))
        assert performed(run) == []
        run.ends("build", Ending.INTERRUPTED)
        assert performed(run) == ["tidy"]
        assert refusal(run.plan, run.state, Abort("ann")) == ""
        run.send(Abort("ann"))
        assert performed(run) == []
        assert "already" in refusal(run.plan, run.state, Abort("ann"))
        run.ends("tidy", Ending.INTERRUPTED)
        assert run.result == "aborted"
        finished = run.state.finished
        assert finished is not None
        assert finished.reason == "aborted by ann: enough"

    def test_its_failures_change_no_result(self) -> None:
        run = Drive(plan_of(BUILD, **self.ALWAYS), attended=False)
        run.ends("build")
        run.ends("tidy", Ending.FAILED, "boom")
        assert performed(run) == ["tell"]
        run.ends("tell", Ending.FAILED, "boom")
        assert run.result == "recovered"

    def test_a_stop_in_it_ends_it(self) -> None:
        always = [step("tidy", on_failure="stop"), step("tell")]
        run = Drive(plan_of(BUILD, always=always))
        run.ends("build")
        run.ends("tidy", Ending.FAILED, "boom")
        assert run.result == "recovered"
        assert run.status("tell") is Status.PENDING

    def test_an_operator_is_asked_about_a_failure_in_it(self) -> None:
        run = Drive(plan_of(BUILD, **self.ALWAYS))
        run.ends("build")
        assert run.ends("tidy", Ending.FAILED, "boom") == ["step.failed"]
        assert run.send(Skip("tidy", "ann", "by hand")) == ["step.skipped", "step.started"]

    def test_the_clock_stands_once_the_result_is_decided(self) -> None:
        health = {
            "health": HEALTH,
            "objectives": {"rto": "1h", "recovered_when": ["web"], "settle": "5s"},
        }
        run = Drive(plan_of(DELETE, **health, **self.ALWAYS))
        run.ends("delete")
        run.reads(Verdict.HOLDS, after=20)
        run.send(Tick(), after=5)
        assert performed(run) == ["tidy"]
        run.reads(Verdict.FAILS, after=60)
        assert Observe("web") in pending(run.plan, run.state)
        run.ends("tidy")
        run.ends("tell")
        told = summarise(run.records)
        assert (run.result, told.recovery.seconds) == ("recovered", 20.0)

    def test_without_named_health_the_last_step_stops_the_clock_and_not_what_is_always_done(
        self,
    ) -> None:
        run = Drive(plan_of(DELETE, **self.ALWAYS))
        run.now += timedelta(seconds=4)
        run.ends("delete")
        run.now += timedelta(seconds=60)
        run.ends("tidy")
        assert summarise(run.records).recovery.seconds == 4.0
        run.ends("tell")
        assert summarise(run.records).recovery.seconds == 4.0

    def test_leaving_is_no_end(self) -> None:
        run = Drive(plan_of(BUILD, **self.ALWAYS))
        run.send(Leave("ann", "INT"))
        run.ends("build", Ending.INTERRUPTED)
        assert performed(run) == []
        assert run.state.ending is None
        assert run.state.over


class TestRollback:
    STEPS = (
        step("a", rollback="undo a", env={"X": "1"}, shell="sh", timeout="9s"),
        step("b"),
        step("c", rollback="undo c"),
        step("d", rollback="undo d"),
    )

    def at_failure(self, **changes: Any) -> Drive:
        run = Drive(plan_of(*self.STEPS, **changes))
        run.ends("a")
        run.ends("b")
        run.ends("c", Ending.FAILED, "boom")
        return run

    def test_what_was_started_is_undone_last_first_and_the_run_ends(self) -> None:
        run = self.at_failure()
        kinds = run.send(RollBack("ann", "wrong cluster state"))
        assert kinds == ["rollback.requested", "step.started"]
        assert performed(run) == ["c.rollback"]  # it failed, and may have done half of its work
        run.ends("c.rollback")
        assert performed(run) == ["a.rollback"]
        assert run.ends("a.rollback")[-1] == "run.finished"
        assert run.result == "aborted"
        assert run.status("d") is Status.PENDING
        finished = run.state.finished
        assert finished is not None
        assert finished.reason == "rolled back by ann: wrong cluster state"

    def test_it_runs_as_the_steps_own_command_would(self) -> None:
        undo: Any = plan_of(*self.STEPS).step("a.rollback").step
        assert (undo.run, undo.env, undo.shell, undo.timeout) == ("undo a", {"X": "1"}, "sh", 9.0)

    def test_it_is_asked_for_with_a_reason_and_once(self) -> None:
        run = self.at_failure()
        assert "needs a reason" in refusal(run.plan, run.state, RollBack("ann", " "))
        run.send(RollBack("ann", "why"))
        run.ends("c.rollback", Ending.FAILED, "boom")
        assert "already" in refusal(run.plan, run.state, RollBack("ann", "why"))
        assert run.send(Retry("c.rollback", "ann")) == ["step.started"]

    def test_it_is_never_done_by_itself(self) -> None:
        run = Drive(plan_of(*self.STEPS), attended=False)
        run.ends("a", Ending.FAILED, "boom")
        assert run.result == "aborted"
        assert not any(r.event.kind == "rollback.requested" for r in run.records)

    def test_it_waits_until_nothing_runs(self) -> None:
        run = Drive(plan_of(*self.STEPS))
        assert "stop it first" in refusal(run.plan, run.state, RollBack("ann", "why"))

    def test_there_must_be_something_to_undo(self) -> None:
        run = Drive(plan_of(step("a"), step("b", rollback="undo")))
        run.ends("a", Ending.FAILED, "boom")
        assert "nothing to roll back" in refusal(run.plan, run.state, RollBack("ann", "why"))

    def test_what_a_person_did_is_undone_as_well(self) -> None:
        task = {"id": "do", "manual": {"instructions": "x"}, "rollback": "undo"}
        run = Drive(plan_of(task, step("b")))
        run.send(Confirm("do", "ann"))
        run.ends("b", Ending.FAILED, "boom")
        run.send(RollBack("ann", "why"))
        assert performed(run) == ["do.rollback"]

    def test_a_neighbour_that_was_started_later_is_undone_earlier(self) -> None:
        run = Drive(plan_of(*grouped("a", "b", rollback="undo")))
        run.ends("a", Ending.FAILED)
        run.ends("b", Ending.FAILED)
        run.send(Retry("a", "ann"))
        run.ends("a", Ending.FAILED)
        run.send(RollBack("ann", "why"))
        assert [s.id for s in front(run.plan, run.state)] == ["a.rollback"]

    def test_what_is_always_done_comes_after_it(self) -> None:
        run = self.at_failure(always=[step("tidy")])
        run.send(RollBack("ann", "why"))
        run.ends("c.rollback")
        run.ends("a.rollback")
        assert performed(run) == ["tidy"]
        run.ends("tidy")
        assert run.result == "aborted"

    def test_the_report_has_a_phase_for_it_only_when_it_was_asked_for(self) -> None:
        run = self.at_failure()
        assert [p.outline.title for p in summarise(run.records).phases] == ["one"]
        run.send(RollBack("ann", "why"))
        run.now += timedelta(seconds=6)
        run.ends("c.rollback")
        told = summarise(run.records).phases[-1]
        assert (told.outline.title, told.seconds) == ("Rollback", 6.0)
        assert [s.outline.number for s in told.steps] == ["-1.3", "-1.1"]

    def test_an_abort_ends_it(self) -> None:
        run = self.at_failure()
        run.send(RollBack("ann", "why"))
        run.send(Abort("ann"))
        run.ends("c.rollback", Ending.INTERRUPTED)
        assert run.result == "aborted"
        assert run.status("a.rollback") is Status.PENDING


class TestJumps:
    STEPS = (step("a"), step("b"), step("c"), step("d"))

    def test_forward_what_lies_between_is_skipped(self) -> None:
        run = Drive(plan_of(*self.STEPS))
        run.ends("a", Ending.FAILED, "boom")
        kinds = run.send(Jump("c", "ann", "known to be done"))
        assert kinds == ["run.jumped", "step.skipped", "step.skipped", "step.started"]
        assert (run.status("a"), run.status("b")) == (Status.SKIPPED, Status.SKIPPED)

    def test_backward_what_lies_between_is_open_again(self) -> None:
        run = Drive(plan_of(*self.STEPS))
        for name in ("a", "b"):
            run.ends(name)
        run.ends("c", Ending.FAILED, "boom")
        run.send(Jump("a", "ann", "the first half was wrong"))
        assert performed(run) == ["a"]
        assert {run.status("b"), run.status("c")} == {Status.PENDING}
        assert run.state.step("a").attempt == 2

    def test_no_way_leads_forward_past_a_gate_or_past_what_must_not_be_skipped(self) -> None:
        run = Drive(plan_of(step("a"), GATE, step("b"), step("c", skippable=False), step("d")))
        run.ends("a", Ending.FAILED, "boom")
        assert "a gate" in refusal(run.plan, run.state, Jump("b", "ann", "why"))
        assert refusal(run.plan, run.state, Jump("go", "ann", "why")) == ""
        run.send(Jump("go", "ann", "why"))
        run.send(Approve("go", "ann", "ctx"))
        run.ends("b", Ending.FAILED, "boom")
        assert "must not be skipped" in refusal(run.plan, run.state, Jump("d", "ann", "why"))

    def test_a_gate_that_was_passed_is_asked_again_after_a_way_back(self) -> None:
        run = Drive(plan_of(step("a"), GATE, step("b")))
        run.ends("a")
        run.send(Approve("go", "ann", "ctx"))
        run.ends("b", Ending.FAILED, "boom")
        run.send(Jump("a", "ann", "why"))
        run.ends("a")
        assert run.status("go") is Status.WAITING

    def test_a_gate_that_waits_can_be_left_for_a_step_before_it(self) -> None:
        run = Drive(plan_of(step("a"), GATE))
        run.ends("a")
        run.send(Jump("a", "ann", "look again"))
        run.ends("a", Ending.PASSED)
        request: Any = run.state.step("go").request
        assert request.expires is not None
        assert run.status("go") is Status.WAITING

    @pytest.mark.parametrize(
        ("target", "reason", "why"),
        [
            ("nowhere", "x", "there is no step"),
            ("tidy", "x", "there is no step"),
            ("b", " ", "needs a reason"),
        ],
    )
    def test_it_names_a_step_and_a_reason(self, target: str, reason: str, why: str) -> None:
        run = Drive(plan_of(*self.STEPS, always=[step("tidy")]))
        run.ends("a", Ending.FAILED, "boom")
        assert why in refusal(run.plan, run.state, Jump(target, "ann", reason))

    def test_it_waits_until_nothing_runs(self) -> None:
        run = Drive(plan_of(*self.STEPS))
        assert "stop it first" in refusal(run.plan, run.state, Jump("c", "ann", "why"))

    def test_not_while_rolling_back_nor_at_the_end(self) -> None:
        run = Drive(plan_of(step("a", rollback="u"), step("b"), always=[step("tidy")]))
        run.ends("a", Ending.FAILED, "boom")
        run.send(RollBack("ann", "why"))
        run.ends("a.rollback", Ending.FAILED, "boom")
        assert "rolled back" in refusal(run.plan, run.state, Jump("b", "ann", "why"))
        run.send(Skip("a.rollback", "ann", "by hand"))
        run.ends("tidy", Ending.FAILED, "boom")
        for signal in (Jump("b", "ann", "why"), RollBack("ann", "why")):
            assert refusal(run.plan, run.state, signal) == "the run is ending"

    def test_from_past_the_last_step(self) -> None:
        objectives = {"recovered_when": ["web"], "settle": "5s"}
        run = Drive(plan_of(*self.STEPS, health=HEALTH, objectives=objectives))
        for name in "abcd":
            run.ends(name)
        assert current(run.plan, run.state) is None
        run.send(Jump("d", "ann", "it did not help"))
        assert performed(run) == ["d"]

    def test_to_decide_so_about_a_resumed_run_is_to_go_on_with_it(self) -> None:
        from runbook.run.events import RunResumed

        run = Drive(plan_of(*self.STEPS))
        run.send(Leave("ann", "INT"))
        run.ends("a", Ending.INTERRUPTED)
        run.add([RunResumed(operator="ann", attended=True, host="h", pid=2)])
        kinds = run.send(Jump("b", "ann", "a had done its work"))
        assert kinds[:2] == ["run.continued", "run.jumped"]
        assert performed(run) == ["b"]

    def test_while_held_nothing_starts_there(self) -> None:
        run = Drive(plan_of(*self.STEPS))
        run.send(Hold("ann"))
        run.ends("a")
        run.send(Jump("c", "ann", "why"))
        assert performed(run) == []
        run.send(Continue("ann"))
        assert performed(run) == ["c"]


def test_the_machine_is_deaf_after_the_end() -> None:
    run = Drive(plan_of(BUILD))
    run.ends("build")
    for signal in (Jump("build", "ann", "why"), RollBack("ann", "why")):
        assert decide(run.plan, run.state, signal, run.now) == []
