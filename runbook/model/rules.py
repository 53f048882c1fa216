"""What must be true between the parts of a runbook: names that are used exist, values fit together.

Works on the plain values, so that a fault in one place hides none in another; rules that need checked
types are asked only once the whole file is well-formed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook.model import arrangement, expressions, notifications, shell, using
from runbook.model.checks import (
    Expect,
    HttpExpect,
    InferenceCheck,
    JsonPath,
    LogsCheck,
    LogsQuery,
    S3Check,
)
from runbook.model.document import CheckStep, Input, Runbook, RunStep
from runbook.model.findings import Finding, Path, dict_of, list_of, nearest, steps_of
from runbook.model.inputs import read_input
from runbook.model.parts import Composed

TARGET = ("context", "server", "mode")
RUN = ("mode",)


@dataclass
class _Names:
    """What may be named where: ids in order, and the names of everything declared."""

    inputs: tuple[str, ...]
    variables: tuple[str, ...]
    secrets: tuple[str, ...]
    health: tuple[str, ...]
    steps: dict[str, int]
    """Each with how many come before it; of two with one name, the first."""
    registered: dict[str, int]


def find(
    raw: dict[str, Any], runbook: Runbook | None, parts: Mapping[str, Composed]
) -> Iterator[Finding]:
    """Every fault between parts. `runbook` is None when the file is not well-formed; `parts` are the
    runbooks it uses, as far as they are.
    """
    names = _names(raw, parts)
    yield from _ids(raw)
    yield from arrangement.find(raw, parts)
    yield from using.find(raw, parts)
    yield from _references(raw, names)
    yield from notifications.find(raw, names.secrets)
    yield from _all_expressions(raw, names, parts)
    if runbook is not None:
        yield from _values(runbook)


def _names(raw: dict[str, Any], parts: Mapping[str, Composed]) -> _Names:
    steps: dict[str, int] = {}
    before = 0
    registered: dict[str, int] = {}
    for _, step in steps_of(raw):
        name, part = str(step.get("id")), using.part_of(step, parts)
        for inner in part.registered if part else ():
            registered.setdefault(f"{name}.{inner}", before)
        if isinstance(step.get("register"), str):
            registered.setdefault(step["register"], before)
        for inner in using.ids(step, parts):
            steps.setdefault(inner, before)
            before += 1
    return _Names(
        tuple(map(str, dict_of(raw.get("inputs")))),
        tuple(map(str, dict_of(raw.get("vars")))),
        tuple(map(str, dict_of(raw.get("secrets")))),
        (*map(str, dict_of(raw.get("health"))), *using.health(raw, parts)),
        steps,
        registered,
    )


def _ids(raw: dict[str, Any]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for path, step in steps_of(raw):
        name = step.get("id")
        if isinstance(name, str):
            if name in first:
                yield Finding(
                    (*path, "id"),
                    f"step id {name!r} is used twice",
                    "ids are unique over the whole runbook: results are kept under them",
                )
            first.setdefault(name, path)
    made = ("preflight", "always")
    seen: set[str] = set(made)
    for number, phase in enumerate(list_of(raw.get("phases"))):
        name = dict_of(phase).get("id")
        if isinstance(name, str):
            if name in seen:
                why = f"is the phase made of `{name}:`" if name in made else "is used twice"
                yield Finding(("phases", number, "id"), f"phase id {name!r} {why}")
            seen.add(name)


def _references(raw: dict[str, Any], names: _Names) -> Iterator[Finding]:
    wanted = list_of(dict_of(raw.get("objectives")).get("recovered_when"))
    for index, name in enumerate(wanted):
        if isinstance(name, str) and name not in names.health:
            yield Finding(
                ("objectives", "recovered_when", index),
                f"no health check {name!r}",
                nearest(name, names.health),
            )
    written = dict.fromkeys(str(step.get("id")) for _, step in steps_of(raw))
    for path, step in steps_of(raw):
        name = dict_of(step.get("check")).get("health")
        if isinstance(name, str) and name not in names.health:
            yield Finding(
                (*path, "check", "health"), f"no health check {name!r}", nearest(name, names.health)
            )
        target = dict_of(step.get("on_failure")).get("goto")
        if isinstance(target, str) and target not in written:
            yield Finding(
                (*path, "on_failure", "goto"), f"no step {target!r}", nearest(target, written)
            )
    for name, named in dict_of(raw.get("health")).items():
        if "health" in dict_of(dict_of(named).get("check")):
            yield Finding(
                ("health", name, "check", "health"),
                "a health check cannot be made of another one",
                "write the condition itself here",
            )


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            if not (isinstance(key, str) and key.startswith("x-")):
                yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))


def _all_expressions(
    raw: dict[str, Any], names: _Names, parts: Mapping[str, Composed]
) -> Iterator[Finding]:
    order = arrangement.earlier(raw, parts)
    for path, text in _texts(raw, ()):
        of_step = path[:-1] in order
        is_condition = of_step and path[-1] == "when" and "${{" not in text
        if "${{" not in text and not is_condition:
            continue
        try:
            template = expressions.parse(text)
            nodes = [part.node for part in template if isinstance(part, expressions.Expression)]
            if is_condition:
                nodes = [expressions.parse_node(text)]
            if path[-2:-1] in (("approve",), ("manual",)):
                yield from _shown(path, nodes)
            script = path[-1] in ("run", "rollback")
            of_secret = path[:1] == ("secrets",)
            if script and (of_step or of_secret or path[-2:] == ("check", "run")):
                yield from _script(raw, path, text)
        except expressions.ExpressionError as fault:
            yield Finding(path, str(fault), offset=fault.offset)
            continue
        position = _position(order, path)
        if of_step and path[-1] == "when":
            yield from _condition(path, text, nodes)
        for node in nodes:
            for name in expressions.names(node):
                if path[0] == "secrets" and name.name.startswith("secrets."):
                    yield Finding(path, "a secret cannot be made of another", offset=name.offset)
                elif found := _unknown(name.name, names, position):
                    yield Finding(path, found[0], found[1], name.offset)


def _condition(path: Path, text: str, nodes: list[expressions.Node]) -> Iterator[Finding]:
    """Text around an expression makes a text of it, and a text is true whatever it says."""
    if "${{" in text and len(expressions.parse(text.strip())) != 1:
        yield Finding(
            path, "a condition is one expression", "write all of it between one ${{ and its }}"
        )
    for node in nodes:
        for name in expressions.names(node):
            if name.name.startswith("secrets."):
                yield Finding(path, "a condition cannot ask for a secret", offset=name.offset)


def _shown(path: Path, nodes: list[expressions.Node]) -> Iterator[Finding]:
    """What a gate or a task says is read by people, and kept in the record."""
    for node in nodes:
        for name in expressions.names(node):
            if name.name.startswith("secrets."):
                yield Finding(path, "a secret cannot be shown to a person", offset=name.offset)


def _script(raw: dict[str, Any], path: Path, text: str) -> Iterator[Finding]:
    here: Any = raw
    for part in path[:-1]:
        here = here[part]
    chosen = here.get("shell")
    try:
        shell.bind_script(text, chosen if isinstance(chosen, str) and chosen.strip() else None)
    except expressions.ExpressionError as fault:
        yield Finding(path, str(fault), offset=fault.offset)


def _position(order: dict[Path, int], path: Path) -> int | None:
    """How many steps have ended when a text is bound; None outside of steps."""
    for length in (2, 4):
        if path[:length] in order:
            own = path[length:] == ("rollback",)
            return order[path[:length]] + own
    return None


def _unknown(name: str, names: _Names, position: int | None) -> tuple[str, str] | None:
    """Why a name means nothing here, with a way out; None when it does."""
    room, dot, rest = name.partition(".")
    declared = {
        "inputs": names.inputs,
        "vars": names.variables,
        "secrets": names.secrets,
        "target": TARGET,
        "run": RUN,
    }
    if not dot or room not in expressions.ROOMS:
        return f"unknown name {name!r}", nearest(name, _all_names(names))
    if room == "env":
        return None
    if room in declared:
        if rest in declared[room]:
            return None
        return f"unknown name {name!r}", nearest(name, [f"{room}.{n}" for n in declared[room]])
    if position is None:
        return (
            f"{name!r} exists only inside steps",
            "results of steps are known while a run goes on",
        )
    if room == "registered":
        if names.registered.get(rest, position) < position:
            return None
        earlier = [f"registered.{n}" for n, at in names.registered.items() if at < position]
        return f"no earlier step registers {rest!r}", nearest(name, earlier)
    step = _longest(rest, names.steps, position)
    if not step:
        earlier = [s for s, before in names.steps.items() if before < position]
        wanted = rest.partition(".outputs.")[0].removesuffix(".status")
        return f"no earlier step {wanted!r}", nearest(wanted, earlier)
    what = rest.removeprefix(f"{step}.")
    if what == "status" or re.fullmatch(r"outputs\.[\w-]+", what):
        return None
    return f"unknown name {name!r}", f"write steps.{step}.status or steps.{step}.outputs.NAME"


def _longest(rest: str, steps: Mapping[str, int], position: int) -> str:
    """The longest name of an earlier step that a reference begins with; empty when there is none."""
    name = rest
    while "." in name:
        name = name.rpartition(".")[0]
        if steps.get(name, position) < position:
            return name
    return ""


def _all_names(names: _Names) -> list[str]:
    return [
        *(f"inputs.{n}" for n in names.inputs),
        *(f"vars.{n}" for n in names.variables),
        *(f"secrets.{n}" for n in names.secrets),
        *(f"target.{n}" for n in TARGET),
        *(f"run.{n}" for n in RUN),
    ]


def _values(runbook: Runbook) -> Iterator[Finding]:
    for name, spec in runbook.inputs.items():
        yield from _input(name, spec)
    for number, phase in enumerate(runbook.phases):
        for index, step in enumerate(phase.steps):
            yield from _step(step, ("phases", number, "steps", index))
    for index, step in enumerate(runbook.preflight):
        yield from _step(step, ("preflight", index))
    for index, step in enumerate(runbook.always):
        yield from _step(step, ("always", index))
    for name, named in runbook.health.items():
        yield from _check(named.check, ("health", name, "check"))


def _input(name: str, spec: Input) -> Iterator[Finding]:
    path: Path = ("inputs", name)
    if spec.pattern is not None:
        yield from _regex(spec.pattern, (*path, "pattern"))
    if spec.default is None:
        return
    try:
        read_input(name, spec, expressions.as_text(spec.default))
    except re.error:
        return
    except ValueError as fault:
        yield Finding((*path, "default"), f"the default does not fit: {fault}")


def _step(step: Any, path: Path) -> Iterator[Finding]:
    if isinstance(step, CheckStep):
        if step.every > step.until:
            yield Finding((*path, "every"), "`every` is longer than `until`: one look only")
        yield from _check(step.check, (*path, "check"))
    if isinstance(step, RunStep):
        yield from _expect(step.expect, (*path, "expect"))


def _check(check: Any, path: Path) -> Iterator[Finding]:
    kind = next(iter(type(check).model_fields))
    query = getattr(check, kind)
    where = (*path, kind)
    if isinstance(check, LogsCheck) and (check.logs.selector is None) == (check.logs.pod is None):
        yield Finding(where, "logs are read of a `selector` or of a `pod`: name exactly one")
    if isinstance(query, LogsQuery):
        yield from _regex(query.matches, (*where, "matches"))
    if isinstance(check, S3Check) and (check.s3.key is None) == (check.s3.prefix is None):
        yield Finding(where, "s3 looks for a `key` or for a `prefix`: name exactly one")
    if isinstance(check, InferenceCheck) and not (
        check.inference.model or check.inference.experiment
    ):
        yield Finding(where, "inference asks a `model` or an `experiment`: name one")
    if (json_path := getattr(query, "jsonpath", None)) is not None:
        yield from _jsonpath(json_path, (*where, "jsonpath"))
    if (expect := getattr(query, "expect", None)) is not None:
        yield from _expect(expect, (*where, "expect"))
    if (expect := getattr(check, "expect", None)) is not None:
        yield from _expect(expect, (*path, "expect"))


def _expect(expect: Expect | HttpExpect, path: Path) -> Iterator[Finding]:
    if expect.regex is not None:
        yield from _regex(expect.regex, (*path, "regex"))
    if expect.jsonpath is not None:
        yield from _jsonpath(expect.jsonpath, (*path, "jsonpath"))
    if isinstance(expect, HttpExpect):
        for name, pattern in expect.headers.items():
            yield from _regex(pattern, (*path, "headers", name))


def _jsonpath(json_path: JsonPath, path: Path) -> Iterator[Finding]:
    if json_path.matches is not None:
        yield from _regex(json_path.matches, (*path, "matches"))


def _regex(pattern: str, path: Path) -> Iterator[Finding]:
    if "${{" in pattern:
        return
    try:
        re.compile(pattern)
    except re.error as fault:
        yield Finding(path, f"not a regular expression: {fault}")
