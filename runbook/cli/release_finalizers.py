"""`runbook release-finalizers -n NAMESPACE [OBJECT...]`: what hangs in Terminating, why, and whether it may
be released now; what may is released.

Within a step of a run it acts on the run's own cluster or not at all, and hands what it decided to the
record through $RUNBOOK_OUTPUT.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runbook.cli.exit_codes import Exit
from runbook.cli.loop import run
from runbook.cli.pinned import pinned, require_named
from runbook.clock import RealClock
from runbook.errors import UsageError
from runbook.model.values import parse_duration, readable
from runbook.target import identity
from runbook.target.api import split_name
from runbook.target.client import ClusterClient
from runbook.target.finalizers import Decided, Sight, Verdict
from runbook.target.releasing import Done, Order, Outcome, Releaser, unsettled
from runbook.target.sight import HOLDING

NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
KEPT = 12 * 1024
"""Characters of decisions that a step hands on: a record takes 16 KiB of one step."""
EPILOG = """\
It releases Seldon's finalizers only, and only where nobody is left who remembers or serves the object: the
namespace is being deleted, and its scheduler, the scheduler's volume and all model servers have gone.

exit codes: 0 nothing is held any more (or --dry-run: all may be released), 1 something is held,
            6 the cluster cannot be reached, or is another than the run's
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "object", nargs="*", metavar="OBJECT", help="KIND/NAME; default: all that hang"
    )
    parser.add_argument("-n", "--namespace", required=True, help="where something hangs")
    parser.add_argument("--context", help="kubeconfig context; a step of a run has its own")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG or ~/.kube/config")
    parser.add_argument("--dry-run", action="store_true", help="decide and say why, change nothing")
    parser.add_argument(
        "--wait", metavar="DURATION", default="0s", help="how long to wait for what is not safe yet"
    )
    parser.add_argument(
        "--no-other-scheduler",
        action="store_true",
        help="you made sure that no scheduler of another namespace serves this one",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


def main(arguments: argparse.Namespace) -> int:
    require_named(arguments)
    if not NAMESPACE.fullmatch(arguments.namespace):
        raise UsageError(f"{arguments.namespace!r} is no name of a namespace")
    order = Order(
        namespace=arguments.namespace,
        dry_run=arguments.dry_run,
        vouched=arguments.no_other_scheduler,
        wait=_seconds(arguments.wait),
    )
    objects = [_split(word) for word in arguments.object]
    said = _Said(arguments.json, dry_run=order.dry_run)
    try:
        done = run(_act(arguments, order, objects, said))
    finally:
        said.hand_on()
    said.end(order.namespace, done)
    return Exit.NOT_RECOVERED if said.hidden or unsettled(done) else Exit.OK


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from error


def _split(word: str) -> tuple[str, str]:
    kind, slash, name = word.partition("/")
    if not (kind and slash and name) or "/" in name:
        raise UsageError(f"{word!r} is not KIND/NAME, such as model/iris")
    return kind, name


async def _act(
    arguments: argparse.Namespace,
    order: Order,
    objects: Sequence[tuple[str, str]],
    said: _Said,
) -> list[Done]:
    async with pinned(arguments) as cluster:
        said.cluster = seen = await cluster.identify()
        order = replace(order, objects=await _resolved(cluster.client, objects))
        releaser = Releaser(cluster.client, seen, RealClock(), said.done, said.waits)
        done = await releaser.carry_out(order)
        said.sight = releaser.sight
        there = {(one.decided.held.resource, one.decided.held.name) for one in done}
        said.absent = tuple("/".join(one) for one in order.objects if one not in there)
        return done


async def _resolved(
    client: ClusterClient, objects: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Each object's resource by its full name. Raises UsageError for what lives in no namespace."""
    found = []
    for kind, name in objects:
        resource = await client.resolve(*split_name(kind))
        if not resource.namespaced:
            raise UsageError(f"{resource.kind} {name} is in no namespace")
        found.append((resource.name, name))
    return tuple(dict.fromkeys(found))


class _Said:
    """What is printed, and what a step hands on."""

    def __init__(self, as_json: bool, *, dry_run: bool) -> None:
        self._json = as_json
        self._dry_run = dry_run
        self._lines: list[str] = []
        self._last = ""
        self._waited = ""
        self.cluster: identity.Identity | None = None
        self.sight: Sight | None = None
        self.absent: tuple[str, ...] = ()

    @property
    def hidden(self) -> dict[str, str]:
        """Kinds of which nobody knows whether one hangs, and why."""
        unread = self.sight.unread if self.sight else {}
        return {what: why for what, why in unread.items() if what in HOLDING}

    def waits(self, one: Decided) -> None:
        """What is waited for, once for each thing to wait for."""
        if one.decision.next != self._waited:
            self._waited = one.decision.next
            sys.stderr.write(f"waiting: {one.held.title}: {one.decision.reasons[0]}\n")
            sys.stderr.flush()

    def done(self, sight: Sight, done: Done) -> None:
        held, decision = done.decided.held, done.decided.decision
        since = ""
        if held.deleting_since is not None:
            waited = max(0.0, (sight.now - held.deleting_since).total_seconds())
            since = f"deleted {readable(int(waited))} ago, "
        what = f"{held.title}: {_word(done)}"
        what += f" {done.decided.finalizer}" if done.decided.finalizer else ""
        seen = f"{since}uid {held.uid}, resourceVersion {held.version}"
        why = "; ".join(decision.reasons)
        self._lines.append(f"{what}; {why}; {seen}")
        if self._json:
            return
        lines = [what, f"  {why}" if why != self._last else "  as above", f"  {seen}"]
        self._last = why
        if done.detail:
            lines.append(f"  the server says: {done.detail}")
        if done.outcome is Outcome.LEFT:
            lines.append(f"  next: {decision.next}")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()

    def end(self, namespace: str, done: Sequence[Done]) -> None:
        assert self.cluster is not None
        if self._json:
            document = {
                "version": 1,
                "namespace": namespace,
                "context": self.cluster.context,
                "server": self.cluster.server,
                "cluster_uid": self.cluster.cluster_uid,
                "dry_run": self._dry_run,
                "unread": dict(self.sight.unread) if self.sight else {},
                "objects": [_plain(one) for one in done],
            }
            sys.stdout.write(json.dumps(document, indent=2) + "\n")
            return
        for name in self.absent:
            sys.stdout.write(f"{name} is not there\n")
        for what, why in self.hidden.items():
            sys.stdout.write(f"cannot tell whether any {what} hang: {why}\n")
        if counted := _counted(done):
            sys.stdout.write(counted + "\n")
        if self.sight and not self.sight.exists:
            sys.stdout.write(f"there is no namespace {namespace}\n")
        elif not (done or self.hidden or self.absent):
            sys.stdout.write(f"nothing hangs in namespace {namespace}\n")

    def hand_on(self) -> None:
        """Within a step, into the record: what was decided and done, as far as it fits."""
        file = os.environ.get("RUNBOOK_OUTPUT")
        if not file or not self._lines:
            return
        kept: list[str] = []
        room = KEPT
        for line in self._lines:
            room -= len(line) + 1
            if room < 0:
                kept.append(f"and {len(self._lines) - len(kept)} more, in the output of this step")
                break
            kept.append(line)
        with Path(file).open("a", encoding="utf-8") as out:
            out.write("\n".join(["finalizers<<END_OF_FINALIZERS", *kept, "END_OF_FINALIZERS", ""]))


def _word(done: Done) -> str:
    match done.outcome:
        case Outcome.RELEASED:
            return "released"
        case Outcome.WOULD:
            return "safe to release"
        case Outcome.GONE:
            return "gone meanwhile:"
        case Outcome.REFUSED:
            return "safe, but the server refused to release"
        case Outcome.UNKNOWN:
            return "no answer whether it released"
    return f"{done.decided.decision.verdict}:"


def _counted(done: Sequence[Done]) -> str:
    """All in one line, the last: what a screen shows of a step that failed."""
    counts = Counter(_word(one).rstrip(":,") for one in done)
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    order = list(Verdict)
    left = [one.decided.decision for one in done if one.outcome is Outcome.LEFT]
    if not left:
        return said
    worst = min(left, key=lambda decision: order.index(decision.verdict))
    return f"{said}: {worst.reasons[0]}; {worst.next}"


def _plain(done: Done) -> dict[str, Any]:
    held, decision = done.decided.held, done.decided.decision
    since = held.deleting_since
    return {
        "resource": held.resource,
        "kind": held.kind,
        "namespace": held.namespace,
        "name": held.name,
        "uid": held.uid,
        "resource_version": held.version,
        "deleted": since.isoformat().replace("+00:00", "Z") if since else None,
        "finalizer": done.decided.finalizer or None,
        "verdict": decision.verdict.value,
        "reasons": list(decision.reasons),
        "next": decision.next,
        "outcome": done.outcome.value,
        "detail": done.detail or None,
    }
