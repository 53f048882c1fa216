"""Files of manifests, as `kubectl apply -f` takes them: YAML or JSON, one document or many, Lists too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runbook.target.api import JSON

_ENDINGS = (".yaml", ".yml", ".json")


class UnusableFile(Exception):
    """A file that is not there, cannot be read or does not hold what it should; says which."""


def objects_in(path: Path, given: str, *, recursive: bool = False) -> list[JSON]:
    """The objects of a file or a folder of manifests. Raises UnusableFile."""
    return [
        one
        for file, shown in files_of(path, given, recursive=recursive)
        for one in objects(read_file(file, shown), shown)
    ]


def files_of(path: Path, given: str, *, recursive: bool = False) -> Iterator[tuple[Path, str]]:
    """A file, or the manifests directly in a folder, as `kubectl apply -f` takes them; or all in it (`-R`)."""
    if not path.is_dir():
        yield path, given
        return
    for inner in sorted(path.rglob("*") if recursive else path.iterdir()):
        if inner.suffix in _ENDINGS and inner.is_file():
            yield inner, f"{given.rstrip('/')}/{inner.relative_to(path)}"


def read_file(path: Path, shown: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableFile(f"{shown}: {error.strerror or error}") from error
    if not content.strip():
        raise UnusableFile(f"{shown} is empty")
    return content


def objects(content: bytes, shown: str) -> Iterator[JSON]:
    """The Kubernetes objects of a file, those of Lists one by one."""
    try:
        documents = list(yaml.load_all(content, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The error would quote the file.
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise UnusableFile(f"{shown} is no YAML{where}") from None
    waiting: list[Any] = documents
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, dict):
            continue
        if str(one.get("kind", "")).endswith("List") and isinstance(one.get("items"), list):
            waiting = [*one["items"], *waiting]
        else:
            _require_mappings(one, shown)
            yield one


def _require_mappings(one: JSON, shown: str) -> None:
    for part in ("metadata", "spec"):
        if not isinstance(one.get(part) or {}, dict):
            raise UnusableFile(f"{shown}: {part} of a {one.get('kind')} is no mapping")
