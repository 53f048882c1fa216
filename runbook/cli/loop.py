"""The event loop of a run."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, hearing of a command's end without a thread for each command."""
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        # Later versions do so by themselves.
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    return asyncio.run(main)
