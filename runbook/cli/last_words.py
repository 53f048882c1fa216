"""What the program says when it fails, without the secrets of the run it was busy with."""

from __future__ import annotations

from collections.abc import Callable

_masks: list[Callable[[str], str]] = []


def mask_with(mask: Callable[[str], str]) -> None:
    """From now on errors are told masked."""
    _masks.append(mask)


def masked(text: str) -> str:
    for mask in _masks:
        text = mask(text)
    return text
