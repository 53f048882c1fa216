"""TokenReview: whose token is this, and is it valid before whom somebody asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from runbook.practice.apiserver import apply, rules
from runbook.practice.apiserver.errors import bad_request
from runbook.practice.apiserver.pods import API_AUDIENCE, Tokens
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State, WriteOptions
from runbook.practice.apiserver.writing import inspect

JSON = dict[str, Any]

_UNKNOWN = "invalid bearer token"


def review(
    state: State, resource: Resource, question: JSON, options: WriteOptions, tokens: Tokens
) -> JSON:
    """The question with its answer in `status`. Raises ApiError for one that is none."""
    rules.check_identity(resource, question)
    question, _ = inspect(state, resource, question, options)
    spec = question.get("spec") or {}
    if not spec.get("token"):
        raise bad_request("token is required for TokenReview in authentication")
    kept = ("name", "generateName", "labels", "annotations")
    metadata = {key: one for key, one in question["metadata"].items() if key in kept}
    managed = apply.track_update(
        {"metadata": {}, "spec": {}},
        {"metadata": metadata, "spec": spec},
        kind=resource.kind,
        api_version=resource.api_version,
        manager=options.manager,
        time=state.timeline.stamp(),
    )
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {**metadata, "managedFields": managed},
        "spec": spec,
        "status": _status(state, spec, tokens),
    }


def _status(state: State, spec: JSON, tokens: Tokens) -> JSON:
    held = tokens.held(spec["token"], state.timeline.now())
    if held is None:
        return {"user": {}, "error": _UNKNOWN}
    wanted = spec.get("audiences") or [API_AUDIENCE]
    common = [one for one in wanted if one in held.audiences]
    if not common:
        return {"user": {}, "error": f"[{_UNKNOWN}, {_elsewhere(held.audiences, wanted)}]"}
    return {"authenticated": True, "user": held.user.info(), "audiences": common}


def _elsewhere(given: Sequence[str], wanted: Sequence[str]) -> str:
    return f"token audiences {_listed(given)} is invalid for the target audiences {_listed(wanted)}"


def _listed(audiences: Sequence[str]) -> str:
    return f"[{' '.join(map(json.dumps, audiences))}]"
