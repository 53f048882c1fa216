"""Every encoding in which a secret is known to travel, and what may stand in its middle."""

from __future__ import annotations

import base64
import html
import json
import random
import shlex
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
import yaml

from runbook.redact import Redactor

Encode = Callable[[str], str]
SPECIAL = "pä ss/w\"o+r'd\\<&>%42$x"
PLAIN = "kT7vQ2mZx9LbW4sR"
MASK = "[REDACTED:db]"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def wrapped(text: str, width: int, indent: str = "") -> str:
    return f"\n{indent}".join(text[at : at + width] for at in range(0, len(text), width))


def around(value: str) -> str:
    return "a line before it = " * 5 + value + " and a good deal after it" * 4


def go_json(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


ENCODINGS: dict[str, Encode] = {
    "plain": lambda v: v,
    "in the middle": around,
    "twice in a row": lambda v: v + v,
    "base64": b64,
    "base64 url": lambda v: base64.urlsafe_b64encode(v.encode()).decode(),
    "base64 without padding": lambda v: b64(v).rstrip("="),
    "base64 at offset 1": lambda v: b64("u" + v),
    "base64 at offset 2": lambda v: b64("u:" + v),
    "base64 with a line feed": lambda v: b64(v + "\n"),
    "base64 with a space": lambda v: b64(v + " "),
    "base64 with text": lambda v: b64(f"user:{v}@host"),
    "base64 wrapped at 64": lambda v: wrapped(b64(around(v)), 64),
    "base64 wrapped at 76": lambda v: wrapped(b64(around(v)), 76),
    "base64 wrapped and indented": lambda v: wrapped(b64(around(v)), 64, "    "),
    "base64 wrapped with CRLF": lambda v: wrapped(b64(around(v)), 76, "").replace("\n", "\r\n"),
    "base64 of base64": lambda v: b64(b64(v)),
    "base64 of a manifest": lambda v: b64(f"data:\n  password: {b64(v)}\n"),
    "base64 of a manifest, offset 1": lambda v: b64(f"data:\n   password: {b64(v)}\n"),
    "base64 of a manifest, offset 2": lambda v: b64(f"data:\n    password: {b64(v)}\n"),
    "hex": lambda v: v.encode().hex(),
    "HEX": lambda v: v.encode().hex().upper(),
    "hex in pairs": lambda v: v.encode().hex(" "),
    "URL": lambda v: quote(v, safe=""),
    "URL path": quote,
    "URL form": quote_plus,
    "url": lambda v: quote(v, safe="").lower() if v == PLAIN.lower() else _lower(v),
    "encodeURIComponent": lambda v: quote(v, safe="!'()*"),
    "JSON": json.dumps,
    "JSON as is": lambda v: json.dumps(v, ensure_ascii=False),
    "JSON by Go": go_json,
    "JSON in JSON": lambda v: json.dumps(json.dumps({"password": v})),
    "JSON in JSON by Go": lambda v: go_json(go_json(v)),
    "YAML single-quoted": lambda v: yaml.safe_dump(v, default_style="'", allow_unicode=True),
    "YAML double-quoted": lambda v: yaml.safe_dump(v, default_style='"', width=1000),
    "YAML block": lambda v: f"key: |\n    {v}\n",
    "XML": lambda v: html.escape(v, quote=False),
    "HTML": html.escape,
    "HTML by Go": lambda v: html.escape(v).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "shell": shlex.quote,
    "shell double-quoted": lambda v: '"' + _backslashed(v, '$`"\\') + '"',
    "shell backslashes": lambda v: _backslashed(v, " \"'\\<&>$"),
    "Python": repr,
    "Python bytes": lambda v: repr(v.encode()),
    "coloured": lambda v: f"\x1b[1;31m{v}\x1b[0m",
    "coloured inside": lambda v: f"{v[:5]}\x1b[01;31m\x1b[K{v[5:9]}\x1b[m\x1b[K{v[9:]}",
    "overwritten": lambda v: f"0%\rtoken {v}\r100%",
    "wrapped by a terminal": lambda v: wrapped("x" * (80 - len(v) // 2) + v, 80),
    "among bytes that are no text": lambda v: "\udcff\udcfe" + v + "\udcc3",
}


def _lower(value: str) -> str:
    """Percent-encoded with lower-case digits."""
    head, *rest = quote(value, safe="").split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in rest)


def _backslashed(text: str, special: str) -> str:
    return "".join(f"\\{c}" if c in special else c for c in text)


def redactor(**secrets: str) -> Redactor:
    made = Redactor()
    for name, value in secrets.items():
        assert made.register(name, value) is None
    return made


def mask_bytes(made: Redactor, text: str, piece: int | None = None) -> str:
    data = text.encode("utf-8", "surrogateescape")
    stream = made.stream()
    size = piece or max(1, len(data))
    done = [stream.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return (b"".join(done) + stream.flush()).decode("utf-8", "surrogateescape")


def fragments(value: str, size: int) -> list[str]:
    return [value[at : at + size] for at in range(len(value) - size + 1)]


@pytest.mark.parametrize("value", [PLAIN, SPECIAL])
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_value_is_found_in_every_encoding(name: str, value: str) -> None:
    made = redactor(db=value)
    written = ENCODINGS[name](value)
    seen = mask_bytes(made, written)
    assert MASK in seen
    for left in (seen, "".join(seen.split())):
        # A few characters that depend on the surroundings as well may stay; no piece of the value does.
        bare = left.replace(MASK, "\0")
        encoded = ENCODINGS[name](value[2:-2]) if name in ("hex", "HEX", "URL") else value
        assert not [piece for piece in fragments(encoded, 8) if piece in bare]
    for size in (1, 2, 3, 7):
        assert mask_bytes(made, written, size) == seen


@pytest.mark.parametrize("name", ENCODINGS)
def test_random_values_are_found_in_every_encoding(name: str) -> None:
    rng = random.Random(name)
    for _ in range(25):
        length = rng.randint(12, 40)
        value = "".join(rng.choices(string.ascii_letters + string.digits + "+/=-_.", k=length))
        seen = mask_bytes(redactor(db=value), ENCODINGS[name](value))
        assert MASK in seen, value
        assert value[4:-4] not in "".join(seen.split())


def test_no_encoding_of_a_value_says_how_long_it_is() -> None:
    short, long = redactor(db="0123456789abcdef"), redactor(db="0123456789abcdef" * 9)
    assert short.text("<0123456789abcdef>") == long.text(f"<{'0123456789abcdef' * 9}>")


def test_a_private_key_is_masked_line_by_line() -> None:
    body = [b64(random.Random(n).randbytes(48)) for n in range(4)]
    pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", ""])
    made = redactor(key=pem)
    for line in body:
        assert made.text(f"  {line}") == "  [REDACTED:key]"
    assert not any(line in made.text(json.dumps({"k": pem})) for line in body)


@pytest.mark.parametrize("cut", range(1, len("é-sécret-é".encode())))
def test_a_value_that_is_cut_inside_a_character_is_found(cut: int) -> None:
    data = "é-sécret-é".encode()
    stream = redactor(db="é-sécret-é").stream()
    assert stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.flush() == MASK.encode()


def test_a_text_that_was_shortened_inside_a_value_shows_no_piece_of_it() -> None:
    made = redactor(db="a-rather-long-secret-value")
    assert made.text("it is a-rather-long-sec… (15 left out)") == (
        "it is [REDACTED:cut off]… (15 left out)"
    )
    assert made.text("nothing of it…") == "nothing of it…"


def test_short_values_are_not_put_together_from_columns() -> None:
    made = redactor(n="123456", w="miniominio")
    assert made.text("12 34 56   minio minio") == "12 34 56   minio minio"


def test_a_single_line_of_10_megabytes_is_never_held() -> None:
    made = redactor(db=PLAIN)
    stream = made.stream()
    piece = b"abcdefgh secret " * 4096
    held = 0
    for _ in range(160):
        stream.feed(piece)
        held = max(held, len(stream._held))
    assert held < 20_000
    assert stream.feed(PLAIN.encode()) + stream.flush() != PLAIN.encode()


def test_a_gap_that_never_ends_is_not_held() -> None:
    stream = redactor(db=PLAIN).stream()
    stream.feed(PLAIN[:9].encode())
    for _ in range(10):
        stream.feed(b" " * 1000)
    assert len(stream._held) < 1000


def test_a_thousand_secrets_are_found() -> None:
    rng = random.Random(1)
    values = ["".join(rng.choices(string.ascii_letters, k=20)) for _ in range(1000)]
    made = redactor(**{f"s{number}": value for number, value in enumerate(values)})
    seen = made.text(" ".join(b64(value) if n % 2 else value for n, value in enumerate(values)))
    assert seen.split() == [f"[REDACTED:s{number}]" for number in range(1000)]
