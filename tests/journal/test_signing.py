"""Signatures by the real ssh-keygen: whose they are, over what, and until when."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook.errors import RunbookError
from runbook.journal import signing
from runbook.run.countersigning import NAMESPACE

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TEXT = "runbook-approval/v1\nstep: go\n"


def make_key(folder: Path, name: str, kind: str = "ed25519") -> Path:
    path = folder / name
    words = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path), "-C", name]
    subprocess.run(words, check=True)
    return path


def allow(folder: Path, **lines: Path) -> Path:
    """A file of allowed signers: principals, with `_` for a comma, and the key of each."""
    path = folder / "allowed_signers"
    text = "".join(
        f"{who.replace('_', ',')} {key.with_suffix('.pub').read_text()}"
        for who, key in lines.items()
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_signature_says_who_made_it(tmp_path: Path, kind: str) -> None:
    key = make_key(tmp_path, "bob", kind)
    allowed = allow(tmp_path, bob_leads=key)
    signature = signing.sign(TEXT, key, NAMESPACE)
    assert signing.verify(TEXT, signature, NAMESPACE, allowed, NOW).principals == ("bob", "leads")
    assert signing.signers(allowed) == ("bob", "leads")


def test_what_is_not_exactly_it_is_refused(tmp_path: Path) -> None:
    bob, eve = make_key(tmp_path, "bob"), make_key(tmp_path, "eve")
    allowed = allow(tmp_path, bob=bob)
    good = signing.sign(TEXT, bob, NAMESPACE)
    refused = [
        (TEXT + "x", good),
        (TEXT, signing.sign(TEXT, eve, NAMESPACE)),
        (TEXT, signing.sign(TEXT, bob, "file")),
        (TEXT, good[:-8] + "AAAAAAA="),
        (TEXT, good[: len(good) // 2]),
    ]
    for text, signature in refused:
        with pytest.raises(RunbookError):
            signing.verify(text, signature, NAMESPACE, allowed, NOW)


@pytest.mark.parametrize(
    "pasted", ["no base64!", "", "nonsense", "eNpNkctuHCEQRfd8RS0TKXgo6Ccbb/wF"]
)
def test_a_text_that_is_no_signature_is_called_that(pasted: str, tmp_path: Path) -> None:
    allowed = allow(tmp_path, bob=make_key(tmp_path, "bob"))
    with pytest.raises(RunbookError, match="this is no signature"):
        signing.verify(TEXT, pasted, NAMESPACE, allowed, NOW)


def test_a_key_counts_only_in_its_time(tmp_path: Path) -> None:
    key = make_key(tmp_path, "bob")
    public = key.with_suffix(".pub").read_text()
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f'bob valid-before="20260101Z" {public}', encoding="utf-8")
    signature = signing.sign(TEXT, key, NAMESPACE)
    with pytest.raises(RunbookError, match="not signed by"):
        signing.verify(TEXT, signature, NAMESPACE, allowed, NOW)
    early = datetime(2025, 6, 1, tzinfo=UTC)
    assert signing.verify(TEXT, signature, NAMESPACE, allowed, early).name == "bob"


def test_without_the_program_nothing_is_signed_or_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path, "bob")
    signature = signing.sign(TEXT, key, NAMESPACE)
    monkeypatch.setenv("PATH", "/nowhere")
    for call in (
        lambda: signing.sign(TEXT, key, NAMESPACE),
        lambda: signing.verify(TEXT, signature, NAMESPACE, tmp_path, NOW),
    ):
        with pytest.raises(RunbookError, match="not on PATH"):
            call()


def test_a_key_that_is_none_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="not signed"):
        signing.sign(TEXT, tmp_path / "nothing", NAMESPACE)
    with pytest.raises(RunbookError, match="cannot be read"):
        signing.signers(tmp_path / "nothing")


def test_ones_own_keys_are_those_that_are_there(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    assert signing.own_keys(tmp_path) == []
    key = make_key(tmp_path / ".ssh", "id_ed25519")
    assert signing.own_keys(tmp_path) == [key]
