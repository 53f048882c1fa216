"""The files that jobs leave on volumes: kept by PersistentVolume, so they outlive pods and claims.

A claim that is made again is bound to a new volume, which is empty; the files of the old one are still
there, and seen again once a claim is bound to it. Knows files and their bytes, nothing else.
"""

from __future__ import annotations


class VolumesData:
    """Volume name -> path inside it -> content."""

    def __init__(self) -> None:
        self._volumes: dict[str, dict[str, bytes]] = {}

    def write(self, volume: str, path: str, content: bytes) -> None:
        self._volumes.setdefault(volume, {})[path.strip("/")] = content

    def read(self, volume: str, path: str) -> bytes | None:
        return self._volumes.get(volume, {}).get(path.strip("/"))

    def list(self, volume: str, folder: str = "") -> list[str]:
        """Paths below a folder, in order; [] for a volume nobody wrote to."""
        below = f"{folder.strip('/')}/" if folder.strip("/") else ""
        return sorted(path for path in self._volumes.get(volume, {}) if path.startswith(below))

    def erase(self, volume: str) -> None:
        """The storage behind a volume is gone (reclaim policy Delete)."""
        self._volumes.pop(volume, None)
