"""A runbook made of two files, as an operator meets it: run, left, taken up, rolled back, checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from runbook.cli.exit_codes import Exit
from tests.cli.test_main import run

MAIN = """\
apiVersion: runbook/v1
name: composed
phases:
  - id: only
    steps:
      - {id: part, uses: ./part.yaml, with: {word: hello}}
      - {id: after, run: "test -e $PWD/broken"}
always: [{id: tidy, run: "echo tidied > tidied"}]
"""
PART = """\
apiVersion: runbook/v1
name: part
inputs: {word: {required: true}}
phases:
  - id: all
    steps:
      - {id: left, parallel: both, run: "echo ${{ inputs.word }} > left", rollback: "rm left"}
      - {id: right, parallel: both, run: "echo k=v >> $RUNBOOK_OUTPUT"}
      - {id: told, run: "test ${{ steps.right.outputs.k }} = v"}
"""


def test_a_composed_run_is_performed_kept_and_checked(tmp_path: Path) -> None:
    book, state = tmp_path / "book", tmp_path / "state"
    book.mkdir()
    (book / "main.yaml").write_text(MAIN, encoding="utf-8")
    (book / "part.yaml").write_text(PART, encoding="utf-8")
    ended = run("run", str(book / "main.yaml"), state=state)
    assert ended.returncode == Exit.ABORTED, ended.stderr
    assert (book / "left").read_text() == "hello\n"
    assert (book / "tidied").exists()
    (kept,) = (state / "runs").iterdir()
    assert run("verify", kept.name, state=state).stdout.startswith("VALID, CLOSED")
    report = (kept / "report.md").read_text(encoding="utf-8")
    assert "Part part.yaml" in report

    parts = json.loads((kept / "plan" / "parts.json").read_text())
    copy = kept / "plan" / f"{parts['part.yaml']}.yaml"
    copy.write_text(PART + "# another\n", encoding="utf-8")
    checked = run("verify", kept.name, state=state)
    assert checked.returncode == Exit.NOT_RECOVERED
    assert "the copy of a part was changed: part.yaml" in checked.stderr
    copy.unlink()
    assert "the copy of a part is missing" in run("verify", kept.name, state=state).stderr
    shutil.rmtree(state)
