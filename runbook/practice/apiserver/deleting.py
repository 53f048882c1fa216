"""Delete: at once, or marked and held by finalizers, a grace period or a namespace's contents.

Follows the real server's order: preconditions, grace, the finalizers that a propagation policy adds,
then either a `deletionTimestamp` or the end. Who removes finalizers is not its business.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from runbook.practice.apiserver import webhooks
from runbook.practice.apiserver.errors import (
    Cause,
    bad_request,
    forbidden,
    invalid_options,
    precondition_failed,
)
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.rules import CRDS
from runbook.practice.apiserver.state import DeleteOptions, State, Target
from runbook.practice.apiserver.writing import released

JSON = dict[str, Any]

PROTECTED_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
POLICIES = ("Background", "Foreground", "Orphan")
_CRD_FINALIZER = "customresourcecleanup.apiextensions.k8s.io"
_NO_OPTIONS = frozenset({"kind", "apiVersion", "metadata"})
_ORPHAN, _FOREGROUND = "orphan", "foregroundDeletion"


# Kinds whose DELETE answers with the object even when it is gone.
RETURNED = frozenset(
    [
        *("pods", "services", "serviceaccounts", "persistentvolumes", "persistentvolumeclaims"),
        *("podtemplates", "resourcequotas"),
    ]
)


async def delete(
    state: State, target: Target, options: DeleteOptions, *, admit: bool = True
) -> tuple[JSON, bool]:
    """The object in its last state, and whether it is gone."""
    resource, name = target.resource, target.name
    live = state.must(target)
    if resource.name == "namespaces" and name in PROTECTED_NAMESPACES:
        raise forbidden(resource, name, "this namespace may not be deleted")
    _check_preconditions(resource, name, live, options)
    if admit and await webhooks.admit(
        state, webhooks.question_of(target, "DELETE", None, live, options)
    ):
        live = state.must(target)
        _check_preconditions(resource, name, live, options)
    marked = _marked(state, resource, live, options)
    gone = released(resource, marked)
    if options.dry_run:
        return marked, gone
    if gone and resource.name == "pods":
        return state.store.put(resource.name, marked, "DELETED"), True
    if gone:
        # What nothing held is deleted as it was, without ever having been marked.
        return state.store.put(resource.name, dict(live), "DELETED"), True
    if marked == live:
        return live, False
    return state.store.put(resource.name, marked, "MODIFIED"), False


def _check_preconditions(resource: Resource, name: str, live: JSON, options: DeleteOptions) -> None:
    known = live["metadata"]
    if options.uid not in {None, known["uid"]}:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({known['uid']}). The object might have been deleted and then recreated"
        )
        raise precondition_failed(resource, name, why)
    if options.resource_version not in {None, known["resourceVersion"]}:
        why = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match "
            f"the ResourceVersion in record ({known['resourceVersion']}). The object might have "
            "been modified"
        )
        raise precondition_failed(resource, name, why)


def _marked(state: State, resource: Resource, live: JSON, options: DeleteOptions) -> JSON:
    """The object with everything this delete writes on it."""
    meta = dict(live["metadata"])
    new = {**live, "metadata": meta}
    finalizers = _finalizers(state, resource, meta, options)
    meta.pop("finalizers", None)
    if finalizers:
        meta["finalizers"] = finalizers
    grace = _grace(resource, live, options)
    first = "deletionTimestamp" not in meta
    if first or grace < meta.get("deletionGracePeriodSeconds", 0):
        at = state.timeline.now() + timedelta(seconds=grace)
        meta["deletionTimestamp"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        if resource.name not in {"namespaces", CRDS}:  # both have a way of their own to end
            meta["deletionGracePeriodSeconds"] = grace
    if first and "generation" in meta:
        meta["generation"] += 1
    if first and resource.name == "namespaces":
        new["status"] = {**(live.get("status") or {}), "phase": "Terminating"}
    if first and resource.name == CRDS:
        new["status"] = _terminating_crd(live, state.timeline.stamp())
    return new


def _grace(resource: Resource, live: JSON, options: DeleteOptions) -> int:
    """Only pods that run somewhere are given time to stop."""
    if resource.name != "pods" or not live["spec"].get("nodeName"):
        return 0
    if (live.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    if options.grace is not None:
        return options.grace
    return int(live["spec"].get("terminationGracePeriodSeconds", 30))


def _finalizers(state: State, resource: Resource, meta: JSON, options: DeleteOptions) -> list[str]:
    known: list[str] = meta.get("finalizers") or []
    policy = options.propagation
    if policy is None:
        finalizers = list(known)
    else:
        finalizers = [one for one in known if one not in {_ORPHAN, _FOREGROUND}]
        has_dependents = next(state.store.owned_by(meta["uid"]), None) is not None
        if has_dependents and policy == "Orphan":
            finalizers.append(_ORPHAN)
        if has_dependents and policy == "Foreground":
            finalizers.append(_FOREGROUND)
    if resource.name == CRDS and "deletionTimestamp" not in meta and _CRD_FINALIZER not in known:
        finalizers.append(_CRD_FINALIZER)
    return finalizers


def _terminating_crd(live: JSON, stamp: str) -> JSON:
    status = live.get("status") or {}
    condition = {
        "type": "Terminating",
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": (
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
        ),
        "lastTransitionTime": stamp,
    }
    others = [one for one in status.get("conditions") or () if one.get("type") != "Terminating"]
    return {**status, "conditions": [*others, condition]}


def read_options(sent: JSON, query: dict[str, str], *, dry_run: bool) -> DeleteOptions:
    """DeleteOptions from a body and query parameters, which may say the same things."""
    merged = {**sent}
    _check_kind(sent)
    grace = sent.get("gracePeriodSeconds")
    if grace is not None and (isinstance(grace, bool) or not isinstance(grace, int)):
        owner = "Go struct field DeleteOptions.gracePeriodSeconds"
        raise bad_request(f"json: cannot unmarshal {go_type(grace)} into {owner} of type int64")
    for field in ("propagationPolicy", "orphanDependents", "gracePeriodSeconds"):
        if field in query:
            merged[field] = query[field]
    _check_dry_run(sent.get("dryRun"))
    preconditions = merged.get("preconditions") or {}
    if not isinstance(preconditions, dict):
        raise _invalid_option("preconditions", preconditions, "must be an object")
    return DeleteOptions(
        propagation=_propagation(merged),
        grace=_seconds(merged.get("gracePeriodSeconds")),
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=dry_run or merged.get("dryRun") == ["All"],
        sent={key: one for key, one in merged.items() if key not in _NO_OPTIONS},
    )


def _check_kind(sent: JSON) -> None:
    kind, version = sent.get("kind", "DeleteOptions"), sent.get("apiVersion", "v1")
    if kind != "DeleteOptions":
        scheme = 'in scheme "pkg/runtime/scheme.go:111"'
        raise bad_request(f'no kind "{kind}" is registered for version "{version}" {scheme}')


def _propagation(merged: JSON) -> str | None:
    policy, orphan = merged.get("propagationPolicy"), merged.get("orphanDependents")
    if policy is not None and orphan is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        raise _invalid_option("propagationPolicy", policy, why)
    if orphan is not None:
        return "Orphan" if orphan in {True, "true", "1"} else "Background"
    if policy is not None and policy not in POLICIES:
        supported = ("Foreground", "Background", "Orphan", "nil")
        cause = Cause.unsupported("propagationPolicy", f'"{policy}"', supported)
        raise invalid_options("DeleteOptions", [cause])
    return policy


def _check_dry_run(asked: object) -> None:
    if asked not in (None, [], ["All"]):
        cause = Cause.unsupported("dryRun", json.dumps(asked), ("All",))
        raise invalid_options("DeleteOptions", [cause])


def _seconds(value: object) -> int | None:
    if value is None:
        return None
    try:
        seconds = int(str(value))
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{value}": invalid syntax') from None
    return max(seconds, 1) if seconds < 0 else seconds


def _invalid_option(field: str, value: object, why: str) -> Exception:
    return invalid_options("DeleteOptions", [Cause.invalid(field, f'"{value}"', why)])
