"""What a command may write to $RUNBOOK_OUTPUT."""

from __future__ import annotations

import pytest

from runbook.errors import RunbookError
from runbook.executors.outputs_file import read_outputs


def test_lines_and_here_documents_are_read() -> None:
    text = "version=1.2=3\r\n\nnotes<<END\n a\n\nb\nEND\nempty=\n"
    assert read_outputs(text) == {"version": "1.2=3", "notes": " a\n\nb", "empty": ""}


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c", "\x1e"])
def test_only_a_line_feed_ends_a_line(end: str) -> None:
    text = f"note=a{end}b=c\n"
    assert read_outputs(text) == {"note": f"a{end}b=c"}


@pytest.mark.parametrize("text", ["just words", "1a=b", "a<<END\nnever ended\n"])
def test_what_cannot_be_read_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(RunbookError, match="RUNBOOK_OUTPUT:1"):
        read_outputs(text)
