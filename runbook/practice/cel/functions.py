"""Kubernetes' own CEL functions: lists, regular expressions, URLs, quantities, addresses, sets.

Each is declared twice: exactly, for the type checker, and by what the evaluator can tell apart at run
time, where a quantity or an address is a map with one key. They raise ValueError in the server's words.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cel_expr_python import cel

from runbook.practice.cel import lists
from runbook.quantities import QUANTITY, parse_quantity

JSON = dict[str, Any]
Type = cel.Type

OPAQUE = ("Quantity", "IP", "CIDR", "URL")
"""Types of Kubernetes' own; the checker knows each as a message without fields."""

NOT_HERE = ("authorizer", "format", "isSemver", "semver", "sortBy", "first", "last", "includes")
"""What the real server knows besides, and nothing here evaluates."""

_SCALARS = (
    *(Type.INT, Type.UINT, Type.DOUBLE, Type.BOOL, Type.STRING),
    *(Type.BYTES, Type.DURATION, Type.TIMESTAMP),
)
_SUMMED = (Type.INT, Type.UINT, Type.DOUBLE, Type.DURATION)
_LIST = Type.List(Type.DYN)
_TEXTS = Type.List(Type.STRING)
_LARGEST = 2**63 - 1


def opaque(name: str) -> Any:
    return Type(f"kubernetes.{name}")


def _held(kind: str, value: str) -> JSON:
    return {kind: value}


def _is(check: Callable[[str], object]) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            check(text)
        except ValueError:
            return False
        return True

    return holds


# Quantities.


def _quantity(text: str) -> JSON:
    if QUANTITY.fullmatch(text) is None:
        pattern = r"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        raise ValueError(f"quantities must match the regular expression {pattern}")
    return _written(parse_quantity(text))


def _amount(quantity: JSON | int) -> Any:
    return parse_quantity(quantity["Quantity"] if isinstance(quantity, dict) else quantity)


def _compared(one: JSON, other: JSON) -> int:
    left, right = _amount(one), _amount(other)
    return int(left > right) - int(left < right)


def _whole(quantity: JSON) -> int:
    found = _amount(quantity)
    if found != found.to_integral_value() or abs(found) > _LARGEST:
        raise ValueError("cannot convert value to integer")
    return int(found)


def _written(number: Decimal) -> JSON:
    """One text for one number, so that equal quantities are equal maps."""
    text = f"{number:f}"
    return _held("Quantity", text.rstrip("0").rstrip(".") if "." in text else text)


# Addresses.


def _ip(text: str) -> JSON:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        found = None
    if found is None or (found.version == 6 and "%" in text):
        raise ValueError(f'IP Address "{text}" parse error during conversion from string')
    return _held("IP", str(found))


def _address(held: JSON | str) -> Any:
    return ipaddress.ip_address(held["IP"] if isinstance(held, dict) else _ip(held)["IP"])


def _cidr(text: str) -> JSON:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        text = ""
    if not re.fullmatch(r"[^/]+/\d+", text):
        raise ValueError("network address parse error during conversion from string")
    return _held("CIDR", text)


def _interface(held: JSON | str) -> Any:
    return ipaddress.ip_interface(held["CIDR"] if isinstance(held, dict) else _cidr(held)["CIDR"])


def _contains_network(outer: JSON, inner: JSON | str) -> bool:
    one, other = _interface(outer).network, _interface(inner).network
    return bool(one.version == other.version and other.subnet_of(one))


def _masked(held: JSON) -> JSON:
    return _held("CIDR", str(_interface(held).network))


def _global(held: JSON) -> bool:
    found = _address(held)
    broadcast = str(found) == "255.255.255.255"
    return not (
        broadcast
        or found.is_unspecified
        or found.is_loopback
        or found.is_multicast
        or found.is_link_local
    )


# URLs.


def _url(text: str) -> JSON:
    parts = urlsplit(text)
    relative = text.startswith("/")
    if not relative and not (parts.scheme and (parts.netloc or parts.path)):
        why = "empty url" if not text else "invalid URI for request"
        raise ValueError(f'URL parse error during conversion from string: parse "{text}": {why}')
    _ = parts.port
    return _held("URL", text)


def _part(read: Callable[[Any], Any]) -> Callable[[JSON], Any]:
    return lambda held: read(urlsplit(held["URL"]))


def _host(parts: Any) -> str:
    return str(parts.netloc.rpartition("@")[2])


def _hostname(parts: Any) -> str:
    host = _host(parts)
    return host[1 : host.index("]")] if host.startswith("[") else host.partition(":")[0]


def _query(parts: Any) -> dict[str, list[str]]:
    return parse_qs(parts.query, keep_blank_values=True)


# Regular expressions, lists and sets.


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text.replace(r"\z", r"\Z"))
    except re.error as error:
        raise ValueError(f"Illegal regex: {error}") from None


def _find(text: str, pattern: str) -> str:
    found = _pattern(pattern).search(text)
    return found[0] if found else ""


def _find_all(text: str, pattern: str, most: int = -1) -> list[str]:
    found = [one[0] for one in _pattern(pattern).finditer(text)]
    return found if most < 0 else found[:most]


_Q, _IP, _CIDR, _URL = map(opaque, OPAQUE)
_S, _I, _B, _F = Type.STRING, Type.INT, Type.BOOL, Type.DOUBLE
# name, called on a value, parameters, result, what it does
_Row = tuple[str, bool, list[Any], Any, Callable[..., Any]]
_TABLE: list[_Row] = [
    ("quantity", False, [_S], _Q, _quantity),
    ("isQuantity", False, [_S], _B, _is(_quantity)),
    ("sign", False, [_Q], _I, lambda one: _compared(one, {"Quantity": "0"})),
    ("isGreaterThan", True, [_Q, _Q], _B, lambda one, other: _compared(one, other) > 0),
    ("isLessThan", True, [_Q, _Q], _B, lambda one, other: _compared(one, other) < 0),
    ("compareTo", True, [_Q, _Q], _I, _compared),
    ("asApproximateFloat", True, [_Q], _F, lambda one: float(_amount(one))),
    ("asInteger", True, [_Q], _I, _whole),
    ("isInteger", True, [_Q], _B, _is(_whole)),  # type: ignore[arg-type]
    *(
        (name, True, [_Q, other], _Q, function)
        for name, function in (
            ("add", lambda one, more: _written(_amount(one) + _amount(more))),
            ("sub", lambda one, less: _written(_amount(one) - _amount(less))),
        )
        for other in (_Q, _I)
    ),
    ("ip", False, [_S], _IP, _ip),
    ("isIP", False, [_S], _B, _is(_ip)),
    ("ip.isCanonical", False, [_S], _B, lambda text: _ip(text)["IP"] == text),
    ("family", True, [_IP], _I, lambda one: _address(one).version),
    ("isUnspecified", True, [_IP], _B, lambda one: _address(one).is_unspecified),
    ("isLoopback", True, [_IP], _B, lambda one: _address(one).is_loopback),
    (
        *("isLinkLocalMulticast", True, [_IP], _B),
        lambda one: (
            _address(one)
            in ipaddress.ip_network("224.0.0.0/24" if _address(one).version == 4 else "ff02::/16")
        ),
    ),
    ("isLinkLocalUnicast", True, [_IP], _B, lambda one: _address(one).is_link_local),
    ("isGlobalUnicast", True, [_IP], _B, _global),
    ("cidr", False, [_S], _CIDR, _cidr),
    ("isCIDR", False, [_S], _B, _is(_cidr)),
    *(
        (
            *("containsIP", True, [_CIDR, other], _B),
            lambda net, one: _address(one) in _interface(net).network,
        )
        for other in (_IP, _S)
    ),
    *(("containsCIDR", True, [_CIDR, other], _B, _contains_network) for other in (_CIDR, _S)),
    ("ip", True, [_CIDR], _IP, lambda one: _held("IP", str(_interface(one).ip))),
    ("prefixLength", True, [_CIDR], _I, lambda one: _interface(one).network.prefixlen),
    ("masked", True, [_CIDR], _CIDR, _masked),
    ("url", False, [_S], _URL, _url),
    ("isURL", False, [_S], _B, _is(_url)),
    ("getScheme", True, [_URL], _S, _part(lambda parts: parts.scheme)),
    ("getHost", True, [_URL], _S, _part(_host)),
    ("getHostname", True, [_URL], _S, _part(_hostname)),
    ("getPort", True, [_URL], _S, _part(lambda parts: str(parts.port or ""))),
    ("getEscapedPath", True, [_URL], _S, _part(lambda parts: parts.path)),
    ("getQuery", True, [_URL], Type.Map(_S, _TEXTS), _part(_query)),
    ("find", True, [_S, _S], _S, _find),
    ("findAll", True, [_S, _S], _TEXTS, _find_all),
    ("findAll", True, [_S, _S, _I], _TEXTS, _find_all),
    *(("sum", True, [Type.List(one)], one, lists.total) for one in _SUMMED),
    *(("min", True, [Type.List(one)], one, lists.extreme("min", min)) for one in _SCALARS),
    *(("max", True, [Type.List(one)], one, lists.extreme("max", max)) for one in _SCALARS),
    *(("isSorted", True, [Type.List(one)], _B, lists.is_sorted) for one in _SCALARS),
    ("indexOf", True, [_LIST, Type.DYN], _I, lists.place),
    ("lastIndexOf", True, [_LIST, Type.DYN], _I, lists.last_place),
    *(
        (
            "sort",
            True,
            [Type.List(one)],
            Type.List(one),
            lambda values: lists.as_value(sorted(values)),
        )
        for one in _SCALARS
    ),
    *(("distinct", True, [Type.List(one)], Type.List(one), lists.distinct) for one in _SCALARS),
    *(("slice", True, [Type.List(one), _I, _I], Type.List(one), lists.cut) for one in _SCALARS),
    *(
        (
            *("reverse", True, [Type.List(one)], Type.List(one)),
            lambda values: lists.as_value(list(reversed(values))),
        )
        for one in _SCALARS
    ),
    ("flatten", True, [_LIST], _LIST, lists.flat),
    ("flatten", True, [_LIST, _I], _LIST, lists.flat),
    ("lists.range", False, [_I], Type.List(_I), lambda count: list(range(count))),
    ("sets.contains", False, [_LIST, _LIST], _B, lists.holds_all),
    ("sets.intersects", False, [_LIST, _LIST], _B, lists.holds_any),
    (
        *("sets.equivalent", False, [_LIST, _LIST], _B),
        lambda one, other: lists.holds_all(one, other) and lists.holds_all(other, one),
    ),
]


def _numbers_compared() -> Iterator[_Row]:
    """Numbers of different types can be ordered; the evaluator does it by itself."""
    numbers = (Type.INT, Type.UINT, Type.DOUBLE)
    for name in ("_<_", "_<=_", "_>_", "_>=_"):
        for one in numbers:
            for other in numbers:
                if one.name() != other.name():
                    yield name, False, [one, other], _B, lambda *_: False


def checked() -> Any:
    """The functions as the type checker is to know them."""
    return _extension([*_TABLE, *_numbers_compared()], exact=True)


def evaluated() -> Any:
    """The functions as they are called."""
    return _extension(_TABLE, exact=False)


def _extension(rows: Sequence[_Row], *, exact: bool) -> Any:
    overloads: dict[str, dict[str, Any]] = {}
    for name, member, parameters, result, function in rows:
        types = parameters if exact else [_loose(one) for one in parameters]
        key = f"{'on' if member else 'of'}_{'_'.join(one.name() for one in types)}"
        known = overloads.setdefault(name, {})
        known.setdefault(
            key,
            cel.Overload(
                id=re.sub(r"\W+", "_", f"{name}_{key}"),
                return_type=result if exact else Type.DYN,
                parameters=types,
                is_member=member,
                impl=function,
            ),
        )
    functions = [cel.FunctionDecl(name, list(one.values())) for name, one in overloads.items()]
    return cel.CelExtension("kubernetes", functions)


def _loose(kind: Any) -> Any:
    name = kind.name()
    if name.startswith("LIST"):
        return _LIST
    return Type.MAP if name.startswith("kubernetes.") else kind
