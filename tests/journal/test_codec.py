"""Lines of the journal: canonical, chained, refused when anything about them is off."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import given, strategies as st

from runbook.errors import JournalDamaged
from runbook.journal.codec import GENESIS, canonical, decode, digest, encode
from runbook.run.events import CheckRead, CommandStarting, NoteAdded, Record, StepPassed
from runbook.run.readings import Verdict

T0 = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)


def lines_of(*events: object) -> list[bytes]:
    lines, prev = [], GENESIS
    for number, event in enumerate(events, 1):
        line = encode(Record(number, T0, event), prev)  # type: ignore[arg-type]  # any event
        prev = digest(line[:-1])
        lines.append(line)
    return lines


EVENTS = (
    NoteAdded(by="ann", text="slow pull, waiting ☕"),
    StepPassed(step="a", outputs={"k": "v\n2"}),
    CheckRead(step="b", attempt=1, verdict=Verdict.FAILS, expected="x", observed='"y"'),
)


def test_records_survive_the_way_to_disk_and_back() -> None:
    records = list(decode(lines_of(*EVENTS)))
    assert [record.event for record in records] == list(EVENTS)
    assert records[0].at == T0


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_a_line_is_rfc_8785_canonical_json(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]  # JSON by construction


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_any_changed_byte_before_the_last_line_is_found(place: int, change: int) -> None:
    lines = lines_of(*EVENTS)
    body = bytearray(b"".join(lines[:-1]))
    body[place % len(body)] ^= change
    changed = bytes(body).splitlines(keepends=True) + lines[-1:]
    with pytest.raises(JournalDamaged):
        list(decode(changed))


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2), (0, 0, 1, 2)])
def test_lines_moved_left_out_or_doubled_are_found(order: tuple[int, ...]) -> None:
    lines = lines_of(*EVENTS)
    with pytest.raises(JournalDamaged, match=r"chain|sequence"):
        list(decode([lines[index] for index in order]))


def test_a_chain_that_was_made_anew_without_its_beginning_is_found() -> None:
    line = encode(Record(2, T0, EVENTS[0]), GENESIS)
    with pytest.raises(JournalDamaged, match="sequence number 2"):
        list(decode([line]))


def test_a_line_of_another_version_is_refused() -> None:
    data = {**json.loads(lines_of(EVENTS[0])[0]), "v": 2}
    with pytest.raises(JournalDamaged, match="format version 2"):
        list(decode([canonical(data) + b"\n"]))


def test_what_json_has_no_number_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(math.nan)


def test_a_line_written_in_another_way_is_refused() -> None:
    line = lines_of(EVENTS[0])[0]
    loose = json.dumps(json.loads(line)).encode() + b"\n"
    with pytest.raises(JournalDamaged, match="not written as this program writes"):
        list(decode([loose]))


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"null", b"[" * 100_000, b'{"v":2}', b"\xff", b'{"a":1,"a":2}']
)
def test_nonsense_is_damage_and_never_a_traceback(line: bytes) -> None:
    with pytest.raises(JournalDamaged, match="line 1"):
        list(decode([line + b"\n"]))


def test_an_unknown_event_is_named_with_its_line() -> None:
    data = json.loads(lines_of(EVENTS[0])[0])
    data["event"]["kind"] = "step.exploded"
    with pytest.raises(JournalDamaged, match="line 1: not a known event"):
        list(decode([canonical(data) + b"\n"]))


def test_a_record_too_long_for_a_line_is_refused_before_it_is_written() -> None:
    with pytest.raises(JournalDamaged, match="does not fit"):
        encode(Record(1, T0, NoteAdded(by="ann", text="x" * 70_000)), GENESIS)


def test_what_a_runbook_may_say_fits_a_line() -> None:
    script = CommandStarting(step="s", attempt=1, script='"' * 1024 * 1024, shell="bash")
    line = encode(Record(1, T0, script), GENESIS)
    assert next(decode([line])).event == script
