"""Learns secrets from what a command prints, before it is passed on.

A document that is a Kubernetes Secret, or a List that holds some, teaches the values of its `data` and
`stringData`. `##runbook[mask]VALUE` on a line of its own teaches VALUE. Since kubectl writes `data` before
`kind`, a document that looks like a Kubernetes object is held back until it is complete; everything
else passes line by line, and a line that can teach nothing passes at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from runbook.redact.forms import SHORTEST

MASK = b"##runbook[mask]"
LARGEST = 16 * 1024 * 1024
"""Bytes of a document that is held back; a larger one is left out, since it cannot be looked through."""
LONG_LINE = 16
"""Lines of a learned value of several lines are masked from this many characters on: configuration files
are full of short lines that stand in every other file as well."""

Learn = Callable[[str, str], object]
"""Is told the name and the value of a secret."""

_OBJECT = re.compile(rb"\s*(?:\{|apiVersion:|kind:|items:|data:|stringData:|metadata:)")
_MAY_BEGIN = tuple(
    word[:size]
    for word in (b"apiVersion:", b"kind:", b"items:", b"data:", b"stringData:", b"metadata:", MASK)
    for size in range(1, len(word))
)
_YAML_GOES_ON = re.compile(rb"[ \t\r\n#-]|[A-Za-z0-9_.\"'-]+:(?:\s|$)|$")
_HOLDS_SECRETS = re.compile(rb"[\"']?kind[\"']?\s*:\s*[\"']?(?:Secret|SecretList)\b")
_TELLING_KEY = re.compile(r"pass|secret|token|auth|credential|key$", re.IGNORECASE)
_PUBLIC = re.compile(
    r".*user(?:[._-]?name)?|(?:.*[._-])?(?:ca\.crt|tls\.crt|namespace|access[._-]?key(?:[._-]?id)?|client[._-]?id"
    r"|ur[li]|endpoint|database|db(?:[._-]?name)?|host(?:name)?|port|region|bucket|type|provider|enabled)",
    re.IGNORECASE,
)
"""Keys whose values are no secret and stand in every other output: only their base64 is masked."""


class Learner:
    """One stream of what a command prints."""

    def __init__(self, learn: Learn, name: str) -> None:
        self._learn = learn
        self._name = name
        self._line = bytearray()
        """The present line, while it may still begin something."""
        self._passing = False
        """The present line is known to teach nothing and passes as it comes."""
        self._cut = False
        """The present line is too long to be held, and what is left of it belongs to the document."""
        self._document = bytearray()
        self._kind = ""
        self._left_out = 0

    def feed(self, data: bytes) -> bytes:
        """What can be passed on now."""
        done = bytearray()
        for piece in _lines(data):
            done += self._piece(piece)
        return bytes(done)

    def flush(self) -> bytes:
        """The end of the stream: what was held back."""
        done = self._whole_line(bytes(self._line)) if self._line else b""
        self._line.clear()
        self._passing = self._cut = False
        return done + self._end_document()

    def _piece(self, piece: bytes) -> bytes:
        ended = piece.endswith(b"\n")
        if self._passing:
            self._passing = not ended
            return piece
        if self._cut:
            self._hold(piece)
            self._cut = not ended
            return self._end_document() if ended and self._kind == "line" else b""
        self._line += piece
        if ended or len(self._line) > LARGEST:
            line = bytes(self._line)
            self._line.clear()
            self._cut = not ended
            done = self._whole_line(line)
            if self._cut and not self._kind:
                self._cut, self._passing = False, True
            return done
        if self._kind or _OBJECT.match(self._line) or _may_begin(bytes(self._line)):
            return b""
        self._passing = True
        line = bytes(self._line)
        self._line.clear()
        return line

    def _whole_line(self, line: bytes) -> bytes:
        if line.startswith(MASK):
            value = line.removeprefix(MASK).decode("utf-8", "replace").strip("\r\n")
            self._learn(self._name, value)
        done = b""
        if self._kind == "yaml" and (line.startswith(b"---") or not _YAML_GOES_ON.match(line)):
            done = self._end_document()
        if not self._kind:
            self._kind = _kind_of(line)
            if not self._kind:
                return done + line
        self._hold(line)
        ends = self._kind == "line" or (self._kind == "json" and line.startswith(b"}"))
        last = ends and not self._cut
        return done + (self._end_document() if last else b"")

    def _hold(self, line: bytes) -> None:
        if self._left_out or len(self._document) + len(line) > LARGEST:
            self._left_out += len(self._document) + len(line)
            self._document.clear()
        else:
            self._document += line

    def _end_document(self) -> bytes:
        document, left_out = bytes(self._document), self._left_out
        self._document.clear()
        self._kind, self._left_out = "", 0
        if left_out:
            return f"[{left_out} bytes left out: too large to be looked through for Secrets]\n".encode()
        for name, value in secrets_in(document):
            self._learn(name, value)
        return document


def _lines(data: bytes) -> Iterator[bytes]:
    """Only a line feed ends a line."""
    start = 0
    while (end := data.find(b"\n", start) + 1) > 0:
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


def _may_begin(line: bytes) -> bool:
    begun = line.lstrip()
    return not begun or begun in _MAY_BEGIN or begun.startswith(MASK)


def _kind_of(line: bytes) -> str:
    """How the document that this line begins ends: `yaml`, `json`, with this `line`; empty for none."""
    if not _OBJECT.match(line):
        return ""
    if not line.lstrip().startswith(b"{"):
        return "yaml"
    return "json" if line.strip() == b"{" else "line"


def secrets_in(document: bytes) -> Iterator[tuple[str, str]]:
    """Names and values of what the Secrets in a document hold, as they are and as they are written."""
    if not _HOLDS_SECRETS.search(document):
        return
    for secret in _secrets(_parsed(document)):
        name = str((secret.get("metadata") or {}).get("name") or "secret")
        for key, value in _entries(secret):
            yield f"{name}.{key}", value


def _parsed(document: bytes) -> Any:
    text = document.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return list(_json_documents(text))
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return list(yaml.load_all(text, loader))
    except yaml.YAMLError:
        return None


def _json_documents(text: str) -> Iterator[Any]:
    """Those before the first text that is no JSON."""
    decoder = json.JSONDecoder()
    rest = text.lstrip()
    while rest.startswith("{"):
        try:
            document, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return
        yield document
        rest = rest[end:].lstrip()


def _secrets(parsed: Any) -> Iterator[dict[str, Any]]:
    items = parsed if isinstance(parsed, list) else [parsed]
    for item in items:
        if not isinstance(item, dict):
            continue
        if item.get("kind") == "Secret":
            yield item
        elif isinstance(item.get("items"), list):
            # Items of a SecretList do not say again what they are.
            yield from (
                inner
                for inner in item["items"]
                if isinstance(inner, dict)
                and "Secret" in (inner.get("kind"), str(item.get("kind")).removesuffix("List"))
            )


def _entries(secret: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, encoded in (("data", True), ("stringData", False)):
        entries = secret.get(field)
        for key, written in (entries if isinstance(entries, dict) else {}).items():
            if not isinstance(key, str) or not isinstance(written, str):
                continue
            value = _decoded(written) if encoded else written
            if value is not None and not _PUBLIC.fullmatch(key):
                yield key, value
                yield from ((f"{key}.{inner}", leaf) for inner, leaf in _inside(value))
            if encoded and len(written) >= SHORTEST:
                yield key, written  # also of what is no text, or too short to be masked as it is


def _decoded(written: str) -> str | None:
    try:
        return base64.b64decode(written, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _inside(value: str) -> Iterator[tuple[str, str]]:
    """What a value that is itself JSON keeps under telling keys: an access key, a registry's password."""
    if not value.lstrip().startswith("{"):
        return
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return
    rest = [parsed]
    while rest:
        for key, inner in rest.pop().items():
            if isinstance(inner, dict):
                rest.append(inner)
            elif isinstance(inner, str) and _TELLING_KEY.search(str(key)):
                yield str(key), inner
