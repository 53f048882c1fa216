"""A secret in a whole program: a real terminal, real processes, everything that is left behind.

What the runbook's steps do with it is what careless scripts do; the value must be nowhere.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil
import pyte
import pytest

from runbook.cli.reports import PRINTED
from runbook.redact.forms import forms
from tests.test_drill import RUNBOOK, Machine, machine
from tests.tui.terminal import Terminal

__all__ = ["machine"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SENTINEL = "kT7v&Q2mZx9'Lb/W4sR"
COLUMNS, ROWS = 120, 35
BOOK = r"""
apiVersion: runbook/v1
name: careless
title: Careless with a secret
secrets: {db: {from: env, key: DB_LOGIN}}
notify:
  - {command: [bash, -c, 'cat >> "$HOME/told"'], in_practice: true}
phases:
  - id: one
    title: One
    steps:
      - id: plain
        run: |
          echo "plain $DB_LOGIN"; echo "stderr $DB_LOGIN" >&2
          printf '\033]0;title %s\007' "$DB_LOGIN"; printf '\033]2;%s\033\\' "$DB_LOGIN"
          printf '\033[31m%s\033[0m\r%s\n' "$DB_LOGIN" "$DB_LOGIN"
          tr '\0' ' ' < /proc/$$/cmdline; tr '\0' ' ' < /proc/$PPID/cmdline; env
          sleep 0.5
      - id: encoded
        run: |
          printf %s "$DB_LOGIN" | base64; printf %s "$DB_LOGIN" | base64 -w 7
          printf %s "$DB_LOGIN" | xxd -p 2>/dev/null || printf %s "$DB_LOGIN" | od -An -tx1
          python3 -c 'import json,os,urllib.parse as u; v=os.environ["DB_LOGIN"]; print(json.dumps(v), u.quote(v,safe=""), repr(v))'
      - id: pieces
        run: |
          python3 -u -c 'import os,sys
          for c in os.environ["DB_LOGIN"]: os.write(1, c.encode())'
      - id: value
        run: echo "login=${{ secrets.db }}" >> $RUNBOOK_OUTPUT; echo ${{ secrets.db }}; sleep 0.5
      - id: handed
        on_failure: continue
        title: "Log in by ${{ steps.value.outputs.login }}"
        run: echo ${{ steps.value.outputs.login }}; sleep 0.5
      - id: wrong
        skippable: true
        run: echo "cannot log in with $DB_LOGIN" >&2; false
      - id: last
        manual: {instructions: Look}
"""


def test_a_secret_is_nowhere(machine: Machine) -> None:
    file = machine.home / "careless.yaml"
    file.write_text(BOOK)
    machine.environment["DB_LOGIN"] = SENTINEL
    with Terminal(
        [*RUNBOOK, "run", str(file), "--no-bell"],
        columns=COLUMNS,
        rows=ROWS,
        environment=machine.environment,
    ) as terminal:
        with words_below(terminal.pid) as argv:
            terminal.wait_for(b"STEP FAILED", 60)
        note = ["note", machine.runs[-1].name, f"it is {SENTINEL}"]
        assert machine.run(*note)[0] == 0
        machine.wait_for("note.added", "")
        for key in b"159z":
            terminal.send(bytes([key]))
            terminal.drain(0.3)
        terminal.end(20)
    shown = pyte.Screen(COLUMNS, ROWS)
    pyte.ByteStream(shown).feed(terminal.seen)
    seen = terminal.seen + "\n".join(shown.display).encode() + shown.title.encode()
    assert b"REDACTED" in seen
    assert any("sleep 0.5" in words for words in argv)
    why = f"known already: {SENTINEL}"
    for command in (
        ("resume", "--headless", "--skip", "wrong", "--reason", why),
        *(("report", "--format", form) for form in PRINTED),
        ("runs", "show"),
        ("runs", "--json"),
        ("watch", "--headless"),
        ("verify",),
    ):
        seen += machine.run(*command)[1].encode()
    assert {"step.skipped", "task.requested"} <= {*machine.kinds()}
    assert b"held a secret, and secrets are not kept" in seen
    assert leaks(seen + "\n".join(argv).encode()) == []
    left = [path for path in machine.home.rglob("*") if path.is_file()]
    assert {path.name for path in left} >= {"events.jsonl", "report.md", "runbook.log", "told"}
    assert [str(path) for path in left if leaks(path.read_bytes())] == []
    assert leaks("\n".join(map(str, machine.home.rglob("*"))).encode()) == []


@contextmanager
def words_below(pid: int) -> Iterator[set[str]]:
    """The command lines of a process and of all that it starts, as anybody on the machine sees them."""
    found: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        program = psutil.Process(pid)
        while not ended.wait(0.02):
            for process in (program, *program.children(recursive=True)):
                with suppress(psutil.Error):
                    found.add(" ".join(process.cmdline()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield found
    finally:
        ended.set()
        looking.join()


def leaks(content: bytes) -> list[bytes]:
    """The forms of the secret that stand in a content."""
    return [form for form in forms(SENTINEL) if len(form) >= 8 and form in content]


def test_the_look_for_leaks_finds_one() -> None:
    assert leaks(f"x{SENTINEL}y".encode())
    assert leaks(b"/runs/" + base64.b64encode(SENTINEL.encode()))
