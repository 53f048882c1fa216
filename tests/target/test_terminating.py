from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook.target.finalizers import Decision, Verdict
from runbook.target.rows import ObjectRow, PodRow, Row, RowKey, masked_decisions
from runbook.target.terminating import why_terminating, worst_of

NOW = datetime(2026, 5, 1, 12, 1, 10, tzinfo=UTC)
SINCE = NOW - timedelta(seconds=70)


def held(kind: str, *finalizers: str, name: str = "baseline", detail: str = "") -> ObjectRow:
    return ObjectRow(kind, "a", name, "terminating", detail, None, SINCE, finalizers, False)


SCHEDULER = PodRow("a", "seldon-scheduler-0", 1, 1, "Running", 0, None, None)
MODEL = held("Model", "seldon.model.finalizer")


def test_a_model_whose_scheduler_is_gone_says_that_nobody_will_answer() -> None:
    elsewhere = replace(SCHEDULER, namespace="b")
    assert why_terminating(MODEL, [MODEL, elsewhere], NOW) == (
        "deleted 1m10s ago; seldon.model.finalizer is taken off by the Seldon operator, once "
        "seldon-scheduler says the model is unloaded; there is no seldon-scheduler pod in a, so "
        "nobody will answer"
    )


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (SCHEDULER, "seldon-scheduler-0 is running, so this should end by itself"),
        (replace(SCHEDULER, ready=0, status="CrashLoopBackOff"), "is CrashLoopBackOff"),
        (replace(SCHEDULER, deleting_since=SINCE, status="Terminating"), "is Terminating"),
    ],
)
def test_a_model_whose_scheduler_is_there_says_how_it_is(pod: PodRow, words: str) -> None:
    assert words in why_terminating(MODEL, [pod], NOW)


SCHEDULER_LIVES = Decision(
    Verdict.WAIT, ("seldon-scheduler-0 is there and may still do it", "more"), "wait"
)
SAFE = Decision(Verdict.RELEASE, ("everything has gone",), "release it")


def test_a_decision_takes_the_place_of_what_the_rows_say_of_a_finalizer() -> None:
    both = replace(MODEL, finalizers=("seldon.model.finalizer", "example.com/x"))
    decided = {"seldon.model.finalizer": SCHEDULER_LIVES, "example.com/x": SCHEDULER_LIVES}
    assert why_terminating(both, [SCHEDULER], NOW, decided) == (
        "deleted 1m10s ago; held by seldon.model.finalizer; not safe to release yet: "
        "seldon-scheduler-0 is there and may still do it (and 1 more); wait; "
        "example.com/x is taken off by the controller that put it there"
    )


def test_the_worst_decision_speaks_for_the_object() -> None:
    both = replace(MODEL, finalizers=("seldon.model.finalizer", "example.com/x"))
    decided = {"seldon.model.finalizer": SAFE, "example.com/x": SCHEDULER_LIVES}
    assert worst_of(both, decided) is SCHEDULER_LIVES
    assert worst_of(MODEL, decided) is SAFE
    assert worst_of(MODEL, {}) is None


def test_what_a_server_wrote_in_a_decision_is_masked() -> None:
    key = RowKey("models.mlops.seldon.io", "a", "baseline")
    found = masked_decisions({key: {"f": SCHEDULER_LIVES}}, lambda text: text.replace("0", "*"))
    assert found is not None
    assert found[key]["f"].reasons[0] == "seldon-scheduler-* is there and may still do it"
    assert masked_decisions(None, str) is None


def test_a_runtime_names_the_servers_it_waits_for() -> None:
    runtime = held("SeldonRuntime", "seldon.runtime.finalizer")
    server = held("Server", name="mlserver")
    assert why_terminating(runtime, [server], NOW).endswith("; Servers left: mlserver")
    assert "Servers left" not in why_terminating(runtime, [], NOW)


def test_a_namespace_names_what_holds_it() -> None:
    namespace = replace(held("Namespace", "kubernetes", name="a"), namespace="", detail="held up")
    rows: list[Row] = [MODEL, SCHEDULER, replace(MODEL, namespace="b")]
    assert why_terminating(namespace, rows, NOW) == (
        "deleted 1m10s ago; held up; held by Model baseline (seldon.model.finalizer)"
    )


def test_an_unknown_finalizer_belongs_to_whoever_put_it_there() -> None:
    text = why_terminating(held("Widget", "example.com/x"), [], NOW)
    assert "example.com/x is taken off by the controller that put it there" in text


def test_without_finalizers_only_its_own_shutdown_is_left() -> None:
    assert "its own shutdown is running" in why_terminating(held("Server"), [], NOW)


def test_what_was_not_deleted_has_no_reason() -> None:
    assert why_terminating(replace(MODEL, deleting_since=None), [], NOW) == ""
