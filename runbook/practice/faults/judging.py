"""Questions that several judges ask of a cluster. Each answers what is wrong; empty is well.

A green condition counts only for the object's present generation, and only while whoever writes it
is alive: with a dead operator or scheduler everything keeps the last colour it had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import being_deleted, dig, has_condition
from runbook.practice.controllers.seldon.names import AGENT
from runbook.practice.faults.case import Case
from runbook.practice.faults.places import (
    DEPLOYMENTS,
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    OPERATOR,
    PREDICTORS,
    SCHEDULER_POD,
    SEALED_SECRETS,
    SERVER_POD,
    TRAINING,
    WORKFLOWS,
)


async def pod_ready(case: Case, namespace: str, name: str) -> str:
    pod = await case.read.get("pods", namespace, name)
    if pod is None:
        return f"there is no pod {name}"
    if being_deleted(pod) or not has_condition(pod, "Ready"):
        return f"pod {name} is not ready"
    return ""


async def available(case: Case, namespace: str, deployment: str) -> bool:
    """Whether a Deployment has a replica; its condition is True of none as well."""
    found = await case.read.get(DEPLOYMENTS, namespace, deployment)
    return bool(dig(found, "status", "availableReplicas", default=0))


async def operator_runs(case: Case) -> str:
    return "" if await available(case, *OPERATOR) else "the Seldon operator does not run"


async def serving_lives(case: Case) -> str:
    """Operator, scheduler and the server's agent: without them no condition is news."""
    return (
        await operator_runs(case)
        or await pod_ready(case, INFERENCE, SCHEDULER_POD)
        or await pod_ready(case, INFERENCE, SERVER_POD)
    )


def stale(obj: JSON) -> bool:
    """Whether its status speaks of an older generation."""
    observed = dig(obj, "status", "observedGeneration")
    return observed is not None and observed != dig(obj, "metadata", "generation")


async def models_available(case: Case, names: Sequence[str] = PREDICTORS) -> str:
    """Each model is ready at its present generation, by a scheduler and an agent that live."""
    if wrong := await serving_lives(case):
        return wrong
    for name in names:
        model = await case.read.get(MODELS, INFERENCE, name)
        if model is None:
            return f"there is no model {name}"
        if being_deleted(model):
            return f"model {name} is being deleted"
        if stale(model) or not has_condition(model, "ModelReady"):
            return f"model {name} is not ready at its present generation"
    return ""


async def experiment_ready(case: Case) -> str:
    experiment = await case.read.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    if experiment is None:
        return f"there is no experiment {EXPERIMENT}"
    if stale(experiment) or not has_condition(experiment, "ExperimentReady"):
        return f"experiment {EXPERIMENT} is not ready at its present generation"
    return ""


async def synced(case: Case, namespace: str, name: str) -> str:
    """A SealedSecret is open, and the Secret it made is its own."""
    sealed = await case.read.get(SEALED_SECRETS, namespace, name)
    if sealed is None:
        return f"there is no SealedSecret {name}"
    if stale(sealed) or not has_condition(sealed, "Synced"):
        return f"SealedSecret {name} is not synced"
    secret = await case.read.get("secrets", namespace, name)
    if secret is None:
        return f"there is no Secret {name}"
    owners = dig(secret, "metadata", "ownerReferences", default=[])
    if sealed["metadata"]["uid"] not in [owner["uid"] for owner in owners]:
        return f"Secret {name} does not belong to its SealedSecret"
    return ""


async def made_by_hand(case: Case, namespace: str, name: str) -> bool:
    """A Secret stands there that no SealedSecret owns."""
    secret = await case.read.get("secrets", namespace, name)
    return secret is not None and not dig(secret, "metadata", "ownerReferences")


async def workflow_succeeded(case: Case, template: str) -> str:
    """A workflow of this template that was not there at the injection has succeeded."""
    known = case.memory.get("workflows") or []
    phases = []
    for workflow in await case.read.list(WORKFLOWS, TRAINING):
        ref = dig(workflow, "spec", "workflowTemplateRef", "name")
        if ref == template and workflow["metadata"]["uid"] not in known:
            phases.append(dig(workflow, "status", "phase", default="Pending"))
    if "Succeeded" in phases:
        return ""
    seen = f" ({', '.join(phases)})" if phases else ""
    return f"no workflow of {template} has succeeded since the fault{seen}"


async def replaced(case: Case, resource: str, namespace: str | None, name: str) -> bool:
    """Whether what was remembered under this name has been deleted, or is being deleted."""
    found = await case.read.get(resource, namespace, name)
    if found is None or found["metadata"]["uid"] != case.uid(resource, namespace, name):
        return True
    return being_deleted(found)


async def is_loaded(case: Case, model: str) -> bool:
    """Whether the model server holds a version of a model, as its agent's log tells."""
    held: set[str] = set()
    for line in (await case.read.log(INFERENCE, SERVER_POD, AGENT)).splitlines():
        found = _LOADED.search(line)
        if found is not None and found["model"] == model:
            (held.add if found["verb"] == "Load" else held.discard)(found["version"])
    return bool(held)


_LOADED = re.compile(
    r'msg="(?P<verb>Load|Unload) model (?P<model>[^:" ]+):(?P<version>\d+) success'
)


async def remote_s3(case: Case) -> str:
    """The agent has a remote called s3, as it printed when it started."""
    log = await case.read.log(INFERENCE, SERVER_POD, AGENT)
    told = [line for line in log.splitlines() if "current set of remotes is" in line]
    if told and re.search(r"[\[ ]s3[ \]]", told[-1]):
        return ""
    return "the agent has no remote s3"
