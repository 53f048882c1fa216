"""A furnished stage for Argo."""

from __future__ import annotations

import pytest

from tests.practice.controllers.argo.stage import Stage


@pytest.fixture
async def stage() -> Stage:
    made = Stage()
    await made.furnish()
    return made
