"""A cluster on a stepped clock, furnished, whose controllers may not stumble."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.practice.controllers.lab import Lab


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """No controller may stumble over a bug of its own while a test runs."""
    made = Lab()
    with capture_logs() as logged:
        await made.furnish()
        yield made
    assert [entry for entry in logged if entry["event"] == "reconcile failed"] == []
