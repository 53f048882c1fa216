"""How the screen is to look and sound: what the command line and the environment may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScreenOptions:
    ascii: bool = False
    """Draw with what every terminal has."""
    bell: bool = True
    """Ring once when a person is needed."""
    no_color: bool = False
    theme: str = "runbook-dark"
    """One of `runbook.tui.widgets.palette.THEMES`."""
