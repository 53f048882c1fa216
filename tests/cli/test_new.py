"""A new runbook is one, is told nothing, and takes nobody's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.cli.main import main
from runbook.cli.new import starting
from runbook.model.lint import lint
from runbook.model.loader import load, load_file


def nothing(key: str) -> bytes:
    raise FileNotFoundError(key)


@pytest.mark.parametrize("name", ["a-b_1", "x", "false", "null", "no", "a-"])
def test_it_is_valid_and_clean(name: str) -> None:
    composed = load(starting(name), "f.yaml", nothing)
    assert composed.runbook.name == name
    assert lint(composed, "f.yaml", ()) == []


@pytest.mark.parametrize(
    ("words", "file", "name"),
    [
        ([], "my-runbook.yaml", "my-runbook"),
        (["restart.yaml"], "restart.yaml", "restart"),
        (["--name", "other"], "other.yaml", "other"),
        (["Some File.yaml", "--name", "other"], "Some File.yaml", "other"),
    ],
)
def test_it_is_called_as_was_said(
    words: list[str],
    file: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", *words]) == 0
    assert capsys.readouterr().out == f"{file}\n"
    assert load_file(tmp_path / file).runbook.name == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["there.yaml"], "there.yaml exists already"),
        (["Not A Name.yaml"], "'Not A Name' is no name"),
        (["nowhere/x.yaml"], "nowhere/x.yaml cannot be written: No such file"),
    ],
)
def test_what_cannot_be_written_is_exit_2(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.yaml").write_text("mine")
    assert main(["new", *words]) == 2
    assert said in capsys.readouterr().err
    assert (tmp_path / "there.yaml").read_text() == "mine"


def test_standard_output_takes_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "-", "--name", "x"]) == 0
    assert load(capsys.readouterr().out, "f.yaml", nothing).runbook.name == "x"
