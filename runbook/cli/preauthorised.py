"""A file of gates that were opened before the run: named, reasoned, expiring, and for one plan alone.

    plan: 4f0c…                      # of `runbook plan`: the steps, the values and the cluster
    gates:
      - {step: go, by: bob, reason: change 1234, expires: 2026-03-01T06:00Z}

A gate with approvers wants the file signed by one of them: `ssh-keygen -Y sign -n runbook-preauthorised
-f KEY FILE` writes FILE.sig. There is no blanket yes: `*` is no step.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from runbook.errors import RunbookError, UsageError
from runbook.journal import signing
from runbook.model.document import ApproveStep, ManualStep
from runbook.plan import Plan
from runbook.run.events import Preauthorisation

NAMESPACE = "runbook-preauthorised"
KEYS = ("step", "by", "reason", "expires")


def read_preauthorised(
    path: Path, plan: Plan, allowed_signers: Path, now: datetime
) -> tuple[Preauthorisation, ...]:
    """What the file opens. Raises UsageError for whatever is not as it must be: nothing is opened then."""
    try:
        content = path.read_text(encoding="utf-8")
        document: Any = yaml.safe_load(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise UsageError(f"cannot be read: {fault}", where=str(path)) from fault
    if not isinstance(document, dict) or set(document) != {"plan", "gates"}:
        raise _unfit(path, "the file has exactly two keys, `plan` and `gates`")
    if document["plan"] != plan.digest:
        raise _unfit(
            path,
            f"it is for plan {document['plan']}, and this is {plan.digest}",
            "the runbook, a value or the cluster is another: have the plan looked at again",
        )
    if not isinstance(document["gates"], list):
        raise _unfit(path, "`gates` is a list")
    given = tuple(_entry(path, entry, plan, now) for entry in document["gates"])
    signer = _signer(path, content, allowed_signers, now)
    for one in given:
        step = plan.step(one.step).step
        approvers = step.approve.approvers if isinstance(step, ApproveStep) else []
        if not approvers:
            continue
        if signer is None:
            raise _unfit(
                path, f"gate {one.step} wants {', '.join(approvers)}: the file must be signed"
            )
        if one.by not in signer.principals or not set(signer.principals) & set(approvers):
            raise _unfit(path, f"gate {one.step}: {one.by} did not sign, or is none of {approvers}")
    return given


def _entry(path: Path, entry: Any, plan: Plan, now: datetime) -> Preauthorisation:
    if not isinstance(entry, dict) or set(entry) != set(KEYS):
        raise _unfit(path, f"each gate has exactly the keys {', '.join(KEYS)}")
    gates = [s.id for s in plan.steps if isinstance(s.step, ApproveStep | ManualStep)]
    if entry["step"] not in gates:
        raise _unfit(
            path, f"there is no gate {entry['step']!r}", f"the plan has: {', '.join(gates)}"
        )
    for key in ("by", "reason"):
        if not isinstance(entry[key], str) or not entry[key].strip():
            raise _unfit(path, f"gate {entry['step']}: `{key}` says who, or why")
    expires = _moment(path, entry["expires"])
    if expires <= now:
        raise _unfit(path, f"gate {entry['step']}: it expired {expires:%Y-%m-%d %H:%M} UTC")
    return Preauthorisation(
        step=entry["step"], by=entry["by"], reason=entry["reason"], expires=expires
    )


def _moment(path: Path, given: Any) -> datetime:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError as fault:
        raise _unfit(path, f"{given!r} is no time such as 2026-03-01T06:00Z") from fault
    if moment.tzinfo is None:
        raise _unfit(path, f"{given} has no time zone", "write 2026-03-01T06:00Z")
    return moment.astimezone(UTC)


def _signer(path: Path, content: str, allowed: Path, now: datetime) -> signing.Signer | None:
    signature = path.with_name(path.name + ".sig")
    if not signature.is_file():
        return None
    lines = signature.read_text(encoding="utf-8").splitlines()
    word = "".join(line for line in lines if not line.startswith("-----"))
    try:
        return signing.verify(content, word, NAMESPACE, allowed, now)
    except RunbookError as fault:
        raise _unfit(signature, fault.message) from fault


def _unfit(path: Path, message: str, hint: str = "") -> UsageError:
    return UsageError(message, where=str(path), hint=hint)
