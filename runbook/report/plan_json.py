"""A plan as JSON, for programs that look at it before anybody runs it. Durations in seconds. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from runbook.model.wording import condition, source_of
from runbook.plan import Plan
from runbook.report.planned import StepFacts, phases_of, rollback_of

VERSION = 1


def render(plan: Plan, source: str, *, digest: str | None) -> str:
    """One JSON document. `digest` is null when it depends on a cluster that was not asked."""
    goals = plan.objectives
    document = {
        "version": VERSION,
        "name": plan.name,
        "title": plan.title,
        "description": plan.description,
        "owner": plan.owner,
        "mode": plan.mode,
        "digest": digest,
        "target": {
            "context": plan.target.context,
            "server": plan.target.server or None,
            "cluster_uid": plan.target.cluster_uid or None,
            "ca_sha256": plan.target.ca_sha256 or None,
        },
        "source": {"path": source, "sha256": plan.source_digest},
        "parts": [{"path": path, "sha256": sha256} for path, sha256 in plan.parts.items()],
        "inputs": dict(plan.inputs),
        "env": dict(plan.env),
        "secrets": [
            {"name": name, "from": source_of(secret), "sensitive": secret.sensitive}
            for name, secret in plan.secrets.items()
        ],
        "notify": [one.model_dump(mode="json", exclude_none=True) for one in plan.notify],
        "objectives": {
            "rto_seconds": goals.rto,
            "recovered_when": list(goals.recovered_when),
            "settle_seconds": goals.settle,
            "clock": goals.clock,
        },
        "health": [
            {"name": name, "asks": condition(named.check), "every_seconds": named.every}
            for name, named in plan.health.items()
        ],
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "budget_seconds": phase.budget,
                "steps": [_step(step) for step in phase.steps],
            }
            for phase in phases_of(plan)
        ],
        "rollback": [_step(step) for step in rollback_of(plan)],
    }
    return json.dumps(document, indent=2) + "\n"


def _step(step: StepFacts) -> dict[str, Any]:
    gate = asdict(step.gate) if step.gate else None
    if gate is not None:
        gate["timeout_seconds"] = gate.pop("timeout")
    return {
        "number": step.number,
        "id": step.id,
        "title": step.title,
        "kind": step.kind,
        "effect": step.effect,
        "does": step.does,
        "notes": list(step.notes),
        "gate": gate,
        "goto": step.goto or None,
        "parallel": step.group or None,
        "undoes": step.undoes or None,
    }
