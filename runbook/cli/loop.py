"""The event loop of a run. What its tasks fail of reaches the front door as it was raised."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from runbook.errors import RunbookError

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, hearing of a command's end without a thread for each command."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        # Later versions do so by themselves.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
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
