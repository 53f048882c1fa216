"""Lines as the programs print them, and the texts of a connection that fails. Pure."""

from __future__ import annotations

import json
from datetime import datetime


def logrus_line(now: datetime, message: str, *, level: str = "info", **fields: object) -> str:
    """Scheduler and agent: logrus, key=value."""
    pairs = "".join(f" {name}={_quoted(str(value))}" for name, value in fields.items())
    return f"time={_quoted(_stamp(now))} level={level} msg={_quoted(message)}{pairs}"


def operator_line(
    now: datetime, logger: str, message: str, *, level: str = "info", **fields: object
) -> str:
    """The operator: zap's console encoder, tab separated."""
    parts = [now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", level.upper(), logger, message]
    if fields:
        parts.append(json.dumps({name: str(value) for name, value in fields.items()}))
    return "\t".join(parts)


def rclone_line(now: datetime, message: str, *, level: str = "NOTICE") -> str:
    return f"{now.strftime('%Y/%m/%d %H:%M:%S')} {level:<6}: {message}"


def mlserver_line(now: datetime, message: str, *, level: str = "INFO") -> str:
    return f"{now.strftime('%Y-%m-%d %H:%M:%S')},{now.microsecond // 1000:03d} [mlserver] {level} - {message}"


def unavailable(cause: str) -> str:
    """A gRPC call that found nobody, as the operator writes it into a condition."""
    if "lookup" in cause:
        return (
            "rpc error: code = Unavailable desc = name resolver error: produced zero addresses: "
            f"{cause}"
        )
    return (
        "rpc error: code = Unavailable desc = connection error: desc = "
        f'"transport: Error while dialing: {cause}"'
    )


def go_list(values: tuple[str, ...]) -> str:
    """A list as Go's %v prints it."""
    return f"[{' '.join(values)}]"


def _stamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(text: str) -> str:
    return text if text and all(c.isalnum() or c in "-._/@^+" for c in text) else json.dumps(text)
