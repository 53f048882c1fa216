from __future__ import annotations

import pytest

from runbook.practice.apiserver.formats import fits, in_range


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date", ["2026-01-31"], ["2026-02-30", "20260131", "x"]),
        ("date-time", ["2026-01-01T00:00:00Z"], ["2026-01-01", "2026-13-01T00:00:00Z"]),
        ("hostname", ["web", "a.example.com"], ["a.b", "a_b", "-x", "x" * 64]),
        ("ipv4", ["10.0.0.1", "01.2.3.4"], ["10.0.0", "::1"]),
        ("ipv6", ["::1"], ["10.0.0.1", "g::"]),
        ("cidr", ["10.0.0.1/8", "fd00::/64"], ["10.0.0.0", "10.0.0.0/33"]),
        ("mac", ["00:11:22:33:44:55", "0011.2233.4455"], ["001122", "00:11"]),
        ("uuid", ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"], ["6ba7b810"]),
        (
            "uuid4",
            ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"],
            ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
        ),
        ("email", ["a@b.c", "A <a@b.c>"], ["nobody"]),
        ("uri", ["https://x/y", "/rooted"], ["x y", "loose", ""]),
        ("byte", ["aGk=", "aGkh"], ["aGk", "%%"]),
        ("hexcolor", ["#fff", "00ff00"], ["#ggg"]),
        ("duration", ["1h30m", "-2m", "3 days"], ["5", "soon", "5 parsecs"]),
        ("password", ["anything"], []),
        ("int-or-string", ["unknown to the server"], []),
    ],
)
def test_a_text_is_held_to_its_format(name: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not fits(name, text)] == []
    assert [text for text in bad if fits(name, text)] == []


def test_a_number_is_held_to_its_bits() -> None:
    assert in_range("int32", -(2**31))
    assert not in_range("int32", 2**31)
    assert in_range("int64", 2**31)
    assert in_range("", 2**99)
