from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from runbook.quantities import parse_quantity, write_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, "0"),
        ("500m", "0.5"),
        ("2", "2"),
        (2, "2"),
        ("1.5Gi", str(3 * 2**29)),
        ("1e3", "1000"),
        ("10k", "10000"),
        ("1Ki", "1024"),
    ],
)
def test_quantities_are_exact_numbers(text: object, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


def test_what_is_no_quantity_is_refused_with_examples() -> None:
    with pytest.raises(ValueError, match="'lots' is not a quantity, as 500m, 2 or 1Gi are"):
        parse_quantity("lots")


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1_0", "\u00b2", "1e3000000000", "Ki"])
def test_what_only_python_would_count_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


def test_what_no_number_of_the_machine_holds_is_counted_all_the_same() -> None:
    assert write_quantity(parse_quantity("1e400") + 1) == f"1{'0' * 400}"
    assert write_quantity(parse_quantity("9Ei"), binary=True) == str(2**63 - 1)


def test_the_shortest_exact_form_is_written() -> None:
    assert write_quantity(Decimal("0.5")) == "500m"
    assert write_quantity(Decimal(3 * 2**29), binary=True) == "1536Mi"
    assert write_quantity(Decimal(1000), binary=True) == "1000"
    assert write_quantity(Decimal(0), binary=True) == "0"


@given(st.integers(min_value=0, max_value=2**62), st.booleans())
def test_a_written_quantity_is_read_back(value: int, binary: bool) -> None:
    assert parse_quantity(write_quantity(Decimal(value), binary=binary)) == value
