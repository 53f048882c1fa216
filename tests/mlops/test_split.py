"""Shares against weights: what makes a split true, false, or not to be told."""

from __future__ import annotations

import random

import pytest

from runbook.mlops.split import Sample, judge, percentile, wilson
from runbook.run.readings import Verdict

WEIGHTS = {"a": 70.0, "b": 30.0}


def drawn(a: int, b: int) -> list[Sample]:
    return [Sample(("a",), 0.01)] * a + [Sample(("b",), 0.02)] * b


@pytest.mark.parametrize(
    ("count", "total", "confidence", "low", "high"),
    [  # as R's prop.test(count, total, correct=FALSE, conf.level) says
        (560, 800, 0.95, 0.6674, 0.7308),
        (0, 10, 0.95, 0.0, 0.2775),
        (10, 10, 0.95, 0.7225, 1.0),
        (0, 0, 0.95, 0.0, 1.0),
    ],
)
def test_an_interval_is_wilsons(
    count: int, total: int, confidence: float, low: float, high: float
) -> None:
    assert wilson(count, total, confidence) == pytest.approx((low, high), abs=1e-4)


def test_more_confidence_is_a_wider_interval() -> None:
    assert wilson(560, 800, 0.99)[0] < wilson(560, 800, 0.95)[0]


def test_a_percentile_was_really_seen() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, rank) for rank in (50, 90, 99)] == [50.0, 90.0, 99.0]
    assert percentile([3.0], 99) == 3.0


@pytest.mark.parametrize(
    ("samples", "verdict", "said"),
    [
        (drawn(560, 240), Verdict.HOLDS, ""),
        (drawn(400, 400), Verdict.FAILS, "outside of the interval"),
        (drawn(800, 0), Verdict.FAILS, "outside of the interval"),  # a pinned client
        (drawn(14, 6), Verdict.UNKNOWN, "too few answers"),
        ([], Verdict.UNKNOWN, "no answer says"),
    ],
)
def test_a_split_is_judged(samples: list[Sample], verdict: Verdict, said: str) -> None:
    split = judge(samples, WEIGHTS)
    assert split.verdict is verdict
    assert said in split.shares[0].reason


def test_true_weights_hold_nearly_always_and_false_ones_nearly_never() -> None:
    chance = random.Random(1)

    def held(weight: int) -> int:
        names = [chance.choices("ab", (weight, 100 - weight), k=800) for _ in range(300)]
        return sum(
            judge([Sample((n,), 0.01) for n in one], WEIGHTS).verdict is Verdict.HOLDS
            for one in names
        )

    assert held(70) >= 290
    assert held(60) <= 3


def test_three_candidates_share_the_chance_of_a_false_alarm() -> None:
    samples = [*drawn(500, 300), *[Sample(("c",), 0.01)] * 200]
    split = judge(samples, {"a": 5, "b": 3, "c": 2})
    assert split.verdict is Verdict.HOLDS
    low, high = wilson(500, 1000, 0.99)
    assert split.shares[0].low < low < high < split.shares[0].high


def test_a_candidate_of_weight_nothing_must_not_answer() -> None:
    none = {"a": 100.0, "b": 0.0}
    assert judge(drawn(800, 0), none).verdict is Verdict.HOLDS
    assert judge(drawn(799, 1), none).verdict is Verdict.FAILS


def test_a_fault_with_a_name_counts_for_the_share_and_makes_it_red() -> None:
    bad = [Sample(("b",), 0.02, "HTTP 500 by b")] * 240
    split = judge([*drawn(560, 0), *bad], WEIGHTS)
    one = split.shares[1]
    assert (one.share, one.faults, one.verdict) == (0.3, 240, Verdict.FAILS)
    assert (one.latency, split.faults) == ({}, {"HTTP 500 by b": 240})


@pytest.mark.parametrize(
    ("sample", "verdict"),
    [
        (Sample((), 0.1, "HTTP 503"), Verdict.FAILS),
        (Sample((), 0.1, "no answer", answered=False), Verdict.UNKNOWN),
        (Sample((), 0.1), Verdict.FAILS),
        (Sample(("mirror",), 0.1), Verdict.FAILS),
        (Sample(("a", "b"), 0.1), Verdict.FAILS),
    ],
)
def test_no_request_is_left_out_in_silence(sample: Sample, verdict: Verdict) -> None:
    split = judge([*drawn(560, 240), sample], WEIGHTS)
    assert (split.sent, split.told) == (801, 800)
    assert sum(split.faults.values()) == 1
    assert split.verdict is verdict
