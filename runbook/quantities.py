"""Kubernetes quantities as exact numbers, and back in the shape the API writes them."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
DECIMAL = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
}
# An exponent has three digits at most: the real server computes on longer ones until it is killed.
QUANTITY = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?0*[0-9]{1,3}|[numkMGTPE]|[KMGTPE]i)?"
)
_MOST_BINARY = Decimal(2**63 - 1)
_ROOM = 1100  # digits beyond those of the text that an exponent or a suffix can make


def parse_quantity(quantity: object) -> Decimal:
    """`500m`, `2Gi`, `1e3` or a number; None is 0. ValueError when it is none of these."""
    text = str(quantity if quantity is not None else 0).strip()
    found = QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a quantity, as 500m, 2 or 1Gi are")
    number, suffix = Decimal(found[1]), found[2] or ""
    with localcontext(prec=len(text) + _ROOM):
        if suffix in BINARY:
            return min(number * BINARY[suffix], _MOST_BINARY)
        if suffix in DECIMAL:
            return number * DECIMAL[suffix]
        return number.scaleb(int(suffix[1:])) if suffix else number


def write_quantity(value: Decimal, *, binary: bool = False) -> str:
    """The shortest exact form: `500m`, `2`, and with `binary` powers of two, `1536Mi`."""
    if value != value.to_integral_value():
        thousandths = (value * 1000).to_integral_value(rounding="ROUND_CEILING")
        return f"{thousandths:f}m"
    if binary and value and value < _MOST_BINARY:
        whole = int(value)
        for suffix in reversed(BINARY):
            if whole % BINARY[suffix] == 0:
                return f"{whole // BINARY[suffix]}{suffix}"
    return f"{value.to_integral_value():f}"
