"""Gives the same kubectl commands to both clusters and compares what an operator would see.

    python -m tests.cluster.conformance.runner            # everything
    python -m tests.cluster.conformance.runner rollout    # some scenarios

A scenario is a text file; its commands run in order, in a namespace of its own. A line is a command:

    kubectl get pods                        compared once
    ~ kubectl get pods                      again and again until both say the same: controllers take time
    . kubectl rollout status deploy/web     only the last line is compared: progress is anyone's
    KUBE_EDITOR='sed -i s/1/2/' kubectl edit deploy/web
    kubectl apply -f - < web.yaml           standard input; files are in fixtures/
    timeout 2 kubectl get pods --watch      other programs are run as they are; there is no shell

A scenario that begins with `# speed 1` gets a practice cluster that runs as fast as life, where a command
must be through before the cluster's own delays are. `$NS` is the scenario's namespace, `$BASE` the platform's manifests. Differences that are meant are in
reasons.toml, and nowhere else.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from tests.cluster import sides
from tests.cluster.conformance.normal import normal
from tests.cluster.processes import wait_until
from tests.cluster.sides import ROOT, Said, Side

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
SCENARIOS = HERE / "scenarios"
REASONS = HERE / "reasons.toml"
EVENTUALLY = 45.0
"""Seconds until both sides must say the same; the slowest is a namespace that goes."""
PATIENCE = 90.0
SPEED = 20.0


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a scenario."""

    text: str
    words: tuple[str, ...]
    environment: dict[str, str]
    given: Path | None
    eventually: bool
    last_only: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    commands: tuple[Command, ...]
    speed: float = SPEED

    @property
    def namespace(self) -> str:
        return f"conformance-{self.name}"


@dataclass(slots=True)
class Reason:
    """Lines that may differ, for which commands, and why that is meant."""

    command: re.Pattern[str]
    part: str
    lines: list[re.Pattern[str]]
    why: str
    used: set[str] = field(default_factory=set)

    def excusing(self, command: Command, part: str, line: str) -> set[str]:
        if part != self.part or not self.command.search(command.text):
            return set()
        return {pattern.pattern for pattern in self.lines if pattern.fullmatch(line)}

    @property
    def unused(self) -> list[str]:
        return [one.pattern for one in self.lines if one.pattern not in self.used]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one command compared; `lines` are (part, `-` real or `+` practice and the line)."""

    scenario: str
    command: Command
    lines: tuple[tuple[str, str], ...]
    unexplained: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        shown = [f"{self.scenario}: {self.command.text}"]
        shown += [
            f"    {part:6} {line}{'' if (part, line) in self.unexplained else '    (listed)'}"
            for part, line in self.lines
        ]
        return "\n".join(shown)


@dataclass(slots=True)
class Tally:
    """What all scenarios of a session came to."""

    reasons: list[Reason]
    outcomes: list[Outcome] = field(default_factory=list)
    ran: set[str] = field(default_factory=set)

    def summary(self) -> str:
        equal = sum(not one.lines for one in self.outcomes)
        listed = sum(bool(one.lines) and not one.unexplained for one in self.outcomes)
        text = (
            f"conformance: {len(self.outcomes)} commands, {equal} equal, "
            f"{listed} differ for a listed reason"
        )
        rest = len(self.outcomes) - equal - listed
        why = [
            f"  meant: {reason.command.pattern} ({reason.part}): {reason.why}"
            for reason in self.reasons
            if reason.used
        ]
        return "\n".join([f"{text}, {rest} differ" if rest else text, *why])

    def rotten(self) -> list[str]:
        """What reasons.toml excuses although nothing differs there any more."""
        return [
            f"{reason.command.pattern} {reason.part}: {pattern}"
            for reason in self.reasons
            for pattern in reason.unused
        ]


def new_tally() -> Tally:
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return Tally(
        [
            Reason(
                re.compile(entry["command"]),
                entry["part"],
                [re.compile(line) for line in entry["lines"]],
                entry["why"],
            )
            for entry in table["reason"]
        ]
    )


def scenario(name: str) -> Scenario:
    lines = (SCENARIOS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    commands = [_command(line, f"conformance-{name}") for line in lines if line.strip()]
    told = re.fullmatch(r"# speed (\d+)", lines[0])
    speed = float(told[1]) if told else SPEED
    return Scenario(name, tuple(one for one in commands if one is not None), speed)


def names() -> list[str]:
    return sorted(path.stem for path in SCENARIOS.glob("*.txt"))


def _command(line: str, namespace: str) -> Command | None:
    if line.startswith("#"):
        return None
    marks, _, rest = line.partition(" ") if line[0] in "~." else ("", "", line)
    words = [
        word.replace("$NS", namespace).replace("$BASE", str(Path("k8s", "base")))
        for word in shlex.split(rest)
    ]
    environment: dict[str, str] = {}
    while re.match(r"[A-Z_]+=", words[0]):
        key, _, value = words.pop(0).partition("=")
        environment[key] = value
    given = None
    if words[-2:-1] == ["<"]:
        given = FIXTURES / words[-1]
        words = words[:-2]
    return Command(rest, tuple(words), environment, given, "~" in marks, "." in marks)


class Practices:
    """Practice clusters of our own, one for each speed, from when it is first asked for."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._by_speed: dict[float, Side] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self._open.close()

    def at(self, speed: float) -> Side:
        if speed not in self._by_speed:
            directory = Path(self._open.enter_context(tempfile.TemporaryDirectory()))
            started = sides.practice(directory, speed=speed)
            self._by_speed[speed] = self._open.enter_context(started)
        return self._by_speed[speed]


class Hand:
    """An operator at one cluster, in one namespace."""

    def __init__(self, side: Side, namespace: str, home: Path) -> None:
        self._home = home
        document = yaml.safe_load(side.kubeconfig.read_text(encoding="utf-8"))
        for context in document["contexts"]:
            context["context"]["namespace"] = namespace
        self._kubeconfig = home / "config"
        self._kubeconfig.write_text(yaml.safe_dump(document), encoding="utf-8")
        beside = Path(sys.executable).parent
        self._path = f"{beside}{os.pathsep}{os.environ['PATH']}"
        self._folder = home / "folder"
        shutil.copytree(FIXTURES, self._folder)
        (self._folder / "k8s").symlink_to(ROOT / "k8s")

    def run(self, command: Command) -> Said:
        environment = {
            "PATH": self._path,
            "HOME": str(self._home),
            "KUBECONFIG": str(self._kubeconfig),
            **command.environment,
        }
        with tempfile.TemporaryFile() as given:
            if command.given is not None:
                given.write(command.given.read_bytes())
                given.seek(0)
            done = subprocess.run(
                command.words,
                env=environment,
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
                cwd=self._folder,
            )
        return Said(done.returncode, done.stdout, done.stderr)


def run(which: Scenario, real: Side, practice: Side, tally: Tally) -> list[Outcome]:
    """Every command of a scenario on both sides, in order; one that differs does not end it."""
    with tempfile.TemporaryDirectory() as homes, ThreadPoolExecutor(2) as both:
        hands = []
        for side in (real, practice):
            home = Path(homes, side.name)
            home.mkdir()
            hands.append(Hand(side, which.namespace, home))
            _namespace(side, which.namespace)
        try:
            outcomes = [_compare(which.name, one, hands, both, tally) for one in which.commands]
        finally:
            for side in (real, practice):
                side.kubectl("delete", "ns", which.namespace, "--wait=false", "--ignore-not-found")
    tally.outcomes += outcomes
    tally.ran.add(which.name)
    return outcomes


def _namespace(side: Side, name: str) -> None:
    made = side.kubectl("create", "namespace", name)
    if made.code:
        raise RuntimeError(made.err)

    def usable() -> bool:
        account = side.kubectl("get", "serviceaccount/default", "cm/kube-root-ca.crt", "-n", name)
        return account.code == 0

    wait_until(usable, 30, f"{side.name} has made {name} usable")


def _compare(
    where: str, command: Command, hands: Sequence[Hand], both: ThreadPoolExecutor, tally: Tally
) -> Outcome:
    lines: tuple[tuple[str, str], ...] = ()
    unexplained: tuple[tuple[str, str], ...] = ()
    excused: list[tuple[Reason, set[str]]] = []

    def equal() -> bool:
        nonlocal lines, unexplained, excused
        real, practice = both.map(lambda hand: hand.run(command), hands)
        lines = tuple(differences(command, real, practice))
        found = [
            (line, reason, reason.excusing(command, *line))
            for line in lines
            for reason in tally.reasons
        ]
        excused = [(reason, patterns) for _, reason, patterns in found]
        listed = {line for line, _, patterns in found if patterns}
        unexplained = tuple(line for line in lines if line not in listed)
        return not unexplained

    if command.eventually:
        with contextlib.suppress(TimeoutError):  # the last look is what counts
            wait_until(equal, EVENTUALLY, "both say the same")
    else:
        equal()
    for reason, patterns in excused:
        reason.used |= patterns
    return Outcome(where, command, lines, unexplained)


def differences(command: Command, real: Said, practice: Said) -> Iterator[tuple[str, str]]:
    if real.code != practice.code:
        yield "code", f"-{real.code}"
        yield "code", f"+{practice.code}"
    for part, ours, theirs in (
        ("stdout", practice.out, real.out),
        ("stderr", practice.err, real.err),
    ):
        before, after = (_lines(command, text) for text in (theirs, ours))
        matched = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for what, low, high, from_, to in matched.get_opcodes():
            if what != "equal":
                yield from ((part, f"-{line}") for line in before[low:high])
                yield from ((part, f"+{line}") for line in after[from_:to])


def _lines(command: Command, text: str) -> list[str]:
    lines = normal(text).splitlines()
    return lines[-1:] if command.last_only else lines


def main() -> int:
    """Runs what the command line names, prints every difference; 0 if all are listed."""
    tally = new_tally()
    chosen = sys.argv[1:] or names()
    with sides.real() as real, Practices() as practices:
        for which in map(scenario, chosen):
            for outcome in run(which, real, practices.at(which.speed), tally):
                if outcome.lines:
                    sys.stdout.write(f"{outcome}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{tally.summary()}\n")
    bad = any(one.unexplained for one in tally.outcomes)
    if not sys.argv[1:]:
        for line in tally.rotten():
            bad = True
            sys.stdout.write(f"no longer applies: {line}\n")
    return int(bad)


if __name__ == "__main__":
    raise SystemExit(main())
