"""The decision, branch by branch. What is not a reason to wait must never become a yes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook.target.finalizers import (
    ELSEWHERE,
    NAMESPACE,
    ORDER,
    Decided,
    Held,
    Leaving,
    Sight,
    Verdict,
    decide,
    decide_all,
)

NOW = datetime(2026, 5, 1, 12, 1, 10, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(seconds=70), NOW + timedelta(seconds=30)
RESOURCES = {"Experiment": "experiments", "Model": "models", "SeldonRuntime": "seldonruntimes"}


def held(kind: str, name: str = "iris", *more: str) -> Held:
    own = next(finalizer for finalizer, owner in ORDER.items() if owner == kind)
    resource = f"{RESOURCES.get(kind, kind.lower())}.mlops.seldon.io"
    return Held(resource, kind, "a", name, f"u-{kind}-{name}", "7", BEFORE, (own, *more))


MODEL, EXPERIMENT, RUNTIME = (
    held("Model"),
    held("Experiment", "ab"),
    held("SeldonRuntime", "seldon"),
)
GONE = Sight("a", NOW, deleting_since=BEFORE, held=(MODEL,))
"""A namespace in which nothing is left but what hangs."""
MODELS_OWN = MODEL.finalizers[0]


def one(sight: Sight, *, vouched: bool = False) -> Decided:
    (found,) = decide_all(sight, vouched=vouched)
    return found


def test_where_nobody_is_left_it_is_safe_and_says_why() -> None:
    decision = one(GONE).decision
    assert decision.verdict is Verdict.RELEASE
    assert decision.reasons == (
        "namespace a is being deleted",
        "no scheduler is left in it",
        "no volume of a scheduler is left",
        "no model server is left",
        "no other namespace has a scheduler",
    )


@pytest.mark.parametrize(
    ("change", "verdict", "reason", "then"),
    [
        ({"deleting_since": None}, Verdict.NEVER, "a is not being deleted", "bring operator"),
        (
            {"schedulers": (Leaving("seldon-scheduler-0"),)},
            Verdict.WAIT,
            "seldon-scheduler-0 is there and may still do it",
            "read the log",
        ),
        (
            {"schedulers": (Leaving("seldon-scheduler-0", AFTER),)},
            Verdict.WAIT,
            "seldon-scheduler-0 has up to 31s more to answer",
            "wait",
        ),
        ({"runtimes": ("seldon",)}, Verdict.WAIT, "SeldonRuntime seldon is not being", "wait"),
        (
            {"claims": (Leaving("scheduler-state-seldon-scheduler-0"),)},
            Verdict.WAIT,
            "a rebuilt scheduler would remember",
            "delete the claim",
        ),
        ({"server_pods": (Leaving("mlserver-0"),)}, Verdict.WAIT, "mlserver-0 runs", "is gone"),
        (
            {"server_pods": (Leaving("mlserver-0", AFTER),)},
            Verdict.WAIT,
            "mlserver-0 is shutting down",
            "two minutes",
        ),
        (
            {"server_pods": (Leaving("mlserver-0", BEFORE),)},
            Verdict.WAIT,
            "its node does not say",
            "--force",
        ),
        (
            {"alias": "seldon-scheduler.b.svc.cluster.local", "has_own": True},
            Verdict.WAIT,
            "leads to seldon-scheduler.b.svc.cluster.local",
            "correct the Service",
        ),
        (
            {"elsewhere": ("b",)},
            Verdict.UNKNOWN,
            "a scheduler runs in b, and nothing here shows",
            "--no-other-scheduler",
        ),
        (
            {"unread": {ELSEWHERE: "pods is forbidden"}},
            Verdict.UNKNOWN,
            "cannot see schedulers of other namespaces: pods is forbidden",
            "--no-other-scheduler",
        ),
        (
            {"unread": {"pods": "pods is forbidden"}},
            Verdict.UNKNOWN,
            "cannot read pods: pods is forbidden",
            "right to read pods",
        ),
        (
            {"unread": {NAMESPACE: "forbidden"}, "deleting_since": None},
            Verdict.UNKNOWN,
            "cannot read the namespace: forbidden",
            "right to read the namespace",
        ),
    ],
)
def test_whatever_is_left_is_a_reason_not_to(
    change: dict[str, object], verdict: Verdict, reason: str, then: str
) -> None:
    decision = one(replace(GONE, **change)).decision  # type: ignore[arg-type]
    assert decision.verdict is verdict
    assert reason in decision.reasons[0]
    assert then in decision.next


def test_what_is_past_its_end_is_going_too() -> None:
    going = replace(
        GONE,
        schedulers=(Leaving("seldon-scheduler-0", BEFORE),),
        claims=(Leaving("scheduler-state-seldon-scheduler-0", BEFORE),),
        has_own=True,
    )
    decision = one(going).decision
    assert decision.verdict is Verdict.RELEASE
    assert "seldon-scheduler-0 is past its end" in decision.reasons
    claim = "its volume claim scheduler-state-seldon-scheduler-0 is being deleted"
    assert claim in decision.reasons


@pytest.mark.parametrize("unread", [{}, {ELSEWHERE: "forbidden"}])
def test_a_namespace_with_its_own_scheduler_does_not_ask_for_others(unread: dict[str, str]) -> None:
    own = replace(GONE, has_own=True, elsewhere=("b",), unread=unread)
    assert "its own, not that of b" in one(own).decision.reasons[-1]


def test_a_person_may_vouch_for_other_schedulers_and_for_nothing_else() -> None:
    said = one(replace(GONE, elsewhere=("b",)), vouched=True).decision
    assert said.verdict is Verdict.RELEASE
    assert said.reasons[-1] == "the operator says that no other scheduler serves it"
    for more in ({"alias": "x"}, {"unread": {"pods": "no"}}, {"server_pods": (Leaving("m-0"),)}):
        sight = replace(GONE, elsewhere=("b",), **more)
        assert one(sight, vouched=True).decision.verdict is not Verdict.RELEASE


def test_the_worst_reason_decides_and_all_are_told() -> None:
    much = replace(
        GONE,
        deleting_since=None,
        unread={"services": "forbidden"},
        schedulers=(Leaving("seldon-scheduler-0"),),
        claims=(Leaving("scheduler-state-seldon-scheduler-0"),),
    )
    decision = one(much).decision
    assert decision.verdict is Verdict.NEVER
    assert len(decision.reasons) == 4
    assert "services" in decision.reasons[1]


@pytest.mark.parametrize(
    ("finalizer", "who"),
    [
        ("kubernetes.io/pv-protection", "Kubernetes, once the volume is not bound"),
        ("foregroundDeletion", "Kubernetes, once the objects it owns are gone"),
        ("example.com/x", "the controller that put it there"),
    ],
)
def test_a_finalizer_of_others_is_never_touched(finalizer: str, who: str) -> None:
    two = replace(GONE, held=(held("Model", "iris", finalizer),))
    mine, other = decide_all(two)
    assert mine.decision.verdict is Verdict.RELEASE
    assert other.decision.verdict is Verdict.NEVER
    assert other.decision.reasons == (f"{finalizer} is taken off by {who}",)


def test_what_is_not_being_deleted_is_left_alone() -> None:
    alive = replace(MODEL, deleting_since=None)
    stays = replace(GONE, held=(alive,), deleting_since=None)
    assert not list(decide_all(stays))
    decision = decide(alive, MODELS_OWN, stays)
    assert (decision.verdict, decision.reasons) == (Verdict.NEVER, ("it is not being deleted",))


def test_what_its_namespaces_deletion_has_not_reached_is_waited_for() -> None:
    alive = replace(MODEL, deleting_since=None)
    decision = one(replace(GONE, held=(alive,))).decision
    assert decision.verdict is Verdict.WAIT
    assert decision.reasons == ("the namespace's deletion has not reached it yet",)


def test_what_nothing_holds_is_not_released() -> None:
    assert "its own shutdown" in decide(replace(MODEL, finalizers=()), "", GONE).reasons[0]


def test_they_go_in_order_and_each_counts_on_those_before() -> None:
    all_of_them = replace(GONE, held=(RUNTIME, MODEL, EXPERIMENT, held("Pipeline")))
    found = list(decide_all(all_of_them))
    assert [each.held.kind for each in found] == list(ORDER.values())
    assert {each.decision.verdict for each in found} == {Verdict.RELEASE}


@pytest.mark.parametrize("name", ["ab", "iris"])
def test_who_goes_first_holds_those_after_it(name: str) -> None:
    """An experiment may have its model's name."""
    first = replace(held("Experiment", name), deleting_since=None)
    found = list(decide_all(replace(GONE, held=(RUNTIME, MODEL, first))))
    assert [each.held for each in found] == [first, MODEL, RUNTIME]
    assert found[1].decision.reasons == (f"Experiment {name} must go first",)
    assert found[2].decision.reasons == (f"Experiment {name}, Model iris must go first",)


def test_what_was_not_chosen_stays_and_holds_those_after_it() -> None:
    both = replace(GONE, held=(MODEL, EXPERIMENT))
    (found,) = decide_all(both, only=[(MODEL.resource, "iris")])
    assert found.held == MODEL
    assert found.decision.verdict is Verdict.WAIT
    (found,) = decide_all(both, only=[(EXPERIMENT.resource, "ab")])
    assert found.decision.verdict is Verdict.RELEASE


def test_a_runtime_waits_for_its_servers() -> None:
    waiting = replace(GONE, held=(RUNTIME,), servers=("mlserver",))
    decision = one(waiting).decision
    assert decision.verdict is Verdict.WAIT
    assert decision.reasons == ("the runtime waits for its Servers: mlserver",)


def test_many_are_decided_in_no_time() -> None:
    many = [held("Model", f"m{n}") for n in range(2000)]
    waiting = replace(GONE, held=(*many, RUNTIME), schedulers=(Leaving("seldon-scheduler-0"),))
    *_, last = decide_all(waiting)
    assert last.held == RUNTIME
    assert "and 1997 more must go first" in last.decision.reasons[-1]
