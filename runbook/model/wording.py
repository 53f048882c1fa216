"""What a runbook says, in the words of an operator: checks, failures, secrets, scripts. Pure.

Texts are as the author wrote them; whoever shows them makes them harmless for the place.
"""

from __future__ import annotations

from typing import Any

from runbook.model.checks import check_kind
from runbook.model.document import (
    CommandSecret,
    EnvSecret,
    FileSecret,
    Goto,
    KubernetesSecret,
    Notification,
    OnFailure,
    SecretSource,
)
from runbook.model.expressions import Binary, Expression, Node, Not, parse, shown, write

_UNSHOWN = frozenset({"password", "secret_key", "access_key", "body", "headers", "inputs"})
_POLICIES = {
    "ask": "a failure is an operator's to decide; with nobody there it ends the run",
    "stop": "a failure ends the run",
    "continue": "a failure is passed over",
}


def notified_by(notification: Notification) -> str:
    """How somebody is told."""
    if notification.webhook is not None:
        return f"webhook of secret {notification.webhook}"
    if notification.command is not None:
        return f"command {notification.command[0]}"
    return "desktop"


def notification(one: Notification) -> str:
    """Who is told of what, and when not."""
    practice = "" if one.in_practice else "; not in practice"
    return f"{notified_by(one)} when {', '.join(one.events)}{practice}"


def when(text: str) -> str:
    """The condition of a step without its marks, and without brackets that change nothing."""
    (only,) = [part for part in parse(text) if isinstance(part, Expression)]
    return _written(only.node)


def _written(node: Node) -> str:
    match node:
        case Not(operand=operand):
            return f"!{_bracketed(operand)}"
        case Binary(operator="==" | "!=" as operator, left=left, right=right):
            return f"{_bracketed(left)} {operator} {_bracketed(right)}"
        case Binary(operator=operator, left=left, right=right):
            sides = [
                _bracketed(side)
                if isinstance(side, Binary) and _mixed(side, operator)
                else _written(side)
                for side in (left, right)
            ]
            return f" {operator} ".join(sides)
        case _:
            return write(node)


def _mixed(side: Binary, operator: str) -> bool:
    return side.operator in ("&&", "||") and side.operator != operator


def _bracketed(node: Node) -> str:
    return f"({_written(node)})" if isinstance(node, Binary) else _written(node)


def condition(check: Any) -> str:
    """A check in a few words: its kind and what it asks, credentials and payloads left out."""
    kind = check_kind(check) or "check"
    asked = getattr(check, kind)
    if isinstance(asked, str):
        return f"{kind}: {' '.join(shown(asked).split())}"
    fields = asked.model_dump(mode="json", exclude_unset=True)
    words = [f"{k} {_value(v)}" for k, v in fields.items() if k not in _UNSHOWN and _says(v)]
    return f"{kind}: {', '.join(words)}"


def _says(value: Any) -> bool:
    return value is not None and value not in ({}, [])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{k}={_value(v)}" for k, v in value.items() if _says(v))
    if isinstance(value, list):
        return "+".join(_value(v) for v in value)
    return str(value)


def after_failure(policy: OnFailure) -> str:
    """What a failure leads to."""
    if isinstance(policy, Goto):
        return f"a failure leads to {policy.goto}"
    return _POLICIES[policy]


def source_of(secret: SecretSource) -> str:
    """Where a secret comes from; never what it is."""
    match secret:
        case EnvSecret(key=key):
            return f"variable {key}"
        case FileSecret(path=path):
            return f"file {path}"
        case KubernetesSecret(namespace=namespace, name=name, key=key):
            return f"Secret {namespace}/{name}, key {key}"
        case CommandSecret(run=run):
            return f"command {' '.join(shown(run).split())}"
