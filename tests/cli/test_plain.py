"""The lines of a run without a screen."""

from __future__ import annotations

from runbook.cli.plain import LONGEST, PlainFollower
from runbook.run.session import Output


def test_a_line_is_printed_when_it_is_complete() -> None:
    said: list[str] = []
    follower = PlainFollower(said.append)
    follower.on_output(Output("s", 1, b"ha"))
    assert said == []
    follower.on_output(Output("s", 1, b"lf\nnext"))
    assert said == ["                | half\n"]


def test_a_flood_without_a_line_feed_is_not_held_for_ever() -> None:
    said: list[str] = []
    follower = PlainFollower(said.append)
    for _ in range(100):
        follower.on_output(Output("s", 1, b"x" * LONGEST))
    assert sum(text.count("x") for text in said) >= 99 * LONGEST
