"""What a command may write to $RUNBOOK_OUTPUT."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook.errors import RunbookError
from runbook.executors.outputs_file import read_outputs


def outputs_of(text: str, directory: Path) -> dict[str, str]:
    file = directory / "values"
    file.write_bytes(text.encode())
    return read_outputs(file)


def test_a_command_that_writes_none_gives_none(tmp_path: Path) -> None:
    assert read_outputs(tmp_path / "values") == {}


def test_what_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="cannot be read"):
        read_outputs(tmp_path)


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "values")
    with pytest.raises(RunbookError, match="it is no file"):
        read_outputs(tmp_path / "values")


def test_lines_and_here_documents_are_read(tmp_path: Path) -> None:
    text = "version=1.2=3\r\n\nnotes<<END\n a\n\nb\nEND\nempty=\n"
    assert outputs_of(text, tmp_path) == {"version": "1.2=3", "notes": " a\n\nb", "empty": ""}


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x0c", "\x1e"])
def test_only_a_line_feed_ends_a_line(end: str, tmp_path: Path) -> None:
    text = f"note=a{end}b=c\n"
    assert outputs_of(text, tmp_path) == {"note": f"a{end}b=c"}


@pytest.mark.parametrize("text", ["just words", "1a=b", "a<<END\nnever ended\n"])
def test_what_cannot_be_read_is_an_error_with_its_line(text: str, tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="RUNBOOK_OUTPUT:1"):
        outputs_of(text, tmp_path)
