"""`runbook verify [RUN]`: does the journal hold together, and are the outputs it names the ones stored?"""

from __future__ import annotations

import argparse
import hashlib
import sys

from runbook.cli.exit_codes import Exit
from runbook.cli.reports import head_of
from runbook.cli.run_directory import RunDirectory, find
from runbook.cli.second_person import check_countersignatures
from runbook.journal.file import EVENTS, read, split_torn
from runbook.journal.outputs import OutputStore
from runbook.report.facts import short_head
from runbook.run.events import CommandFinished, Record, RunFinished, RunOpened, TaskConfirmed
from runbook.run.outputs import replacements
from runbook.run.record_events import OutputPurged
from runbook.run.state import replay
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="id, end of an id, or path; default: the newest")


def main(arguments: argparse.Namespace) -> int:
    directory = find(read_settings().runs, arguments.run)
    records = read(directory.path)  # raises with the line where the chain breaks
    replay(records)  # raises when a fact could not have followed the one before
    approvals = check_countersignatures(directory, records)
    faults = [*_outputs(directory, records), *_source(directory, records), *approvals.faults]
    for fault in faults:
        sys.stderr.write(f"runbook: {fault}\n")
    head = head_of(records)
    _, torn = split_torn((directory.path / EVENTS).read_bytes())
    closed = bool(records) and isinstance(records[-1].event, RunFinished)
    verdict = "FAILED" if faults else "VALID, CLOSED" if closed and not torn else "INCOMPLETE"
    sys.stdout.write(
        f"{verdict}  {directory.id}\n"
        f"records     {len(records)}, chained by SHA-256\n"
        f"head        {head}\n"
        f"short head  {short_head(len(records), head)}\n"
        f"approvals   {approvals}\n"
        "signature   none\n"
    )
    if torn:
        sys.stdout.write(f"torn        {len(torn)} bytes after the last record\n")
    return Exit.NOT_RECOVERED if faults else Exit.OK


def _outputs(directory: RunDirectory, records: list[Record]) -> list[str]:
    store = OutputStore(directory.path)
    replaced = replacements(records)
    faults = []
    for record in records:
        event = record.event
        if isinstance(event, OutputPurged) and store.path(event.old).exists():
            faults.append(f"record {record.seq}: purged output {event.old} is still there")
        if not isinstance(event, CommandFinished | TaskConfirmed) or not event.output:
            continue
        digest = replaced.get(event.output, event.output)
        path = store.path(digest)
        if not path.exists():
            faults.append(f"record {record.seq}: output {digest} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            faults.append(f"record {record.seq}: output {digest} was changed")
    return faults


def _source(directory: RunDirectory, records: list[Record]) -> list[str]:
    opened = records[0].event if records else None
    if not isinstance(opened, RunOpened):
        return ["the journal does not begin with run.opened"]
    try:
        found = hashlib.sha256(directory.source.read_bytes()).hexdigest()
    except FileNotFoundError:
        return [f"the copy of the runbook is missing: {directory.source}"]
    faults = []
    if found != opened.source_digest:
        faults.append(f"the copy of the runbook was changed: {directory.source}")
    for key, digest in opened.parts.items():
        try:
            if hashlib.sha256(directory.part(key)).hexdigest() != digest:
                faults.append(f"the copy of a part was changed: {key}")
        except (OSError, ValueError):
            faults.append(f"the copy of a part is missing: {key}")
    return faults
