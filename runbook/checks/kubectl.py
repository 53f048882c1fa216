"""What a kubectl command will ask of the API, told by its words. Pure; what cannot be told says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath

from runbook.model.commands import Command, Word, read
from runbook.model.expressions import Scalar, Unbound, partially

_ASKS_NOTHING = frozenset(
    [
        "version",
        "kustomize",
        "config",
        "api-resources",
        "api-versions",
        "cluster-info",
        "explain",
        "completion",
        "help",
        "auth",
        "options",
        "plugin",
    ]
)
_VALUES = frozenset(
    [
        "--namespace",
        "--selector",
        "--output",
        "--filename",
        "--kustomize",
        "--patch",
        "--type",
        "--timeout",
        "--for",
        "--container",
        "--field-selector",
        "--context",
        "--kubeconfig",
        "--replicas",
        "--tail",
        "--v",
        "--sort-by",
        "--grace-period",
        "--subresource",
        "--since",
        "--request-timeout",
        "--patch-file",
        "--label-columns",
        "--as",
        "--as-group",
        "--from-literal",
        "--from-file",
        "--field-manager",
        "--cascade",
        "--resource-version",
        "--chunk-size",
        "--template",
        "--server",
        "--user",
        "--cluster",
        "--token",
    ]
)
"""Flags whose value may be the next word."""
_SHORT = {
    "n": "--namespace", "l": "--selector", "o": "--output", "f": "--filename", "k": "--kustomize",
    "p": "--patch", "c": "--container", "L": "--label-columns", "s": "--server", "v": "--v",
}  # fmt: skip
"""Of these the value is the rest of the word, or the next one; other letters are flags without."""
_OF_LOGS = frozenset("fp")
"""These have no value there: follow, previous."""
_ELSEWHERE = re.compile(r"//|^git@|^github\.com/")
"""Where kubectl fetches manifests from."""
_EXPANDED = re.compile(r"^~|[*?\[{]|^[<>]\(")
"""What bash makes other words of."""
_NESTED = {"rollout": {"restart": ("get", "patch"), "status": ("get", "list", "watch")}}
_VERBS: dict[str, tuple[str, ...]] = {
    "describe": ("get",), "wait": ("get", "list", "watch"), "patch": ("get", "patch"),
    "label": ("get", "patch"), "annotate": ("get", "patch"), "edit": ("get", "patch"),
    "apply": ("get", "create", "patch"), "create": ("create",), "replace": ("get", "update"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: of a resource as the command calls it (`models.mlops.seldon.io`, `po`)."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tried: bool = False
    """Asked, and nothing comes of it: `--dry-run=server`."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Requests for every object of some manifests."""

    verbs: tuple[str, ...]
    path: str
    kustomize: bool
    namespace: str = ""
    recursive: bool = False
    """In the folders of a folder, too."""
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the kubectl commands of a script ask, and whether that is all of it."""

    asks: tuple[Ask | Rendered, ...]
    whole: bool
    by_us: bool
    """Commands of runbook ask something, too."""


@dataclass
class _Words:
    said: list[str]
    flags: dict[str, list[str]]

    def flag(self, name: str) -> str:
        return self.flags.get(name, [""])[-1]


class Untold(Exception):
    """What a command asks is not to be told from its words."""


def asked_by(script: str) -> Asked:
    """By a bash script."""
    text = read(script)
    found: list[Ask | Rendered] = []
    whole, moved, by_us = text.whole, False, False
    for command in text.commands:
        moved = moved or command.program in ("cd", "pushd")
        by_us = by_us or command.program == "runbook"
        if command.program == "kubectl":
            try:
                of_one = asks(command)
            except Untold:
                whole = False
                continue
            for one in of_one:
                if moved and isinstance(one, Rendered) and not PurePath(one.path).is_absolute():
                    whole = False
                else:
                    found.append(one)
    return Asked(tuple(found), whole, by_us)


def asks(command: Command) -> list[Ask | Rendered]:
    """Raises Untold."""
    words = _read([_value(word) for word in command.words[1:]])
    dry_run = words.flag("--dry-run") or "client" if "--dry-run" in words.flags else "none"
    if dry_run in ("client", "true") or not words.said:
        return []
    verb, rest = words.said[0], words.said[1:]
    if verb in _ASKS_NOTHING:
        return []
    if "--raw" in words.flags:
        raise Untold
    found = _asks(verb, rest, words)
    return [replace(one, tried=True) for one in found] if dry_run == "server" else found


def _asks(verb: str, rest: list[str], words: _Words) -> list[Ask | Rendered]:
    namespace = words.flag("--namespace")
    verbs = _verbs_of(verb, rest, words)
    if verb in ("logs", "exec"):
        return _of_pod(verb, namespace)
    if rendered := list(_rendered(verbs, words)):
        return rendered
    if verb in ("rollout", "create"):
        rest = rest[1:] if verb == "rollout" else []
    targets = list(_targets(rest))
    if not targets:
        raise Untold
    found: list[Ask | Rendered] = []
    for resource, name in targets:
        sub = "scale" if verb == "scale" else ""
        named = verbs if name else _unnamed(verb, verbs)
        if sub:
            found.append(Ask("get", resource, namespace, name))
        found += [Ask(one, resource, namespace, name, sub) for one in named]
    return found


def _rendered(verbs: tuple[str, ...], words: _Words) -> Iterator[Ask | Rendered]:
    """Of each file and folder that is named."""
    files = [one for given in words.flags.get("--filename", ()) for one in given.split(",")]
    kustomize = words.flags.get("--kustomize", [])
    recursive = bool({"-R", "--recursive"} & set(words.flags))
    for path in (*files, *kustomize):
        if path == "-" or _EXPANDED.search(path) or _ELSEWHERE.search(path):
            raise Untold
        yield Rendered(verbs, path, path in kustomize, words.flag("--namespace"), recursive)


def _verbs_of(verb: str, rest: list[str], words: _Words) -> tuple[str, ...]:
    match verb:
        case "get":
            return ("list", "watch") if {"-w", "--watch"} & set(words.flags) else ("get",)
        case "delete":
            waits = words.flag("--wait") != "false"
            return ("delete", "list", "watch") if waits else ("delete",)
        case "scale":
            return ("patch",)
        case "logs" | "exec":
            return ()
        case "rollout" if rest and rest[0] in _NESTED["rollout"]:
            return _NESTED["rollout"][rest[0]]
        case _ if verb in _VERBS:
            return _VERBS[verb]
    raise Untold


def _unnamed(verb: str, verbs: tuple[str, ...]) -> tuple[str, ...]:
    """Of all objects, or of those with a label: they are listed first."""
    rest = tuple(one for one in verbs if one not in ("get", "list"))
    return ("list", *(rest if verb not in ("get", "describe") or "watch" in rest else ()))


def _of_pod(verb: str, namespace: str) -> list[Ask | Rendered]:
    inner = Ask("get", "pods", namespace, "", "log")
    if verb == "exec":
        inner = Ask("create", "pods", namespace, "", "exec")
    return [Ask("get", "pods", namespace), inner]


def _targets(said: list[str]) -> Iterator[tuple[str, str]]:
    """`type name...`, `type/name...`, `type,type`; a name is empty where all are meant."""
    if any("/" in word for word in said):
        for word in said:
            if "/" in word:
                resource, _, name = word.partition("/")
                yield resource, name
        return
    if said:
        names = [word for word in said[1:] if "=" not in word and not word.endswith("-")]
        for resource in said[0].split(","):
            for name in names or [""]:
                yield resource, name


def _read(words: list[str]) -> _Words:
    said: list[str] = []
    flags: dict[str, list[str]] = {}
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            said.append(word)
            continue
        without = _OF_LOGS if said[:1] == ["logs"] else frozenset[str]()
        for name, value in _flags(word, without):
            given = next(waiting, "") if value is None and name in _VALUES else value
            flags.setdefault(name, []).append(given or "")
    return _Words(said, flags)


def _flags(word: str, without: frozenset[str]) -> Iterator[tuple[str, str | None]]:
    """Of one word, by their long names, each with its value; the letters of `without` have none."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        yield name, value if equals else None
        return
    for place, letter in enumerate(word[1:], 2):
        if letter in _SHORT and letter not in without:
            yield _SHORT[letter], word[place:].removeprefix("=") or None
            return
        yield f"-{letter}", ""


def _value(word: Word) -> str:
    """A word with its expressions filled in, as far as they have values before the run."""
    text = str(partially(word.text, _unbound)) if "${{" in word.text else word.text
    if "${{" in text or (word.variables and "$" in text) or "$(" in text or "`" in text:
        raise Untold
    return text.strip("'\"")


def _unbound(name: str) -> Scalar:
    raise Unbound(name)
