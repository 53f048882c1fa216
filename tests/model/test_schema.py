"""The JSON Schema agrees with the loader about what is a runbook."""

from __future__ import annotations

import copy
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import BaseModel, ValidationError

from runbook.model.document import Runbook
from runbook.model.schema import json_schema
from runbook.model.values import Duration
from runbook.model.yaml_nodes import Reader

SHIPPED = sorted((Path(__file__).parents[2] / "runbooks").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
_DURATION = typing.get_args(Duration)[1]


def document(step: dict[str, Any], **more: Any) -> dict[str, Any]:
    phases = [{"id": "one", "steps": [{"id": "a", **step}]}]
    return {"apiVersion": "runbook/v1", "name": "x", "phases": phases, **more}


def taken(raw: Any) -> bool:
    try:
        Runbook.model_validate(raw)
    except ValidationError:
        return False
    return True


def shipped(file: Path) -> Any:
    return Reader(file.read_bytes(), file.name).read().value


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_a_shipped_runbook_satisfies_it(file: Path) -> None:
    VALIDATOR.validate(shipped(file))


@pytest.mark.parametrize(
    "good",
    [
        document({"run": "true", "timeout": "5m", "x-own": {"a": 1}}),
        document({"check": {"tcp": {"host": "h", "port": 80}}, "on_failure": {"goto": "a"}}),
        document({"approve": {"message": "?"}}, **{"x-anchor": [1]}),
        document({"wait": "1h30m"}),
        document({"wait": " 1h30m "}),
        document({"uses": "./x.yaml", "with": {"a": 1.5}}),
    ],
)
def test_what_the_loader_takes_it_takes(good: dict[str, Any]) -> None:
    assert taken(good)
    VALIDATOR.validate(good)


@pytest.mark.parametrize(
    "bad",
    [
        document({"run": "true", "timeout": 5}),
        document({"run": "true", "timeout": "5"}),
        document({"run": "true", "timeout": "5 minutes"}),
        document({"run": "true", "timeout": "٥m"}),
        document({"run": "true", "tiemout": "5m"}),
        document({"run": "true", "xown": 1}),
        document({"run": "true", "retries": "2"}),
        document({"run": "true", "skippable": "no"}),
        document({"run": ["true"]}),
        document({"run": "true", "wait": "5s"}),
        document({"run": "true", "check": {"tcp": {"host": "h", "port": 80}}}),
        document({"check": {"tcp": {"host": "h", "port": 80}, "run": "true"}}),
        document({"title": "no kind"}),
        document({"aprove": {"message": "?"}}),
        document({"run": "true"}, name="Not A Name"),
        document({"run": "true"}, apiVersion="runbook/v2"),
        document({"run": "true"}, vars={"Not A Name": 1}),
        document({"run": "true"}, inputs={"Not A Name": {}}),
        document({"run": "true"}, env={"A": 1}),
        document({"run": "true"}, objectives={"rto": 45}),
        {"apiVersion": "runbook/v1", "name": "x"},
        {"apiVersion": "runbook/v1", "name": "x", "phases": []},
        [],
    ],
)
def test_what_the_loader_refuses_it_refuses(bad: Any) -> None:
    assert not taken(bad)
    assert not VALIDATOR.is_valid(bad)


def keyed(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, about in schema.get("properties", {}).items():
        yield f"{path}.{name}", about
    for name, inner in schema.get("$defs", {}).items():
        yield from keyed(inner, name)


def test_every_key_has_a_description_for_editors() -> None:
    assert [path for path, about in keyed(SCHEMA) if not about.get("description")] == []


def test_a_default_is_one_that_could_be_written() -> None:
    for path, about in keyed(SCHEMA):
        if about.get("default") is not None:
            whole = {**about, "$defs": SCHEMA["$defs"]}
            assert jsonschema.Draft202012Validator(whole).is_valid(about["default"]), path


# Mostly what is taken, so that most of what is made of it is.
DURATIONS = st.sampled_from(
    ["90s", "5m", "1h30m", "1.5h", " 2m\n"] * 20 + ["0s", "400d", "5", "5 m"]
)
NAMES = st.sampled_from(["a", "b-c", "d_1"] * 40 + ["Bad", ""])
TEXTS = st.sampled_from(["x", "${{ inputs.a }}", "a\nb", "5m", "ü"] * 20 + [""])
SCALARS = st.one_of(TEXTS, st.integers(-2, 101), st.booleans(), st.floats(), st.none())


def written(annotation: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    """Values for a field, mostly such as it takes."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if _DURATION in metadata:
        return DURATIONS
    if origin is typing.Annotated:
        return written(arguments[0], arguments[1:])
    if any(getattr(one, "pattern", None) for one in metadata) or any(
        "pattern" in str(one) for one in metadata
    ):
        return NAMES
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return st.deferred(lambda: of_model(annotation))
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(written(arguments[0]), min_size=1, max_size=2)
    if origin is dict:
        return st.dictionaries(written(arguments[0]), written(arguments[1]), max_size=2)
    if arguments:  # a union
        return st.one_of([written(one) for one in arguments])
    plain = {
        str: TEXTS,
        int: st.integers(1, 99),
        float: st.floats(),
        bool: st.booleans(),
        type(None): st.none(),
    }
    return plain.get(annotation, SCALARS)


@st.composite
def of_model(draw: st.DrawFn, model: type[BaseModel]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.is_required() or draw(st.integers(0, 5)) == 0:
            made[field.alias or name] = draw(written(field.annotation, tuple(field.metadata)))
    if draw(st.integers(0, 9)) == 0:
        made["x-own"] = draw(SCALARS)
    return made


@given(of_model(Runbook))
@settings(max_examples=300, deadline=None)
def test_it_takes_every_runbook_that_the_loader_takes(raw: dict[str, Any]) -> None:
    if taken(raw):
        VALIDATOR.validate(raw)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


WRONG = [None, 3, 1.5, True, "text", "5m", "5", "", [], {}, ["a"], {"zzz": 1}]
WRITTEN = {file.name: shipped(file) for file in SHIPPED}
PLACES = [(name, path) for name, raw in WRITTEN.items() for path in places(raw) if path]


@given(st.sampled_from(PLACES), st.sampled_from(WRONG), st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_changed_runbook_is_judged_alike(
    place: tuple[str, tuple[str | int, ...]], wrong: Any, added: bool
) -> None:
    name, path = place
    raw = copy.deepcopy(WRITTEN[name])
    here = raw
    for part in path[:-1]:
        here = here[part]
    if added and isinstance(here, dict):
        here["zzz"] = wrong
    else:
        here[path[-1]] = wrong
    assert VALIDATOR.is_valid(raw) == taken(raw), json.dumps([name, path, wrong, added])
