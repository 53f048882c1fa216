"""Readings as a table, a line and a document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook.plan import TargetFacts
from runbook.report.looks import WIDTH, Look, change, document, summary, table
from runbook.run.readings import fails, holds, unknown

NOW = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
EARLIER = NOW - timedelta(seconds=90.7)
LOOKS = [
    Look("web", "It answers", holds("HTTP 200", "HTTP 200"), EARLIER),
    Look("models", "models", fails("2 × Model", "one\x1b[31m is red, " + "and long " * 20), NOW),
    Look("db", "The database", unknown("up", "no answer"), NOW),
]


def test_a_table_says_what_was_seen_where_it_does_not_hold() -> None:
    lines = table(LOOKS, NOW, symbols=True, since=False).splitlines()
    assert lines[0] == "✔ web     It answers"
    assert lines[1] == "✖ models"
    assert lines[2] == "    expected  2 × Model"
    assert lines[3].startswith("    seen      one")
    assert lines[-1] == "1 hold, 1 fail, 1 cannot be told"
    assert "HTTP 200" not in "".join(lines)
    assert "\x1b" not in "".join(lines)
    assert max(map(len, lines)) <= WIDTH


def test_a_watched_table_says_since_when_and_a_poor_terminal_gets_plain_marks() -> None:
    lines = table(LOOKS, NOW, symbols=False, since=True).splitlines()
    assert lines[0] == "+ web     It answers  for 1m30s"
    assert [line[0] for line in lines if line[0] in "+x?"] == ["+", "x", "?"]


def test_a_new_verdict_is_a_line() -> None:
    assert change(LOOKS[0], None, 0) == "02:38:29Z web holds"
    line = change(LOOKS[2], LOOKS[0].reading, 61.4)
    assert line == "02:40:00Z db unknown (was holds for 1m1s): no answer"


def test_a_document_says_whether_all_is_healthy() -> None:
    facts = TargetFacts("staging", "https://10.0.0.1", "uid")
    made = document(LOOKS, "drill", facts, NOW)
    assert made["healthy"] is False
    assert made["checks"][0]["since"] == "2026-03-01T02:38:29Z"
    assert document(LOOKS[:1], "drill", facts, NOW)["healthy"] is True
    assert summary([]) == "there is nothing to look at"
