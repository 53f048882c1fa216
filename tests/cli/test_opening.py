"""A run that cannot be opened leaves no trace."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import connecting, opening, wiring
from runbook.cli.first_plan import Request, outage_of
from runbook.errors import UsageError
from runbook.model.document import Runbook
from runbook.model.parts import Composed
from runbook.plan import TargetFacts
from runbook.run.terms import Mode
from runbook.settings import read_settings

RUNBOOK = {
    "apiVersion": "runbook/v1",
    "name": "test",
    "phases": [{"id": "one", "steps": [{"id": "s", "run": "true"}]}],
}


async def test_what_is_missing_on_this_machine_is_met_before_there_is_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str] = []

    class Client:
        async def close(self) -> None:
            closed.append("client")

    async def pinned(*_: object) -> tuple[Any, TargetFacts]:
        return Client(), TargetFacts("ctx", "https://127.0.0.1:1", "uid")

    def no_kubectl(*_: object, **__: object) -> None:
        raise UsageError("no kubectl on PATH")

    monkeypatch.setattr(connecting, "pin_target", pinned)
    monkeypatch.setattr(wiring, "wire", no_kubectl)
    settings = read_settings({"RUNBOOK_STATE_DIR": str(tmp_path)})
    request = Request(
        file=tmp_path / "x.yaml",
        composed=Composed(Runbook.model_validate(RUNBOOK), b""),
        working_directory=tmp_path,
        inputs={},
        mode=Mode.DRILL,
        attended=False,
    )
    words = Namespace(context="ctx", kubeconfig=None, keep=False)
    with pytest.raises(UsageError, match="no kubectl"):
        await opening.open_run(request, words, settings, lambda _: None)
    assert closed == ["client"]
    assert list(settings.runs.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "mode", "why"),
    [
        ("2026-01-01T00:00Z", Mode.DRILL, "is for --mode recovery"),
        ("yesterday", Mode.RECOVERY, "is no time"),
        ("2999-01-01T00:00Z", Mode.RECOVERY, "still to come"),
    ],
)
def test_an_outage_is_a_moment_of_the_past_in_a_real_recovery(
    given: str, mode: Mode, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        outage_of(given, mode)


def test_an_outage_is_kept_in_utc() -> None:
    moment = outage_of("2026-01-01T02:00+02:00", Mode.RECOVERY)
    assert moment is not None
    assert moment.isoformat() == "2026-01-01T00:00:00+00:00"
    assert outage_of(None, Mode.DRILL) is None
