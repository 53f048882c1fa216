"""No byte from outside reaches the terminal as a command."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from runbook.tui.safe import clean

HOSTILE = st.lists(
    st.sampled_from(
        ["\x1b[2J", "\x1b]52;c;aGk=\x07", "\x1b]0;title\x07", "\x9b31m", "\x1bPq\x1b\\", "\r", "\x08",
         "\u202e", "\x00", "text", "[bold]", "\n", "\x1b", "\ud800", "é", "漢"]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)  # fmt: skip


@given(HOSTILE)
@settings(max_examples=2000, deadline=None)
def test_what_is_shown_is_one_printable_line(text: str) -> None:
    shown = clean(text)
    assert all(c.isprintable() for c in shown), repr(shown)
    shown.encode()


def test_ordinary_text_is_left_alone() -> None:
    assert clean("ErrImagePull [/seldon] é 漢") == "ErrImagePull [/seldon] é 漢"
