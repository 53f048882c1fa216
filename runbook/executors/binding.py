"""Values that exist only while a run goes on, put into a step right before it is performed."""

from __future__ import annotations

from typing import TypeVar

from runbook.executors.base import Desk
from runbook.model import binding, expressions
from runbook.model.base import FormatModel
from runbook.plan import Scalar

M = TypeVar("M", bound=FormatModel)


def late_names(model: FormatModel) -> set[str]:
    """The values that a step or check waits for (`run` scripts apart)."""
    return {
        name
        for path, text in binding.walk_texts(model)
        if "${{" in text and path != ("when",)
        for name in expressions.references(expressions.parse(text))
    }


async def bind_late(model: M, desk: Desk) -> M:
    """A copy of a step or check with every late expression resolved (`run` scripts apart).

    Raises RunbookError when a value cannot be had: a secret that is not there, an output that an
    earlier step did not give.
    """
    names = late_names(model)
    if not names:
        return model
    values: dict[str, Scalar] = {name: await desk.value(name) for name in sorted(names)}

    def lookup(name: str) -> Scalar:
        if name not in values:
            raise expressions.Unbound(name)  # of `when`, which has been answered by now
        return values[name]

    return binding.bind(model, lookup)


async def text_of(node: expressions.Node, desk: Desk) -> str:
    """An expression's value, written out."""
    values = {name.name: await desk.value(name.name) for name in expressions.names(node)}
    return expressions.as_text(expressions.value_of(node, values.__getitem__))
