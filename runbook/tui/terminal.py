"""The terminal the app draws on, as something that may go away: a closed window, a lost connection.

Textual's writer ends at its first failed write; whoever then draws waits for ever, and a run that is to
be held never ends. Here a terminal that is gone takes everything and shows nothing.
"""

from __future__ import annotations

from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Textual's driver, on a terminal that may go away."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        terminal = self._file
        assert terminal is not None  # without a terminal there is no screen
        self._file = _Leaving(terminal)  # type: ignore[assignment]  # as much of a file as is used


class _Leaving:
    """Passes on what is written until the terminal is gone."""

    def __init__(self, file: IO[str]) -> None:
        self._terminal = file
        self._gone = False

    def write(self, text: str) -> int:
        if not self._gone:
            try:
                return self._terminal.write(text)
            except (OSError, ValueError):
                self._gone = True
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            try:
                self._terminal.flush()
            except (OSError, ValueError):
                self._gone = True

    def fileno(self) -> int:
        return self._terminal.fileno()

    def isatty(self) -> bool:
        return self._terminal.isatty()
