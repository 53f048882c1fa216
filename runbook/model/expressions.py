"""`${{ }}`: names of values, compared and combined; plain `{{ }}` is left to kubectl, Argo and Helm.

    expression = or
    or         = and { "||" and }
    and        = not { "&&" not }
    not        = [ "!" ] equality
    equality   = operand [ ( "==" | "!=" ) operand ]
    operand    = name | 'text' | number | true | false | null | "(" or ")"

A text that is exactly one expression takes its value with its type; inside other text a value is
written out. `$${{` stands for a literal `${{`. An unknown name is an error, never an empty text.
Some values exist only while a run goes on (`LATE`); whoever binds earlier raises `Unbound` for them,
and the expression stays, with everything else in it already filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Scalar = str | int | float | bool | None
Lookup = Callable[[str], Scalar]
ROOMS = ("inputs", "vars", "secrets", "env", "target", "run", "steps", "registered")
LATE = frozenset({"secrets", "steps", "registered"})
"""Rooms whose values are known only when a step is about to be performed."""


class ExpressionError(ValueError):
    """An expression that cannot be read. `offset` counts characters from the start of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Unbound(KeyError):
    """Raised by a lookup for a name whose value does not exist yet."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Scalar


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    offset: int


@dataclass(frozen=True, slots=True)
class Not:
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Node
    right: Node


Node = Literal | Name | Not | Binary


@dataclass(frozen=True, slots=True)
class Expression:
    """One `${{ }}` with its place in the text, the marks included."""

    node: Node
    start: int
    end: int


Template = tuple[str | Expression, ...]
_OPEN = re.compile(r"\$?\$\{\{")
_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<op>==|!=|&&|\|\||!|\(|\)))"
)
_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None}


def parse(text: str) -> Template:
    """Literal pieces and expressions, in order. Raises ExpressionError with the place."""
    parts: list[str | Expression] = []
    position = 0
    for mark in _OPEN.finditer(text):
        if mark.start() < position:
            continue
        if mark.group().startswith("$$"):
            parts += [text[position : mark.start()], "${{"]
            position = mark.end()
            continue
        end = _close(text, mark.end())
        if end < 0:
            raise ExpressionError("this ${{ is never closed by }}", mark.start())
        parts.append(text[position : mark.start()])
        node = parse_node(text[mark.end() : end], mark.end())
        parts.append(Expression(node, mark.start(), end + 2))
        position = end + 2
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def _close(text: str, start: int) -> int:
    """Where the `}}` is, one inside a quoted text not counted."""
    quoted = False
    for index in range(start, len(text) - 1):
        if text[index] == "'":
            quoted = not quoted
        elif not quoted and text.startswith("}}", index):
            return index
    return -1


def parse_node(source: str, offset: int = 0) -> Node:
    """A bare expression, without its marks."""
    tokens = _Tokens(source, offset)
    node = _or(tokens)
    if tokens.peek():
        raise ExpressionError(f"{tokens.peek()!r} was not expected here", tokens.offset)
    return node


class _Tokens:
    def __init__(self, source: str, offset: int) -> None:
        self._found: list[tuple[str, str, int]] = []
        position = 0
        while source[position:].strip():
            token = _TOKEN.match(source, position)
            if token is None:
                at = position + len(source[position:]) - len(source[position:].lstrip())
                raise ExpressionError(f"{source[at]!r} is not understood here", offset + at)
            kind = str(token.lastgroup)
            self._found.append((kind, token[kind], offset + token.start(kind)))
            position = token.end()
        self._end = offset + len(source)
        self._index = 0

    @property
    def offset(self) -> int:
        return self._found[self._index][2] if self._index < len(self._found) else self._end

    def peek(self) -> str:
        return self._found[self._index][1] if self._index < len(self._found) else ""

    def take(self) -> tuple[str, str, int]:
        if self._index >= len(self._found):
            raise ExpressionError("the expression ends too early", self._end)
        self._index += 1
        return self._found[self._index - 1]


def _or(tokens: _Tokens) -> Node:
    node = _and(tokens)
    while tokens.peek() == "||":
        tokens.take()
        node = Binary("||", node, _and(tokens))
    return node


def _and(tokens: _Tokens) -> Node:
    node = _not(tokens)
    while tokens.peek() == "&&":
        tokens.take()
        node = Binary("&&", node, _not(tokens))
    return node


def _not(tokens: _Tokens, depth: int = 0) -> Node:
    if tokens.peek() == "!":
        if depth > 20:
            raise ExpressionError("too many ! in a row", tokens.offset)
        tokens.take()
        return Not(_not(tokens, depth + 1))
    left = _operand(tokens)
    if tokens.peek() in ("==", "!="):
        _, operator, _ = tokens.take()
        return Binary(operator, left, _operand(tokens))
    return left


def _operand(tokens: _Tokens) -> Node:
    kind, word, offset = tokens.take()
    if kind == "text":
        return Literal(word[1:-1].replace("''", "'"))
    if kind == "number":
        return Literal(float(word) if "." in word else int(word))
    if kind == "name":
        return Literal(_WORDS[word]) if word in _WORDS else Name(word, offset)
    if word == "(":
        node = _or(tokens)
        if tokens.peek() != ")":
            raise ExpressionError("this ( is never closed", offset)
        tokens.take()
        return node
    raise ExpressionError(f"{word!r} was not expected here", offset)


def names(node: Node) -> Iterator[Name]:
    """Every name in an expression, with its place."""
    match node:
        case Name():
            yield node
        case Not(operand=operand):
            yield from names(operand)
        case Binary(left=left, right=right):
            yield from names(left)
            yield from names(right)
        case Literal():
            return


def references(template: Template) -> set[str]:
    return {
        name.name for part in template if isinstance(part, Expression) for name in names(part.node)
    }


def value_of(node: Node, lookup: Lookup) -> Scalar:
    match node:
        case Literal(value=value):
            return value
        case Name(name=name):
            return lookup(name)
        case Not(operand=operand):
            return not truth(value_of(operand, lookup))
        case Binary(operator="||", left=left, right=right):
            value = value_of(left, lookup)
            return value if truth(value) else value_of(right, lookup)
        case Binary(operator="&&", left=left, right=right):
            value = value_of(left, lookup)
            return value_of(right, lookup) if truth(value) else value
        case Binary(operator=operator, left=left, right=right):
            same = _same(value_of(left, lookup), value_of(right, lookup))
            return same if operator == "==" else not same


def truth(value: Scalar) -> bool:
    """`false`, 0, null, the empty text and the text `false` are not true; all else is."""
    return value not in (False, None, 0, "", "false")


def _same(left: Scalar, right: Scalar) -> bool:
    """Equal; where the types differ, equal when written out, since outputs are always text."""
    return left == right if type(left) is type(right) else as_text(left) == as_text(right)


def as_text(value: Scalar) -> str:
    """A value written out: booleans as YAML and shells know them, null as nothing."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolve(template: Template, lookup: Lookup) -> Scalar:
    """The value of a text. Raises what `lookup` raises."""
    if len(template) == 1 and isinstance(template[0], Expression):
        return value_of(template[0].node, lookup)
    return "".join(
        as_text(value_of(part.node, lookup)) if isinstance(part, Expression) else part
        for part in template
    )


def evaluate(text: str, lookup: Lookup) -> bool:
    """Whether a condition holds; the `${{ }}` around it may be left out."""
    template = parse(text)
    if any(isinstance(part, Expression) for part in template):
        return truth(resolve(template, lookup))
    return truth(value_of(parse_node(text), lookup))


def partially(text: str, lookup: Lookup, *, keep: bool = False) -> Scalar:
    """A text with every value filled in that exists by now; `keep` leaves all expressions standing,
    with literals in the place of names.
    """
    template = parse(text)
    if not any(isinstance(part, Expression) for part in template):
        return text
    filled: list[str | Expression] = []
    late = keep
    for part in template:
        if isinstance(part, str):
            filled.append(part)
            continue
        node = _fill(part.node, lookup)
        late = late or any(names(node))
        filled.append(Expression(node, part.start, part.end))
    if not late:
        return resolve(tuple(filled), lookup)
    return "".join(
        part.replace("${{", "$${{")
        if isinstance(part, str)
        else "${{ " + write(part.node) + " }}"
        if keep or any(names(part.node))
        else as_text(value_of(part.node, lookup)).replace("${{", "$${{")
        for part in filled
    )


def _fill(node: Node, lookup: Lookup) -> Node:
    match node:
        case Name(name=name):
            try:
                return Literal(lookup(name))
            except Unbound:
                return node
        case Not(operand=operand):
            return Not(_fill(operand, lookup))
        case Binary(operator=operator, left=left, right=right):
            return Binary(operator, _fill(left, lookup), _fill(right, lookup))
        case Literal():
            return node


def write(node: Node) -> str:
    """An expression written so that `parse_node` reads it back."""
    match node:
        case Literal(value=str(value)):
            return "'" + value.replace("'", "''") + "'"
        case Literal(value=None):
            return "null"
        case Literal(value=value):
            return as_text(value)
        case Name(name=name):
            return name
        case Not(operand=operand):
            return f"!({write(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"(({write(left)}) {operator} ({write(right)}))"


def renamed(text: str, rename: Callable[[str], str]) -> str:
    """A text with every name in it changed, and everything else as it was."""
    template = parse(text)
    if not any(isinstance(part, Expression) for part in template):
        return text
    return "".join(
        part.replace("${{", "$${{")
        if isinstance(part, str)
        else "${{ " + write(_rename(part.node, rename)) + " }}"
        for part in template
    )


def _rename(node: Node, rename: Callable[[str], str]) -> Node:
    match node:
        case Name(name=name, offset=offset):
            return Name(rename(name), offset)
        case Not(operand=operand):
            return Not(_rename(operand, rename))
        case Binary(operator=operator, left=left, right=right):
            return Binary(operator, _rename(left, rename), _rename(right, rename))
        case Literal():
            return node


def both(first: str, second: str) -> str:
    """A condition that holds when two hold, each of them one expression in its marks."""
    nodes = [
        part.node
        for text in (first, second)
        for part in parse(text.strip())
        if isinstance(part, Expression)
    ]
    return "${{ " + write(Binary("&&", nodes[0], nodes[1])) + " }}"


_UNNAMED: Mapping[str, Scalar] = {}


def shown(text: str) -> str:
    """A bound text for people: an expression without names is its value, any other stays."""
    return "".join(
        part
        if isinstance(part, str)
        else "${{ " + write(part.node) + " }}"
        if any(names(part.node))
        else as_text(value_of(part.node, _UNNAMED.__getitem__))
        for part in parse(text)
    )
