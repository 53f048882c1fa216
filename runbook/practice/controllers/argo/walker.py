"""What steps and DAGs need of the walk they are part of, and what they have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import FAILED
from runbook.practice.controllers.argo.nodes import Place


class Walker(Protocol):
    """One walk over a workflow's templates."""

    nodes: dict[str, JSON]

    @property
    def stopped(self) -> bool:
        """Whether the workflow was told to shut down."""
        ...

    def id_of(self, name: str) -> str: ...

    def was_refused(self, node: JSON) -> bool:
        """Whether a node's pod could not be made."""
        ...

    def close(self, node: JSON, phase: str, message: str = "") -> None: ...

    def node(
        self,
        place: Place,
        type_: str,
        holder: JSON | None = None,
        inputs: Mapping[str, str] | None = None,
        flag: JSON | None = None,
    ) -> JSON:
        """The node of this place, made on first sight; `holder` names its template."""
        ...

    def proceeds(self, child: JSON, outputs: Mapping[str, str]) -> bool:
        """What the condition of a step or task says. Raises BadExpression."""
        ...

    def child(self, place: Place, child: JSON, outputs: Mapping[str, str]) -> JSON: ...


def continues(child: JSON, phase: str) -> bool:
    """Whether a step or task says that this bad end does not matter."""
    allowed: dict[str, Any] = child.get("continueOn") or {}
    return bool(allowed.get("failed" if phase == FAILED else "error"))


def outputs_of(prefix: str, node: JSON) -> dict[str, str]:
    """What later templates may refer to, by tag."""
    found = {f"{prefix}.status": node["phase"], f"{prefix}.id": node["id"]}
    outputs = node.get("outputs") or {}
    if "result" in outputs:
        found[f"{prefix}.outputs.result"] = outputs["result"]
    if "exitCode" in outputs:
        found[f"{prefix}.exitCode"] = outputs["exitCode"]
    return found
