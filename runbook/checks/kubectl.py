"""What a kubectl command will ask of the API, told by its words. Pure; what cannot be told says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook.model.commands import Command, Word
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
        "-n",
        "--namespace",
        "-l",
        "--selector",
        "-o",
        "--output",
        "-f",
        "--filename",
        "-k",
        "--kustomize",
        "-p",
        "--patch",
        "--type",
        "--timeout",
        "--for",
        "-c",
        "--container",
        "--field-selector",
        "--context",
        "--kubeconfig",
        "--replicas",
        "--tail",
        "--sort-by",
        "--grace-period",
        "--subresource",
        "--since",
        "--request-timeout",
        "--patch-file",
        "-L",
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
        "-s",
        "--user",
        "--cluster",
        "--token",
    ]
)
"""Flags whose value may be the next word."""
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


@dataclass(frozen=True, slots=True)
class Rendered:
    """Requests for every object of some manifests."""

    verbs: tuple[str, ...]
    path: str
    kustomize: bool
    namespace: str = ""


@dataclass
class _Words:
    said: list[str]
    flags: dict[str, list[str]]

    def flag(self, *names: str) -> str:
        return next((self.flags[name][-1] for name in names if name in self.flags), "")


class Untold(Exception):
    """What a command asks is not to be told from its words."""


def asks(command: Command) -> list[Ask | Rendered]:
    """Raises Untold."""
    words = _read([_value(word) for word in command.words[1:]])
    if words.flag("--dry-run") == "client" or not words.said:
        return []
    verb, rest = words.said[0], words.said[1:]
    if verb in _ASKS_NOTHING:
        return []
    namespace = words.flag("-n", "--namespace")
    path = words.flag("-f", "--filename") or words.flag("-k", "--kustomize")
    verbs = _verbs_of(verb, rest, words)
    if path:
        if path == "-" or "://" in path:
            raise Untold
        kustomize = "-k" in words.flags or "--kustomize" in words.flags
        return [Rendered(verbs, path, kustomize, namespace)]
    if verb in ("rollout", "create"):
        rest = rest[1:] if verb == "rollout" else []
    if verb in ("logs", "exec"):
        return _of_pod(verb, namespace)
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
        name, equals, value = word.partition("=")
        if not equals and name in _VALUES:
            value = next(waiting, "")
        flags.setdefault(name, []).append(value)
    return _Words(said, flags)


def _value(word: Word) -> str:
    """A word with its expressions filled in, as far as they have values before the run."""
    text = str(partially(word.text, _unbound)) if "${{" in word.text else word.text
    if "${{" in text or (word.variables and "$" in text) or "$(" in text or "`" in text:
        raise Untold
    return text.strip("'\"")


def _unbound(name: str) -> Scalar:
    raise Unbound(name)
