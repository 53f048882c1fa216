"""The app before its run is read: colours, a first frame, and a door for the screen of the run.

The first frame needs a name and nothing more. The model, the runbook and the rest of the screen are
loaded after it, so a terminal shows within a moment that the program is there and what it is doing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import Monochrome, NoColor
from textual.screen import Screen

from runbook.tui.options import ScreenOptions
from runbook.tui.presenter.front import front_rows
from runbook.tui.safe import clean
from runbook.tui.terminal import TerminalDriver
from runbook.tui.widgets.palette import TERMINAL, THEMES
from runbook.tui.widgets.rows import Rows

Load = Callable[[], Awaitable[Screen[None] | None]]
"""Brings the screen of the run; None when there will be none, and the app ends."""


class RunApp(App[None]):
    """Shows that a run is being opened, then the screen that `load` brings."""

    CSS_PATH = "runbook.tcss"
    COMMANDS: ClassVar = set()
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "leave", show=False)]

    def __init__(
        self, name: str, load: Load, *, doing: str = "", options: ScreenOptions | None = None
    ) -> None:
        super().__init__(driver_class=TerminalDriver)
        self._options = options or ScreenOptions()
        self._set_colours()
        self.animation_level = "none"
        self._run_name = name
        self.title = f"opening {clean(name)}"
        self._doing = doing
        self._load = load
        self._front = Rows(id="front")
        self.run_screen: Screen[None] | None = None

    def _set_colours(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        plain = self._options.no_color or self.no_color
        self.theme = TERMINAL if plain else self._options.theme
        if plain:
            # Textual's own filter for NO_COLOR still sends greys in true colour.
            kept = [f for f in self._filters if not isinstance(f, Monochrome | NoColor)]
            self._filters = [*kept, NoColor()]
        if self._options.ascii:
            self.add_class("-ascii")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(THEMES[0].variables)

    def compose(self) -> ComposeResult:
        yield self._front

    def on_mount(self) -> None:
        self._draw_front()
        self.call_after_refresh(
            self.run_worker, self._bring, name="open", group="open", exit_on_error=True
        )

    def on_resize(self, event: events.Resize) -> None:
        self._draw_front()

    def _draw_front(self) -> None:
        columns, rows = self.size
        shown = front_rows(
            self._run_name, self._doing, columns, rows, ascii_only=self._options.ascii
        )
        self._front.show(shown)

    async def _bring(self) -> None:
        screen = await self._load()
        if screen is None:
            self.exit()
            return
        self.run_screen = screen
        await self.push_screen(screen)

    def on_key(self, event: events.Key) -> None:
        """A key that was under way when a line to type on was opened is meant for that line."""
        line = self.focused
        if isinstance(line, Rows) and line.takes(event):
            event.prevent_default()
            line.post_message(events.Key(event.key, event.character))

    def watch_title(self, title: str) -> None:
        """The window's title: readable from another tab."""
        if self._driver is not None and not self.is_headless:
            self._driver.write(f"\x1b]2;{title}\x07")

    async def action_quit(self) -> None:
        if self.run_screen is not None:
            await self.run_action("do('leave')", self.run_screen)
        else:
            self.exit()

    def action_help_quit(self) -> None:
        self.call_next(self.action_quit)
