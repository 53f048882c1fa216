from __future__ import annotations

import base64
import json
import os
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings, strategies as st

from runbook.redact import Redactor

SECRET = 'pä ss/w"o+rd\\42'


def redactor(**secrets: str) -> Redactor:
    made = Redactor()
    for name, value in secrets.items():
        assert made.register(name, value) is None
    return made


def masked(redactor: Redactor, pieces: list[bytes]) -> bytes:
    stream = redactor.stream()
    return b"".join(stream.feed(piece) for piece in pieces) + stream.flush()


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        "p%c3%a4%20ss%2fw%22o%2brd%5c42",
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_every_usual_form_is_masked_by_name(form: str) -> None:
    assert redactor(db=SECRET).text(f"<{form}>") == "<[REDACTED:db]>"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user:x"])
@pytest.mark.parametrize("after", ["", "\n", "@host", " and more"])
def test_no_long_piece_of_a_value_survives_inside_base64(before: str, after: str) -> None:
    secret = "correct horse battery"
    text = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    seen = redactor(db=secret).text(text)
    assert "[REDACTED:db]" in seen
    left = seen.replace("[REDACTED:db]", "")
    # What surrounds the value stays, and at most the characters it shares with the surroundings.
    assert len(left) <= len(base64.b64encode(f"{before}{after}".encode())) + 6


def test_a_short_value_is_refused_with_a_warning_and_not_masked() -> None:
    made = Redactor()
    warning = made.register("pin", "12345")
    assert warning is not None
    assert "pin" in warning
    assert "12345" not in warning
    assert made.text("12345") == "12345"


def test_the_longest_value_wins_where_one_begins_with_another() -> None:
    made = redactor(short="password", long="password-1234")
    assert made.text("password-1234 password-12") == "[REDACTED:long] [REDACTED:short]-12"
    alike = redactor(short="passwor", long="password!")
    assert alike.text("password! password") == "[REDACTED:long] [REDACTED:short]d"


def test_a_value_with_a_break_of_its_own_at_its_beginning_is_masked() -> None:
    assert redactor(db="a\x01bcdefgh").text("<a\x01bcdefgh>") == "<[REDACTED:db]>"


def test_the_first_name_of_a_value_is_kept() -> None:
    made = redactor(first="same-value")
    made.register("second", "same-value")
    assert made.text("same-value") == "[REDACTED:first]"


def test_a_value_of_several_lines_is_masked_line_by_line_and_as_a_whole() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvAIBADANBg\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n"
    made = redactor(key=pem)
    assert made.text("  MIIEvAIBADANBg\n  kqhkiG9w0BAQEF") == "  [REDACTED:key]\n  [REDACTED:key]"
    assert made.text(base64.b64encode(pem.encode()).decode()) == "[REDACTED:key]"
    assert made.text(json.dumps({"k": pem})) == '{"k": "[REDACTED:key]"}'
    assert made.text("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_a_text_that_looks_like_a_mask_is_left_alone() -> None:
    assert redactor(db=SECRET).text("[REDACTED:db] [REDACTED:x]") == "[REDACTED:db] [REDACTED:x]"


def test_complete_lines_pass_a_stream_at_once() -> None:
    stream = redactor(db="secret-value").stream()
    assert stream.feed(b"first line\nsecret-") == b"first line\n"
    assert stream.feed(b"value\n") == b"[REDACTED:db]\n"


def test_only_a_possible_beginning_is_held_back() -> None:
    stream = redactor(db="secret-value").stream()
    assert stream.feed(b"The word: ") == b"The word: "
    assert stream.feed(b"is it se") == b"is it "
    assert stream.feed(b"x?") == b"sex?"


def test_a_value_learned_while_a_stream_goes_on_is_masked_from_then_on() -> None:
    made = redactor(db="secret-value")
    stream = made.stream()
    assert stream.feed(b"late-value ") == b"late-value "
    made.register("late", "late-value")
    assert stream.feed(b"late-value\n") == b"[REDACTED:late]\n"


def test_bytes_that_are_no_text_pass_unchanged() -> None:
    assert masked(redactor(db="secret-value"), [b"\xff\xfe se", b"cret-value\x00"]) == (
        b"\xff\xfe [REDACTED:db]\x00"
    )
    assert redactor(db="secret-value").text("\udcff secret-value") == "\udcff [REDACTED:db]"


CHUNKINGS = int(os.environ.get("RUNBOOK_CHUNKINGS", "200"))
"""Texts that are cut; a long look has 200,000."""

ALPHABET = 'ab%/+\n"é 31m['
SECRETS = st.lists(
    st.text(st.sampled_from(ALPHABET), min_size=6, max_size=24).filter(
        lambda value: any(len(line.strip()) >= 6 for line in value.splitlines())
    ),
    min_size=1,
    max_size=4,
)
ENCODINGS = (
    lambda value: value,
    lambda value: quote(value, safe=""),
    lambda value: json.dumps(value)[1:-1],
    lambda value: base64.b64encode(value.encode()).decode(),
    lambda value: base64.encodebytes(value.encode() * 4).decode(),
    lambda value: value[:-1],
    lambda value: value[:3] + "\n" + value[3:],
    lambda value: value[:5] + "\x1b[31m" + value[5:],
    lambda value: value[:7] + " " * 256 + value[7:],
    lambda value: value[:7] + " " * 257 + value[7:],
)
TRIGGERS = (
    "password=", "token: ", "--token ", "Authorization: Bearer ", "://u:pw12@h", "secret",
    "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcdefghijklmn\nAA==\n",
    "-----END RSA PRIVATE KEY-----", "-----BEGIN ", "ghp_" + "a" * 36, "\x1b[31m", "\x1b[", "\x1b",
    "\r", "\n", "  ", "'", "=", ":", "{", "\\n",
)  # fmt: skip


@settings(max_examples=CHUNKINGS, deadline=None)
@given(SECRETS, st.data())
def test_a_stream_gives_the_same_however_it_is_cut(values: list[str], data: st.DataObject) -> None:
    made = Redactor()
    for number, value in enumerate(values):
        made.register(str(number), value)
    pieces = data.draw(
        st.lists(
            st.one_of(
                st.text(st.sampled_from(ALPHABET), max_size=5),
                st.sampled_from(TRIGGERS),
                st.tuples(st.sampled_from(values), st.sampled_from(ENCODINGS)).map(
                    lambda pair: pair[1](pair[0])
                ),
            ),
            max_size=8,
        )
    )
    whole = "".join(pieces).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert masked(made, chunks) == masked(made, [whole])
    if len(whole) < 200:
        assert masked(made, [bytes([byte]) for byte in whole]) == masked(made, [whole])


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=6, max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_no_value_survives_as_it_is(value: str, before: str, after: str) -> None:
    made = Redactor()
    value = value.encode("utf-8", "replace").decode()
    if made.register("x", value) is not None:
        return
    lines = [line.strip() for line in value.splitlines() if not line.startswith("-----")]
    seen = made.text(f"{before}{value}{after}").replace("[REDACTED:x]", "\0")
    for line in lines:
        if len(line) >= 6 and line not in before + after:
            assert line not in seen.split("\0")
