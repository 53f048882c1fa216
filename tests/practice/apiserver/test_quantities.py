"""Quantities in the server's one form; the values are a real server's."""

from __future__ import annotations

import pytest

from runbook.practice.apiserver.quantities import canonical_quantity


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
    ],
)
def test_a_quantity_is_written_in_one_form(given: object, written: str) -> None:
    assert canonical_quantity(given) == written
    assert canonical_quantity(written) == written
