"""The HorizontalPodAutoscaler controller, on a cluster where nobody measures anything.

No metrics API is served, so no number of replicas can be computed, and every autoscaler says so. What
needs no measuring is done: a target is kept between the least and the most, and left alone at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.autoscaler_metrics import Unmeasured, unmeasured
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    dig,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    with_condition,
)
from runbook.practice.controllers.scaled import Scaled, scaled
from runbook.practice.controllers.writing import write_status

AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
SYNC_EVERY = 15.0
SOURCE = "horizontal-pod-autoscaler"


@dataclass(slots=True)
class _Look:
    """One look at one autoscaler: the status that it will have, condition by condition."""

    autoscaler: JSON
    now: str
    conditions: list[JSON]

    def condition(self, kind: str, holds: bool, reason: str, message: str) -> None:
        self.conditions = with_condition(
            self.conditions, kind, holds, now=self.now, reason=reason, message=message
        )

    def status(self, **fields: Any) -> JSON:
        known = self.autoscaler.get("status") or {}
        return {**known, **fields, "conditions": self.conditions}


class Autoscalers:
    """Looks at each autoscaler every 15 seconds, and at a new one at once."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self.watches: Mapping[str, KeysOf] = {AUTOSCALERS: lambda one: [key_of(AUTOSCALERS, one)]}

    async def reconcile(self, key: Key) -> float | None:
        autoscaler = self._cluster.get(*key)
        if autoscaler is None:
            return None
        known = dig(autoscaler, "status", "conditions", default=[])
        look = _Look(autoscaler, self._cluster.timeline.stamp(), known)
        await self._look_at(look)
        return SYNC_EVERY

    async def _look_at(self, look: _Look) -> None:
        autoscaler = look.autoscaler
        try:
            target = scaled(self._cluster, namespace_of(autoscaler), _reference(autoscaler))
        except ApiError as refusal:
            why = f"the HPA controller was unable to get the target's current scale: {refusal}"
            await self._warn(autoscaler, "FailedGetScale", str(refusal))
            look.condition("AbleToScale", False, "FailedGetScale", why)
            await write_status(self._cluster, AUTOSCALERS, autoscaler, look.status())
            return
        look.condition(
            "AbleToScale",
            True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        least, most = autoscaler["spec"].get("minReplicas", 1), autoscaler["spec"]["maxReplicas"]
        if target.replicas == 0 and least:
            why = "scaling is disabled since the replica count of the target is zero"
            look.condition("ScalingActive", False, "ScalingDisabled", why)
            await self._write(look, 0, desiredReplicas=0)
        elif target.replicas > most:
            why = "Current number of replicas above Spec.MaxReplicas"
            await self._rescale(look, target, most, why)
        elif target.replicas < least:
            why = "Current number of replicas below Spec.MinReplicas"
            await self._rescale(look, target, least, why)
        else:
            await self._measure(look, target)

    async def _rescale(self, look: _Look, target: Scaled, wanted: int, why: str) -> None:
        await self._cluster.patch(
            target.resource, namespace_of(target.obj), name_of(target.obj), target.patch(wanted)
        )
        await self._events.record(
            look.autoscaler,
            "SuccessfulRescale",
            f"New size: {wanted}; reason: {why}",
            source=SOURCE,
        )
        said = f"the HPA controller was able to update the target scale to {wanted}"
        look.condition("AbleToScale", True, "SucceededRescale", said)
        said = "the HPA controller did not scale the workload to zero"
        look.condition("ScaledToZero", False, "NotScaledToZero", said)
        await self._write(look, target.replicas, desiredReplicas=wanted, lastScaleTime=look.now)

    async def _measure(self, look: _Look, target: Scaled) -> None:
        """What a metrics API would be asked for; there is none."""
        autoscaler = look.autoscaler
        if not target.selects:
            await self._warn(autoscaler, "SelectorRequired", "selector is required")
            why = "the HPA target's scale is missing a selector"
            look.condition("ScalingActive", False, "InvalidSelector", why)
            await self._give_up(look, target, "selector is required")
            return
        if rivals := self._rivals(autoscaler, target):
            names = " ".join([f"{namespace_of(one)}/{name_of(one)}" for one in rivals])
            why = (
                f"pods by selector {target.selector} are controlled by more than one HPA "
                f"(e.g. [{names}])"
            )
            await self._warn(autoscaler, "AmbiguousSelector", why)
            look.condition("ScalingActive", False, "AmbiguousSelector", why)
            await self._give_up(look, target, why)
            return
        found = [unmeasured(autoscaler, one) for one in autoscaler["spec"]["metrics"]]
        for one in found:
            await self._warn(autoscaler, one.reason, one.why)
        await self._say_unmeasured(look, target, found)

    async def _say_unmeasured(self, look: _Look, target: Scaled, found: list[Unmeasured]) -> None:
        first, count = found[0], len(found)
        why = f"the HPA was unable to compute the replica count: {first.why}"
        look.condition("ScalingActive", False, first.reason, why)
        summary = (
            f"invalid metrics ({count} invalid out of {count}), first error is: {first.summary}"
        )
        await self._give_up(look, target, summary, metrics=count)

    async def _give_up(self, look: _Look, target: Scaled, why: str, *, metrics: int = 0) -> None:
        await self._warn(look.autoscaler, "FailedComputeMetricsReplicas", why)
        nothing = [{"type": ""} for _ in range(metrics)] or None
        await self._write(look, target.replicas, currentMetrics=nothing)

    async def _write(self, look: _Look, current: int, **fields: Any) -> None:
        """What the target has now, which is left out when it is nothing."""
        generation = look.autoscaler["metadata"].get("generation", 1)
        status = look.status(observedGeneration=generation, currentReplicas=current)
        status |= {"currentMetrics": None, **fields}
        if not current:
            del status["currentReplicas"]
        await write_status(self._cluster, AUTOSCALERS, look.autoscaler, status)

    def _rivals(self, autoscaler: JSON, target: Scaled) -> list[JSON]:
        """The autoscaler and others whose targets select the same pods; [] when it is alone."""
        namespace = namespace_of(autoscaler)
        pods = [
            labels_of(pod)
            for pod in self._cluster.select("pods", namespace)
            if target.selects_pod(labels_of(pod))
        ]
        others = [
            one
            for one in self._cluster.select(AUTOSCALERS, namespace)
            if name_of(one) != name_of(autoscaler) and self._selects_any(one, pods)
        ]
        return [autoscaler, *others] if others else []

    def _selects_any(self, autoscaler: JSON, pods: list[dict[str, str]]) -> bool:
        try:
            target = scaled(self._cluster, namespace_of(autoscaler), _reference(autoscaler))
        except ApiError:
            return False
        return any(target.selects_pod(labels) for labels in pods)

    async def _warn(self, autoscaler: JSON, reason: str, message: str) -> None:
        await self._events.record(autoscaler, reason, message, "Warning", SOURCE)


def _reference(autoscaler: JSON) -> JSON:
    found: JSON = autoscaler["spec"]["scaleTargetRef"]
    return found
