"""The command palette: the table of commands, a practice cluster's faults, and the themes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from runbook.tui.presenter.commands import COMMANDS, practice_entries, why_not
from runbook.tui.widgets.palette import DARK, LIGHT, TERMINAL

if TYPE_CHECKING:  # the screen imports this module when it is first opened
    from runbook.tui.screens.run import RunScreen

Entry = tuple[str, str, IgnoreReturnCallbackType]


class Commands(Provider):
    """What can be done, with the reason beside what cannot be done now."""

    _faults: Sequence[tuple[str, str]] = ()

    async def startup(self) -> None:
        practice = cast("RunScreen", self.screen).practice
        if practice is not None:
            self._faults = await practice.names()

    def _entries(self) -> Iterator[Entry]:
        screen = cast("RunScreen", self.screen)  # no other screen has this provider
        moment = screen.watching.moment()
        for command in COMMANDS:
            if command.listed:
                reason = why_not(command.name, moment)
                text = f"not now: {reason}" if reason else command.help
                yield f"{command.word}  ({command.shown})", text, partial(screen.do, command.name)
        for entry in practice_entries(self._faults):
            yield entry.title, entry.help, partial(screen.practise, entry.action, entry.fault)
        for theme in (DARK, LIGHT, TERMINAL):
            yield f"theme {theme}", "other colours", partial(setattr, self.app, "theme", theme)

    async def discover(self) -> Hits:
        for name, text, act in self._entries():
            yield DiscoveryHit(name, act, help=text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, text, act in self._entries():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), act, help=text)
