"""Puts every bar and pane where the geometry says, for the size at hand and the view that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from runbook.tui.presenter.geometry import START, View, places

if TYPE_CHECKING:  # Textual's own signature, for the type checker alone
    from collections.abc import Sequence


class Places(Layout):
    """The geometry as a Textual layout."""

    name = "places"

    def __init__(self) -> None:
        self.view = START

    def arrange(
        self, parent: Widget, children: Sequence[Widget], size: Size, greedy: bool = True
    ) -> ArrangeResult:
        boxes = places(size.width, size.height, self.view)
        return [
            WidgetPlacement(Region(*boxes[child.id]), NULL_OFFSET, NULL_SPACING, child)
            for child in children
            if child.id is not None and child.id in boxes
        ]


class Board(Widget):
    """The whole screen."""

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children, id="board")
        self._places = Places()
        # The descriptor knows layouts by name only; the rule itself takes the object.
        self.styles.set_rule("layout", self._places)

    @property
    def view(self) -> View:
        return self._places.view

    def look_at(self, view: View) -> None:
        self._places.view = view
        self.show_what_is_placed(self.size)
        self.refresh(layout=True)

    def on_resize(self, event: events.Resize) -> None:
        self.show_what_is_placed(event.size)

    def show_what_is_placed(self, size: Size) -> None:
        """What has no place is not there: it takes no focus and no key."""
        boxes = places(size.width, size.height, self.view)
        for child in self.children:
            child.display = child.id in boxes
