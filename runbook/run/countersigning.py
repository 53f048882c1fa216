"""What a second person signs to open a gate, as plain text that is shown whole before it is signed. Pure.

The text says which run, which step, which cluster and until when; its request number is new each time a
gate is asked, so no answer fits twice. The signature is in the form of `ssh-keygen -Y sign`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from datetime import datetime

from runbook.run.events import ApprovalRequested, RunOpened

NAMESPACE = "runbook-approval"
"""Of the signature: one that was made for anything else is no answer."""

LONGEST = 16_000
"""Characters of a request that is unpacked; more is none of ours."""


def request_number(run: str, step: str, at: datetime) -> str:
    """A number that no other request has."""
    return hashlib.sha256(f"{run}\n{step}\n{at.isoformat()}".encode()).hexdigest()[:16]


def request_text(opened: RunOpened, asked: ApprovalRequested) -> str:
    """What is signed: lines of a key and a value, no control characters."""
    number = opened.outline.numbers.get(asked.step, "")
    until = f"{asked.expires:%Y-%m-%dT%H:%M:%SZ}" if asked.expires else "the run's end"
    lines = {
        "run": opened.run,
        "request": asked.request,
        "runbook": f"{opened.title} ({opened.name})",
        "plan": opened.plan_digest,
        "mode": opened.mode.value,
        "operator": opened.operator,
        "step": f"{number} {asked.step}",
        "asks": asked.message,
        "cluster": f"{opened.context}, {opened.server}",
        "kube-system-uid": opened.cluster_uid,
        "approvers": ", ".join(asked.approvers),
        "typed": asked.confirm_text or "yes",
        "not-after": until,
        "decision": "approve",
    }
    told = [f"{key}: {' '.join(value.split())}" for key, value in lines.items()]
    text = "\n".join([f"{NAMESPACE}/v1", *told]) + "\n"
    return "".join(c if c == "\n" or c.isprintable() else "?" for c in text)


def field(text: str, key: str) -> str:
    """One value of a request's text; empty when it has none."""
    lines = (line.partition(": ") for line in text.splitlines())
    return next((value for name, _, value in lines if name == key), "")


def packed(text: str) -> str:
    """A request as one word, to be sent to whoever is to approve."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def unpacked(word: str) -> str:
    """The text of a packed request. Raises ValueError for what is none."""
    try:
        content = base64.urlsafe_b64decode("".join(word.split()) + "===")
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(content, LONGEST).decode()
    except (binascii.Error, zlib.error, ValueError) as fault:
        raise ValueError("this is no request for an approval") from fault
    if not text.startswith(f"{NAMESPACE}/v1\n") or not unpacker.eof:
        raise ValueError("this is no request for an approval of this program's version")
    if not all(c == "\n" or c.isprintable() for c in text):
        raise ValueError("the request holds characters that cannot be shown")
    return text
