"""Shows one moment of the drill in this terminal: `python -m tests.tui.show failed [--ascii] [--hostile]`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable

from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.watching import Batch
from tests.tui.drill import (
    LONG_HOSTILE,
    MOMENTS,
    FakeBatch,
    GoingClock,
    app_over,
    cluster_at,
    live,
    pod,
    thing,
)


def build(moment: str, *, hostile: bool = False, **options: object) -> RunApp:
    """An app over a moment of the drill, with time going on from there."""
    session = MOMENTS[moment]()
    clock = GoingClock()
    clock.elapsed = session.clock.elapsed
    session.clock = clock

    async def feed(on_batch: Callable[[Batch], None]) -> None:
        for batch in cluster_at(moment, session):
            on_batch(batch)
        if hostile:
            on_batch(
                FakeBatch(
                    (
                        pod(LONG_HOSTILE, f"ErrImagePull [/seldon]{LONG_HOSTILE}"),
                        thing("Model", LONG_HOSTILE, "not_ready", detail=LONG_HOSTILE),
                    ),
                    live(),
                )
            )
            session.prints_bytes(f"{LONG_HOSTILE}\n\x1b[1;31mred\x1b[0m \x1b[5Cplain\n".encode())
        await asyncio.Event().wait()

    return app_over(session, feed=feed, options=ScreenOptions(**options))  # type: ignore[arg-type]  # options by name


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("moment", choices=MOMENTS)
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--hostile", action="store_true")
    given = parser.parse_args()
    build(given.moment, hostile=given.hostile, ascii=given.ascii).run()


if __name__ == "__main__":
    main()
