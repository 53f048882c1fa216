"""Compares what came back with what was expected: commands, HTTP answers, values in JSON. Pure.

Each function returns why the expectation is not met, in a few words for an operator; empty when it
is. Values are compared as kubectl prints them, so `equals: 3` and `equals: "3"` mean the same. Where
a path finds several values, all of them must be as expected.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from runbook.checks import jsonpath
from runbook.errors import CheckMisconfigured
from runbook.model.checks import Expect, HttpExpect, JsonPath, Range
from runbook.model.values import format_duration

LONGEST = 200
"""Characters of outside text that an observation quotes."""


def shortened(text: str, limit: int = LONGEST) -> str:
    """Outside text on one line, cut where it gets long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return shortened(lines[-1]) if lines else ""


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression of the author's; one that cannot be read is `CheckMisconfigured`."""
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise CheckMisconfigured(f"cannot read the regular expression {text!r}: {error}") from error


def allowed(codes: int | list[int]) -> str:
    return str(codes) if isinstance(codes, int) else " or ".join(str(code) for code in codes)


def describe_value(expected: JsonPath) -> str:
    path = expected.path.strip("{}")
    words = f"{path} = {as_text(expected.equals)}" if _asks_equals(expected) else ""
    if expected.matches is not None:
        words = f"{words or path} matching /{expected.matches}/"
    if expected.range is not None:
        words = f"{words or path} {describe_range(expected.range)}"
    return words or f"{path} present"


def value_mismatch(expected: JsonPath, document: Any) -> str:
    """Why a document does not hold the expected value."""
    found = jsonpath.parse(expected.path).find(document)
    path = expected.path.strip("{}")
    if not found:
        return f"there is no {path}"
    for value in found:
        text = as_text(value)
        if _asks_equals(expected) and text != as_text(expected.equals):
            return f"{path} is {shortened(text)}"
        if expected.matches is not None and not pattern(expected.matches).search(text):
            return f"{path} is {shortened(text)}"
        if expected.range is not None and (why := range_mismatch(expected.range, value, path)):
            return why
    return ""


def describe_range(wanted: Range) -> str:
    if wanted.min is None:
        return f"at most {wanted.max:g}"
    if wanted.max is None:
        return f"at least {wanted.min:g}"
    return f"from {wanted.min:g} to {wanted.max:g}"


def range_mismatch(wanted: Range, value: Any, what: str) -> str:
    """Why a value is no number in a range. A text that is a number counts as one."""
    text = as_text(value).strip()
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return f"{what} is {shortened(text) or 'empty'}, which is no number"
    low = wanted.min is None or number >= wanted.min
    high = wanted.max is None or number <= wanted.max
    return "" if low and high else f"{what} is {shortened(text)}"


def _asks_equals(expected: JsonPath) -> bool:
    # `equals: null` is a question too, so its presence counts, not its value.
    return "equals" in expected.model_fields_set


def as_text(value: Any) -> str:
    """A JSON value as kubectl prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_mismatch(expected: JsonPath, text: str, what: str) -> str:
    """Why a text is no JSON with the expected value."""
    try:
        document = json.loads(text)
    except ValueError:
        return f"{what} is no JSON: {shortened(text, 80) or 'empty'}"
    mismatch = value_mismatch(expected, document)
    if mismatch and document == {}:
        return f"{mismatch}: {what} is {{}}, which some servers send instead of an error"
    return mismatch


def describe_command(expect: Expect) -> str:
    parts = [f"exit {allowed(expect.exit)}"]
    if expect.stdout is not None:
        parts.append(f"output {shortened(expect.stdout, 60)!r}")
    if expect.regex is not None:
        parts.append(f"output matching /{expect.regex}/")
    if expect.jsonpath is not None:
        parts.append(describe_value(expect.jsonpath))
    if expect.range is not None:
        parts.append(f"output {describe_range(expect.range)}")
    return ", ".join(parts)


def compare(expect: Expect, exit_code: int | None, stdout: str) -> str:
    """Why a command's result is not the expected one."""
    try:
        return _command_mismatch(expect, exit_code, stdout)
    except CheckMisconfigured as error:
        return error.message


def _command_mismatch(expect: Expect, exit_code: int | None, stdout: str) -> str:
    if exit_code not in ([expect.exit] if isinstance(expect.exit, int) else expect.exit):
        return f"exit {exit_code}, expected {allowed(expect.exit)}"
    if expect.stdout is not None and stdout.strip() != expect.stdout.strip():
        return f"output is {shortened(stdout) or 'empty'}"
    if expect.regex is not None and not pattern(expect.regex).search(stdout):
        return f"nothing matches /{expect.regex}/ in: {shortened(stdout) or 'no output'}"
    if expect.jsonpath and (why := json_mismatch(expect.jsonpath, stdout, "the output")):
        return why
    if expect.range is not None:
        return range_mismatch(expect.range, stdout, "output")
    return ""


def describe_http(expect: HttpExpect) -> str:
    parts = [f"HTTP {allowed(expect.status)}"]
    parts += [f"header {name} matching /{regex}/" for name, regex in expect.headers.items()]
    if expect.regex is not None:
        parts.append(f"body matching /{expect.regex}/")
    if expect.jsonpath is not None:
        parts.append(describe_value(expect.jsonpath))
    if expect.range is not None:
        parts.append(f"body {describe_range(expect.range)}")
    if expect.max_latency is not None:
        parts.append(f"within {format_duration(expect.max_latency)}")
    return ", ".join(parts)


def http_mismatch(expect: HttpExpect, status: int, headers: Mapping[str, str], body: str) -> str:
    """Why an HTTP answer is not the expected one. Header names are given in lower case."""
    if status not in ([expect.status] if isinstance(expect.status, int) else expect.status):
        if 300 <= status < 400 and (to := headers.get("location")):
            return f"HTTP {status} to {shortened(to)}; a redirect is not followed"
        return f"HTTP {status}" + (f": {shortened(body)}" if body.strip() else "")
    for name, regex in expect.headers.items():
        value = headers.get(name.lower())
        if value is None or not pattern(regex).search(value):
            return f"header {name} is {'absent' if value is None else shortened(value)}"
    if expect.regex is not None and not pattern(expect.regex).search(body):
        return f"nothing matches /{expect.regex}/ in: {shortened(body) or 'an empty body'}"
    if expect.jsonpath and (why := json_mismatch(expect.jsonpath, body, "the body")):
        return why
    if expect.range is not None:
        return range_mismatch(expect.range, body, "the body")
    return ""
