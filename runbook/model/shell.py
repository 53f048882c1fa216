"""A `run` script and its values: each expression becomes an environment variable, quoted for its place.

A value is never written into the script, so no value can become a command. Where the place decides
what a shell would make of a variable, the reference is written for that place:

    bare text            kubectl get ${{ x }}        kubectl get "${RUNBOOK_VALUE_1}"
    between double       echo "is ${{ x }}"          echo "is ${RUNBOOK_VALUE_1}"
    between single       -p '{"a":"${{ x }}"}'       -p '{"a":"'"${RUNBOOK_VALUE_1}"'"}'

In a here-document, between backquotes or in $'...' there is no safe way; there the author is asked to
use `env:`, as with any shell that is not bash or sh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.model.expressions import Expression, ExpressionError, Node, as_text, parse

PREFIX = "RUNBOOK_VALUE_"
_HEREDOC = re.compile(r"-?\s*(['\"]?)\\?([A-Za-z_]\w*)\1")

__all__ = ["Script", "as_text", "bind_script"]


@dataclass(frozen=True, slots=True)
class Script:
    """A script without expressions, and the variables it needs: (name, expression)."""

    text: str
    variables: tuple[tuple[str, Node], ...]


def bind_script(script: str, shell: str | None = None) -> Script:
    """Raises ExpressionError where a value cannot be given safely; `offset` is its place."""
    template = parse(script)
    places = [part for part in template if isinstance(part, Expression)]
    if not places:
        return Script("".join(str(part) for part in template), ())
    if shell is not None and shell.split()[0].rpartition("/")[2] not in ("bash", "sh"):
        raise ExpressionError(
            f"expressions cannot be put into a {shell.split()[0]} script safely; give the value "
            "through `env:` and read the variable",
            places[0].start,
        )
    scanner = _Scanner()
    written: list[str] = []
    variables: list[tuple[str, Node]] = []
    for part in template:
        if isinstance(part, str):
            scanner.read(part)
            written.append(part)
            continue
        name = f"{PREFIX}{len(variables) + 1}"
        variables.append((name, part.node))
        written.append(scanner.reference(name, part.start))
    return Script("".join(written), tuple(variables))


class _Scanner:
    """Where in a bash script we are: a stack of quotes and of `$(`, a comment, a here-document.

    A place that is misjudged costs a value its quotes at worst; it can never make it a command.
    """

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._comment = False
        self._line = ""
        self._heredoc = ""
        self._operator = 0
        """Where in the line a here-document was announced."""

    @property
    def _quote(self) -> str:
        return self._stack[-1] if self._stack else ""

    def read(self, text: str) -> None:
        index = 0
        while index < len(text):
            index += self._step(text, index)

    def _step(self, text: str, index: int) -> int:
        """Take one character in; returns how many were used up."""
        character = text[index]
        if character == "\n":
            self._newline()
            return 1
        self._line += character
        if self._heredoc or self._comment:
            return 1
        quote = self._quote
        if quote == "'" or (quote == "$'" and character != "\\"):
            if character == "'":
                self._stack.pop()
            return 1
        if character == "\\":
            self._line += text[index + 1 : index + 2]
            return 2
        if character in ('"', "`"):
            self._toggle(character)
        elif text.startswith("$(", index):
            self._stack.append("(")
            self._line += "("
            return 2
        elif quote != '"':
            self._open(character)
        return 1

    def _toggle(self, mark: str) -> None:
        if self._quote == mark:
            self._stack.pop()
        else:
            self._stack.append(mark)

    def _open(self, character: str) -> None:
        before = self._line[-2:-1]
        if character == "'":
            self._stack.append("$'" if before == "$" else "'")
        elif character == "(" and self._stack:
            self._stack.append("(")
        elif character == ")" and self._quote == "(":
            self._stack.pop()
        elif character == "#" and (not before or before in " \t;&|("):
            self._comment = True
        elif self._line.endswith("<<"):
            # A third one makes it a here-string, which takes one word of the same line.
            self._operator = 0 if self._line.endswith("<<<") else len(self._line)

    def _newline(self) -> None:
        if self._heredoc:
            self._heredoc = "" if self._line.strip() == self._heredoc else self._heredoc
        elif self._operator and (found := _HEREDOC.match(self._line, self._operator)):
            self._heredoc = found.group(2)
        self._operator = 0
        self._comment = False
        self._line = ""

    def reference(self, name: str, offset: int) -> str:
        """How the variable is written here, so that its value arrives as it is."""
        variable = f"${{{name}}}"
        if self._heredoc:
            raise ExpressionError(
                "a value cannot be put into a here-document safely; give it through `env:`", offset
            )
        if self._comment:
            return name
        match self._quote:
            case "" | "(":
                self._line += '""'
                return f'"{variable}"'
            case '"':
                return variable
            case "'":
                return f"'\"{variable}\"'"
        where = "backquotes" if self._quote == "`" else "$'...'"
        raise ExpressionError(
            f"a value cannot be put into {where} safely; give it through `env:`", offset
        )
