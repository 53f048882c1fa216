"""The text a second person signs: complete, of one run and one moment, and safe to show."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from runbook.run.countersigning import (
    LONGEST,
    NAMESPACE,
    field,
    packed,
    request_number,
    request_text,
    unpacked,
)
from runbook.run.events import ApprovalRequested
from tests.run.driving import GATE, opened, plan_of

AT = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
OPENED = opened(plan_of(GATE))
ASKED = ApprovalRequested(
    step="go",
    message="Delete\nit \x1b[31mall?",
    confirm_text="staging",
    approvers=("leads", "bob"),
    expires=AT,
    request="abc",
)


def test_it_says_what_where_by_whom_and_until_when() -> None:
    text = request_text(OPENED, ASKED)
    assert text.splitlines()[0] == f"{NAMESPACE}/v1"
    told = {
        key: field(text, key) for key in ("run", "request", "step", "asks", "typed", "approvers")
    }
    assert told == {
        "run": "r",
        "request": "abc",
        "step": "1.1 go",
        "asks": "Delete it ?[31mall?",  # one line, and nothing a terminal would obey
        "typed": "staging",
        "approvers": "leads, bob",
    }
    assert field(text, "not-after") == "2026-03-01T02:40:00Z"
    assert field(text, "cluster") == "ctx, https://127.0.0.1:1"
    assert field(text, "nonsense") == ""


def test_without_an_end_it_ends_with_the_run_and_without_a_text_yes_is_typed() -> None:
    text = request_text(OPENED, replace(ASKED, expires=None, confirm_text=None))
    assert (field(text, "not-after"), field(text, "typed")) == ("the run's end", "yes")


def test_no_two_requests_have_one_number() -> None:
    numbers = {
        request_number(run, step, at)
        for run in ("r", "s")
        for step in ("a", "b")
        for at in (AT, AT.replace(second=1))
    }
    assert len(numbers) == 8


def test_it_travels_as_one_word_that_may_be_broken_on_the_way() -> None:
    text = request_text(OPENED, ASKED)
    word = packed(text)
    assert word.isascii()
    assert not word.endswith("=")
    assert unpacked(f" {word[:20]}\n {word[20:]} ") == text


def as_word(content: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(content)).decode()


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("", "no request for an approval"),
        ("!!", "no request for an approval"),
        ("AAAA", "no request for an approval"),
        (as_word(b"\xff\xfe"), "no request for an approval"),
        (as_word(b"hello\n"), "of this program's version"),
        (as_word(f"{NAMESPACE}/v2\n".encode()), "of this program's version"),
        (as_word(f"{NAMESPACE}/v1\n".encode() + b"x" * LONGEST), "of this program's version"),
        (as_word(f"{NAMESPACE}/v1\nasks: \x1b[31m\n".encode()), "cannot be shown"),
    ],
)
def test_what_is_no_request_is_refused(word: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpacked(word)
