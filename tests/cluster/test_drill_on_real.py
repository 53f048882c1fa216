"""The reproduction drill on the real API server: recovered, and told as practice tells it.

A person walks both in a terminal. What may differ is time: how often something was looked at before
it held. What may not: which steps there are, how they end, what is recorded of each and in which
order, what the report says and in which fields.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook.run.events import HealthRead, Record
from tests.cluster.building import CannotBuild
from tests.cluster.operator_at_terminal import Operator, Walk
from tests.cluster.real_platform import BASE, SECRETS, real_platform
from tests.cluster.sides import Side, practice

pytestmark = [pytest.mark.timeout(600)]
CONTEXTS = {"practice": "practice", "real": "test-cluster"}
WITHIN = 240.0


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Walk]:
    """Both drills, one after the other."""
    homes = {name: tmp_path_factory.mktemp(name) for name in CONTEXTS}
    walks: dict[str, Walk] = {}
    with practice(homes["practice"] / "cluster", seeds=(BASE, SECRETS)) as side:
        walks["practice"] = _drill(side, homes["practice"])
    try:
        with real_platform() as side:
            walks["real"] = _drill(side, homes["real"])
    except CannotBuild as fault:
        if os.environ.get("RUNBOOK_REQUIRE_CLUSTER"):
            raise
        pytest.skip(f"no real control plane: {fault}")
    return walks


def _drill(side: Side, home: Path) -> Walk:
    context = CONTEXTS[side.name]
    words = ["run", "infrastructure-reproduction", "--mode", "drill", "--context", context]
    # One kubectl walks both, and they call themselves by versions that lie far apart.
    words += ["--kubeconfig", str(side.kubeconfig), "--input", "kubectl_in_step=false"]
    return Operator(home).walk(words, {"go": context, "release": "release"}, WITHIN)


def _report(walk: Walk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((walk.directory / "report.json").read_text())
    return found


def _told(walk: Walk) -> dict[str, list[str]]:
    """What was recorded of each step, in order; the same again and again counts once."""
    steps: dict[str, list[str]] = {}
    for record in walk.records:
        if step := getattr(record.event, "step", ""):
            steps.setdefault(step, []).append(record.event.kind)
    return {step: [kind for kind, _ in itertools.groupby(kinds)] for step, kinds in steps.items()}


def _apart_from_steps(records: Sequence[Record]) -> list[str]:
    """What concerns the run as a whole, health aside."""
    return [
        record.event.kind
        for record in records
        if not getattr(record.event, "step", "") and not isinstance(record.event, HealthRead)
    ]


def _health(walk: Walk) -> dict[str, tuple[str, str]]:
    """Of each check: what it wants, and what held at the end."""
    return {
        record.event.check: (record.event.expected, record.event.verdict.value)
        for record in walk.records
        if isinstance(record.event, HealthRead)
    }


def _fields(value: object) -> object:
    """The names of a document's fields, with the fields of its list entries taken together."""
    if isinstance(value, dict):
        return {name: _fields(inner) for name, inner in value.items()}
    if isinstance(value, list):
        merged: list[object] = []
        for inner in map(_fields, value):
            if inner not in merged:
                merged.append(inner)
        return merged
    return type(value).__name__ if value is None or isinstance(value, bool) else ""


def test_the_drill_recovers_the_real_platform(walked: dict[str, Walk]) -> None:
    report = _report(walked["real"])
    assert report["status"] == "recovered"
    assert report["recovery"]["within"] is True
    assert report["mode"] == "drill"
    failed = [step["title"] for step in report["steps"] if step["status"] == "failed"]
    assert failed == ["The serving namespace goes by itself"]
    skipped = [step["title"] for step in report["steps"] if step["status"] == "skipped"]
    assert skipped == ["kubectl is within one minor version of the cluster"]
    assert [(one["step"], one["how"]) for one in report["approvals"]] == [
        ("1.1", "granted (person)"),
        ("1.6", "granted (person)"),
    ]


def test_its_journal_is_complete_and_unbroken(walked: dict[str, Walk]) -> None:
    for walk in walked.values():
        verified = subprocess.run(
            [sys.executable, "-m", "runbook.cli.main", "verify", str(walk.directory)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.stdout.startswith("VALID, CLOSED"), verified


def test_the_steps_end_as_on_practice(walked: dict[str, Walk]) -> None:
    def steps(walk: Walk) -> list[dict[str, Any]]:
        kept = ("number", "title", "kind", "effect", "status", "attempts", "proves_against")
        return [{name: step[name] for name in kept} for step in _report(walk)["steps"]]

    assert steps(walked["real"]) == steps(walked["practice"])


def test_the_journal_tells_of_each_step_as_on_practice(walked: dict[str, Walk]) -> None:
    assert _told(walked["real"]) == _told(walked["practice"])
    assert _apart_from_steps(walked["real"].records) == _apart_from_steps(
        walked["practice"].records
    )


def test_the_same_health_is_read_with_the_same_end(walked: dict[str, Walk]) -> None:
    assert _health(walked["real"]) == _health(walked["practice"])


def test_the_report_has_the_same_fields(walked: dict[str, Walk]) -> None:
    assert _fields(_report(walked["real"])) == _fields(_report(walked["practice"]))


def test_the_report_judges_alike(walked: dict[str, Walk]) -> None:
    def judged(walk: Walk) -> dict[str, Any]:
        report = _report(walk)
        return {
            "status": report["status"],
            "verdict": report["verdict"],
            "objectives": [
                (one["name"], one["target"], one["met"]) for one in report["objectives"]
            ],
            "checks": [
                (one["number"], one["title"], one["verdict"], one["expected"])
                for one in report["checks"]
            ],
            "deviations": [one["step"] for one in report["deviations"]],
            "phases": [(one["number"], one["title"], one["done"]) for one in report["phases"]],
        }

    assert judged(walked["real"]) == judged(walked["practice"])


def test_the_platform_hangs_for_the_same_reason(walked: dict[str, Walk]) -> None:
    """The words of a real namespace controller, which the drill shows to its operator.

    Which Seldon objects hang is a race with the operator: it may still release some while its
    scheduler goes away. What is said of those that do is not.
    """

    def said(walk: Walk) -> tuple[str, set[str]]:
        first = next(one for one in _report(walk)["deviations"] if one["step"] == "gone-by-itself")
        _, found, reason = str(first["text"]).partition("Some resources are remaining")
        assert found, first
        words = re.sub(r"[\w.]+ (has|in) \d+ resource instances", r"X \1 N", reason)
        for each in ("X has N", "X in N"):
            words = re.sub(rf"{each}(, {each})+", each, words)
        return words, set(re.findall(r"(\S+) in \d+ resource instances", reason))

    words, hanging = said(walked["real"])
    expected, finalizers = said(walked["practice"])
    assert words == expected
    assert hanging
    assert hanging <= finalizers == {"seldon.experiment.finalizer", "seldon.model.finalizer"}
