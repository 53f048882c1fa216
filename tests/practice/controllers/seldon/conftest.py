"""A furnished stage for Seldon, and one where the application is healthy."""

from __future__ import annotations

import pytest

from tests.practice.controllers.seldon.stage import Stage


@pytest.fixture
async def stage() -> Stage:
    made = Stage()
    await made.furnish()
    return made


@pytest.fixture
async def healthy(stage: Stage) -> Stage:
    await stage.build()
    await stage.until(stage.healthy)
    return stage
