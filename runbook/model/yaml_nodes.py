"""YAML text -> plain values and the place of each, or every problem found on the way.

YAML is read more narrowly than the language allows, because a runbook is read by people in a hurry:
one document, UTF-8, no tabs in the indentation, no key twice, keys are texts, no date or octal
surprises, and aliases only as far as they stay small. Anchors and merge keys (`<<`) are welcome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from runbook.errors import Problem

MAX_BYTES = 1024 * 1024
"""A runbook of a thousand steps is about a quarter of this."""
MAX_NODES = 200_000
"""Values after aliases are followed; what an alias bomb would exceed a thousandfold."""
MAX_DEPTH = 60

Path = tuple[str | int, ...]
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORDS = re.compile(r"^(yes|no|on|off|y|n)$", re.IGNORECASE)


@dataclass
class Document:
    """The values of a file and where they stand. Lines and columns count from 1."""

    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Where a value starts."""
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Where the key of a value starts."""
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: Path, *, on_key: bool = False) -> tuple[int, int]:
        """Where a value, or its key, stands; the nearest enclosing one for what is not there."""
        places = self.keys if on_key else self.places
        while path:
            if path in places:
                return places[path]
            path = path[:-1]
            places = self.places
        return self.places.get((), (1, 1))


class _Refused(Exception):
    def __init__(self, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.at = (line, column)
        self.hint = hint


class Reader:
    """Reads one file."""

    def __init__(self, content: bytes, file: str) -> None:
        self._content = content
        self._file = file
        self._lines: list[str] = []
        self.document = Document()
        self._count = 0
        self._open: list[int] = []

    def read(self) -> Document:
        try:
            root = self._compose(self._decode())
            self.document.value = self._value(root, (), 0)
        except _Refused as refused:
            self.problem(str(refused), *refused.at, hint=refused.hint)
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            said = fault.problem or fault.context or "not YAML"
            self.problem(
                f"not YAML: {said}",
                mark.line + 1 if mark else 0,
                mark.column + 1 if mark else 0,
                hint="an expression at the start of a value needs quotes"
                if "'%'" in said or "'{'" in said
                else "",
            )
        except (yaml.YAMLError, RecursionError) as fault:
            self.problem(f"not YAML: {str(fault).splitlines()[0] if str(fault) else 'too deep'}")
        return self.document

    def problem(self, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        self.document.problems.append(self.made(message, line, column, hint))

    def made(self, message: str, line: int, column: int, hint: str = "") -> Problem:
        """A problem of this file with its source line; it is not kept."""
        source = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        return Problem(message, self._file, line, column, source.replace("\t", " ")[:200], hint)

    def inside(self, line: int, column: int, offset: int) -> tuple[int, int]:
        """A place within a text that starts at `line`, when it stands there as it is read."""
        text = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        quote = 1 if text[column - 1 : column] in ("'", '"') else 0
        wanted = column + quote + offset
        return (line, wanted) if wanted <= len(text) else (line, column)

    def within(self, path: Path, offset: int) -> tuple[int, int]:
        """A place within the text at `path`, `offset` characters into it: in a block (`|`) the line it
        stands on, where the file says it in the same words.
        """
        line, column = self.document.at(path)
        text = self.document.value
        for part in path:
            text = text[part]
        before = text[:offset]
        row, start = before.count("\n"), before.rfind("\n") + 1
        if self._lines[line - 1][column - 1 : column] != "|":
            return self.inside(line, column, offset)
        wanted = text[start:].split("\n", 1)[0]
        index = line + row
        here = self._lines[index] if index < len(self._lines) else ""
        if not here.endswith(wanted):
            return line, column
        return index + 1, len(here) - len(wanted) + (offset - start) + 1

    def _decode(self) -> str:
        if len(self._content) > MAX_BYTES:
            raise _Refused(f"the file has {len(self._content)} bytes; at most {MAX_BYTES} are read")
        try:
            text = self._content.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            before = self._content[: fault.start]
            line = before.count(b"\n") + 1
            column = fault.start - (before.rfind(b"\n") + 1) + 1
            raise _Refused(
                f"byte 0x{self._content[fault.start]:02x} is not UTF-8", line, column,
                "save the file as UTF-8",
            ) from None  # fmt: skip
        self._lines = text.splitlines()
        for number, line_text in enumerate(self._lines, 1):
            if found := _CONTROL.search(line_text):
                code = ord(found.group())
                raise _Refused(f"control character U+{code:04X}", number, found.start() + 1)
            indent = line_text[: len(line_text) - len(line_text.lstrip())]
            if "\t" in indent and line_text.strip():
                raise _Refused(
                    "a tab in the indentation", number, indent.index("\t") + 1, "indent with spaces"
                )
        if not text.strip():
            raise _Refused("the file is empty", 0, 0, "`runbook schema` tells what it may hold")
        return text

    def _compose(self, text: str) -> yaml.Node:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        except yaml.composer.ComposerError as fault:
            mark = fault.problem_mark
            if mark is not None and "single document" in str(fault):
                raise _Refused(
                    "a second document starts here", mark.line + 1, mark.column + 1,
                    "one runbook, one file",
                ) from None  # fmt: skip
            raise
        finally:
            loader.dispose()
        if root is None:
            raise _Refused("the file holds nothing but comments")
        node: yaml.Node = root
        return node

    def _value(self, node: yaml.Node, path: Path, depth: int) -> Any:
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        self._count += 1
        if self._count > MAX_NODES:
            raise _Refused(
                f"more than {MAX_NODES} values when its aliases are followed", line, column
            )
        if depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}", line, column)
        if id(node) in self._open:
            raise _Refused("an alias that contains itself", line, column)
        self.document.places[path] = (line, column)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._open.append(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(n, (*path, i), depth + 1) for i, n in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self._mapping(node, path, depth)
        finally:
            self._open.pop()

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged.update(self._merge(value_node, path, depth))
                continue
            key = self._key(key_node, line, column)
            if key is None:
                continue
            if key in own:
                first = self.document.keys[*path, key]
                self.problem(
                    f"key {key!r} stands here a second time", line, column,
                    f"the first is on line {first[0]}",
                )  # fmt: skip
                continue
            self.document.keys[*path, key] = (line, column)
            own[key] = self._value(value_node, (*path, key), depth + 1)
        return {**merged, **own}

    def _merge(self, node: yaml.Node, path: Path, depth: int) -> dict[str, Any]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        result: dict[str, Any] = {}
        for one in nodes:
            if not isinstance(one, yaml.MappingNode):
                raise _Refused(
                    "<< merges mappings only", one.start_mark.line + 1, one.start_mark.column + 1
                )
            result = {**self._value(one, path, depth + 1), **result}
        return result

    def _key(self, node: yaml.Node, line: int, column: int) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problem("a key must be a text", line, column)
            return None
        text = str(node.value)
        if node.tag != "tag:yaml.org,2002:str":
            kind = node.tag.rpartition(":")[2]
            self.problem(
                f"key {text!r} is read as a {kind}", line, column, f"write it in quotes: '{text}'"
            )
            return None
        return text

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text = str(node.value)
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        kind = node.tag.rpartition(":")[2]
        if kind == "bool" and _WORDS.match(text):
            self.problem(
                f"{text!r} is read as true or false by YAML", line, column,
                f"write true or false, or '{text}' in quotes",
            )  # fmt: skip
            return None
        if kind in ("str", "timestamp"):
            return text  # a date is the text that was written
        if kind not in ("bool", "int", "float", "null"):
            self.problem(f"the tag {node.tag!r} is not understood", line, column)
            return None
        if kind == "int" and re.match(r"^[-+]?0\d", text):
            self.problem(
                f"{text} is read as an octal number", line, column, f"write '{text}' in quotes"
            )
            return None
        if kind in ("int", "float") and ":" in text:
            self.problem(
                f"{text} is read as a number to the base of sixty", line, column,
                f"write '{text}' in quotes",
            )  # fmt: skip
            return None
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, ValueError) as fault:
            self.problem(f"{text!r} cannot be read as {kind}: {fault}", line, column)
            return None
