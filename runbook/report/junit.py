"""A run as JUnit XML, which every CI reads: phases are suites, steps are cases. Pure.

A case has failed when the run did not get past it; a failure that the runbook passes over is skipped, with
its reason, since it fails no run. What was not reached is skipped; what was left unfinished, or has an
unknown outcome, is an error. A last suite holds the result of the run and its objectives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from runbook.report.facts import Facts, Objective
from runbook.report.text import one_line, plain
from runbook.run.state import Status
from runbook.run.summary import PhaseSummary, StepSummary, Summary

WORDS = {"failures": "failure", "errors": "error", "skipped": "skipped"}
"""Each attribute that counts, and the element it counts."""


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    seconds: float = 0.0
    outcome: str = ""
    """The element that says it did not simply pass; empty when it did."""
    reason: str = ""
    kind: str = ""
    said: str = ""


def render(facts: Facts) -> str:
    """One well-formed document."""
    summary = facts.summary
    opened = facts.opened
    root = ET.Element("testsuites", name=one_line(opened.title))
    about = {
        "run": opened.run,
        "mode": opened.mode.value,
        "context": opened.context,
        "operator": opened.operator,
        "plan": opened.plan_digest,
        "status": summary.status,
    }
    for phase in summary.phases:
        when = phase.started or summary.started
        suite = _suite(root, phase.outline.title, opened.name, _cases(phase, facts))
        suite.set("timestamp", f"{when:%Y-%m-%dT%H:%M:%S}")
        suite.set("hostname", one_line(opened.host))
    last = [_result(summary), *map(_objective, facts.objectives)]
    suite = _suite(root, "Result and objectives", opened.name, last)
    suite.set("timestamp", f"{summary.ended or summary.at:%Y-%m-%dT%H:%M:%S}")
    suite.set("hostname", one_line(opened.host))
    properties = ET.Element("properties")
    for name, value in about.items():
        ET.SubElement(properties, "property", name=name, value=one_line(value))
    suite.insert(0, properties)
    for count in ("tests", *WORDS):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{summary.seconds:.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, title: str, runbook: str, cases: Iterable[_Case]) -> ET.Element:
    suite = ET.SubElement(root, "testsuite", name=one_line(title))
    total = 0.0
    for case in cases:
        total += case.seconds
        element = ET.SubElement(
            suite,
            "testcase",
            classname=one_line(f"{runbook}.{title}"),
            name=one_line(case.name),
            time=f"{case.seconds:.3f}",
        )
        if case.outcome:
            outcome = ET.SubElement(element, case.outcome, message=one_line(case.reason))
            if case.outcome != "skipped":
                outcome.set("type", case.kind)
                outcome.text = plain(case.reason)
        if case.said:
            ET.SubElement(element, "system-out").text = plain(case.said)
    suite.set("tests", str(len(suite)))
    for count, element_name in WORDS.items():
        suite.set(count, str(len(suite.findall(f"testcase/{element_name}"))))
    suite.set("time", f"{total:.3f}")
    return suite


def _cases(phase: PhaseSummary, facts: Facts) -> Iterable[_Case]:
    rows = {row.number: row for row in facts.steps}
    for step in phase.steps:
        outcome, reason = _outcome(step, facts.summary)
        yield _Case(
            name=f"{step.outline.number} {step.outline.title}",
            seconds=step.seconds,
            outcome=outcome,
            reason=reason,
            kind=step.status.value,
            said="\n".join(rows[step.outline.number].commands),
        )


def _outcome(step: StepSummary, summary: Summary) -> tuple[str, str]:
    here = summary.state.step(step.outline.id)
    reason = here.reason or step.reason
    match step.status:
        case Status.PASSED:
            return "", ""
        case Status.FAILED | Status.TIMED_OUT if here.handled:
            return "skipped", f"{step.status.value}, and passed over by the runbook: {reason}"
        case Status.FAILED | Status.TIMED_OUT:
            return "failure", reason or step.status.value
        case Status.SKIPPED:
            by = f"by {step.decided_by}: " if step.decided_by else ""
            return "skipped", f"{by}{reason}"
        case Status.PENDING:
            return "skipped", "the run did not come to it"
        case Status.INTERRUPTED:
            return "error", f"its outcome is unknown: {reason}"
        case Status.RUNNING | Status.WAITING:
            return "error", "the run stands here and has not ended"


def _result(summary: Summary) -> _Case:
    finished = summary.state.finished
    if finished is None:
        held = summary.state.leaving
        why = "the run is held and can be resumed" if held else "the run has not ended"
        return _Case("the run ended", 0.0, "error", why, summary.status)
    if summary.status == "recovered":
        return _Case("the run recovered")
    why = finished.reason or summary.status
    return _Case("the run recovered", 0.0, "failure", why, summary.status)


def _objective(objective: Objective) -> _Case:
    name = f"{objective.name}: {objective.target}"
    if objective.met is None:
        return _Case(name, 0.0, "skipped", objective.result)
    return _Case(name, 0.0, "" if objective.met else "failure", objective.result, "objective")
