"""Every flag that is accepted does something: a call with it differs from one without it.

The flags come from the parsers; each has a case in a table beside this, or a test elsewhere that fails when
it is ignored. A flag without one fails here by its name.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbook.cli.practice_cluster import start
from tests.flags import of_models, of_others, of_run
from tests.flags.cases import CASES
from tests.flags.walk import flags
from tests.flags.world import World
from tests.named import is_a_test

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
TABLES = (of_run, of_others, of_models)
ELSEWHERE = of_others.ELSEWHERE | of_models.ELSEWHERE


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("flags")
    cluster = start(folder / "cluster", speed=30, say=lambda _: None)
    try:
        yield World(folder / "home", cluster)
    finally:
        cluster.stop()


def test_each_flag_is_shown_in_one_place_and_none_that_is_not_accepted() -> None:
    shown = [*CASES, *ELSEWHERE]
    assert sorted(shown) == sorted(set(flags()))
    assert [name for name in ELSEWHERE.values() if not is_a_test(name)] == []


@pytest.mark.parametrize("flag", CASES)
def test_a_flag_makes_the_difference_that_its_case_says(world: World, flag: str) -> None:
    case = CASES[flag]
    assert case.see(world, case.words) == case.wants
    assert case.see(world, case.without) != case.wants
