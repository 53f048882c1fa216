"""One address and the machine behind it, which can be made anew: the same cluster, healthy again.

A reset keeps URL, certificate, token and every uid that the beginning has, so kubeconfigs and
whoever pinned the cluster go on; what happened since is gone. While it lasts nothing is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runbook.practice.cluster import JSON
from runbook.practice.faults.desk import PREFIX, Desk
from runbook.practice.machine import Machine


class Host:
    """Build it, let its machine listen, then serve until cancelled."""

    def __init__(self, documents: Sequence[JSON]) -> None:
        self._documents = tuple(documents)
        self.machine = Machine()
        self._waiting: list[asyncio.Future[list[str]]] = []
        self._asked = asyncio.Event()
        desk = Desk(lambda: self.machine.referee, self.reset)
        self.machine.server.add_door(PREFIX, desk.answer)

    async def build(self) -> list[str]:
        """What did not become healthy, one line each."""
        return await self.machine.build(self._documents)

    async def reset(self) -> list[str]:
        """Have the machine replaced; only while it serves. What did not become healthy."""
        done: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._asked.set()
        return await done

    async def serve(self, speed: float) -> None:
        """Time goes on, whichever machine's it is, until cancelled."""
        while True:
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(self.machine.serve(speed))
                await self._asked.wait()
                serving.cancel()
            await self._replace()

    async def _replace(self) -> None:
        self._asked.clear()
        waiting, self._waiting = self._waiting, []
        former = self.machine
        await former.retire()
        self.machine = Machine(instead_of=former)
        unhealthy = await self.build()
        self.machine.server.lead_to(self.machine.api)
        for done in waiting:
            if not done.done():  # whoever asked may have gone
                done.set_result(unhealthy)
