"""YAML text -> Runbook, or every problem at once with file:line:column, the source line and a way out."""

from __future__ import annotations

import difflib
import hashlib
import posixpath
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from runbook.errors import InvalidRunbook, Problem
from runbook.model import checks, document
from runbook.model.checks import CHECK_KINDS
from runbook.model.document import STEP_KINDS, Phase, Runbook, StepBase
from runbook.model.findings import Finding, nearest, steps_of
from runbook.model.parts import Composed, Read, key_of, named
from runbook.model.rules import find
from runbook.model.yaml_nodes import Document, Path as YamlPath, Reader

_KINDS = frozenset(
    {
        *STEP_KINDS,
        *CHECK_KINDS,
        "env",
        "file",
        "command",
        "Goto",
        "literal['ask','stop','continue']",
        "list[int]",
        "str",
        "int",
        "float",
        "bool",
    }
)


_ELSEWHERE = {
    "if": "when",
    "condition": "when",
    "name": "title",
    "on_error": "on_failure",
    "ignore_errors": "on_failure",
    "continue-on-error": "on_failure",
    "chdir": "working-directory",
    "outputs": "register",
    "command": "run",
    "script": "run",
    "confirm": "approve",
    "approval": "approve",
    "pause": "wait",
    "sleep": "wait",
    "variables": "inputs",
    "parameters": "inputs",
    "options": "inputs",
    "sections": "phases",
    "stages": "phases",
    "jobs": "phases",
}
"""What other programs call it, and what it is called here."""


def load_file(path: Path) -> Composed:
    """A runbook with the files that it uses. Raises InvalidRunbook, also when one cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise InvalidRunbook([Problem(f"cannot be read: {fault.strerror}", str(path))]) from fault
    return load(content, str(path), lambda key: (path.parent / key).read_bytes())


def load_text(content: bytes | str, file: str) -> Runbook:
    """A runbook that uses no other, or InvalidRunbook with every problem of the text."""
    return load(content, file, _nothing_beside).runbook


def load(content: bytes | str, file: str, read: Read) -> Composed:
    """A runbook and the files that it uses, or InvalidRunbook with every problem of them all.

    `file` is what problems call it; `read` finds a used file by its path as seen from this one.
    """
    source = content.encode() if isinstance(content, str) else content
    return _load(source, file, read, ("",))


def _nothing_beside(key: str) -> bytes:
    raise FileNotFoundError(2, "no other file can be used from here", key)


def _load(
    source: bytes, file: str, read: Read, chain: tuple[str, ...], phase: str = ""
) -> Composed:
    """`chain` holds the keys of the files that led here, this one last; with a `phase`, that alone."""
    reader = Reader(source, file)
    found = reader.read()
    if found.value is None and found.problems:
        raise InvalidRunbook(found.problems)
    if not isinstance(found.value, dict):
        kind = _yaml_kind(found.value)
        reader.problem(f"a runbook is a mapping of keys, and this is {kind}", 1, 1)
        raise InvalidRunbook(found.problems)
    runbook: Runbook | None = None
    try:
        runbook = Runbook.model_validate(found.value)
    except ValidationError as fault:
        for error in fault.errors():
            _explain(reader, found, error)
    parts: dict[str, Composed] = {}
    of_parts: list[Problem] = []
    for path, step in steps_of(found.value):
        uses = step.get("uses")
        if isinstance(uses, str) and uses not in parts:
            try:
                parts[uses] = _part(uses, file, read, chain)
            except _Unusable as why:
                _place(reader, found, Finding((*path, "uses"), str(why), why.hint))
            except InvalidRunbook as fault:
                of_parts += fault.problems
    for finding in find(found.value, runbook, parts):
        _place(reader, found, finding)
    if found.problems or of_parts or runbook is None:
        own = sorted(_unique(found.problems), key=lambda p: (p.line, p.column))
        raise InvalidRunbook([*own, *_unique(of_parts)])
    if phase:
        runbook = _alone(found.value, runbook, parts, phase)
    return Composed(runbook, source, chain[-1], parts)


def _alone(
    raw: dict[str, Any], runbook: Runbook, parts: Mapping[str, Composed], phase: str
) -> Runbook:
    """One phase of a runbook, with everything that it needs; it must not need another phase."""
    chosen = [index for index, other in enumerate(runbook.phases) if other.id == phase]
    if phase == "preflight" and runbook.preflight:
        made = {"id": phase, "title": "Preflight", "steps": raw["preflight"]}
        whole = Phase.model_construct(
            id=phase, title="Preflight", budget=None, steps=runbook.preflight
        )
    elif chosen:
        made, whole = raw["phases"][chosen[0]], runbook.phases[chosen[0]]
    else:
        known = [*(["preflight"] if runbook.preflight else []), *(p.id for p in runbook.phases)]
        raise _Unusable(f"there is no phase {phase!r} in it", nearest(phase, known))
    left = {**raw, "preflight": [], "always": [], "phases": [{**made, "id": "only"}]}
    cut = runbook.model_copy(update={"preflight": [], "always": [], "phases": [whole]})
    for finding in find(left, cut, parts):
        raise _Unusable(f"phase {phase!r} cannot stand alone: {finding.message}")
    return cut


class _Unusable(Exception):
    """Why what `uses` says cannot be taken."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def _part(uses: str, file: str, read: Read, chain: tuple[str, ...]) -> Composed:
    try:
        key = key_of(uses, chain[-1])
    except ValueError as fault:
        raise _Unusable(str(fault)) from fault
    if key in chain or key == posixpath.basename(file):
        raise _Unusable(f"{key} leads back to itself", "a part cannot use what uses it")
    try:
        source = read(key)
    except OSError as fault:
        raise _Unusable(f"{key} cannot be read: {fault.strerror}") from fault
    wanted, digest = named(uses), hashlib.sha256(source).hexdigest()
    if wanted.digest and wanted.digest != digest:
        raise _Unusable(
            f"{key} is not the file that was pinned", f"its SHA-256 is {digest}: look at it, pin it"
        )
    name = posixpath.join(posixpath.dirname(file), key)
    return _load(source, name, read, (*chain, key), wanted.phase)


def _unique(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _place(reader: Reader, found: Document, finding: Finding) -> None:
    line, column = found.at(finding.path, on_key=finding.on_key)
    if finding.offset and not finding.on_key:
        line, column = reader.inside(line, column, finding.offset)
    reader.problem(finding.message, line, column, finding.hint)


def _explain(reader: Reader, found: Document, error: Any) -> None:
    path = _real_path(error["loc"])
    kind, value = error["type"], error["input"]
    match kind:
        case "extra_forbidden":
            name = str(path[-1])
            line, column = found.at(path, on_key=True)
            allowed = _allowed_keys(error["loc"])
            reader.problem(f"unknown key {name!r}", line, column, _nearest(name, allowed))
        case "missing":
            line, column = found.at(path[:-1])
            reader.problem(f"key {path[-1]!r} is required here", line, column)
        case "too_short":
            line, column = found.at(path)
            reader.problem("at least one is wanted here, found none", line, column)
        case "union_tag_not_found" | "union_tag_invalid":
            line, column = found.at(path)
            message, hint = _no_kind(value, error)
            reader.problem(message, line, column, hint)
        case "value_error":
            line, column = found.at(path)
            reader.problem(str(error["ctx"]["error"]), line, column)
        case "string_pattern_mismatch":
            line, column = found.at(path, on_key=(path and path[-1] == "[key]") or False)
            pattern = error["ctx"]["pattern"]
            hint = f"allowed: {pattern}"
            reader.problem(f"{value!r} is not a name that can be referred to", line, column, hint)
        case "literal_error":
            line, column = found.at(path)
            expected = error["ctx"]["expected"]
            options = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
            hint = _nearest(str(value), options)
            reader.problem(f"{value!r} is not allowed; allowed: {expected}", line, column, hint)
        case _:
            line, column = found.at(path)
            reader.problem(_said(error, value), line, column)


def _said(error: Any, value: Any) -> str:
    wanted = {
        "string_type": "a text",
        "int_type": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "model_attributes_type": "a mapping",
    }.get(error["type"])
    if wanted:
        return f"expected {wanted}, found {_yaml_kind(value)}"
    message = str(error["msg"])
    return message[:1].lower() + message[1:] + f", found {value!r}"[:120]


def _yaml_kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{str(value).lower()} (true or false)"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:60]!r}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _real_path(loc: Iterable[str | int]) -> YamlPath:
    """Pydantic's location without the kinds that it names right after a union."""
    path: list[str | int] = []
    after_union = False
    for part in loc:
        if part == "[key]" or (after_union and part in _KINDS):
            after_union = False
            continue
        path.append(part)
        after_union = _is_union(path)
    return tuple(path)


def _is_union(path: list[str | int]) -> bool:
    """Whether a value of one of several kinds stands at this path: steps, checks, secrets, policies."""
    match path:
        case [*_, "steps" | "preflight", int()] | ["secrets", str()]:
            return True
        case [*_, "check" | "on_failure" | "exit" | "status" | "equals" | "default"]:
            return True
        case [*_, "options", int()] | ["vars", str()]:
            return True
        case _:
            return False


def _no_kind(value: Any, error: Any) -> tuple[str, str]:
    about = error["ctx"].get("discriminator", "")
    if "from" in about:
        return "a secret needs `from: env`, `from: file`, `from: kubernetes` or `from: command`", ""
    what, kinds = ("check", CHECK_KINDS) if "check" in about else ("step", STEP_KINDS)
    if not isinstance(value, dict):
        return f"a {what} is a mapping, and this is {_yaml_kind(value)}", ""
    present = [key for key in value if key in kinds]
    expected = f"a {what} needs exactly one of {', '.join(kinds)}"
    if present:
        return f"{expected}; found {' and '.join(present)}", ""
    known = _keys_of_steps_and_checks()
    for key in value:
        near = difflib.get_close_matches(str(key), kinds, n=1)
        ours = _ELSEWHERE.get(str(key), near[0] if near else None)
        if ours in kinds and key not in known:
            return f"{expected}; found none", f"did you mean {ours!r} instead of {key!r}?"
    return f"{expected}; found none", ""


def _nearest(name: str, allowed: Iterable[str]) -> str:
    options = list(allowed)
    if (ours := _ELSEWHERE.get(name)) in options:
        return f"did you mean {ours!r}?"
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"allowed: {', '.join(sorted(options))}" if options else ""


def _keys_of_steps_and_checks() -> frozenset[str]:
    models = [m for m in vars(checks).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    steps = [m for m in vars(document).values() if isinstance(m, type) and issubclass(m, StepBase)]
    return frozenset(
        field.alias or name
        for model in (*models, *steps)
        for name, field in model.model_fields.items()
    )


def _allowed_keys(loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at a location has."""
    here: list[Any] = [Runbook]
    for part in loc[:-1]:
        here = [inner for kind in here for inner in _step_into(kind, part)]
    return [
        field.alias or name
        for kind in here
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name, field in kind.model_fields.items()
    ]


def _step_into(kind: Any, part: str | int) -> list[Any]:
    """The types that a key, an index, or the tag or literal that tells a union's kinds leads to."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        inner, *extra = typing.get_args(kind)
        tags = [tag.tag for tag in extra if hasattr(tag, "tag")]
        if tags:
            return [inner] if part == tags[0] else []
        return _step_into(inner, part)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields: Mapping[str, Any] = kind.model_fields
        found = [f for n, f in fields.items() if part in (n, f.alias)]
        if found:
            field = found[0]
            return [
                typing.Annotated[field.annotation, *field.metadata]
                if field.metadata
                else field.annotation
            ]
        literals = (typing.get_args(field.annotation) for field in fields.values())
        return [kind] if any(part in values for values in literals) else []
    if origin in (list, tuple):
        return [typing.get_args(kind)[0]] if isinstance(part, int) else _into_all(kind, part)
    if origin is dict:
        return [typing.get_args(kind)[1]]
    return _into_all(kind, part)


def _into_all(kind: Any, part: str | int) -> list[Any]:
    return [found for inner in typing.get_args(kind) for found in _step_into(inner, part)]
