"""Every key that an author may write, found by walking the models of the format."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from runbook.model.base import FormatModel
from runbook.model.document import Runbook


def models(root: type[FormatModel] = Runbook) -> list[type[FormatModel]]:
    """A model and every model that stands anywhere in it, each once."""
    found: dict[type[FormatModel], None] = {root: None}
    waiting = [root]
    while waiting:
        for field in waiting.pop().model_fields.values():
            for inner in _in(field.annotation):
                if inner not in found:
                    found[inner] = None
                    waiting.append(inner)
    return list(found)


def keys() -> list[str]:
    """`Model.key` for each, as an author writes the key."""
    return [
        f"{model.__name__}.{field.alias or name}"
        for model in models()
        for name, field in model.model_fields.items()
    ]


def _in(annotation: Any) -> Iterator[type[FormatModel]]:
    if isinstance(annotation, type) and issubclass(annotation, FormatModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _in(inner)
