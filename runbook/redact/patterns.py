"""Secrets that nobody has named, told by their looks: private keys, tokens, `password = ...`.

Each pattern has literal triggers and one regular expression that begins where a trigger begins and sees
no further than the end of the line (a private key: its own end), at most `REACH` bytes. So what it says
of a place depends on the text alone and never on how a stream was cut. The expressions cannot backtrack
over more than one bounded run of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ahocorasick import Automaton

REACH = 16 * 1024
"""Bytes from a trigger that a pattern may look at: more than a private key of 16,384 bits has."""


@dataclass(frozen=True, slots=True)
class Pattern:
    name: str
    triggers: tuple[bytes, ...]
    """In lower case; found in any case."""
    secret: re.Pattern[bytes]
    """Matched where the trigger begins; its group is what is masked."""
    may_grow: re.Pattern[bytes]
    """Matched there as well, while the line has not ended: whether more data may make a secret of it."""
    lines: bool = False
    """Whether it goes on over line breaks."""


@dataclass(frozen=True, slots=True)
class Found:
    start: int
    end: int
    mask: bytes
    seen_from: int
    """Where that begins by which it was told."""


def _token(name: str, triggers: str, body: str, characters: str = "A-Za-z0-9_-") -> Pattern:
    """A token that tells its kind by its first characters."""
    return Pattern(
        name,
        tuple(word.lower().encode() for word in triggers.split()),
        re.compile(f"({body})".encode()),
        re.compile(f"[{characters}]*\\Z".encode()),
    )


_KEY = (
    rb"(?i:password|passwd|passphrase|secret|token|api[_-]?key|secret[_-]?access[_-]?key"
    rb"|access[_-]?key|secret[_-]key|private[_-]key)"
)
_NO_VALUE = (
    rb"(?!(?i:true|false|null|none|nil|default|required|optional|enabled|disabled|unknown)\b"
    rb"|\d{1,9} bytes\b|[\"']?A[gQ][A-Za-z0-9+/]{200})"
)
"""What stands after such a key in ordinary output, and what kubeseal has encrypted. Nor is a reference
like `$PASSWORD` a value."""
_VALUE = (
    _NO_VALUE + rb"(?:\"(?![$<{(\[])((?:[^\"\\\n]|\\[^\n]){6,8192})"
    rb"|\\{1,3}\"(?![$<{(\[])([^\"\\\n]{6,8192})"
    rb"|'(?![$<{(\[])([^'\n]{6,8192})"
    rb"|([^\s\"'`,;&|<>(){}\[\]$*\\-][^\s\"'`,;&|<>(){}\[\]\\]{5,8191}))"
)

PATTERNS = (
    Pattern(
        "private-key",
        (b"-----begin ",),
        re.compile(
            rb"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
            rb"(?:\s|\\[nr]){0,8}([A-Za-z0-9+/=\s\\:,-]{16,16000}?)"
            rb"(?:\s|\\[nr]){0,8}(?:-----END|(?![A-Za-z0-9+/=\s\\:,-])|\Z)"
        ),
        re.compile(
            rb"-----BEGIN [A-Z ]{0,42}\Z"
            rb"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-{0,5}\Z"
            rb"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:(?!-----END)[A-Za-z0-9+/=\s\\:,-])*\Z"
        ),
        lines=True,
    ),
    _token(
        "jwt", "eyJ", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", "A-Za-z0-9_.-"
    ),
    Pattern(
        "authorization",
        (b"authorization", b"bearer "),
        re.compile(
            rb"(?i:authorization[\"'\\]{0,2}[ \t]{0,16}[:=][ \t\"'\\]{0,16}"
            rb"(?:bearer|basic|token|digest|negotiate|aws4-hmac-sha256)[ \t]{1,16}|bearer )"
            rb"(?!\[)([^\s\"'\\]{8,4096})"
        ),
        re.compile(rb"(?i:authorization[\"'\\]{0,2}[ \t]{0,16}(?:\Z|[:=])|bearer [^\s\"'\\]*\Z)"),
    ),
    Pattern(
        "url-password",
        (b"://",),
        re.compile(rb"://[^\s/:@\"'<>]{0,256}:(?![\[$<{])([^\s/@\"'<>]{1,256})@"),
        re.compile(rb"://[^\s/@\"'<>]*\Z"),
    ),
    _token("aws-key", "AKIA ASIA", r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9+/=])", "A-Za-z0-9+/="),
    _token("github-token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _token("github-token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,255}"),
    _token("gitlab-token", "glpat- gldt- glrt-", r"gl(?:pat|dt|rt)-[A-Za-z0-9_-]{20,255}"),
    _token("slack-token", "xoxa- xoxb- xoxp- xoxr- xoxs-", r"xox[abprs]-[A-Za-z0-9-]{10,255}"),
    _token("vault-token", "hvs. hvb. hvr.", r"hv[sbr]\.[A-Za-z0-9_-]{20,512}", "A-Za-z0-9_.-"),
    _token("google-key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _token("age-key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    _token("npm-token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _token("stripe-key", "sk_live_ rk_live_", r"[sr]k_live_[A-Za-z0-9]{20,255}"),
    Pattern(
        "value",
        (b"password", b"passwd", b"passphrase", b"secret", b"token", b"apikey", b"api_key",
         b"api-key", b"access_key", b"access-key", b"accesskey", b"private_key", b"private-key"),
        re.compile(_KEY + rb"[\"'\\]{0,2}[ \t]{0,16}(?::=|={1,2}|:)[ \t]{0,16}" + _VALUE),
        re.compile(rb"[A-Za-z_-]{0,18}[\"'\\]{0,2}[ \t]{0,16}(?:\Z|[:=])"),
    ),
    Pattern(
        "value",
        (b"--password ", b"--token ", b"--secret-key ", b"--api-key "),
        re.compile(rb"--[A-Za-z-]{5,12} {1,4}" + _VALUE),
        re.compile(rb"--[A-Za-z-]{5,12} "),
    ),
)  # fmt: skip


def _automaton() -> Automaton:
    automaton = Automaton()
    by_trigger: dict[bytes, list[Pattern]] = {}
    for pattern in PATTERNS:
        for trigger in pattern.triggers:
            by_trigger.setdefault(trigger, []).append(pattern)
    for trigger, patterns in by_trigger.items():
        automaton.add_word(trigger.decode("latin-1"), (len(trigger), tuple(patterns)))
    automaton.make_automaton()
    return automaton


_TRIGGERS = _automaton()
_BEGINNINGS = frozenset(
    trigger[:size]
    for pattern in PATTERNS
    for trigger in pattern.triggers
    for size in range(1, len(trigger))
)
_LONGEST = max(len(beginning) for beginning in _BEGINNINGS)
_LAST = frozenset(beginning[-1] for beginning in _BEGINNINGS)


def find(data: bytes, *, final: bool) -> tuple[list[Found], list[int]]:
    """What looks like a secret, and the places from which more data may make one."""
    found: list[Found] = []
    undecided: list[int] = []
    lower = data.lower()
    for end, (size, patterns) in _TRIGGERS.iter(lower.decode("latin-1")):
        place = end - size + 1
        for pattern in patterns:
            stop = min(place + REACH, len(data))
            line = -1 if pattern.lines else data.find(b"\n", place, stop)
            if line >= 0:
                stop = line
            elif not final and stop < place + REACH and pattern.may_grow.match(data, place):
                undecided.append(place)
                continue
            found += _secret(pattern, data, place, stop)
    if not final and lower and lower[-1] in _LAST:
        undecided += (
            len(data) - size
            for size in range(1, min(_LONGEST, len(data)) + 1)
            if lower[-size:] in _BEGINNINGS
        )
    return found, undecided


def _secret(pattern: Pattern, data: bytes, place: int, stop: int) -> Iterator[Found]:
    match = pattern.secret.match(data, place, stop)
    if match is not None and match.lastindex is not None:
        start, end = match.span(match.lastindex)
        yield Found(start, end, f"[REDACTED:{pattern.name}]".encode(), place)
