"""The keys of a run's screen: those of the table of commands, and those that move about."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from runbook.tui.presenter import commands
from runbook.tui.presenter.geometry import Pane


def bindings() -> list[BindingType]:
    """Every key with the action that it is for."""
    return [
        *(
            Binding(c.keys, f"do('{c.name}')", c.word, id=c.name, show=False)
            for c in commands.COMMANDS
        ),
        *(Binding(str(n), f"view({n})", f"pane {n}", show=False) for n in range(1, len(Pane) + 1)),
        Binding("escape", "step_back", "back", show=False),
        Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
        Binding("g", "end(False)", "first", show=False),
        Binding("G", "end(True)", "last", show=False),
    ]
