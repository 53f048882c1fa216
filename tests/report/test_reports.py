"""The three forms of the recovery log: the same facts, whole, and safe with hostile text."""

from __future__ import annotations

import json
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from runbook.report import html, json as json_report, markdown
from runbook.report.facts import Facts, gather, short_head
from runbook.report.picture import timeline
from runbook.run.events import CommandFinished, CommandStarting
from runbook.run.readings import Verdict
from runbook.run.signals import AddNote, Approve, Ending, Outcome, Report, Retry
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, OBJECTIVES, Drive, plan_of

HOSTILE = "<script>alert(1)</script> | `tick` ``` ](javascript:x) \x1b[2J"


def recovered() -> Drive:
    run = Drive(plan_of(GATE, DELETE, BUILD, health=HEALTH, objectives=OBJECTIVES))
    run.send(Approve("go", "ann", "ctx"), after=30)
    run.send(Report(CommandStarting(step="delete", attempt=1, script="rm -rf", shell="bash")))
    run.send(
        Report(CommandFinished(step="delete", attempt=1, exit=0, duration=1.5, output="ab" * 32))
    )
    run.now += timedelta(seconds=10)
    run.ends("delete")
    run.ends("build", Ending.FAILED, HOSTILE)
    run.send(Retry("build", "ann"), after=5)
    run.send(AddNote("ann", HOSTILE))
    run.ends("build")
    run.reads(Verdict.HOLDS, after=3)
    run.send(Retry("x", "ann"), after=6)
    return run


@pytest.fixture
def facts() -> Facts:
    run = recovered()
    assert run.result == "recovered"
    return gather(run.records, "f" * 64)


def test_the_verdict_names_deviations_and_objectives_are_held_against_results(facts: Facts) -> None:
    assert facts.verdict == "PASSED WITH DEVIATIONS (1)"
    recovery = facts.objectives[0]
    assert (recovery.target, recovery.result, recovery.met) == ("1m", "18s", True)


def test_json_holds_the_same_numbers_as_the_summary(facts: Facts) -> None:
    document = json.loads(json_report.render(facts))
    assert document["status"] == "recovered"
    assert document["recovery"]["seconds"] == 18
    assert document["split_seconds"]["approval"] == 30
    assert sum(document["split_seconds"].values()) == pytest.approx(document["seconds"])
    assert document["steps"][1]["commands"][0].startswith("$ rm -rf\n# exit 0 after 1.5s")


def test_markdown_tables_survive_hostile_text(facts: Facts) -> None:
    text = markdown.render(facts)
    assert "<script>" not in text.replace("\\<", "")
    assert "\x1b" not in text
    for block in text.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        widths = {len(line.replace("\\|", "").split("|")) for line in rows}
        assert len(widths) <= 1, block


def test_what_steps_handed_on_is_told_line_by_line() -> None:
    run = Drive(plan_of(DELETE, BUILD))
    said = {"finalizers": f"Model a: released\n{HOSTILE}", "empty": ""}
    run.send(Outcome("delete", 1, Ending.PASSED, outputs=said))
    facts = gather(run.records, "0" * 64)
    text = markdown.render(facts)
    assert "## Values handed on\n\n| step | name | value |" in text
    assert "| 1.1 | finalizers | Model a: released |\n|  |  | \\<script" in text
    assert "| 1.1 | empty |  |" in text
    assert "<td>finalizers</td><td>Model a: released</td>" in html.render(facts)
    assert "<script>" not in html.render(facts)
    assert json.loads(json_report.render(facts))["steps"][0]["outputs"] == said


def test_markdown_says_what_only_a_person_can_say(facts: Facts) -> None:
    assert markdown.render(facts).count("not provided") == 5


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("href", "src")]


def test_html_is_one_file_without_scripts_or_links(facts: Facts) -> None:
    page = html.render(facts)
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags
    assert not reader.links
    assert "@media print" in page
    assert "svg" in reader.tags


def test_the_timeline_is_well_formed_and_shows_the_recovery_clock(facts: Facts) -> None:
    picture = timeline(facts)
    ET.fromstring(picture)
    assert "18s of 1m, stopped at health" in picture


def test_an_unfinished_run_is_reported_as_such() -> None:
    run = Drive(plan_of(DELETE))
    facts = gather(run.records, "0" * 64)
    assert facts.verdict.startswith("NOT CONCLUDED")
    for render in (markdown.render, html.render, json_report.render):
        assert "not concluded" in render(facts).lower()


def test_a_short_head_can_be_read_aloud() -> None:
    assert short_head(413, "0123456789abcdef" * 4) == "413-0123-4567-89AB-CDEF"
