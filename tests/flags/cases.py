"""What it means to show that a flag does something: a call of the program with it, and without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.flags.world import Left, World

Words = tuple[str, ...]
Call = Callable[[World, Path, Words], Left]


@dataclass(frozen=True)
class Case:
    """`look` at what the words with the flag leave is `wants`; without the flag it is not."""

    words: Words
    without: Words
    look: Callable[[Left], object]
    wants: object
    call: Call
    before: tuple[Words, ...]

    def see(self, world: World, words: Words) -> object:
        with world.copied() as home:
            for earlier in self.before:
                world.call(home, *earlier)
            return self.look(self.call(world, home, words))


CASES: dict[str, Case] = {}


def plainly(world: World, home: Path, words: Words) -> Left:
    return world.call(home, *words)


def typing(text: str) -> Call:
    """With this on standard input."""
    return lambda world, home, words: world.call(home, *words, typed=text)


def at_a_terminal(until: str) -> Call:
    """At a terminal, until it shows this."""
    return lambda world, home, words: world.at_a_terminal(home, *words, until=until.encode())


def shows(
    flag: str,
    *given: str,
    words: Words = (),
    look: Callable[[Left], object],
    wants: object = True,
    without: Words | None = None,
    call: Call = plainly,
    before: tuple[Words, ...] = (),
) -> None:
    """The case of one flag: `given` are its values, `words` what else stands in both command lines.

    `without` replaces flag and values, where there must be something in their place.
    """
    assert flag not in CASES, f"{flag} has two cases"
    *command, option = flag.split()
    base = (*command, *words)
    CASES[flag] = Case(
        (*base, option, *given), (*base, *(without or ())), look, wants, call, before
    )


def says(text: str) -> Callable[[Left], bool]:
    return lambda left: text in left.out + left.err


def code(left: Left) -> int | None:
    """The exit code."""
    return left.code


def is_json(left: Left) -> bool:
    return left.out.lstrip()[:1] in ("{", "[") and left.out.rstrip()[-1:] in ("}", "]")
