"""`runbook import`: where a draft is written, and what cannot be read."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from runbook.cli.main import main
from runbook.model.loader import load_text
from tests.model.test_importing import PAGE


def test_the_command_writes_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "Restore Shop.md", tmp_path / "out.yaml"
    source.write_text(PAGE)
    assert main(["import", str(source), "-o", str(out)]) == 0
    assert capsys.readouterr().err == "6 places are unsure: look for `# unsure`\n"
    assert load_text(out.read_text(), "out").name == "restore-shop"
    assert main(["validate", str(out)]) == 0
    assert main(["import", str(source), "-o", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff", "is not UTF-8: byte 0"), (b"# x\n", "nothing in"), (b"a" * 2**21, "at most")],
)
def test_what_cannot_be_read_is_exit_2(
    content: bytes, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["import", "-"]) == 2
    assert said in capsys.readouterr().err
