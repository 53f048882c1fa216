"""Follows a run and tells people of it. It never delays a run, fails it, or ends it.

Each way sends one message after the other, and waits for no other way. A message is sent at most once:
what happened before a run was taken up again is not told again. One that reaches nobody is told to the
operator, once for each way, as a note in the record while the run goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from runbook.model import wording
from runbook.model.document import Notification
from runbook.notify.message import NEWS, Message, message_of
from runbook.notify.ways import NotDelivered
from runbook.run.events import Record
from runbook.run.session import Output, Seen, Session
from runbook.run.signals import AddNote
from runbook.run.terms import Mode

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds after a run for what is still to be told."""
BY = "runbook"
"""Who notes that a message reached nobody."""

Send = Callable[[Notification, Message], Awaitable[None]]


def heard_in(mode: str, notifications: Sequence[Notification]) -> tuple[Notification, ...]:
    """Those that are sent in a mode: in practice only what is meant for it too."""
    return tuple(n for n in notifications if n.in_practice or mode != Mode.PRACTICE)


class Notifier:
    """A follower of a run. `tell` is a task of its own; `close` says that the run stands still."""

    def __init__(self, session: Session, send: Send) -> None:
        self._session = session
        self._send = send
        self._to_tell = heard_in(session.plan.mode, session.plan.notify)
        self._records: asyncio.Queue[Record | None] = asyncio.Queue()
        self._messages = [asyncio.Queue[Message | None]() for _ in self._to_tell]
        self._deadline = asyncio.timeout(None)
        self._failed: set[int] = set()
        self.untold: list[str] = []
        """What reached nobody and could not be noted any more."""

    def on_record(self, record: Record) -> None:
        if self._to_tell and isinstance(record.event, NEWS):
            self._records.put_nowait(record)

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...

    async def tell(self) -> None:
        """Send what is worth it, until `close` and a little longer."""
        try:
            async with self._deadline, asyncio.TaskGroup() as ways:
                for number in range(len(self._to_tell)):
                    ways.create_task(self._deliver_all(number))
                while (record := await self._records.get()) is not None:
                    self._hand_out(record)
                for waiting in self._messages:
                    waiting.put_nowait(None)
        except TimeoutError:
            self.untold.append(f"the last message was not sent within {PATIENCE:g} seconds")

    def close(self) -> None:
        """Nothing more is coming."""
        self._records.put_nowait(None)
        with suppress(RuntimeError):  # it does not tell, or has told everything
            self._deadline.reschedule(asyncio.get_running_loop().time() + PATIENCE)

    def _hand_out(self, record: Record) -> None:
        session = self._session
        message = message_of(session.plan, record, session.records, session.state)
        for notification, waiting in zip(self._to_tell, self._messages, strict=True):
            if message is not None and message.event in notification.events:
                waiting.put_nowait(message)

    async def _deliver_all(self, number: int) -> None:
        while (message := await self._messages[number].get()) is not None:
            await self._deliver(number, self._to_tell[number], message)

    async def _deliver(self, number: int, notification: Notification, message: Message) -> None:
        try:
            await self._send(notification, message)
        except Exception as fault:  # noqa: BLE001 - whatever is wrong with it, the run goes on
            why = fault.message if isinstance(fault, NotDelivered) else repr(fault)
            log.warning("not-told", way=wording.notified_by(notification), why=why)
            if number not in self._failed:
                self._failed.add(number)
                self._admit(f"{wording.notified_by(notification)} told nobody: {why}")

    def _admit(self, text: str) -> None:
        if self._session.send(AddNote(BY, text)):
            self.untold.append(text)
