"""How a message is sent: posted to a webhook, given to a program, shown on the desktop.

A webhook is Slack's incoming webhook, which Mattermost, Rocket.Chat and others understand as well:
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import json
import shlex
import shutil
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.executors import process
from runbook.model.document import Notification
from runbook.notify.message import Message

TRIES = 3
TIMEOUT = 10.0
"""Seconds that one request, or a program, may take."""
LONGEST_WAIT = 30.0
"""Seconds between two tries, whatever the server asks for: news grows old."""
SAID = 200
"""Characters of an answer or an error that are told."""

NOTIFY_SEND, OSASCRIPT = "notify-send", "osascript"
_SHOW = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


class NotDelivered(RunbookError):
    """A message reached nobody. `message` says why, without any secret that is known."""


class Ways:
    """Sends a message as a notification says. `read_secret` gives the value of a secret by its name."""

    def __init__(
        self,
        read_secret: Callable[[str], Awaitable[str]],
        environment: Mapping[str, str],
        directory: Path,
        clock: Clock,
    ) -> None:
        self._read_secret = read_secret
        self._environment = environment
        self._directory = directory
        self._clock = clock

    async def __call__(self, notification: Notification, message: Message) -> None:
        """Raises NotDelivered."""
        if notification.webhook is not None:
            await self._post(notification.webhook, message)
        elif notification.command is not None:
            await self._run(notification.command, json.dumps(message.document()) + "\n")
        else:
            await self._run(_on_desktop(message, self._environment.get("PATH")), "")

    async def _post(self, secret: str, message: Message) -> None:
        try:
            url = (await self._read_secret(secret)).strip()
        except RunbookError as fault:
            raise NotDelivered(fault.message) from fault
        body = {"text": _slack(f"*{message.headline}*\n{message.text}")}
        async with httpx.AsyncClient(timeout=TIMEOUT, verify=ssl.create_default_context()) as http:
            for last in (*[False] * (TRIES - 1), True):
                why, wait = await self._try(http, secret, url, body)
                if not why:
                    return
                if last or wait is None:
                    raise NotDelivered(why)
                await self._clock.sleep(min(wait, LONGEST_WAIT))

    async def _try(
        self, http: httpx.AsyncClient, secret: str, url: str, body: Mapping[str, str]
    ) -> tuple[str, float | None]:
        """Why it was not taken, empty when it was, and seconds to the next try; None: no use."""
        try:
            answer = await http.post(url, json=body)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            return f"secret {secret} is no http(s) URL", None
        except httpx.HTTPError as fault:
            return f"no answer: {str(fault) or type(fault).__name__}"[:SAID], 2.0
        if answer.is_success:
            return "", None
        why = f"HTTP {answer.status_code} {' '.join(answer.text.split())}".strip()[:SAID]
        again = answer.status_code == 429 or answer.status_code >= 500
        return why, self._wanted_wait(answer) if again else None

    def _wanted_wait(self, answer: httpx.Response) -> float:
        """Seconds by `Retry-After`, which is a number or a date (RFC 9110, 10.2.3); else 2."""
        wanted = answer.headers.get("retry-after", "")
        if wanted.isdecimal():
            return float(wanted)
        try:
            at = parsedate_to_datetime(wanted)
        except ValueError:
            return 2.0
        return max(0.0, (at - self._clock.now()).total_seconds())

    async def _run(self, argv: Sequence[str], given: str) -> None:
        said = bytearray()
        command = process.Command(
            given, self._environment, shell=shlex.join(argv), directory=self._directory
        )
        try:
            ended = await process.run(
                command, timeout=TIMEOUT, on_stdout=said.extend, on_stderr=said.extend
            )
        except (OSError, ValueError) as fault:
            raise NotDelivered(f"{argv[0]}: {fault}") from fault
        if ended.timed_out:
            raise NotDelivered(f"{argv[0]} took more than {TIMEOUT:g} seconds, and was ended")
        if ended.exit != 0:
            how = f"exit {ended.exit}" if ended.exit is not None else f"ended by {ended.signal}"
            last = bytes(said[-SAID:]).decode("utf-8", "replace")
            raise NotDelivered(f"{argv[0]}: {how} {' '.join(last.split())}".strip())


def _slack(text: str) -> str:
    """The three characters that mean something in Slack's text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _on_desktop(message: Message, path: str | None) -> Sequence[str]:
    """The program that shows it. Raises NotDelivered where there is none."""
    if shutil.which(NOTIFY_SEND, path=path):
        urgency = "normal" if message.event == "finished" else "critical"
        options = ("--app-name=runbook", f"--urgency={urgency}", "--")
        return (NOTIFY_SEND, *options, message.headline, message.text)
    if shutil.which(OSASCRIPT, path=path):
        lines = [word for line in _SHOW for word in ("-e", line)]
        return (OSASCRIPT, *lines, message.headline, message.text)
    raise NotDelivered(f"there is neither {NOTIFY_SEND} nor {OSASCRIPT} on PATH")
