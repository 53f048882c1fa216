"""Quantities in the one form in which the server writes them: `1000m` is `1`, `0.5` is `500m`.

Keeps the family of the suffix (binary, decimal, exponent).
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_EXPONENTS = {suffix: exponent for exponent, suffix in _DECIMAL.items()}
_FINEST = Decimal("1e-9")


def canonical_quantity(value: object) -> str:
    """As the server shows it; anything that is no quantity comes back as its own text."""
    text = str(value).strip()
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return text
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in _BINARY[1:]:
        return _binary(number * 1024 ** _BINARY.index(suffix))
    if suffix in _EXPONENTS:
        return _decimal(number.scaleb(_EXPONENTS[suffix]), exponent=False)
    return _decimal(number.scaleb(int(suffix[1:])), exponent=True)


def _binary(number: Decimal) -> str:
    if abs(number) < 1024:
        return _decimal(number, exponent=False)
    whole = int(number.to_integral_value(rounding=ROUND_CEILING))
    power = 0
    while power < len(_BINARY) - 1 and whole % 1024 == 0:
        whole //= 1024
        power += 1
    return f"{whole}{_BINARY[power]}"


def _decimal(number: Decimal, *, exponent: bool) -> str:
    number = number.quantize(_FINEST, rounding=ROUND_CEILING) if number % _FINEST else number
    if not number:
        return "0"
    largest = max(
        power for power in _DECIMAL if number.scaleb(-power) == number.scaleb(-power).to_integral()
    )
    whole = int(number.scaleb(-largest))
    if exponent:
        return f"{whole}e{largest}" if largest else str(whole)
    return f"{whole}{_DECIMAL[largest]}"


def amount(value: object) -> Decimal:
    """How much a quantity is; what is none is nothing."""
    found = _QUANTITY.fullmatch(str(value).strip())
    if found is None:
        return Decimal(0)
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in _BINARY[1:]:
        return number * Decimal(1024) ** _BINARY.index(suffix)
    return number.scaleb(_EXPONENTS[suffix] if suffix in _EXPONENTS else int(suffix[1:]))
