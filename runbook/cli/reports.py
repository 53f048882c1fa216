"""Writes the recovery log of a run into its directory, in its three forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.cli.run_directory import RunDirectory
from runbook.journal import codec
from runbook.report import html, json, junit, markdown
from runbook.report.facts import Facts, gather
from runbook.run.events import Record
from runbook.run.summary import Summary

FORMS = {"md": markdown.render, "html": html.render, "json": json.render}
"""What every run gets, by the end of the file's name."""
PRINTED = {**FORMS, "junit": junit.render}


@dataclass(frozen=True, slots=True)
class Written:
    files: tuple[Path, ...]
    summary: Summary


def head_of(records: Sequence[Record]) -> str:
    """SHA-256 of the last line of the journal that holds these records."""
    head = codec.GENESIS
    for record in records:
        head = codec.digest(codec.encode(record, head)[:-1])
    return head


def facts_of(records: Sequence[Record]) -> Facts:
    return gather(records, head_of(records))


def write_junit(path: Path, records: Sequence[Record]) -> None:
    """The run for a CI. Raises OSError."""
    path.write_text(junit.render(facts_of(records)), encoding="utf-8")


def write_reports(
    directory: RunDirectory, records: Sequence[Record], into: Path | None = None
) -> Written:
    """Write report.md, report.html and report.json; each replaces an older one as a whole."""
    facts = facts_of(records)
    files = []
    for kind, render in FORMS.items():
        path = (into / f"report.{kind}") if into else directory.report(kind)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{kind}.new")
        fresh.write_text(render(facts), encoding="utf-8")
        fresh.replace(path)
        files.append(path)
    return Written(tuple(files), facts.summary)
