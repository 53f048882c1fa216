"""What must be true of `notify`: one way each, and no secret where others could read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook.model import expressions
from runbook.model.findings import Finding, Path, dict_of, list_of, nearest

WAYS = ("webhook", "command", "desktop")
DECLARED = (
    "a webhook's URL lets anybody post: declare it under `secrets`, and name that secret here"
)


def find(raw: Mapping[str, Any], secrets: Sequence[str]) -> Iterator[Finding]:
    for index, written in enumerate(list_of(raw.get("notify"))):
        path: Path = ("notify", index)
        notification = dict_of(written)
        ways = [way for way in WAYS if notification.get(way) is not None]
        if isinstance(written, dict) and len(ways) != 1:
            found = f"; found {' and '.join(ways)}" if ways else ""
            yield Finding(path, f"exactly one of {', '.join(WAYS)} says how{found}")
        yield from _webhook(notification.get("webhook"), (*path, "webhook"), secrets)
        for place, argument in enumerate(list_of(notification.get("command"))):
            yield from _argument(argument, (*path, "command", place))


def _webhook(name: object, path: Path, secrets: Sequence[str]) -> Iterator[Finding]:
    if not isinstance(name, str) or name in secrets:
        return
    if "://" in name or not secrets:
        said = "this is no name of a secret" if "://" in name else f"no secret {name!r}"
        yield Finding(path, said, DECLARED)
    else:
        yield Finding(path, f"no secret {name!r}", nearest(name, secrets))


def _argument(text: object, path: Path) -> Iterator[Finding]:
    try:
        names = expressions.references(expressions.parse(text)) if isinstance(text, str) else ()
    except expressions.ExpressionError:
        return  # told where all expressions are looked at
    if any(name.startswith("secrets.") for name in names):
        said = "a secret cannot be an argument: everybody on the machine can read those"
        yield Finding(path, said, "the program may read it from where it is kept")
