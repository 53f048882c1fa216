"""The experiments the scheduler knows, and what follows for each from the models it splits over.

Rule 1: an experiment is active only while every candidate (and the mirror) is available; it needs no
one to start it again when they come back. Rule 2: a model can be the default of one experiment only.
"""

from __future__ import annotations

from collections.abc import Callable

from runbook.practice.controllers.seldon.inventory import (
    ExperimentEntry,
    ExperimentSpec,
    ExperimentStatus,
    FailedPrecondition,
)

ACTIVE = "experiment active"
STOPPED = "experiment stopped"


class ExperimentBook:
    """`is_available` answers for one model by name."""

    def __init__(self, is_available: Callable[[str], bool]) -> None:
        self._is_available = is_available
        self.entries: dict[str, ExperimentEntry] = {}

    def start(self, spec: ExperimentSpec) -> None:
        """Accept or replace. Raises FailedPrecondition with the scheduler's words."""
        self._validate(spec)
        self.entries[spec.name] = ExperimentEntry(spec)

    def begin_stop(self, name: str) -> None:
        if name not in self.entries:
            raise FailedPrecondition(f"Experiment {name} not found")
        self.entries[name].stopping = True

    def end_stop(self, name: str) -> None:
        entry = self.entries.get(name)
        if entry is not None and entry.stopping:
            del self.entries[name]

    def status(self, name: str) -> ExperimentStatus | None:
        entry = self.entries.get(name)
        if entry is None:
            return None
        spec = entry.spec
        candidates = all(self._available(spec, c.name) for c in spec.candidates)
        mirror = not spec.mirror or self._available(spec, spec.mirror)
        missing = next((m for m in spec.members if not self._available(spec, m)), "")
        text = ACTIVE
        if entry.stopping:
            text = STOPPED
        elif missing:
            text = f"no live replica for model {missing} for model route {name}.experiment"
        return ExperimentStatus(
            generation=spec.generation,
            active=not missing and not entry.stopping,
            text=text,
            candidates_ready=candidates,
            mirror_ready=mirror,
            stopping=entry.stopping,
        )

    def active(self) -> list[ExperimentSpec]:
        return [
            entry.spec
            for name, entry in sorted(self.entries.items())
            if (status := self.status(name)) is not None and status.active
        ]

    def involving(self, model: str) -> list[str]:
        """Names of the experiments whose state hangs on this model."""
        return [name for name, entry in self.entries.items() if model in entry.spec.members]

    def _available(self, spec: ExperimentSpec, member: str) -> bool:
        # Pipelines are never available here: the platform runs none.
        return spec.resource_type == "model" and self._is_available(member)

    def _validate(self, spec: ExperimentSpec) -> None:
        names = [candidate.name for candidate in spec.candidates]
        if not names:
            raise FailedPrecondition(f"experiment {spec.name} has no candidates")
        if len(set(names)) < len(names):
            raise FailedPrecondition(f"experiment {spec.name} has duplicate candidates")
        if not spec.default:
            return
        if spec.default not in names:
            raise FailedPrecondition(
                f"default model/pipeline {spec.default} not found in experiment {spec.name} candidates"
            )
        for other, entry in self.entries.items():
            if other != spec.name and entry.spec.default == spec.default and not entry.stopping:
                raise FailedPrecondition(
                    f"model {spec.default} in experiment {spec.name} already a default model"
                    f" in experiment {other}"
                )
