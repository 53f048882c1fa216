"""The front door as a process: words, exit codes, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runbook import __version__
from runbook.cli import schema
from runbook.cli.asked import given_inputs
from runbook.cli.main import main as front_door
from runbook.cli.run import check_speed
from runbook.errors import UsageError

pytestmark = pytest.mark.slow


def run(*words: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runbook.cli.main", *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "RUNBOOK_STATE_DIR": str(state or "/nowhere")},
    )


def test_the_version_is_printed_without_loading_anything_large() -> None:
    code = (
        "import sys; from runbook.cli.main import main; main(['--version']);"
        "print(sorted({'textual','kubernetes','pydantic','yaml','aiohttp','httpx'} & "
        "{m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"runbook {__version__}\n[]\n"


def test_validating_loads_neither_a_screen_nor_a_kubernetes_client() -> None:
    code = (
        "import sys; from runbook.cli.main import main; main(['validate']);"
        "print(sorted({'textual','kubernetes','aiohttp','httpx'} & "
        "{m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("module", ["runbook.cli.run", "runbook.cli.screen"])
def test_the_first_frame_waits_for_no_model_and_no_client(module: str) -> None:
    code = (
        f"import sys, runbook.cli.main, {module};"
        "print(sorted({'pydantic','yaml','structlog','kubernetes','aiohttp','httpx'} & "
        "{m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_internal_error_has_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(schema, "main", broken)
    assert front_door(["schema"]) == 70
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_the_schema_that_editors_read_is_the_programs_own() -> None:
    shipped = Path(__file__).parents[2] / "runbooks" / "runbook.schema.json"
    assert run("schema").stdout == shipped.read_text()


def test_the_shipped_runbook_is_valid() -> None:
    done = run("validate")
    assert done.returncode == 0
    assert "5 phases" in done.stdout


def test_an_invalid_runbook_is_exit_2_with_every_problem_on_stderr(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("apiVersion: runbook/v1\nname: x\nphases: []\ntyop: 1\n")
    done = run("validate", str(file))
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"{file}:4:1: unknown key 'tyop'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--mode", "drill"], "needs --context"),
        (["run", "--context", "prod"], "takes no --context"),
        (["run", "--speed", "0"], "out of range"),
        (["run", "no-such-runbook"], "no runbook 'no-such-runbook'"),
        (["run", "--input", "nonsense"], "is not NAME=VALUE"),
        (["run", "--input", "nonsense=1"], "there is no input 'nonsense'"),
        (["run", "--junit", "/nowhere/x.xml"], "there is no such folder"),
        (["show", "no-such-runbook"], "no runbook 'no-such-runbook'"),
        (["resume"], "no run is kept"),
        (["report", "abc"], "no run is kept"),
        (["practice", "stop"], "no practice cluster"),
        (["practice", "start", "--name", "../x"], "must be a plain word"),
    ],
)
def test_what_cannot_be_done_is_exit_2_with_a_reason(
    words: list[str], said: str, tmp_path: Path
) -> None:
    done = run(*words, state=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


class Arguments:
    mode = "drill"
    context = "prod"
    kubeconfig = None
    speed: float | None = None


def test_a_real_clusters_time_cannot_be_sped_up() -> None:
    arguments = Arguments()
    check_speed(arguments)  # type: ignore[arg-type]  # as a parser would give it
    arguments.speed = 10
    with pytest.raises(UsageError, match="--speed is for practice"):
        check_speed(arguments)  # type: ignore[arg-type]  # as a parser would give it


def test_an_input_on_the_command_line_beats_the_environment() -> None:
    given = given_inputs(["a-b=2"], {"A_B": "1", "OTHER": "x"}, {"a-b"})
    assert given == {"a-b": "2"}
