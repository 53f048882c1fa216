"""SSH signatures over short texts, made and checked by `ssh-keygen -Y`.

Who may sign what is a file of *allowed signers* (ssh-keygen(1)): each line names principals and a key.
A principal is a person, or a role that several people have.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook.errors import RunbookError

PROGRAM = "ssh-keygen"
PATIENCE = 60.0
"""Seconds that a key on a token may wait to be touched."""

MAGIC = b"SSHSIG"
"""What every SSH signature begins with (PROTOCOL.sshsig of OpenSSH)."""

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose key made a signature: every principal that the file gives it, a person first."""

    principals: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.principals[0]


def sign(text: str, key: Path, namespace: str) -> str:
    """A signature as one word (base64), by a private key or by the agent's key of a .pub file.

    Raises RunbookError with what ssh-keygen said.
    """
    _require_program()
    done = subprocess.run(
        [PROGRAM, "-Y", "sign", "-q", "-f", str(key), "-n", namespace],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    if done.returncode:
        raise RunbookError(f"not signed: {done.stderr.strip()}", where=str(key))
    return "".join(line for line in done.stdout.splitlines() if not line.startswith("-----"))


def verify(
    text: str, signature: str, namespace: str, allowed_signers: Path, at: datetime
) -> Signer:
    """Who signed a text. Raises RunbookError when nobody did whose key is allowed at that moment."""
    _require_program()
    try:
        if not base64.b64decode(signature, validate=True).startswith(MAGIC):
            raise ValueError("some other text")
    except ValueError as fault:
        raise RunbookError("this is no signature", hint="paste the whole line") from fault
    armoured = "\n".join([_BEGIN, *textwrap.wrap(signature, 70), _END, ""])
    with tempfile.NamedTemporaryFile("w", suffix=".sig") as file:
        file.write(armoured)
        file.flush()
        moment = f"-Overify-time={at:%Y%m%d%H%M%SZ}"
        common = ["-s", file.name, "-f", str(allowed_signers)]
        found = _run(["-Y", "find-principals", moment, *common], text)
        principals = tuple(
            name for line in found.stdout.splitlines() for name in line.split(",") if name.strip()
        )
        if found.returncode or not principals:
            raise RunbookError(
                "not signed by a key that is allowed to", hint=f"allowed: {allowed_signers}"
            )
        words = ["-Y", "verify", moment, "-n", namespace, "-I", principals[0], *common]
        if _run(words, text).returncode:
            raise RunbookError("the signature is not over this request")
    return Signer(principals)


def signers(allowed_signers: Path) -> tuple[str, ...]:
    """Every principal that a file names. Raises RunbookError when it cannot be read."""
    try:
        lines = allowed_signers.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise RunbookError(f"cannot be read: {fault}", where=str(allowed_signers)) from fault
    words = (line.split() for line in lines if line.strip() and not line.startswith("#"))
    return tuple(dict.fromkeys(name for word in words for name in word[0].split(",")))


def own_keys(home: Path) -> Sequence[Path]:
    """The private keys that ssh itself would try, as far as they are there."""
    names = ("id_ed25519", "id_ecdsa", "id_ed25519_sk", "id_ecdsa_sk", "id_rsa")
    return [path for name in names if (path := home / ".ssh" / name).is_file()]


def _require_program() -> None:
    if shutil.which(PROGRAM) is None:
        raise RunbookError(f"{PROGRAM} is not on PATH", hint="it comes with OpenSSH 8.2 or newer")


def _run(words: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words], input=text, capture_output=True, text=True, check=False, timeout=10
    )
