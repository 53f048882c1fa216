"""Manifests as a practice cluster is seeded with them: from this package, from files, from folders.

Rules: a folder with a `kustomization.yaml` is read through its `resources` and may use no other
generator or transformer, so that what is seeded equals what `kubectl apply -k` would send; a folder
without one is read like `kubectl apply -f`. Everything wrong with a file is a `UsageError` that names it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from runbook.errors import UsageError
from runbook.practice.cluster import JSON

PACKAGED = ("crds.yaml", "sealing-key.yaml", "platform.yaml")
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_KUSTOMIZATION = "kustomization.yaml"
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
# Go's JSON encoder writes these five as escapes; a difference would read as a change to be applied.
_AS_GO_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_ALLOWED_KEYS = frozenset({"apiVersion", "kind", "resources"})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml may be missing
    """YAML as Kubernetes reads it: a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def packaged() -> list[JSON]:
    """The platform every practice cluster starts with."""
    folder = resources.files("runbook.practice.seed")
    found: list[JSON] = []
    for name in PACKAGED:
        found += parse(folder.joinpath(name).read_text(encoding="utf-8"), name)
    return found


def read(path: Path) -> list[JSON]:
    """Every object of a manifest file, a kustomization or a folder of manifests."""
    if path.is_dir():
        return _folder(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"cannot read the manifest: {fault}", where=str(path)) from fault
    return parse(text, str(path))


def parse(text: str, where: str) -> list[JSON]:
    """The documents of one text; empty ones are left out, a List is taken apart."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as fault:
        raise UsageError(f"not YAML: {fault}", where=where) from fault
    objects: list[JSON] = []
    for document in documents:
        if document is None:
            continue
        _require_object(document, where)
        if document["kind"] == "List":
            objects += document.get("items") or []
        else:
            objects.append(document)
    for obj in objects:
        _require_object(obj, where)
        if not isinstance(obj.get("metadata"), dict) or not obj["metadata"].get("name"):
            raise UsageError(f"a {obj['kind']} without metadata.name", where=where)
    return objects


def stored_form(obj: JSON) -> JSON:
    """A Secret's `stringData` is for readers; what is stored is `data`."""
    if obj["kind"] != "Secret" or "stringData" not in obj:
        return obj
    stored = {key: value for key, value in obj.items() if key != "stringData"}
    written = {
        key: base64.b64encode(text.encode()).decode() for key, text in obj["stringData"].items()
    }
    return {**stored, "data": {**stored.get("data", {}), **written}}


def as_applied(obj: JSON) -> JSON:
    """As if `kubectl apply` had created it, so that the next apply finds nothing to change."""
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    # kubectl writes the key `annotations` even when there are none.
    bare = {**obj, "metadata": {**metadata, "annotations": annotations}}
    text = json.dumps(bare, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    annotated = {**annotations, LAST_APPLIED: text.translate(_AS_GO_ESCAPES) + "\n"}
    return {**obj, "metadata": {**metadata, "annotations": annotated}}


def _folder(path: Path) -> list[JSON]:
    if (path / _KUSTOMIZATION).exists():
        return _kustomization(path)
    files = sorted(entry for entry in path.iterdir() if entry.suffix in _SUFFIXES)
    if not files:
        raise UsageError(f"no manifest here, looked for {sorted(_SUFFIXES)}", where=str(path))
    return [obj for entry in files for obj in read(entry)]


def _kustomization(path: Path) -> list[JSON]:
    where = path / _KUSTOMIZATION
    try:
        described: Any = yaml.load(where.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise UsageError(f"cannot read the kustomization: {fault}", where=str(where)) from fault
    if not isinstance(described, dict) or not isinstance(described.get("resources"), list):
        raise UsageError("a kustomization with a list of resources is needed", where=str(where))
    if foreign := sorted(set(described) - _ALLOWED_KEYS):
        raise UsageError(
            f"only `resources` can be seeded, found {', '.join(foreign)}",
            where=str(where),
            hint="render it: kubectl kustomize DIR > FILE, and seed the file",
        )
    return list(_resources(path, described["resources"]))


def _resources(path: Path, entries: list[Any]) -> Iterable[JSON]:
    for entry in entries:
        target = path / str(entry)
        if not target.exists():
            raise UsageError(f"resource {entry!r} does not exist", where=str(path / _KUSTOMIZATION))
        yield from read(target)


def _require_object(document: Any, where: str) -> None:
    if not isinstance(document, dict) or not document.get("apiVersion") or not document.get("kind"):
        raise UsageError("every document needs apiVersion and kind", where=where)
