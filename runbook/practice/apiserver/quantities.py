"""Quantities in the one form in which the server writes them: `1000m` is `1`, `0.5` is `500m`.

Keeps the family of the suffix (binary, decimal, exponent).
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_UP, Decimal, localcontext

from runbook.quantities import BINARY, QUANTITY, parse_quantity

_SUFFIXES = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_NANO = Decimal("1e-9")
_MILLI = Decimal("1e-3")


def canonical_quantity(value: object, *, listed: bool = False) -> str:
    """As the server shows it; anything that is no quantity comes back as its own text.

    `listed`: it is one of a list of resources, which are counted in thousandths.
    """
    text = str(value).strip()
    found = QUANTITY.fullmatch(text)
    if found is None:
        return text
    suffix = found[2] or ""
    number = parse_quantity(text)
    with localcontext(prec=len(text) + 1100):
        finest = _MILLI if listed else _NANO
        if number % finest:
            number = number.quantize(finest, rounding=ROUND_UP)
        if suffix in BINARY and abs(number) >= 1024:
            return _binary(number)
        return _decimal(number, exponent=suffix[:1] in {"e", "E"} and len(suffix) > 1)


def _binary(number: Decimal) -> str:
    whole = int(number.to_integral_value(rounding=ROUND_CEILING))
    shown = ""
    for suffix in BINARY:
        if whole % 1024:
            break
        whole //= 1024
        shown = suffix
    return f"{whole}{shown}"


def _decimal(number: Decimal, *, exponent: bool) -> str:
    if not number:
        return "0"
    finest = number.normalize().as_tuple().exponent
    largest = int(finest) // 3 * 3
    if not exponent:
        largest = min(largest, max(_SUFFIXES))
    whole = f"{number.scaleb(-largest).to_integral_value():f}"
    if exponent:
        return f"{whole}e{largest}" if largest else whole
    return f"{whole}{_SUFFIXES[largest]}"


def amount(value: object) -> Decimal:
    """How much a quantity is; what is none is nothing."""
    try:
        return parse_quantity(value)
    except ValueError:
        return Decimal(0)
