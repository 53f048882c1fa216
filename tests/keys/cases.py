"""What it means to show that a key does something: a sight of it, and the same sight without it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from runbook.errors import RunbookError
from runbook.plan import Plan
from runbook.tui.presenter.card import card
from runbook.tui.watching import Watching
from tests.keys.world import Operator, Performed, World
from tests.run.driving import Drive

See = Callable[[World, Any], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """`see(given)` is `wants`, and `see(without)` is not: then the key is what makes the difference."""

    see: See
    given: Any
    without: Any
    wants: object


CASES: dict[str, Case] = {}


def shows(key: str, see: See, given: Any, without: Any, wants: object) -> None:
    """The case of one key. `without` has no such key, or, where one is required, another value."""
    assert key not in CASES, f"{key} has two cases"
    CASES[key] = Case(see, given, without, wants)


def performed(look: Callable[[Performed], object], operator: Operator | None = None) -> See:
    """What a whole run of a document leaves to be looked at."""

    async def see(world: World, document: Any) -> object:
        files = document.get("x-files")
        return look(await world.perform(document, operator, files))

    return see


def planned(look: Callable[[Plan], object], **inputs: str) -> See:
    """What a plan says; the error's words when there is none."""

    async def see(world: World, document: Any) -> object:
        try:
            return look(world.planned(document, document.get("x-files"), **inputs))
        except RunbookError as fault:
            return str(fault)

    return see


def driven(look: Callable[[Drive], object]) -> See:
    """What the machine says, a person being asked nothing yet."""

    async def see(world: World, document: Any) -> object:
        return look(Drive(world.planned(document)))

    return see


def refused(words: str, **inputs: str) -> See:
    """Whether a document is refused with these words."""

    async def see(world: World, document: Any) -> object:
        try:
            world.planned(document, document.get("x-files"), **inputs)
        except RunbookError as fault:
            return words in str(fault)
        return False

    return see


async def looked(world: World, check: Any) -> object:
    """The verdict of one look; `{name}` in a text is the address of that service."""
    return await world.look(_addressed(check, world.services))


def _addressed(value: Any, services: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _addressed(item, services) for key, item in value.items()}
    if value == "{port}":
        return int(services["port"])
    if isinstance(value, str):
        for name, address in services.items():
            value = value.replace(f"{{{name}}}", address)
    return value


def on_the_card(run: Drive) -> str:
    """What the screen's card says now."""

    class Still:
        plan, state, records = run.plan, run.state, tuple(run.records)

        def follow(self, _: object) -> None: ...

    session: Any = Still()
    watching = Watching(session, lambda: run.now, "ann", lambda _: b"", lambda _: None)
    watching.begin()
    rows = card(watching.moment(), 100, 30).rows
    return "\n".join("".join(span.text for span in row) for row in rows)
