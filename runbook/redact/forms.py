"""The forms in which a secret value travels: as it is, and in the encodings of the tools around us.

A value of several lines is known line by line, since logs and block scalars indent and prefix lines. Of
base64 only the characters that depend on the value alone are looked for, at each of the three byte
offsets, so whatever was encoded before and after it makes no difference.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters below which a value would mask harmless text everywhere."""

_INVISIBLE = dict.fromkeys((*range(9), *range(10, 32), 127))
_BASE64 = (base64.standard_b64encode, base64.urlsafe_b64encode)


def lines_of(value: str, shortest: int = SHORTEST) -> list[str]:
    """The lines of a value that can be masked. A PEM file's first and last lines are no secret."""
    lines = (line.strip() for line in value.splitlines())
    return [
        line
        for line in lines
        if len(line.translate(_INVISIBLE)) >= shortest and not line.startswith("-----")
    ]


def forms(value: str, shortest_line: int = SHORTEST) -> Iterator[bytes]:
    """Every form of a value that is looked for; some may be equal."""
    lines = lines_of(value)
    several = len([line for line in value.splitlines() if line.strip()]) > 1
    for line in lines_of(value, shortest_line) if several else lines:
        yield from _texts(line)
        yield from _bytes(line.encode("utf-8", "surrogatepass"))
    if lines and (several or value != value.strip()):
        raw = value.encode("utf-8", "surrogatepass")
        # Whole, a value of several lines is found only in encodings that have no line breaks.
        yield from (form for form in _texts(value) if not {10, 13} & {*form})
        yield from _bytes(raw)


def _bytes(raw: bytes) -> Iterator[bytes]:
    """Encodings of bytes."""
    for encode in _BASE64:
        yield encode(raw)
        for core in _cores(raw, encode):
            yield core
            # A manifest is often encoded as a whole, with what it holds encoded already.
            for again in _BASE64:
                yield from _cores(core, again)
    for digits in (raw.hex(), raw.hex(" "), raw.hex(":")):
        yield digits.encode()
        yield digits.upper().encode()
    for percent in (
        quote(raw, safe=""),
        quote(raw),
        quote(raw, safe="!'()*"),
        quote_plus(raw),
    ):
        yield percent.encode()
        yield _lower_escapes(percent).encode()
    yield repr(raw)[2:-1].encode()


def _cores(raw: bytes, encode: object) -> Iterator[bytes]:
    assert callable(encode)
    for offset in range(3):
        encoded: bytes = encode(b"\0" * offset + raw).rstrip(b"=")
        unknown_head = (0, 2, 3)[offset]
        unknown_tail = 1 if (offset + len(raw)) % 3 else 0
        yield encoded[unknown_head : len(encoded) - unknown_tail]


def _lower_escapes(percent: str) -> str:
    return re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), percent)


def _texts(text: str) -> Iterator[bytes]:
    """The text itself, and its escapes in JSON, YAML, XML, shells and Python."""
    once = [text, *_json(text)]
    twice = [again for inner in once[1:] for again in _json(inner)]
    others = [
        text.replace("'", "''"),  # YAML, single-quoted
        _yaml_double(text),
        html.escape(text, quote=False),
        html.escape(text),
        html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
        html.escape(text).replace("&#x27;", "&apos;"),
        shlex.quote(text)[1:-1] if shlex.quote(text) != text else text,
        text.replace("'", r"'\''"),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", text, flags=re.ASCII),  # bash's printf %q
        re.sub(r'([$`"\\])', r"\\\1", text),  # double-quoted in a shell
        text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n"),  # $'...'
        repr(text)[1:-1],
    ]
    for form in (*once, *twice, *others):
        yield form.encode("utf-8", "surrogatepass")


def _json(text: str) -> list[str]:
    ascii_only, as_is = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
    upper = re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda found: found.group().upper(), ascii_only)
    # Go, and so kubectl, also escapes what HTML gives a meaning; some escape the slash.
    go = as_is
    for character in "<>&":
        go = go.replace(character, f"\\u{ord(character):04x}")
    return [ascii_only, as_is, upper, go, as_is.replace("/", "\\/")]


def _yaml_double(text: str) -> str:
    def escape(found: re.Match[str]) -> str:
        code = ord(found.group())
        return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}"

    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return re.sub(r"[^\x20-\x7e]", escape, escaped.replace("\t", "\\t"))
