"""The flags of what performs a run, or looks at one that is performed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.flags.cases import Words, at_a_terminal, code, says, shows
from tests.flags.world import TARGET, Left, World

HOME = "{home}"
MODE, NAMED = TARGET[0], TARGET[2:]
CONTEXT, KUBECONFIG = NAMED[:2], NAMED[2:]
SCREEN = b"\x1b[?1049h"


def book(name: str, *more: str) -> tuple[str, ...]:
    return (f"{HOME}/{name}/{name}.yaml", *more)


def on_the_screen(left: Left) -> bool:
    return SCREEN in left.seen


def rings(left: Left) -> bool:
    return b"\x07" in re.sub(rb"\x1b\][^\x07\x1b]*\x07", b"", left.seen)  # titles end with one, too


def in_ascii(left: Left) -> bool:
    return left.seen.isascii()


def context(left: Left) -> str:
    return left.opened.context if left.opened else ""


# -- run

shows(
    "run --mode",
    "recovery",
    words=book("plain", *NAMED, "--headless"),
    without=("--mode", "drill"),
    look=lambda r: r.opened and r.opened.mode.value,
    wants="recovery",
)
shows(
    "run --context",
    "other",
    words=book("plain", MODE, "drill", *KUBECONFIG, "--headless"),
    without=("--context", "practice"),
    look=context,
    wants="other",
)
shows(
    "run --kubeconfig",
    KUBECONFIG[1],
    words=book("plain", MODE, "drill", *CONTEXT, "--headless"),
    look=code,
    wants=0,
)
shows("run --input", "word=bye", words=book("plain", *TARGET, "--headless"), look=says("said-bye"))
shows(
    "run --speed",
    "33",
    words=book("plain", "--headless"),
    look=lambda r: r.opened and r.opened.speed,
    wants=33,
)
shows(
    "run --preauthorised",
    f"{HOME}/given.yaml",
    words=book("gated", *TARGET, "--headless"),
    look=says("approved by bob"),
)
shows(
    "run --allowed-signers",
    f"{HOME}/keys/allowed_signers",
    words=book("eyes", *TARGET, "--headless"),
    look=lambda r: r.opened is not None and r.opened.name == "eyes",
)
shows(
    "run --outage-since",
    "2026-01-01T00:00Z",
    words=book("plain", MODE, "recovery", *NAMED, "--headless"),
    look=lambda r: r.opened and r.opened.outage and r.opened.outage.year,
    wants=2026,
)
shows(
    "run --headless",
    words=book("gated", *TARGET),
    call=at_a_terminal("YOUR APPROVAL"),
    look=on_the_screen,
    wants=False,
)
shows(
    "run --junit",
    f"{HOME}/result.xml",
    words=book("plain", *TARGET, "--headless"),
    look=lambda r: (r.home / "result.xml").is_file(),
)
shows(
    "run --dry-run", words=book("plain", *TARGET, "--headless"), look=lambda r: len(r.runs), wants=2
)
shows(
    "run --dry-run=actions",
    words=book("plain", *TARGET),
    without=("--dry-run",),
    look=says("expected Namespace kube-system"),
)
shows(
    "run --keep",
    words=book("plain", "--headless", "--speed", "30"),
    look=lambda r: r.cluster() is not None,
)
shows(
    "run --ascii", words=book("gated", *TARGET), call=at_a_terminal("YOUR APPROVAL"), look=in_ascii
)
shows(
    "run --no-bell",
    words=book("gated", *TARGET),
    call=at_a_terminal("YOUR APPROVAL"),
    look=rings,
    wants=False,
)

# -- resume: the newest run died within a step

WHY = ("--reason", "because of it")


def last(left: Left) -> str:
    """What was recorded last of the step that died."""
    return left.kinds("dies")[-1]


shows("resume --headless", call=at_a_terminal("OUTCOME UNKNOWN"), look=on_the_screen, wants=False)
shows("resume --retry", "dies", look=last, wants="step.passed")
shows("resume --skip", "dies", words=WHY, look=last, wants="step.skipped")
shows(
    "resume --goto",
    "first",
    words=WHY,
    look=lambda r: r.kinds("first").count("step.passed"),
    wants=2,
)
shows("resume --rollback", words=WHY, look=lambda r: (r.home / "undone").exists())
shows("resume --done", "dies", words=WHY, look=last, wants="step.accepted")
shows(
    "resume --reason",
    "because of it",
    words=("--skip", "dies"),
    look=lambda r: "because of it" in (r.runs[-1] / "events.jsonl").read_text(),
)
shows(
    "resume --keep",
    words=("--retry", "leaves"),
    before=(("run", *book("unfinished", "--headless")),),
    look=lambda r: r.cluster() is not None,
)
shows("resume --ascii", call=at_a_terminal("OUTCOME UNKNOWN"), look=in_ascii)
shows("resume --no-bell", call=at_a_terminal("OUTCOME UNKNOWN"), look=rings, wants=False)

# -- watch


def beside_a_waiting_run(world: World, home: Path, words: Words) -> Left:
    with world.terminal(home, "run", *book("gated", *TARGET)) as run:
        run.wait_for(b"YOUR APPROVAL", 60)
        return world.at_a_terminal(home, *words, until=b"Go on?")


shows("watch --headless", call=at_a_terminal("dies"), look=on_the_screen, wants=False)
shows("watch --ascii", call=at_a_terminal("dies"), look=in_ascii)
shows("watch --no-bell", call=beside_a_waiting_run, look=rings, wants=False)
