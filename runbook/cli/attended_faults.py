"""The faults of a run's practice cluster, for its screen; what becomes of them is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from runbook.clock import Clock
from runbook.errors import RunbookError

if TYPE_CHECKING:  # the plan is on the screen before a client is needed
    from runbook.target.client import ClusterClient

JSON = dict[str, Any]
LOOK = 2.0
"""Seconds between two looks at a repair."""


class AttendedFaults:
    """`client` is None until the run is open; `note` writes into its record."""

    def __init__(
        self,
        client: Callable[[], ClusterClient | None],
        note: Callable[[str], object],
        clock: Clock,
    ) -> None:
        self._client = client
        self._note = note
        self._clock = clock
        self._known: list[tuple[str, str]] = []
        self._last: JSON = {"fault": None}

    async def names(self) -> Sequence[tuple[str, str]]:
        """Name and title of every fault; none before the run is open, or when nobody answers."""
        client = self._client()
        if client is not None and not self._known:
            from runbook.cli import practice_faults

            try:
                listed = await practice_faults.ask_through(client, "faults")
            except RunbookError:
                return []
            self._known = [(one["name"], one["title"]) for one in listed["faults"]]
        return self._known

    async def ask(self, action: str, name: str = "") -> Sequence[str]:
        """Do it, note it, and say it in lines. A refusal is an answer too."""
        client = self._client()
        if client is None:
            return ["the run is not open yet"]
        from runbook.cli import practice_faults

        try:
            if action == "inject":
                answer = await practice_faults.inject_through(client, name, self._clock)
            else:
                answer = await practice_faults.ask_through(client, action, name)
        except RunbookError as refusal:
            return str(refusal).splitlines()
        match action:
            case "inject":
                fault = answer["fault"]
                self._last = answer
                self._note(f"practice fault {fault['name']} injected: {fault['title']}")
            case "hint":
                fault, given = answer["fault"], len(answer["hints"])
                self._note(f"practice fault {fault['name']}: hint {given} asked for")
            case "reset":
                self._last = {"fault": None}
                self._note("practice cluster reset to its healthy beginning")
            case "status":
                self._hear(answer)
        return practice_faults.lines_of(action, answer)

    async def follow(self) -> None:
        """Until the fault in place is solved or gone: note what becomes of it."""
        from runbook.cli import practice_faults

        while self._last.get("fault") is not None and not self._last.get("solved"):
            await self._clock.sleep(LOOK)
            client = self._client()
            if client is None:
                return
            try:
                self._hear(await practice_faults.ask_through(client, "status"))
            except RunbookError:
                continue  # the cluster is busy or has ended; the next look tells

    def _hear(self, answer: JSON) -> None:
        from runbook.cli import practice_faults

        for text in practice_faults.news(self._last, answer):
            self._note(text)
        self._last = answer
