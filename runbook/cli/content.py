"""Where the shipped runbooks and manifests are: beside the source, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

import runbook
from runbook.errors import UsageError

DEFAULT = "infrastructure-reproduction"


def content_root() -> Path:
    """The folder that holds `runbooks/` and `k8s/`."""
    package = Path(runbook.__file__).parent
    for candidate in (package / "content", package.parent):
        if (candidate / "runbooks").is_dir() and (candidate / "k8s").is_dir():
            return candidate
    raise UsageError("this installation holds no runbooks", hint="reinstall, or name a file")


def find_runbook(given: str | None) -> Path:
    """A file as named, or a shipped runbook by its name; without either, the reproduction drill."""
    if given is not None and (path := Path(given)).exists():
        return path.absolute()
    name = given or DEFAULT
    shipped = content_root() / "runbooks"
    path = shipped / f"{name.removesuffix('.yaml')}.yaml"
    if path.is_file() and "/" not in name:
        return path
    names = ", ".join(sorted(p.stem for p in shipped.glob("*.yaml")))
    raise UsageError(
        f"no runbook {name!r}", hint=f"give a file, or one of the shipped ones: {names}"
    )


def working_directory(runbook_file: Path) -> Path:
    """What relative names in a runbook's commands start from, wherever it is started: the folder
    that holds `runbooks/`, else the file's own.
    """
    folder = runbook_file.parent
    return folder.parent if folder.name == "runbooks" else folder
