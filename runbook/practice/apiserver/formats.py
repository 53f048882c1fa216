"""The formats that a schema may name: what a text or a number must look like to have one.

A format that the server does not know holds nobody to anything (`crd_cautions.py` warns of those).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date
from email.utils import parseaddr
from urllib.parse import urlsplit

from runbook.practice.apiserver.durations import parse_time

_HEX = "[0-9a-fA-F]"
_LETTER = r"[^\W_]"  # of any alphabet, or a digit
_HOST = re.compile(
    rf"{_LETTER}(-?{_LETTER}{{0,62}})?"
    rf"|({_LETTER}(({_LETTER}|-){{0,61}}{_LETTER})?\.)+([^\W\d_]){{2,63}}"
)
_GO_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")
_WORDY_DURATION = re.compile(r"(\d+)\s*([A-Za-zµ]+)")
_UNITS = frozenset(["ns", "us", "µs", "ms", "s", "m", "h", "d", "w"])
_LONG_UNITS = ("nano", "micro", "milli", "sec", "min", "hr", "hour", "day", "week", "wk")
_UUID_VERSIONS = {
    "uuid": (_HEX, _HEX),
    "uuid3": ("3", _HEX),
    "uuid4": ("4", "[89abAB]"),
    "uuid5": ("5", "[89abAB]"),
}
_MAC = re.compile(
    rf"{_HEX}{{2}}([:-]{_HEX}{{2}}){{5}}(([:-]{_HEX}{{2}}){{2}}|([:-]{_HEX}{{2}}){{14}})?"
    rf"|{_HEX}{{4}}(\.{_HEX}{{4}}){{2}}((\.{_HEX}{{4}})|(\.{_HEX}{{4}}){{7}})?"
)
_BITS = {"int32": 31, "int64": 63}
_NOT_DASHED = re.compile("-")


def fits(name: str, text: str) -> bool:
    """Whether a text has the format; one of a format without a rule always has."""
    check = _CHECKS.get(_NOT_DASHED.sub("", name))
    return check is None or check(text)


def in_range(name: str, number: float) -> bool:
    """Whether a number fits an integer of this format."""
    bits = _BITS.get(name)
    return bits is None or -(1 << bits) <= number < 1 << bits


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None


def _time(text: str) -> bool:
    return parse_time(text) is not None and "T" in text.upper()


def _host(text: str) -> bool:
    if _HOST.fullmatch(text) is None or len(text) > 255:
        return False
    return all(len(part) <= 63 for part in text.split("."))


def _address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(_plain(text)).version == version
        except ValueError:
            return False

    return check


def _plain(text: str) -> str:
    """Leading zeros are looked over."""
    return re.sub(r"(^|\.)0+(?=\d)", r"\1", text)


def _network(text: str) -> bool:
    if not re.fullmatch(r"[^/]+/\d{1,3}", text):
        return False
    try:
        ipaddress.ip_network(_plain(text), strict=False)
    except ValueError:
        return False
    return True


def _mail(text: str) -> bool:
    _, address = parseaddr(text)
    name, _, host = address.rpartition("@")
    return bool(name and host) and not re.search(r"\s", address)


def _uri(text: str) -> bool:
    """A path from the root, or something with a scheme."""
    if not text or re.search(r"[\x00-\x20\x7f]", text.split("?", maxsplit=1)[0]):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return text.startswith("/") or bool(parts.scheme)


def _duration(text: str) -> bool:
    if _GO_DURATION.fullmatch(text):
        return True
    found = [unit.lower() for _, unit in _WORDY_DURATION.findall(text)]
    return any(unit in _UNITS or unit.startswith(_LONG_UNITS) for unit in found)


def _uuid(third: str, fourth: str) -> Callable[[str], bool]:
    return _matching(
        rf"{_HEX}{{8}}-?{_HEX}{{4}}-?{third}{_HEX}{{3}}-?{fourth}{_HEX}{{3}}-?{_HEX}{{12}}"
    )


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "date": _date,
    "datetime": _time,
    "hostname": _host,
    "ipv4": _address(4),
    "ipv6": _address(6),
    "cidr": _network,
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "email": _mail,
    "uri": _uri,
    "duration": _duration,
    "byte": _matching(
        r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})"
    ),
    "hexcolor": _matching(rf"#?({_HEX}{{3}}|{_HEX}{{6}})"),
    "ssn": _matching(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "bsonobjectid": _matching(rf"{_HEX}{{24}}"),
    **{name: _uuid(*parts) for name, parts in _UUID_VERSIONS.items()},
}
