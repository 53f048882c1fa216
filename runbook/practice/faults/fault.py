"""What a fault is. Data, and the two functions that only it can know: how to break, how to judge.

Rule 1: injection writes only what a person or another program could have written through the API.
Rule 2: a check and a penalty's detector read, and read only what an API shows. Rule 3: commands are
what a person would type in the repository's root; the tests carry them out as they stand here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case

Inject = Callable[[Bench], Awaitable[None]]
Check = Callable[[Case], Awaitable[str]]
"""What is still wrong; empty when the repair holds. Symptoms first: a trainee reads this."""
Seen = Callable[[Case], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Symptom:
    """A command a person would look with, and a text that is in its answer."""

    command: str
    shows: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """One accepted way out, command by command."""

    title: str
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Penalty:
    """A shortcut that costs: what gave it away, and an example of it."""

    name: str
    why: str
    seen: Seen
    shortcut: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which the platform can be broken."""

    name: str
    title: str
    story: str
    symptoms: tuple[Symptom, ...]
    diagnosis: str
    remedies: tuple[Remedy, ...]
    penalties: tuple[Penalty, ...]
    hints: tuple[str, str, str]
    inject: Inject
    check: Check
