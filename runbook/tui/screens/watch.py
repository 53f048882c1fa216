"""The screen of a run that another terminal performs: the same panes, and no question is put here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runbook.clock import Clock
from runbook.run.session import Session
from runbook.tui.options import ScreenOptions
from runbook.tui.presenter.moment import Moment
from runbook.tui.screens.run import Feed, RunScreen


class WatchScreen(RunScreen):
    """Shows one session. Leaving it ends nothing."""

    def __init__(
        self,
        session: Session,
        *,
        clock: Clock,
        operator: str,
        output_of: Callable[[str], bytes],
        reports: Callable[[], list[str]],
        feed: Feed | None,
        on_ready: Callable[[], Awaitable[None]] | None = None,
        options: ScreenOptions,
    ) -> None:
        super().__init__(
            session,
            clock=clock,
            operator=operator,
            output_of=output_of,
            reports=reports,
            write_report=self._nothing_is_written,
            feed=feed,
            on_ready=on_ready,
            options=options,
        )
        self.watching.spectator = True

    async def _nothing_is_written(self) -> list[str]:
        return []

    def _ask(self, moment: Moment) -> None:
        """What waits for a person waits for the one at the other terminal."""

    def _do_leave(self, moment: Moment) -> None:
        self.app.exit()
