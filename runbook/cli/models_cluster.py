"""Models of a cluster: their `storageUri`, a conditional patch of it, and the wait until they serve the new one."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runbook.checks.base import CheckContext, CommandResult
from runbook.checks.readers import read as read_check
from runbook.cli.models_told import Applied, Change
from runbook.cli.pinned import pinned
from runbook.clock import RealClock
from runbook.errors import RunbookError, TargetUnreachable
from runbook.model.checks import KubernetesCheck
from runbook.redact import Redactor
from runbook.run.readings import Reading, Verdict
from runbook.target.api import ApiStatusError, ResourceRef
from runbook.target.client import ClusterClient

MODELS = ResourceRef("mlops.seldon.io", "v1alpha1", "models", "Model", namespaced=True)
EVERY = 1.0
"""Seconds between two looks at a Model."""


@dataclass(frozen=True, slots=True)
class ModelsCluster:
    """The Models of one namespace, as they were when it was opened."""

    client: ClusterClient
    namespace: str
    models: Mapping[str, str]
    """`storageUri` by name."""

    async def apply(self, changes: Sequence[Change], timeout: float) -> list[Applied]:
        """Patch what differs, then wait for all of them. Raises RunbookError before anything is patched."""
        for change in changes:
            if change.model not in self.models:
                there = ", ".join(self.models) or "none"
                raise RunbookError(
                    f"there is no Model {change.model!r} in namespace {self.namespace}: {there}",
                    hint="apply the manifest first",
                )
        faults = {change.model: await self._patch(change) for change in changes}
        until = RealClock().monotonic() + timeout
        return [await self._result(change, faults[change.model], until) for change in changes]

    async def _patch(self, change: Change) -> str:
        """Why it was not patched; empty when it has the new value."""
        old = self.models[change.model]
        if old == change.new:
            return ""
        path = "/spec/storageUri"
        steps = [
            {"op": "test", "path": path, "value": old},
            {"op": "replace", "path": path, "value": change.new},
        ]
        try:
            await self.client.patch(MODELS, self.namespace, change.model, steps)
        except RunbookError as fault:
            return f"not patched: {fault.message}"
        return ""

    async def _result(self, change: Change, fault: str, until: float) -> Applied:
        old = self.models[change.model]
        if fault:
            return Applied(change.model, old, change.new, patched=False, ready=False, detail=fault)
        clock = RealClock()
        reading = await self._look(change.model)
        while reading.verdict is not Verdict.HOLDS and clock.monotonic() < until:
            await clock.sleep(min(EVERY, max(0.0, until - clock.monotonic())))
            reading = await self._look(change.model)
        ready = reading.verdict is Verdict.HOLDS
        patched = old != change.new
        return Applied(change.model, old, change.new, patched, ready, reading.observed)

    async def _look(self, model: str) -> Reading:
        """Ready at the generation that was patched: a condition of the one before says nothing."""
        asked = {
            "kind": "models.mlops.seldon.io",
            "namespace": self.namespace,
            "name": model,
            "condition": "ModelReady",
            "current_generation": True,
        }
        check = KubernetesCheck.model_validate({"kubernetes": asked})
        return await read_check(check, CheckContext(self.client, _no_command))


async def _no_command(*_: object) -> CommandResult:
    raise RunbookError("no command is run here")


@asynccontextmanager
async def open_cluster(
    arguments: argparse.Namespace, redactor: Redactor
) -> AsyncIterator[ModelsCluster]:
    """The cluster that was named; a step of a run has its own, and so has a pod."""
    async with pinned(arguments, in_pod=True) as cluster:
        cluster.mask(redactor)
        client = cluster.client
        models = await _models(client, arguments.namespace) if arguments.apply else {}
        yield ModelsCluster(client, arguments.namespace, models)


async def _models(client: ClusterClient, namespace: str) -> Mapping[str, str]:
    try:
        listing = await client.list(MODELS, namespace)
    except ApiStatusError as fault:
        raise TargetUnreachable(
            f"Models of namespace {namespace} cannot be listed: {fault.message}",
            hint="is Seldon Core there, and may this account list models?",
        ) from fault
    return {
        item["metadata"]["name"]: str((item.get("spec") or {}).get("storageUri") or "")
        for item in listing.items
    }
