"""Values that a run itself brings forth, by their names in expressions. Pure."""

from __future__ import annotations

from runbook.model.expressions import Unbound
from runbook.run.state import RunState


def lookup(state: RunState, name: str) -> str | None:
    """`steps.ID.status`, `steps.ID.outputs.KEY` or `registered.NAME`; None when there is none yet."""
    room, _, rest = name.partition(".")
    step = rest.removesuffix(".status")
    if room == "steps" and step != rest and state.opened and step in state.opened.outline.numbers:
        return state.step(step).status.value
    return state.outputs.get(name)


def known(state: RunState, name: str) -> str:
    """As `lookup`, for a text in which what there is not yet stays as it was written."""
    value = lookup(state, name)
    if value is None:
        raise Unbound(name)
    return value
