"""Quantities in the server's one form; the values are a real server's."""

from __future__ import annotations

import pytest

from runbook.practice.apiserver.quantities import amount, canonical_quantity


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("1000m", "1"),
        ("1500m", "1500m"),
        (0.5, "500m"),
        (2, "2"),
        ("2000", "2k"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("512", "512"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("12e6", "12e6"),
        ("0", "0"),
        ("-2", "-2"),
        ("100u", "100u"),
        ("nonsense", "nonsense"),
        ("٣", "٣"),
        ("999999999999Ei", "9223372036854775807"),
        ("8Ei", "9223372036854775807"),
        ("1e400", "10e399"),
        ("1e99", "1e99"),
        ("9" * 30, "9" * 30),
        ("9" * 5000, "9" * 5000),
        ("9223372036854775807k", "9223372036854775807k"),
        ("1e-400", "1e-9"),
        ("-1e-400", "-1e-9"),
    ],
)
def test_a_quantity_is_written_in_one_form(given: object, written: str) -> None:
    assert canonical_quantity(given) == written
    assert canonical_quantity(written) == written


@pytest.mark.parametrize(
    ("given", "written"),
    [("0." + "1" * 40, "112m"), ("1e-400", "1e-3"), ("-1e-400", "-1e-3"), ("100u", "1m")],
)
def test_resources_are_counted_in_thousandths(given: str, written: str) -> None:
    assert canonical_quantity(given, listed=True) == written


def test_an_exponent_that_nobody_could_compute_is_no_quantity() -> None:
    assert canonical_quantity("1e3000000000") == "1e3000000000"
    assert amount("1e3000000000") == 0
