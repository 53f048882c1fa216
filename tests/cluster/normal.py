"""Two answers made comparable: what must differ between two clusters becomes the same word.

Nothing else is touched: a field that is there on one side only stays a difference.
"""

from __future__ import annotations

import json
import re
from typing import Any

JSON = dict[str, Any]

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10\.96\.\d{1,3}\.\d{1,3}\b")
_VERSION_IN_TEXT = re.compile(
    r"(?<=resource version: )\d+|(?<=current: )\d+|(?<=: )\d+ \(\d+\)|(?<=in record \()\d+"
)
_TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}\b")
_CEL_TYPE = re.compile(r"\bselfType\d+")
_AGE = re.compile(r"\d+s")
_CONTROLLERS = frozenset({"kube-controller-manager", "kube-scheduler", "kwok", "kube-apiserver"})
"""Practice does not track the fields its own controllers write (docs/practice-cluster.md)."""


class Normal:
    """Makes the answers of one side comparable; remembers uids, so that the same stays the same."""

    def __init__(self) -> None:
        self._uids: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def __call__(self, value: Any, key: str = "") -> Any:
        match value:
            case dict():
                return self._object(value)
            case list() if key == "managedFields":
                kept = [one for one in value if one.get("manager") not in _CONTROLLERS]
                return sorted((self(one) for one in kept), key=_of_owner)
            case list():
                return [self(one, key) for one in value]
            case str():
                return self._text(value, key)
            case int() if key == "nodePort":
                return "<port>"
            case _:
                return value

    def _object(self, value: JSON) -> JSON:
        prefix, name = value.get("generateName"), value.get("name")
        if prefix and isinstance(name, str) and name.startswith(prefix):
            self._names[name] = f"{prefix}<random>"
        return {self._text(key, ""): self(one, key) for key, one in value.items()}

    def _text(self, text: str, key: str) -> str:
        if key in {"resourceVersion", "continue"} and text:
            return f"<{key}>"
        if key == "cells" and _AGE.fullmatch(text):
            return "<age>"
        if text in self._names:
            return self._names[text]
        text = _UID.sub(lambda found: self._uid(found[0]), text)
        text = _TIME.sub("<time>", text)
        text = _ADDRESS.sub("<address>", text)
        text = _TOKEN_VOLUME.sub("kube-api-access-<random>", text)
        text = _CEL_TYPE.sub("selfType<random>", text)
        return _VERSION_IN_TEXT.sub("<version>", text)

    def _uid(self, uid: str) -> str:
        return self._uids.setdefault(uid, f"<uid {len(self._uids) + 1}>")


def _of_owner(entry: JSON) -> tuple[str, ...]:
    return (entry["manager"], entry["operation"], entry.get("subresource", ""), json.dumps(entry))


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every leaf by its path; an empty map or list is a leaf."""
    if isinstance(value, dict) and value:
        pairs = [(f"{path}.{key}" if path else str(key), one) for key, one in value.items()]
    elif isinstance(value, list) and value:
        pairs = [(f"{path}[{index}]", one) for index, one in enumerate(value)]
    else:
        return {path: value}
    return {place: leaf for name, one in pairs for place, leaf in leaves(one, name).items()}
