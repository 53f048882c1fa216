"""What may stand inside `${{ }}`, and how it is read and written.

    expression = and { "||" and }
    and        = not { "&&" not }
    not        = "!" not | equality
    equality   = operand [ ( "==" | "!=" ) operand ]
    operand    = name | 'text' | number | true | false | null | "(" expression ")"

Texts stand in single quotes; a quote inside is written twice. Plain `{{ }}` is left to kubectl, Argo
and Helm, and `$${{` stands for a literal `${{`. Knows nothing of which names exist and of values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Scalar = str | int | float | bool | None

MOST_TOKENS = 300
"""More than any author needs, and few enough that no expression exhausts the stack."""


class ExpressionError(ValueError):
    """An expression that cannot be read. `offset` counts characters from the start of the text."""

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.offset = offset
        self.hint = hint


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

OPEN = re.compile(r"\$?\$\{\{")
"""The start of an expression, or of an escaped one."""

_BLANK = re.compile(r"\s*")
_TOKEN = re.compile(
    r"(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<op>==|!=|&&|\|\||!|\(|\))",
    re.ASCII,
)
_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None}
_OPERATORS = "an expression knows ==, !=, &&, ||, ! and parentheses"
_MISTAKES: Mapping[str, str] = {
    '"': "texts in expressions stand in single quotes: 'text'",
    "'": "this text is never closed by a second '",
    "=": "compare with ==",
    "&": "combine with &&",
    "|": "combine with ||; there are no filters",
}


def parse(text: str) -> Template:
    """Literal pieces and expressions, in order. Raises ExpressionError with the place."""
    parts: list[str | Expression] = []
    position = 0
    while mark := OPEN.search(text, position):
        parts.append(text[position : mark.start()])
        if mark.group().startswith("$$"):
            parts.append("${{")
            position = mark.end()
            continue
        expression = parse_at(text, mark.start())
        parts.append(expression)
        position = expression.end
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


def parse_at(text: str, start: int) -> Expression:
    """The expression whose `${{` stands at `start`."""
    inner = start + len("${{")
    end = _close(text, inner)
    if end < 0:
        raise ExpressionError("this ${{ is never closed by }}", start)
    if not text[inner:end].strip():
        raise ExpressionError("this ${{ }} is empty", start, "write $${{ for a literal ${{")
    return Expression(parse_node(text[inner:end], inner), start, end + len("}}"))


def _close(text: str, start: int) -> int:
    """Where the `}}` is, one inside a quoted text not counted."""
    quoted = False
    for found in re.compile(r"'|\}\}").finditer(text, start):
        if found.group() == "'":
            quoted = not quoted
        elif not quoted:
            return found.start()
    return text.find("}}", start)  # an open quote is reported better than an open expression


def parse_node(source: str, offset: int = 0) -> Node:
    """A bare expression, without its marks. `offset` is where it stands in its text."""
    tokens = _Tokens(source, offset)
    node = _chain(tokens, "||", lambda: _chain(tokens, "&&", lambda: _not(tokens)))
    tokens.expect_end()
    return node


class _Tokens:
    """The tokens of one expression and how far they have been read."""

    def __init__(self, source: str, offset: int) -> None:
        self._found = list(_tokens(source, offset))
        self._end = offset + len(source.rstrip())
        self._index = 0

    def peek(self) -> str:
        return self._found[self._index][1] if self._index < len(self._found) else ""

    def take(self) -> tuple[str, str, int]:
        if self._index >= len(self._found):
            raise ExpressionError("the expression ends too early", self._end)
        self._index += 1
        return self._found[self._index - 1]

    def expect_end(self) -> None:
        if self._index < len(self._found):
            _, token, offset = self._found[self._index]
            hint = "there are no functions" if token == "(" else _OPERATORS
            raise ExpressionError(f"`{token}` was not expected here", offset, hint)


def _tokens(source: str, offset: int) -> Iterator[tuple[str, str, int]]:
    position = _skip_blanks(source, 0)
    count = 0
    while position < len(source):
        token = _TOKEN.match(source, position)
        if token is None:
            character = source[position]
            hint = _MISTAKES.get(character, _OPERATORS)
            raise ExpressionError(f"`{character}` is not understood here", offset + position, hint)
        count += 1
        if count > MOST_TOKENS:
            raise ExpressionError(
                "the expression is too long", offset, f"at most {MOST_TOKENS} words"
            )
        yield str(token.lastgroup), token.group(), offset + position
        position = _skip_blanks(source, token.end())


def _skip_blanks(source: str, position: int) -> int:
    blank = _BLANK.match(source, position)
    return blank.end() if blank else position


def _chain(tokens: _Tokens, operator: str, part: Callable[[], Node]) -> Node:
    node = part()
    while tokens.peek() == operator:
        tokens.take()
        node = Binary(operator, node, part())
    return node


def _not(tokens: _Tokens) -> Node:
    if tokens.peek() == "!":
        tokens.take()
        return Not(_not(tokens))
    left = _operand(tokens)
    if tokens.peek() in ("==", "!="):
        _, operator, _ = tokens.take()
        return Binary(operator, left, _operand(tokens))
    return left


def _operand(tokens: _Tokens) -> Node:
    kind, token, offset = tokens.take()
    if kind == "text":
        return Literal(token[1:-1].replace("''", "'"))
    if kind == "number":
        return Literal(_number(token, offset))
    if kind == "name":
        return Literal(_WORDS[token]) if token in _WORDS else Name(token, offset)
    if token == "(":
        node = _chain(tokens, "||", lambda: _chain(tokens, "&&", lambda: _not(tokens)))
        if tokens.peek() != ")":
            raise ExpressionError("this ( is never closed", offset)
        tokens.take()
        return node
    raise ExpressionError(f"`{token}` was not expected here", offset, _OPERATORS)


def _number(token: str, offset: int) -> int | float:
    if len(token) > 30:
        raise ExpressionError("this number is too long", offset, "compare it as a 'text'")
    return int(token) if re.fullmatch(r"-?\d+", token) else float(token)


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
    """The names of all values a text needs."""
    return {
        name.name for part in template if isinstance(part, Expression) for name in names(part.node)
    }


def write(node: Node) -> str:
    """An expression written so that `parse_node` reads it back."""
    match node:
        case Literal(value=str(value)):
            return "'" + value.replace("'", "''") + "'"
        case Literal(value=value):
            return as_text(value) or "null"
        case Name(name=name):
            return name
        case Not(operand=operand):
            return f"!{_operand_text(operand)}"
        case Binary(operator=operator, left=left, right=right):
            return f"{_operand_text(left)} {operator} {_operand_text(right)}"


def _operand_text(node: Node) -> str:
    return f"({write(node)})" if isinstance(node, Binary | Not) else write(node)


def as_text(value: Scalar) -> str:
    """A value written out: booleans as YAML and shells know them, null as nothing."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
