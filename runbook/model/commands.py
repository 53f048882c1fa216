"""The commands of a bash script, as far as they can be read without running it. Pure.

A grammar of bash reads the script, so that quotes, pipes, loops, here-documents and substitutions are
what bash makes of them. What it cannot read is left out: whoever asks here gives advice, and no orders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

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

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Reading:
    """A script that has been read."""

    commands: tuple[Command, ...]
    exported: tuple[tuple[str, int], ...]
    """Variables that the script sets by themselves or with `export`, with their offsets."""
    whole: bool
    """Whether all of it could be read."""


class _Script:
    def __init__(self, script: str) -> None:
        self._script = script
        self._expressions: list[Expression] = []
        masked = script
        try:
            template = parse(script)
        except ExpressionError:
            template = ()
        for part in template:
            if isinstance(part, Expression):
                self._expressions.append(part)
                blank = "V" * (part.end - part.start)
                masked = masked[: part.start] + blank + masked[part.end :]
        # The grammar's scanner asks C's tables about characters that are not in them. To bash such a
        # character is a letter like another, and with one byte for each, places are the script's own.
        self._bytes = _STRANGE.sub("u", masked).encode("ascii")

    def read(self) -> Reading:
        root = _PARSER.parse(self._bytes).root_node
        commands: list[Command] = []
        exported: list[tuple[str, int]] = []
        for node in _walk(root):
            if node.type == "command":
                commands += self._command(node)
            elif node.type == "variable_assignment" and _parent(node) != "command":
                name = node.child_by_field_name("name")
                if name is not None:
                    exported.append((self._text(name), node.start_byte))
        return Reading(tuple(commands), tuple(exported), not root.has_error)

    def _command(self, node: tree_sitter.Node) -> Iterator[Command]:
        nodes = [child for child in node.named_children if child.type not in _NO_ARGUMENT]
        words = _unwrapped([self._word(child) for child in nodes])
        if words:
            assigned = [
                self._text(name)
                for child in node.named_children
                if child.type == "variable_assignment"
                and (name := child.child_by_field_name("name")) is not None
            ]
            yield Command(
                tuple(words), tuple(assigned), tuple(self._feeding(node)), tuple(self._held(nodes))
            )

    def _word(self, node: tree_sitter.Node) -> Word:
        start, end = node.start_byte, node.end_byte
        text = self._script[start:end]
        if node.type in ("string", "raw_string") and len(text) >= 2:
            text = text[1:-1]
        values = tuple(
            name.name
            for part in self._expressions
            if part.start < end and start < part.end
            for name in names(part.node)
        )
        variables = tuple(
            self._text(inner) for inner in _walk(node) if inner.type == "variable_name"
        )
        return Word(text, start, values, variables)

    def _feeding(self, node: tree_sitter.Node) -> Iterator[str]:
        """Programs of earlier members of the pipes that a command stands in."""
        inner, outer = node, node.parent
        while outer is not None and outer.type not in _FETCHING:
            if outer.type == "pipeline":
                for member in outer.named_children:
                    if member.start_byte >= inner.start_byte:
                        break
                    yield from self._programs(member)
            inner, outer = outer, outer.parent

    def _held(self, nodes: list[tree_sitter.Node]) -> Iterator[str]:
        for node in nodes:
            for inner in _walk(node):
                if inner.type in _FETCHING:
                    yield from self._programs(inner)

    def _programs(self, node: tree_sitter.Node) -> Iterator[str]:
        for inner in _walk(node):
            if inner.type == "command_name":
                yield self._text(inner).rpartition("/")[2]

    def _text(self, node: tree_sitter.Node) -> str:
        return self._script[node.start_byte : node.end_byte]


def read(script: str) -> Reading:
    """What a bash script does, in the order in which it is written; `${{ }}` may stand in it."""
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
