"""The commands of a bash script, as far as they can be read without running it. Pure.

A grammar of bash reads the script, so that quotes, pipes, loops, here-documents and substitutions are
what bash makes of them. What it cannot read is left out: whoever asks here gives advice, and no orders.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import tree_sitter
import tree_sitter_bash

from runbook.model.expressions import Expression, ExpressionError, names, parse

_PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
_NO_ARGUMENT = frozenset(
    {"variable_assignment", "herestring_redirect", "file_redirect", "heredoc_redirect", "comment"}
)
_WRAPPERS = frozenset({"sudo", "env", "time", "nohup", "command", "exec", "xargs", "timeout"})
_TAKES_VALUE = frozenset({"-u", "-g", "-n", "-I", "-P", "-L", "-s", "-k"})
_STRANGE = re.compile(r"[^\t\n\r\x20-\x7e]")
LONGEST = 64 * 1024
"""Characters; a script that long is a program of its own."""
_LONGEST_WORD = 4096
_KEPT = 16
"""How many names are kept of what stands in a word, or before a pipe."""
_FETCHING = ("command_substitution", "process_substitution")


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it stands, its outer quotes removed; `offset` counts characters into the script."""

    text: str
    offset: int
    values: tuple[str, ...] = ()
    """Names in the expressions of the word, such as `secrets.token`."""
    variables: tuple[str, ...] = ()
    """Shell variables of the word."""


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command without what only wraps it (`sudo`, `env`, `xargs`...)."""

    words: tuple[Word, ...]
    assigned: tuple[str, ...] = ()
    """Variables that are set for it."""
    fed_by: tuple[str, ...] = ()
    """Programs before it in the same pipe."""
    holds: tuple[str, ...] = ()
    """Programs whose output is substituted into its words."""

    @property
    def offset(self) -> int:
        return self.words[0].offset

    @property
    def program(self) -> str:
        return self.words[0].text.rpartition("/")[2]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What is meant for the program itself: all words up to `--`."""
        texts = tuple(word.text for word in self.words[1:])
        return texts[: texts.index("--")] if "--" in texts else texts


@dataclass(frozen=True, slots=True)
class Reading:
    """A script that has been read."""

    commands: tuple[Command, ...]
    exported: tuple[tuple[str, int], ...]
    """Variables that the script sets by themselves or with `export`, with their offsets."""
    whole: bool
    """Whether all of it could be read."""


class _Script:
    """One script. Each node of its tree is looked at a fixed number of times, however deep it lies."""

    def __init__(self, script: str) -> None:
        self._script = script
        try:
            template = parse(script)
        except ExpressionError:
            template = ()
        self._expressions = [part for part in template if isinstance(part, Expression)]
        self._starts = [part.start for part in self._expressions]
        pieces, end = [], 0
        for part in self._expressions:
            pieces += [script[end : part.start], "V" * (part.end - part.start)]
            end = part.end
        masked = "".join([*pieces, script[end:]])
        # The grammar's scanner asks C's tables about characters that are not in them. To bash such a
        # character is a letter like another, and with one byte for each, places are the script's own.
        self._bytes = _STRANGE.sub("u", masked).encode("ascii")
        self._programs: dict[int, tuple[str, ...]] = {}
        self._holds: dict[int, tuple[str, ...]] = {}
        self._variables: dict[int, tuple[str, ...]] = {}
        self._fed: dict[int, tuple[str, ...]] = {}

    def read(self) -> Reading:
        root = _PARSER.parse(self._bytes).root_node
        nodes = list(_walk(root))
        for node in reversed(nodes):
            self._look_up(node)
        self._fed[root.id] = ()
        for node in nodes:
            self._hand_down(node)
        commands: list[Command] = []
        exported: list[tuple[str, int]] = []
        for node in nodes:
            if node.type == "command":
                commands.append(self._command(node))
            elif node.type == "variable_assignment" and _parent(node) != "command":
                exported.append((self._name(node), node.start_byte))
        return Reading(tuple(commands), tuple(exported), not root.has_error)

    def _look_up(self, node: tree_sitter.Node) -> None:
        """What a node takes from those in it; the first few of each."""
        own = {"command_name": self._programs, "variable_name": self._variables}.get(node.type)
        for kept in (self._programs, self._holds, self._variables):
            kept[node.id] = tuple(
                islice((name for child in node.children for name in kept[child.id]), _KEPT)
            )
        if own is not None:
            own[node.id] = (self._text(node).rpartition("/")[2],)
        if node.type in _FETCHING:
            self._holds[node.id] = self._programs[node.id]

    def _hand_down(self, node: tree_sitter.Node) -> None:
        """What a node is fed by: earlier members of its pipe, and what feeds all of that."""
        before = () if node.type in _FETCHING else self._fed[node.id]
        for child in node.children:
            self._fed[child.id] = before
            if node.type == "pipeline":
                before = (*before, *self._programs[child.id])[-_KEPT:]

    def _command(self, node: tree_sitter.Node) -> Command:
        """A `command` of the grammar, which has a name at least."""
        nodes = [child for child in node.named_children if child.type not in _NO_ARGUMENT]
        words = _unwrapped([self._word(child) for child in nodes])
        assigned = [
            self._name(child)
            for child in node.named_children
            if child.type == "variable_assignment"
        ]
        holds = tuple(name for child in nodes for name in self._holds[child.id])
        return Command(tuple(words), tuple(assigned), self._fed[node.id], holds)

    def _word(self, node: tree_sitter.Node) -> Word:
        start, end = node.start_byte, node.end_byte
        text = self._script[start : min(end, start + _LONGEST_WORD)]
        if node.type in ("string", "raw_string") and len(text) >= 2:
            text = text[1:-1]
        first = max(0, bisect_right(self._starts, start) - 1)
        values = tuple(
            name.name
            for part in self._expressions[first : bisect_left(self._starts, end)]
            if part.start < end and start < part.end
            for name in names(part.node)
        )
        return Word(text, start, values, self._variables[node.id])

    def _name(self, assignment: tree_sitter.Node) -> str:
        name = assignment.child_by_field_name("name")
        return self._text(name) if name is not None else ""

    def _text(self, node: tree_sitter.Node) -> str:
        return self._script[node.start_byte : min(node.end_byte, node.start_byte + _LONGEST_WORD)]


def read(script: str) -> Reading:
    """What a bash script does, in the order in which it is written; `${{ }}` may stand in it. Of more
    than `LONGEST` characters nothing is read.
    """
    if len(script) > LONGEST:
        return Reading((), (), whole=False)
    return _Script(script).read()


def _walk(node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(current.children)


def _parent(node: tree_sitter.Node) -> str:
    return node.parent.type if node.parent is not None else ""


def _unwrapped(words: list[Word]) -> list[Word]:
    """The command that `sudo`, `env`, `xargs` and their like are given."""
    while words and words[0].text.rpartition("/")[2] in _WRAPPERS:
        wrapper = words[0].text.rpartition("/")[2]
        rest = words[1:]
        while rest and (rest[0].text.startswith("-") or (wrapper == "env" and "=" in rest[0].text)):
            rest = rest[2:] if rest[0].text in _TAKES_VALUE else rest[1:]
        if wrapper == "timeout":
            rest = rest[1:]
        if not rest:
            break
        words = rest
    return words
