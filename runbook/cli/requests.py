"""A request for a second person, as a file in the run's directory: for terminals without a clipboard."""

from __future__ import annotations

import structlog

from runbook.cli.run_directory import RunDirectory
from runbook.run import gates
from runbook.run.countersigning import packed, request_text
from runbook.run.events import ApprovalRequested
from runbook.run.state import RunState

log = structlog.get_logger()


def keep_request(directory: RunDirectory, state: RunState, asked: ApprovalRequested) -> None:
    """Write what `runbook approve` takes, if a second person is to answer."""
    if state.opened is None or not asked.approvers or gates.practised(state, asked):
        return
    word = packed(request_text(state.opened, asked))
    try:
        directory.request(asked.step).write_text(f"{word}\n", encoding="utf-8")
    except OSError as fault:
        # The screen's own key still copies it, and the run must not end by a file nobody may need.
        log.warning("request-not-kept", step=asked.step, why=str(fault))
