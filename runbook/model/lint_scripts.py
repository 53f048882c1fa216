"""Advice about commands: what they reach for, what they show, what they wait for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from runbook.model import expressions
from runbook.model.checks import RunCheck
from runbook.model.commands import Command, Reading, Word, read
from runbook.model.document import CheckStep, Effect, Runbook, RunStep, UsesStep
from runbook.model.effects import ORDER, drops_finalizers, effect_of, words_of
from runbook.model.findings import Path
from runbook.model.lint_found import Found, written
from runbook.model.parts import Composed

_SHELLS = frozenset(
    {"sh", "bash", "zsh", "dash", "ksh", "python", "python3", "perl", "ruby", "node"}
)
_FETCHERS = frozenset({"curl", "wget", "fetch", "http", "https"})
_BUILTINS = words_of(
    "echo printf read test [ [[ export declare local readonly typeset set unset return exit : eval "
    "true false let mapfile readarray"
)
"""What bash does by itself: its words are nobody's arguments."""
_CLIENTS: Mapping[str, tuple[str, ...]] = {
    "kubectl": ("--context", "--kubeconfig", "--cluster", "--server", "-s", "--user", "--token"),
    "oc": ("--context", "--kubeconfig", "--cluster", "--server", "-s", "--user", "--token"),
    "helm": ("--kube-context", "--kubeconfig", "--kube-apiserver", "--kube-token"),
    "argo": ("--context", "--kubeconfig", "--cluster", "--server", "-s", "--user", "--token"),
    "kubeseal": ("--context", "--kubeconfig", "--cluster", "--server", "--user", "--token"),
}
_SWITCHES = frozenset({"use-context", "use", "set-context", "set-cluster", "set-credentials"})


@dataclass(frozen=True, slots=True)
class _Script:
    path: Path
    text: str
    effect: Effect | None = None
    """What it is said to do; None where nothing is said."""
    secret_variables: frozenset[str] = frozenset()
    bounded: bool = True
    """Whether it is ended after a time."""


def find(composed: Composed) -> Iterator[Found]:
    runbook = composed.runbook
    yield from _environments(runbook)
    secrets = {f"secrets.{name}" for name, source in runbook.secrets.items() if source.sensitive}
    for script in _scripts(runbook, secrets):
        reading = read(script.text)
        yield from _commands(script, reading, secrets)
        for name, offset in reading.exported:
            if name == "KUBECONFIG":
                yield Found("own-cluster", script.path, "the script sets KUBECONFIG", offset=offset)


def _scripts(runbook: Runbook, secrets: Collection[str]) -> Iterator[_Script]:
    for path, step in written(runbook):
        if isinstance(step, RunStep) and _is_bash(step.shell):
            hidden = _hidden({**runbook.env, **step.env}, secrets)
            bounded = step.timeout is not None
            yield _Script((*path, "run"), step.run, step.effect, hidden, bounded)
        if isinstance(step, CheckStep) and isinstance(step.check, RunCheck):
            yield from _of_check((*path, "check"), step.check, runbook, secrets)
        undo = None if isinstance(step, UsesStep) else getattr(step, "rollback", None)
        if undo is not None and _is_bash(getattr(step, "shell", None)):
            own = step.env if isinstance(step, RunStep) else {}
            yield _Script((*path, "rollback"), undo, None, _hidden({**runbook.env, **own}, secrets))
    for name, named in runbook.health.items():
        if isinstance(named.check, RunCheck):
            yield from _of_check(("health", name, "check"), named.check, runbook, secrets)


def _of_check(
    path: Path, check: RunCheck, runbook: Runbook, secrets: Collection[str]
) -> Iterator[_Script]:
    if _is_bash(check.shell):
        hidden = _hidden({**runbook.env, **check.env}, secrets)
        yield _Script((*path, "run"), check.run, "read", hidden)


def _is_bash(shell: str | None) -> bool:
    program = (shell or "bash").split()[:1]
    return not program or program[0].rpartition("/")[2] in ("bash", "sh")


def _hidden(env: Mapping[str, str], secrets: Collection[str]) -> frozenset[str]:
    """Variables whose values hold a secret."""
    return frozenset(
        name
        for name, text in env.items()
        if "${{" in text and expressions.references(expressions.parse(text)) & set(secrets)
    )


def _environments(runbook: Runbook) -> Iterator[Found]:
    said = "KUBECONFIG is set here"
    if "KUBECONFIG" in runbook.env:
        yield Found("own-cluster", ("env", "KUBECONFIG"), said, on_key=True)
    for path, step in written(runbook):
        if isinstance(step, RunStep) and "KUBECONFIG" in step.env:
            yield Found("own-cluster", (*path, "env", "KUBECONFIG"), said, on_key=True)


def _commands(script: _Script, reading: Reading, secrets: Collection[str]) -> Iterator[Found]:
    worst: Command | None = None
    for command in reading.commands:
        yield from _fetched(script, command)
        yield from _cluster(script, command)
        yield from _shown(script, command, secrets)
        if command.program == "sleep":
            yield Found("sleep-in-script", script.path, offset=command.offset)
        if not script.bounded and _waits(command):
            yield Found("delete-waits", script.path, offset=command.offset)
        if drops_finalizers(command):
            yield Found("finalizers-by-hand", script.path, offset=command.offset)
        if worst is None and _understated(script.effect, command):
            worst = command
    if worst is not None:
        effect = effect_of(worst).effect
        said = f"{_brief(worst)!r} is `{effect}`, and the step says `{script.effect}`"
        if script.path[-2] == "check":
            said = f"{_brief(worst)!r} is `{effect}`, and a check only reads"
        hint = f"`effect: {effect}`" if script.path[-2] != "check" else "make a `run` step of it"
        yield Found("effect-understated", script.path, said, hint, worst.offset)


def _understated(effect: Effect | None, command: Command) -> bool:
    """Files of the machine that the command runs on are no part of the platform."""
    if effect is None or command.program == "rm":
        return False
    guess = effect_of(command)
    return guess.sure and ORDER.index(guess.effect) > ORDER.index(effect)


def _brief(command: Command) -> str:
    return " ".join(word.text for word in command.words[:3])


def _fetched(script: _Script, command: Command) -> Iterator[Found]:
    if command.program in _SHELLS and _FETCHERS & {*command.fed_by, *command.holds}:
        # `python -c CODE` and `bash FILE` read something else; their input is only data.
        reads_input = command.holds or all(word.startswith("-") for word in command.arguments)
        if reads_input and (command.holds or "-c" not in command.arguments):
            yield Found("pipe-to-shell", script.path, offset=command.offset)


def _cluster(script: _Script, command: Command) -> Iterator[Found]:
    if "KUBECONFIG" in command.assigned:
        said = f"KUBECONFIG is set for {command.program}"
        yield Found("own-cluster", script.path, said, offset=command.offset)
    flags = _CLIENTS.get(command.program)
    if flags is None:
        return
    words = command.words[1:][: len(command.arguments)]
    texts = [word.text for word in words]
    if texts[:1] == ["config"] and _SWITCHES & set(texts[1:]):
        said = "the command changes which cluster is meant"
        yield Found("own-cluster", script.path, said, offset=command.offset)
    for index, word in enumerate(words):
        flag = word.text.partition("=")[0]
        if flag in flags and not _is_targets(words[index : index + 2]):
            said = f"{command.program} is given {flag} of its own"
            yield Found("own-cluster", script.path, said, offset=word.offset)


def _is_targets(words: tuple[Word, ...]) -> bool:
    return any("target.context" in word.values for word in words)


def _shown(script: _Script, command: Command, secrets: Collection[str]) -> Iterator[Found]:
    if command.program in _BUILTINS:
        return
    for word in command.words[1:]:
        told = next((name for name in word.values if name in secrets), None)
        if told is None:
            held = next((name for name in word.variables if name in script.secret_variables), None)
            told = f"${held}" if held else None
        if told is not None:
            said = f"{told} stands among the arguments of {command.program}"
            yield Found("secret-in-arguments", script.path, said, offset=word.offset)


def _waits(command: Command) -> bool:
    if command.program not in ("kubectl", "oc") or effect_of(command).effect != "destroy":
        return False
    words = command.arguments
    ends = ("--wait=false", "--timeout", "--dry-run")
    return "delete" in words and not any(word.startswith(ends) for word in words)
