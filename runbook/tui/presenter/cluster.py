"""The Pods and Models panes: rows of the cluster, what changed, and why something is still there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runbook.target.finalizers import SAFE
from runbook.target.rows import ObjectRow, PodRow, Row as ClusterRow, RowKey
from runbook.target.terminating import NOTHING, why_terminating, worst_of
from runbook.tui.cells import wrap
from runbook.tui.presenter.moment import Cluster, Moment
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.presenter.steps import Column, TableRow
from runbook.tui.presenter.times import age, clock, since
from runbook.tui.safe import clean

POD_COLUMNS = (
    Column("NAME", 0),
    Column("READY", 5),
    Column("STATUS", 18, narrow=11),
    Column("RST", 3, right=True, narrow=0),
    Column("AGE", 4, right=True),
)
OBJECT_COLUMNS = (Column("OBJECT", 0), Column("STATE", 11), Column("AGE", 4, right=True))
CHANGED_FOR = 5.0
"""Seconds a change stays marked."""
PATIENCE = 5.0
"""Seconds an object may be Terminating before the Now card speaks of it."""
SHOWN_KINDS = ("Model", "Experiment", "Server")
KIND_ORDER = {kind: index for index, kind in enumerate(SHOWN_KINDS)}
GOOD_PODS = frozenset({"Running", "Completed", "Succeeded"})


class Order(StrEnum):
    """How the pods are sorted."""

    NAME = "name"
    STATUS = "status"
    RESTARTS = "restarts"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class PodRows:
    """The pods as a table asks for them: an order of keys, and a row only when it is visible."""

    moment: Moment
    keys: Sequence[RowKey]

    def row(self, key: RowKey) -> TableRow:
        return _pod(key, self.moment.cluster.pods[key], self.moment)

    def text(self, key: RowKey) -> str:
        """What a filter looks in."""
        return f"{key.namespace}/{key.name} {self.moment.cluster.pods[key].status}"


def pod_rows(moment: Moment, order: Order = Order.NAME) -> PodRows:
    """Pods in order; by name, the lately changed come first."""
    cluster = moment.cluster
    if order is Order.NAME:
        changed = [key for key in cluster.names if key in cluster.changed]
        others = (
            [key for key in cluster.names if key not in cluster.changed]
            if changed
            else cluster.names
        )
        return PodRows(moment, [*changed, *others] if changed else others)
    return PodRows(moment, sorted(cluster.names, key=lambda key: _rank(cluster.pods[key], order)))


def _rank(row: PodRow, order: Order) -> tuple[float, str]:
    match order:
        case Order.STATUS:
            whole = row.total > 0 and row.ready == row.total
            return (1.0 if whole or row.status == "Completed" else 0.0, row.status)
        case Order.RESTARTS:
            return (-row.restarts, row.name)
        case _:
            return (-row.created.timestamp() if row.created else 0.0, row.name)


def _pod(key: RowKey, row: PodRow, moment: Moment) -> TableRow:
    changed = key in moment.cluster.changed
    whole = row.total > 0 and row.ready == row.total
    tone = Tone.PLAIN
    if row.deleting_since is not None or row.status == "Completed":
        tone = Tone.DIM
    elif row.status not in GOOD_PODS and not row.status.startswith(("Init:", "Container", "Pend")):
        tone = Tone.BAD
    elif not whole:
        tone = Tone.ASK
    mark = moment.symbols.changed if changed else " " * len(moment.symbols.changed)
    body = Tone.STRONG if changed else tone
    return TableRow(
        key_text(key),
        (
            (Span(mark, Tone.STRONG), Span(clean(row.name), body)),
            (Span(f"{row.ready}/{row.total}", tone),),
            (Span(clean(row.status), tone),),
            (Span(str(row.restarts) if row.restarts else "", Tone.ASK),),
            (Span(age(since(row.created, moment.now)) if row.created else "", Tone.DIM),),
        ),
    )


def key_text(key: RowKey) -> str:
    return f"{key.resource}/{key.namespace}/{key.name}"


def pods_title(moment: Moment) -> str:
    rows = moment.cluster.pods.values()
    ready = sum(1 for row in rows if row.total and row.ready == row.total)
    return f"4 Pods {ready}/{len(rows)} ready{_changed(moment, moment.cluster.pods)}"


def _changed(moment: Moment, rows: Iterable[RowKey]) -> str:
    count = sum(1 for key in rows if key in moment.cluster.changed)
    return f"  {moment.symbols.changed}{count} changed" if count else ""


def pods_note(moment: Moment) -> str:
    """The pane's lower edge: whether what it shows is live, and if not, how old it is."""
    return _note(moment.cluster, moment)


def _note(cluster: Cluster, moment: Moment) -> str:
    if not cluster.wanted:
        return "not watched"
    lost = cluster.lost
    if lost is None:
        return "live"
    if cluster.connecting:
        return f"connecting, {clock(since(lost.since, moment.now))}"
    return f"as of {clock(since(lost.since, moment.now))} ago"


def empty_text(moment: Moment, what: str) -> str:
    """What an empty pane says: why, and what next."""
    cluster = moment.cluster
    if not cluster.wanted:
        return f"No {what}: this run watches no cluster."
    lost = cluster.lost
    if lost is not None:
        message = f": {clean(lost.message)}" if lost.message else ""
        return f"No {what} seen yet{message}"
    where = ", ".join(clean(n) for n in moment.plan.namespaces) or "any namespace"
    return f"No {what} in {where}."


def shown_objects(cluster: Cluster) -> list[tuple[RowKey, ObjectRow]]:
    """Models, experiments and servers, and whatever else is on its way out."""
    chosen = [
        (key, row)
        for key, row in cluster.objects.items()
        if row.kind in SHOWN_KINDS or row.deleting_since is not None
    ]
    return sorted(chosen, key=lambda item: _order(item[1]))


def _order(row: ObjectRow) -> tuple[bool, int, str, str]:
    return (row.deleting_since is None, KIND_ORDER.get(row.kind, 9), row.namespace, row.name)


def object_rows(moment: Moment, columns: int) -> list[TableRow]:
    """One row an object; one on its way out says below it what it waits for."""
    everything: list[ClusterRow] = [*moment.cluster.pods.values(), *moment.cluster.objects.values()]
    rows: list[TableRow] = []
    for key, row in shown_objects(moment.cluster):
        rows.append(_object(key, row, moment))
        text = _explanation(key, row, everything, moment)
        tone = Tone.PLAIN if row.deleting_since is not None else Tone.DIM
        for index, line in enumerate(wrap(text, max(10, columns - 5)) if text else ()):
            branch = moment.symbols.branch if index == 0 else " " * len(moment.symbols.branch)
            cell: Row = (Span(f"  {branch} ", Tone.DIM), Span(line, tone))
            rows.append(TableRow(f"{key_text(key)}#{index}", (cell,), selectable=False))
    return rows


def _explanation(key: RowKey, row: ObjectRow, everything: list[ClusterRow], moment: Moment) -> str:
    if row.deleting_since is not None:
        decided = moment.cluster.decisions.get(key, NOTHING)
        return clean(why_terminating(row, everything, moment.now, decided))
    return clean(row.detail) if row.state != "ready" else ""


def _object(key: RowKey, row: ObjectRow, moment: Moment) -> TableRow:
    symbols = moment.symbols
    mark, tone, word = {
        "ready": (symbols.good, Tone.GOOD, "ready"),
        "not_ready": (symbols.bad, Tone.BAD, "not ready"),
        "unknown": (symbols.todo, Tone.DIM, "unknown"),
        "terminating": (symbols.warn, Tone.ASK, "Terminating"),
    }[row.state]
    if row.stale and row.state == "ready":
        mark, tone, word = symbols.unknown, Tone.HELD, "stale"
    body = Tone.STRONG if key in moment.cluster.changed else Tone.PLAIN
    name: Row = (
        Span(f"{mark} ", tone),
        Span(f"{row.kind.lower()} ", Tone.DIM),
        Span(clean(row.name), body),
    )
    created = Span(age(since(row.created, moment.now)) if row.created else "", Tone.DIM)
    return TableRow(key_text(key), (name, (Span(word, tone),), (created,)))


def objects_title(moment: Moment) -> str:
    rows = [row for _, row in shown_objects(moment.cluster)]
    ready = sum(1 for row in rows if row.state == "ready" and not row.stale)
    leaving = sum(1 for row in rows if row.deleting_since is not None)
    title = f"5 Models {ready}/{len(rows)} ready"
    return f"{title}  {leaving} terminating" if leaving else title


def stuck(moment: Moment) -> str:
    """What has been Terminating for longest, and why; empty while nothing hangs."""
    rows = [
        (key, row)
        for key, row in shown_objects(moment.cluster)
        if since(row.deleting_since, moment.now) >= PATIENCE and row.finalizers
    ]
    if not rows:
        return ""
    inner = [one for one in rows if one[1].kind != "Namespace"] or rows
    key, first = min(inner, key=lambda one: (one[1].deleting_since or moment.now, _order(one[1])))
    everything: list[ClusterRow] = [*moment.cluster.pods.values(), *moment.cluster.objects.values()]
    waited = clock(since(first.deleting_since, moment.now))
    others = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    what = f"{first.kind.lower()} {first.name}{others} Terminating {waited}"
    # The pane has the whole explanation. Here the verdict comes first, since a line may be all there is.
    decided = moment.cluster.decisions.get(key, NOTHING)
    if worst := worst_of(first, decided):
        reason = "" if worst.verdict is SAFE else f"; {worst.reasons[0]}"
        return clean(f"{worst.words}: {what}{reason}")
    missing = why_terminating(first, everything, moment.now).rpartition("; ")[2]
    return clean(f"{what}: {', '.join(first.finalizers)}; {missing}")
