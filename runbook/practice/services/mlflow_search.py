"""MLflow's little query language: filters, orders and page tokens over runs and logged models.

Pure. Grammar: `key comparator value [AND ...]`; a key is `params.x`, `metrics.x`, `tags.x`, an
attribute with or without `attributes.`, and may stand in backticks or double quotes. There is no OR
and no escape inside a quoted value, exactly as in MLflow. What a key may be differs between runs and
models, so callers bring a reader of fields.
"""

from __future__ import annotations

import base64
import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from runbook.practice.services.mlflow_store import LoggedModel, Run, invalid

Kind = Literal["params", "metrics", "tags", "attributes"]
Value = str | float | None
T = TypeVar("T")

MAX_RESULTS = 50_000
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("param", "params", "parameter", "parameters"), "params"),
    **dict.fromkeys(("metric", "metrics"), "metrics"),
    **dict.fromkeys(("tag", "tags"), "tags"),
    **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attributes"),
}
_KEY = r"(?:(?P<kind>[A-Za-z]+)\.)?(?P<key>`[^`]*`|\"[^\"]*\"|[\w.\-/]+)"
_CLAUSE = re.compile(
    rf"\s*{_KEY}\s*(?P<op>>=|<=|!=|=|>|<|\bILIKE\b|\bLIKE\b)\s*"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[-+]?[\w.]+)\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"AND\s", re.IGNORECASE)
_ORDER = re.compile(rf"\s*{_KEY}(?:\s+(?P<way>ASC|DESC))?\s*", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_RUN_NUMBERS = frozenset({"start_time", "end_time"})
_RUN_TEXTS = frozenset({"run_id", "run_name", "status", "artifact_uri", "user_id"})
_MODEL_NUMBERS = frozenset({"creation_timestamp", "creation_time", "last_updated_timestamp"})
_MODEL_TEXTS = frozenset({"name", "model_id", "model_type", "status", "source_run_id"})


class UnknownModelAttribute(Exception):
    """The real server does not expect this one and answers 500."""


@dataclass(frozen=True, slots=True)
class Clause:
    kind: Kind
    key: str
    comparator: str
    value: str | float


def parse_filter(text: str) -> list[Clause]:
    """The clauses, all of which must hold; [] for no filter."""
    clauses: list[Clause] = []
    position = 0
    while position < len(text) and text[position:].strip():
        found = _CLAUSE.match(text, position)
        if found is None:
            raise invalid(f'Invalid clause(s) in filter string: "{text[position:].strip()}"')
        clauses.append(_clause(found))
        position = found.end()
        if position < len(text):
            joined = _AND.match(text, position)
            if joined is None:
                raise invalid(f'Invalid clause(s) in filter string: "{text[position:].strip()}"')
            position = joined.end()
    return clauses


def holds(clause: Clause, actual: Value) -> bool:
    """Whether a value satisfies the clause; a missing one satisfies nothing."""
    if actual is None:
        return False
    wanted = clause.value
    if clause.comparator == "=":
        return actual == wanted
    if clause.comparator == "!=":
        return actual != wanted
    if clause.comparator in {"LIKE", "ILIKE"}:
        flags = re.IGNORECASE if clause.comparator == "ILIKE" else 0
        return re.fullmatch(_like(str(wanted)), str(actual), flags | re.DOTALL) is not None
    if isinstance(actual, str) or isinstance(wanted, str):
        raise invalid(f"Invalid comparator '{clause.comparator}' for a string value")
    return _COMPARE[clause.comparator](actual, wanted)


def run_field(run: Run, kind: Kind, key: str) -> Value:
    match kind:
        case "params":
            return run.params.get(key)
        case "tags":
            return run.tags.get(key)
        case "metrics":
            return run.metrics[key][-1].value if key in run.metrics else None
        case "attributes":
            if key in _RUN_NUMBERS:
                at: int | None = getattr(run, key)
                return at
            if key not in _RUN_TEXTS:
                raise invalid(
                    f"Invalid attribute key '{key}' specified. Valid keys are "
                    f"'{sorted(_RUN_NUMBERS | _RUN_TEXTS)}'"
                )
            return str(getattr(run, {"run_name": "name"}.get(key, key)))


def model_field(model: LoggedModel, kind: Kind, key: str) -> Value:
    match kind:
        case "params":
            return model.params.get(key)
        case "tags":
            return model.tags.get(key)
        case "metrics":
            return None  # metrics hang on runs here
        case "attributes":
            if key in _MODEL_NUMBERS:
                return float(model.updated if key.startswith("last") else model.created)
            if key not in _MODEL_TEXTS:
                raise UnknownModelAttribute(key)
            # The real one stores the status as a number, so no text ever equals it.
            return None if key == "status" else str(getattr(model, key))


def order_runs(runs: list[Run], order_by: Sequence[str]) -> list[Run]:
    """Newest first, ties by run id; explicit orders come before that."""
    ordered = sorted(runs, key=lambda run: run.run_id)
    ordered.sort(key=lambda run: run.start_time, reverse=True)
    for term in reversed(order_by):
        found = _ORDER.fullmatch(term)
        if found is None:
            raise invalid(f"Invalid order_by clause '{term}'.")
        kind, key = _field(found)
        descending = (found["way"] or "ASC").upper() == "DESC"
        with_value = [run for run in ordered if run_field(run, kind, key) is not None]
        without = [run for run in ordered if run_field(run, kind, key) is None]
        with_value.sort(key=lambda run: _sortable(run_field(run, kind, key)), reverse=descending)
        ordered = with_value + without
    return ordered


def page(items: Sequence[T], max_results: object, token: str, default: int) -> tuple[list[T], str]:
    """One page and the token of the next ("" at the end)."""
    limit = default if max_results is None else max_results
    if not isinstance(limit, int) or not 1 <= limit <= MAX_RESULTS:
        too_many = isinstance(limit, int) and limit > MAX_RESULTS
        reason = (
            f":  Hint: Value was of type '{type(limit).__name__}'. See the API docs for more"
            " information about request parameters."
            if too_many
            else ". It must be a positive integer"
        )
        raise invalid(f"Invalid value {limit} for parameter 'max_results' supplied{reason}")
    offset = _offset(token)
    chosen = list(items[offset : offset + limit])
    if offset + limit >= len(items):
        return chosen, ""
    text = json.dumps({"offset": offset + limit})
    return chosen, base64.b64encode(text.encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        return int(json.loads(base64.b64decode(token, validate=True))["offset"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise invalid("Invalid page token, could not base64-decode") from None


def _clause(found: re.Match[str]) -> Clause:
    kind, key = _field(found)
    raw = found["value"]
    quoted = raw[0] in "'\""
    numeric = kind == "metrics" or (kind == "attributes" and key in _RUN_NUMBERS | _MODEL_NUMBERS)
    if numeric:
        try:
            return Clause(kind, key, found["op"].upper(), float(raw))
        except ValueError:
            raise invalid(f"Expected numeric value type for {kind[:-1]}. Found {raw}") from None
    if not quoted:
        raise invalid(
            f"Expected a quoted string value for {kind[:-1]} (e.g. 'my-value'). Got value {raw}"
        )
    return Clause(kind, key, found["op"].upper(), raw[1:-1])


def _field(found: re.Match[str]) -> tuple[Kind, str]:
    prefix, key = found["kind"], found["key"]
    if prefix is None:
        return "attributes", _unquoted(key)
    kind = _KINDS.get(prefix.lower())
    if kind is None:
        raise invalid(
            f"Invalid entity type '{prefix}'. Valid values are ['attribute', 'metric', 'parameter', 'tag']"
        )
    return kind, _unquoted(key)


def _unquoted(key: str) -> str:
    return key[1:-1] if key[0] in '`"' else key


def _like(pattern: str) -> str:
    return "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in pattern)


def _sortable(value: Value) -> tuple[float, str]:
    return (0.0, value) if isinstance(value, str) else (float(value or 0), "")
