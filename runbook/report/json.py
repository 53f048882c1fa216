"""The recovery log as JSON, for programs: the same facts, durations in seconds. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from runbook.report.facts import Facts

VERSION = 1


def render(facts: Facts) -> str:
    """One JSON document, indented, keys in a fixed order."""
    summary = facts.summary
    recovery = summary.recovery
    document = {
        "version": VERSION,
        "run": facts.opened.run,
        "name": facts.opened.name,
        "title": facts.opened.title,
        "mode": facts.opened.mode.value,
        "status": summary.status,
        "verdict": facts.verdict,
        "started": summary.started,
        "ended": summary.ended,
        "seconds": round(summary.seconds, 6),
        "recovery": {
            "started": recovery.started,
            "stopped": recovery.stopped,
            "seconds": recovery.seconds,
            "rto_seconds": recovery.rto,
            "within": recovery.within,
        },
        "split_seconds": {kind.value: round(s, 6) for kind, s in summary.split.items()},
        "target": {
            "context": facts.opened.context,
            "server": facts.opened.server,
            "cluster_uid": facts.opened.cluster_uid,
        },
        "operator": facts.opened.operator,
        "inputs": facts.opened.inputs,
        "source_digest": facts.opened.source_digest,
        "plan_digest": facts.opened.plan_digest,
        "objectives": facts.objectives,
        "phases": facts.phases,
        "steps": facts.steps,
        "checks": facts.checks,
        "health": facts.health,
        "approvals": facts.approvals,
        "deviations": summary.deviations,
        "notes": [{"at": at, "by": note.by, "text": note.text} for at, note in summary.notes],
        "integrity": dict(facts.integrity),
    }
    return json.dumps(document, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
