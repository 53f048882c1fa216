"""Every key that is accepted does something: with it a run, a plan or a look differs from without it.

The keys come from the models of the format; each has a case in `of_runbook`, `of_steps` or `of_checks`,
and a key without one fails here by its name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from runbook.practice.apiserver.certificates import make_certificates
from tests.checks.conftest import seed_definitions, serving
from tests.keys import of_checks, of_runbook, of_steps
from tests.keys.cases import CASES
from tests.keys.walk import keys
from tests.keys.world import World, a_world

TABLES = (of_checks, of_runbook, of_steps)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("world")
    certificates = make_certificates(datetime.now(UTC))
    async with (
        serving(certificates, seed_definitions(), folder) as cluster,
        a_world(cluster, folder) as made,
    ):
        yield made


def test_no_case_is_about_a_key_that_is_not_accepted() -> None:
    assert sorted(set(CASES) - set(keys())) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("key", keys())
async def test_a_key_makes_the_difference_that_its_case_says(world: World, key: str) -> None:
    assert key in CASES, f"{key} is accepted, and no case shows that it does anything"
    case: Any = CASES[key]
    assert await case.see(world, case.given) == case.wants
    assert await case.see(world, case.without) != case.wants
