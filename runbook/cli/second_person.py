"""The second person of a run: whose keys may approve, and whose answer one is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook.cli.run_directory import RunDirectory
from runbook.engine import Countersigned
from runbook.errors import RunbookError, UsageError
from runbook.journal import signing
from runbook.model.document import ApproveStep
from runbook.plan import Plan
from runbook.run.countersigning import NAMESPACE, field, request_text
from runbook.run.events import ApprovalGranted, ApprovalRequested, Record, RunOpened
from runbook.run.signals import Approve, Countersign
from runbook.run.state import RunState
from runbook.run.terms import Mode

FILE = "allowed_signers"
"""Beside the runbook, when no other is named."""


def keep_signers(plan: Plan, given: Path | None, beside: Path, directory: RunDirectory) -> str:
    """Copy the file of allowed signers into the run; its SHA-256, or an empty text if none is needed.

    Raises UsageError when a gate could never be opened: it is better to know that now.
    """
    gates = [s for s in plan.steps if isinstance(s.step, ApproveStep) and s.step.approve.approvers]
    if not gates or plan.mode == Mode.PRACTICE:
        return ""
    path = given or beside / FILE
    hint = "--allowed-signers FILE, or RUNBOOK_ALLOWED_SIGNERS; its form: man ssh-keygen"
    if not path.is_file():
        raise UsageError(
            f"gate {gates[0].id} wants a second person, and there is no file of allowed signers",
            where=str(path),
            hint=hint,
        )
    if shutil.which(signing.PROGRAM) is None:
        raise UsageError(f"{signing.PROGRAM} is not on PATH: no second person could be recognised")
    known = set(signing.signers(path))
    for gate in gates:
        assert isinstance(gate.step, ApproveStep)
        approvers = gate.step.approve.approvers
        if not known & set(approvers):
            raise UsageError(
                f"gate {gate.id}: no key is known of {', '.join(approvers)}",
                where=str(path),
                hint=f"it names: {', '.join(sorted(known)) or 'nobody'}",
            )
    content = path.read_bytes()
    directory.allowed_signers.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def countersigner(directory: RunDirectory, now: Callable[[], datetime]) -> Countersigned:
    """Finds out whose answer one is, by the run's own copy of the allowed signers."""

    def countersigned(state: RunState, given: Countersign) -> Approve:
        asked = state.step(given.step).request
        if state.opened is None or not isinstance(asked, ApprovalRequested):
            raise RunbookError("no approval is asked for")
        if not directory.allowed_signers.is_file():
            raise RunbookError("this run knows no second person: it was opened without their keys")
        if _digest(directory.allowed_signers) != state.opened.allowed_signers:
            raise RunbookError("the run's copy of the allowed signers was changed")
        text, signature = request_text(state.opened, asked), "".join(given.answer.split())
        signer = signing.verify(text, signature, NAMESPACE, directory.allowed_signers, now())
        return Approve(
            given.step,
            signer.name,
            typed=asked.confirm_text or "",
            roles=signer.principals[1:],
            signature=signature,
        )

    return countersigned


@dataclass(frozen=True, slots=True)
class Countersignatures:
    """How the answers of second persons in a record stand when they are looked at again."""

    good: int = 0
    unchecked: int = 0
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not (self.good or self.unchecked or self.faults):
            return "none by a second person"
        told = f"{self.good} by a second person's key"
        if self.unchecked:
            told += f", {self.unchecked} not looked at: {signing.PROGRAM} is not on PATH"
        return f"{told}, {len(self.faults)} wrong" if self.faults else told


def check_countersignatures(
    directory: RunDirectory, records: Sequence[Record]
) -> Countersignatures:
    """Check every answer again, by the record and the run's copy of the allowed signers alone."""
    opened = records[0].event if records else None
    if not isinstance(opened, RunOpened):
        return Countersignatures()
    asked: dict[str, ApprovalRequested] = {}
    good, faults, given = 0, [], []
    for record in records:
        if isinstance(record.event, ApprovalRequested):
            asked[record.event.step] = record.event
        elif isinstance(record.event, ApprovalGranted) and record.event.how == "countersigned":
            given.append((record, record.event, asked[record.event.step]))
    if given and shutil.which(signing.PROGRAM) is None:
        return Countersignatures(unchecked=len(given))
    if given and _digest(directory.allowed_signers) != opened.allowed_signers:
        return Countersignatures(faults=("the copy of the allowed signers is missing or changed",))
    for record, granted, request in given:
        text = request_text(opened, request)
        try:
            signer = signing.verify(
                text, granted.signature, NAMESPACE, directory.allowed_signers, record.at
            )
        except RunbookError as fault:
            faults.append(f"record {record.seq}: the approval of {granted.by}: {fault.message}")
            continue
        if granted.by not in signer.principals:
            faults.append(f"record {record.seq}: signed by {signer.name}, not by {granted.by}")
        else:
            good += 1
    return Countersignatures(good, faults=tuple(faults))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def shown_request(text: str) -> list[str]:
    """A request for a person, key and value in columns."""
    keys = (
        "runbook", "step", "asks", "mode", "cluster", "kube-system-uid", "operator",
        "approvers", "not-after", "run", "request", "plan",
    )  # fmt: skip
    return [f"{key:<16} {field(text, key)}" for key in keys]
