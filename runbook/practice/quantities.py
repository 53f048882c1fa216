"""Kubernetes quantities as exact numbers, and back in the shape the API writes them."""

from __future__ import annotations

from decimal import Decimal

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


def parse_quantity(quantity: object) -> Decimal:
    """`500m`, `2Gi`, `1e3` or a number; None is 0. ValueError when it is none of these."""
    text = str(quantity if quantity is not None else 0).strip()
    try:
        if text[-2:] in BINARY:
            return Decimal(text[:-2]) * BINARY[text[-2:]]
        if text[-1:] in DECIMAL:
            return Decimal(text[:-1]) * DECIMAL[text[-1:]]
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"{text!r} is not a quantity, as 500m, 2 or 1Gi are") from None


def write_quantity(value: Decimal, *, binary: bool = False) -> str:
    """The shortest exact form: `500m`, `2`, and with `binary` powers of two, `1536Mi`."""
    if value != value.to_integral_value():
        return f"{int((value * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"
    whole = int(value)
    if binary and whole:
        for suffix in reversed(BINARY):
            if whole % BINARY[suffix] == 0:
                return f"{whole // BINARY[suffix]}{suffix}"
    return str(whole)
