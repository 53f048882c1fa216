"""How a submitted Argo Workflow gets on, as a fact of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowNode:
    """One node that does something, as it was when it was last looked at."""

    name: str
    phase: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowProgressed:
    kind: Literal["workflow.progressed"] = "workflow.progressed"
    step: str
    attempt: int
    workflow: str
    phase: str
    progress: str = ""
    message: str = ""
    nodes: tuple[WorkflowNode, ...] = ()
    """Those that changed since the fact before."""
    links: tuple[str, ...] = ()
    """At the end: its page, and the addresses of its artifacts."""
