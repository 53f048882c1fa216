"""Whole kustomizations, walked on both clusters: applied, listed, compared, applied again, deleted.

Each folder below `kustomizations/` is one of a kind that others write: overlays of one base, generators,
components, patches, several namespaces, kinds of a cluster's own, definitions with their objects.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cluster.conformance.normal import normal
from tests.cluster.processes import wait_until
from tests.cluster.sides import Said, Side

HERE = Path(__file__).parent / "kustomizations"
SETS = (
    ("shop/overlays/north",),
    ("shop/overlays/south",),
    ("towns",),
    ("access",),
    ("machinery",),
    ("workers",),
    ("plant/definitions", "plant/site"),
    ("claims",),
)
NAMESPACES = ("access", "claims", "north", "plant", "south", "workers")
SETTLED = 60.0
"""Seconds until controllers have done on both sides what they do."""


@pytest.fixture(params=SETS, ids=lambda one: one[-1].replace("/", "-"))
def folders(
    request: pytest.FixtureRequest, real: Side, practice: Side
) -> Iterator[tuple[str, ...]]:
    chosen: tuple[str, ...] = request.param
    with contextlib.ExitStack() as undo:
        for side in (real, practice):
            for folder in chosen:
                undo.callback(_delete, side, folder)
        yield chosen
    wait_until(
        lambda: not _namespaces(real) and not _namespaces(practice), SETTLED, "namespaces are gone"
    )


def _delete(side: Side, folder: str) -> None:
    side.kubectl("delete", "-k", str(HERE / folder), "--ignore-not-found", "--timeout=60s")


def _namespaces(side: Side) -> list[str]:
    names = [f"kustom-{name}" for name in NAMESPACES]
    found = side.kubectl("get", "ns", *names, "--ignore-not-found", "-o", "name")
    return found.out.split()


class Walk:
    """The same commands on both sides, one after the other."""

    def __init__(self, real: Side, practice: Side) -> None:
        self._sides = (real, practice)

    def both(self, *words: str) -> list[Said]:
        with ThreadPoolExecutor(2) as hands:
            return list(hands.map(lambda side: side.kubectl(*words, seconds=120), self._sides))

    def equal(self, *words: str) -> Said:
        """What real said, after both said the same."""
        real, practice = self.both(*words)
        assert _shown(practice) == _shown(real)
        return real

    def settle(self, *words: str) -> None:
        """Both come to say the same."""
        said: list[Said] = []

        def same() -> bool:
            said[:] = self.both(*words)
            return _shown(said[0]) == _shown(said[1])

        with contextlib.suppress(TimeoutError):  # the comparison below says what differs
            wait_until(same, SETTLED, "both say the same")
        assert _shown(said[1]) == _shown(said[0])


def _shown(said: Said) -> tuple[int, list[str], list[str]]:
    return said.code, normal(said.out).splitlines(), normal(said.err).splitlines()


@pytest.mark.parametrize("way", [(), ("--server-side",)], ids=["client", "server"])
def test_a_kustomization_lives_the_same_life(
    folders: tuple[str, ...], way: tuple[str, ...], real: Side, practice: Side
) -> None:
    walk = Walk(real, practice)
    for folder in folders:
        place = ("-k", str(HERE / folder))
        applied = walk.equal("apply", *way, *place)
        assert applied.code == 0
        walk.settle("get", *place)
        walk.settle("get", *place, "-o", "wide")
        again = walk.equal("apply", *way, *place)  # what is not written as stored is configured
        assert again.code == 0
        assert " created" not in again.out
        same = walk.equal("diff", *way, *place)
        assert (same.code, same.out) == (0, "")
    for folder in reversed(folders):
        deleted = walk.equal("delete", "-k", str(HERE / folder), "--timeout=60s")
        assert deleted.code == 0
