"""Ages, as kubectl writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runbook.practice.apiserver.durations import age, human, parse_time

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1.5, "0s"),
        (0.4, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 30, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (3 * DAY + 4 * HOUR, "3d4h"),
        (8 * DAY + 5 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 35 * DAY, "2y35d"),
        (9 * YEAR, "9y"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert human(seconds) == text


def test_an_age_counts_from_the_timestamp() -> None:
    now = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    assert age("2026-01-01T12:00:00Z", now) == "30s"
    assert age("2026-01-01T12:00:00.500000Z", now) == "29s"
    assert age("2026-01-01T14:00:00+02:00", now) == "30s"


@pytest.mark.parametrize("text", [None, "", "yesterday", 5])
def test_what_is_no_timestamp_has_an_unknown_age(text: object) -> None:
    assert parse_time(text) is None
    assert age(text, datetime(2026, 1, 1, tzinfo=UTC)) == "<unknown>"
