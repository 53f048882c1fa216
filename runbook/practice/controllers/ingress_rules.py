"""Where a request that comes in at ingress-nginx goes, by the Ingresses it serves. Pure.

Rule 1: the host decides first, exact before `*.` before none; what its rules do not know is 404, even
if a rule for every host would take it. Rule 2: among paths an exact one comes first, then the longest.
Rule 3: `Prefix`
goes by whole segments, `ImplementationSpecific` by letters. Rule 4: `use-regex` or `rewrite-target` makes an Ingress's paths regular expressions that match from
the beginning, in any case of letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import annotations_of, dig, namespace_of

PREFIX = "nginx.ingress.kubernetes.io/"
_GROUP = re.compile(r"\$(\d)")


@dataclass(frozen=True, slots=True)
class Destination:
    """A port of a Service, and the path to ask it for."""

    namespace: str
    service: str
    port: str  # number or name
    path: str


def destination(ingresses: Iterable[JSON], host: str, path: str) -> Destination | None:
    """Of a request for this path at this host (without a port); None when nothing is known of it."""
    found = list(_matches(ingresses, host, path))
    if not found:
        return None
    nearest = max(rank for rank, _, _ in found)
    known = [(weight, to) for rank, weight, to in found if rank == nearest and to is not None]
    return max(known, key=lambda one: one[0])[1] if known else None


def _matches(
    ingresses: Iterable[JSON], host: str, path: str
) -> Iterator[tuple[int, tuple[bool, int], Destination | None]]:
    """(nearness of the host, weight of the path, where to); where to is None for a host alone."""
    for ingress in ingresses:
        rules = dig(ingress, "spec", "rules", default=[])
        ranks = set() if rules else {0}
        for rule in rules:
            rank = _nearness(str(rule.get("host") or ""), host)
            if rank is None:
                continue
            ranks.add(rank)
            yield rank, (False, -1), None
            for one in dig(rule, "http", "paths", default=[]):
                rewritten = _rewritten(ingress, one, path)
                if rewritten is not None:
                    weight = (one.get("pathType") == "Exact", len(_path_of(one)))
                    yield rank, weight, _to(ingress, one["backend"], rewritten)
        default = dig(ingress, "spec", "defaultBackend")
        for rank in ranks if default else ():
            yield rank, (False, 0), _to(ingress, default, path)


def _nearness(wanted: str, host: str) -> int | None:
    if not wanted:
        return 0
    if wanted == host:
        return 2
    _, _, parent = host.partition(".")
    return 1 if wanted.startswith("*.") and parent == wanted[2:] else None


def _path_of(one: JSON) -> str:
    return str(one.get("path") or "/")


def _rewritten(ingress: JSON, one: JSON, path: str) -> str | None:
    """The path that goes on to the Service; None when this rule does not take the request."""
    annotations = annotations_of(ingress)
    wanted, target = _path_of(one), annotations.get(f"{PREFIX}rewrite-target")
    if target is None and annotations.get(f"{PREFIX}use-regex") != "true":
        return path if _is_under(one.get("pathType"), wanted, path) else None
    try:
        found = re.match(wanted, path, re.IGNORECASE)
    except re.error:
        return None
    if found is None or target is None:
        return path if found else None
    groups = (found[0], *found.groups())

    def group(number: re.Match[str]) -> str:
        at = int(number[1])
        return (groups[at] or "") if at < len(groups) else ""

    return _GROUP.sub(group, target) or "/"


def _is_under(kind: str | None, wanted: str, path: str) -> bool:
    if kind == "Exact":
        return path == wanted
    if kind != "Prefix":
        return path.startswith(wanted)
    whole = wanted.rstrip("/")
    return path == whole or path.startswith(f"{whole}/")


def _to(ingress: JSON, backend: JSON, path: str) -> Destination:
    port = dig(backend, "service", "port", default={})
    return Destination(
        str(namespace_of(ingress)),
        str(dig(backend, "service", "name", default="")),
        str(port.get("number") or port.get("name", "")),
        path,
    )
