"""`runbook runs show [RUN]`: how one run went, what an auditor would ask about, and where things are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import datetime

from runbook.cli.exit_codes import Exit
from runbook.cli.kept_runs import KeptRun, Standing, ago, look_at
from runbook.cli.plain import closing
from runbook.cli.reports import FORMS
from runbook.cli.run_directory import find
from runbook.clock import RealClock
from runbook.errors import RunbookError
from runbook.journal.file import EVENTS
from runbook.model.values import readable
from runbook.report.text import one_line
from runbook.run.summary import PhaseSummary, Summary
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="id, end of an id, or path; default: the newest")


def main(arguments: argparse.Namespace) -> int:
    run = look_at(find(read_settings().runs, arguments.run))
    if run.summary is None:
        raise RunbookError(run.fault, where=run.directory.id)
    sys.stdout.writelines(f"{line}\n" for line in lines(run, run.summary, RealClock().now()))
    return Exit.OK


def lines(run: KeptRun, summary: Summary, now: datetime) -> Iterator[str]:
    opened = summary.opened
    yield run.directory.id
    yield f"{one_line(opened.title)} ({opened.name})"
    yield ""
    yield f"mode      {opened.mode}, by {one_line(opened.operator)} at {opened.host}"
    yield f"cluster   {one_line(opened.context)}, {opened.server}"
    yield f"started   {summary.started:%Y-%m-%d %H:%M:%S} UTC"
    if run.last is not None:
        word = "ended" if summary.ended else "last heard"
        age = ago((now - run.last).total_seconds())
        yield f"{word:<9} {run.last:%Y-%m-%d %H:%M:%S} UTC, {age}"
    if run.standing is not Standing.FINISHED:
        pid = f", pid {opened.pid} or later" if run.standing is Standing.GOING_ON else ""
        yield f"standing  {run.standing}{pid}"
    yield ""
    yield from closing(summary).splitlines()
    yield ""
    for phase in summary.phases:
        yield _phase(phase)
    if summary.deviations:
        yield from ("", "deviations")
        numbers = opened.outline.numbers
        for deviation in summary.deviations:
            number = numbers.get(deviation.step, "")
            yield f"  {deviation.at:%H:%M:%S}Z {number:<5} {one_line(deviation.text)}"
    if summary.notes:
        yield from ("", "notes")
        for at, note in summary.notes:
            yield f"  {at:%H:%M:%S}Z {one_line(note.by)}: {one_line(note.text)}"
    yield ""
    yield from _places(run)


def _phase(phase: PhaseSummary) -> str:
    budget = phase.outline.budget
    against = f" of {readable(budget)}" if budget is not None else ""
    over = f", over by {readable(phase.over_budget)}" if phase.over_budget else ""
    state = "" if phase.done else ", not done"
    return f"  {one_line(phase.outline.title)}: {readable(phase.seconds)}{against}{over}{state}"


def _places(run: KeptRun) -> Iterator[str]:
    directory = run.directory
    yield f"journal   {directory.path / EVENTS}"
    yield f"runbook   {directory.source}"
    yield f"outputs   {directory.path / 'outputs'}"
    if directory.log.exists():
        yield f"log       {directory.log}"
    for kind in FORMS:
        if directory.report(kind).exists():
            yield f"report    {directory.report(kind)}"
    if run.standing in (Standing.HELD, Standing.DIED):
        yield f"go on     runbook resume {directory.id}"
