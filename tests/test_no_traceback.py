"""Nonsense of three kinds, made of sense: an error of the user, or a meaning, and never a traceback.

Runbooks, expressions and journals that are right are broken a little, so that the nonsense comes far.
`RUNBOOK_FUZZ_CASES` says how many cases of each kind are tried, `RUNBOOK_FUZZ_SEED` from where.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.errors import InvalidRunbook, RunbookError
from runbook.journal.codec import GENESIS, canonical, decode, digest, encode
from runbook.model import expressions, shell
from runbook.model.lint import lint
from runbook.model.loader import load
from runbook.plan import TargetFacts
from runbook.planning import make_plan
from runbook.run.outline import outline_of
from runbook.run.readings import Verdict
from runbook.run.signals import AddNote, Approve, Continue, Ending, Hold, Retry
from runbook.run.state import replay
from runbook.run.summary import summarise
from tests.keys import of_checks, of_runbook, of_steps
from tests.keys.cases import CASES
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, OBJECTIVES, Drive, plan_of

TABLES = (of_checks, of_runbook, of_steps)
CASES_OF_EACH = int(os.environ.get("RUNBOOK_FUZZ_CASES", "150"))
SEED = int(os.environ.get("RUNBOOK_FUZZ_SEED", "1"))
SHIPPED = sorted((Path(__file__).parents[1] / "runbooks").glob("*.yaml"))
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**30, float("inf"), "", "a", "${{", "${{ inputs.x }}", "${{ }}",
    "${{ steps.s.outputs.k }}", "${{ secrets.pw }}", "5m", "1e9d", "(", "[a-", "\x85", "é", "\ud83d",
    "~", "<<", "always", "preflight", [], {}, [[]], [None], {"": None}, {"id": "s"}, {"goto": "s"},
    {"run": "x"}, {"uses": "./main.yaml"}, {"uses": "part.yaml#p@sha256:0"}, {"from": "env"},
]  # fmt: skip
FACTS = TargetFacts("ctx", "https://127.0.0.1:1", "uid")


def broken(value: Any, dice: random.Random) -> Any:
    """A copy of plain values with one of them taken away, doubled, called otherwise or replaced."""
    value = deepcopy(value)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        holders = list(_holders(value))
        if not holders:
            return dice.choice(JUNK)
        here, key = dice.choice(holders)
        match dice.randrange(5):
            case 0:
                del here[key]
            case 1 if isinstance(here, dict):
                here[dice.choice([str(key).upper(), "x-" + str(key), "run", "id", ""])] = here.pop(
                    key
                )
            case 2 if isinstance(here, list):
                here.insert(0, here[key])
            case 3:
                there, other = dice.choice(holders)
                here[key] = deepcopy(there[other]) if _still(there, other) else None
            case _:
                here[key] = deepcopy(dice.choice(JUNK))
    return value


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from _holders(item)


def _still(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def scratched(text: str, dice: random.Random) -> str:
    """A text with some of its characters gone, doubled or others."""
    for _ in range(dice.choice((0, 1, 1, 2, 8))):
        at = dice.randrange(len(text) + 1)
        piece = dice.choice(
            [
                "",
                "'",
                '"',
                "{",
                "}",
                "[",
                "- ",
                ": ",
                "\n",
                "\t",
                "&a ",
                "*a",
                "#",
                "!!x ",
                "|\n",
                "%",
                "\x00",
            ]
        )
        text = text[:at] + piece + text[at + dice.choice((0, 1, 5)) :]
    return text


def documents() -> list[Any]:
    shipped = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SHIPPED]
    made = [case.given for case in CASES.values() if "apiVersion" in case.given]
    checks = [
        {**deepcopy(made[0]), "health": {"h": {"check": case.given}}}
        for key, case in CASES.items()
        if "Query" in key and "apiVersion" not in case.given and len(case.given) == 1
    ]
    return [*shipped, *made, *checks]


def a_document(dice: random.Random) -> None:
    whole = broken(dice.choice(DOCUMENTS), dice)
    try:
        text = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)
    except (yaml.YAMLError, UnicodeError):
        return
    text = scratched(text, dice)
    files = {"part.yaml": text.encode("utf-8", "replace")}
    try:
        composed = load(text.encode("utf-8", "replace"), "main.yaml", lambda key: _file(files, key))
    except InvalidRunbook as caught:
        assert caught.problems
        assert str(caught)
        return
    lint(composed, "main.yaml")
    try:
        plan = make_plan(composed, inputs={}, target=FACTS, mode="practice", environment={})
    except RunbookError:
        return
    assert plan.digest
    assert outline_of(plan).positions.keys() == {step.id for step in plan.steps}
    run = Drive(plan)
    assert replay(run.records) == run.state


def _file(files: dict[str, bytes], key: str) -> bytes:
    if key not in files:
        raise FileNotFoundError(2, "No such file or directory", key)
    return files[key]


PIECES = [
    "inputs.x", "vars.y", "secrets.z", "steps.a.status", "steps.a.outputs.k", "registered.r", "env.A",
    "target.context", "==", "!=", "&&", "||", "!", "(", ")", "'text'", "'it''s'", "'", "1", "-2.5",
    "true", "false", "null", " ", "${{", "}}", "$", "{", '"', "\n", "é", "\x00", "echo ", "`", "\\",
    "<<EOF\n", "EOF\n", "$(", "#", "[[ ", "case x in ",
]  # fmt: skip


def an_expression(dice: random.Random) -> None:
    inner = "".join(dice.choice(PIECES) + dice.choice(("", " ")) for _ in range(dice.randrange(12)))
    text = dice.choice(
        ("${{ %s }}", "%s", "a ${{ %s }} b", '"${{ %s }}"', "'${{%s}}' ${{ inputs.x }}")
    )
    text = text.replace("%s", inner)
    for told in (
        lambda: expressions.resolve(expressions.parse(text), _value),
        lambda: expressions.evaluate(text, _value),
        lambda: expressions.partially(text, _some, keep=dice.random() < 0.5),
        lambda: expressions.renamed(text, lambda name: name + ".more"),
        lambda: shell.bind_script(text, None),
    ):
        try:
            told()
        except expressions.ExpressionError as refused:
            assert 0 <= refused.offset <= len(text)


def _value(name: str) -> Any:
    return {"inputs.x": 5, "vars.y": "a}}b", "env.A": None}.get(name, name)


def _some(name: str) -> Any:
    if name.startswith(("steps.", "secrets.", "registered.")):
        raise expressions.Unbound(name)
    return _value(name)


def journal() -> list[Any]:
    """The facts of a run with something of everything, as plain values."""
    run = Drive(plan_of(GATE, DELETE, BUILD, health=HEALTH, objectives=OBJECTIVES))
    run.send(Approve("go", "ann", "ctx"))
    run.ends("delete", Ending.FAILED, "boom")
    run.send(AddNote("ann", "hm"))
    run.send(Retry("delete", "ann"), after=3)
    run.ends("delete")
    run.send(Hold("ann"))
    run.ends("build")
    run.send(Continue("ann"))
    run.reads(Verdict.HOLDS, after=2)
    lines, prev = [], GENESIS
    for record in run.records:
        line = encode(record, prev)
        prev = digest(line[:-1])
        lines.append(json.loads(line))
    return lines


def a_journal(dice: random.Random) -> None:
    facts = broken(JOURNAL, dice)
    lines, prev = [], GENESIS
    for number, told in enumerate(facts if isinstance(facts, list) else [facts], 1):
        # Mostly a chain that holds, of odd facts.
        chained = isinstance(told, dict) and dice.random() < 0.9
        fact = {**told, "prev": prev, "seq": number} if chained else told
        try:
            line = canonical(fact)
        except ValueError:
            return  # no JSON
        if dice.random() < 0.1:
            line = scratched(line.decode(), dice).encode("utf-8", "replace")
        prev = digest(line)
        lines.append(line + b"\n")
    try:
        records = list(decode(lines))
        replay(records)
        summarise(records)
    except RunbookError as caught:
        assert str(caught)


DOCUMENTS, JOURNAL = documents(), journal()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [a_document, an_expression, a_journal])
def test_nonsense_is_an_error_or_has_a_meaning(kind: Callable[[random.Random], None]) -> None:
    for case in range(CASES_OF_EACH):
        seed = f"{SEED}.{case}"
        try:
            kind(random.Random(seed))
        except Exception as fault:
            fault.add_note(f"{kind.__name__}(random.Random({seed!r}))")
            raise
