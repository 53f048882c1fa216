"""The event loop of a run. What its tasks fail of reaches the front door as it was raised."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from runbook.errors import RunbookError

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, raising the cause where a group of tasks failed."""
    try:
        return asyncio.run(main)
    except BaseExceptionGroup as failed:
        raise _cause(failed) from failed


def _cause(failed: BaseException) -> BaseException:
    """What made a group of tasks fail: an error that a user can meet, if there is one."""
    if not isinstance(failed, BaseExceptionGroup):
        return failed
    causes = [_cause(one) for one in failed.exceptions]
    return next((one for one in causes if isinstance(one, RunbookError)), causes[0])
