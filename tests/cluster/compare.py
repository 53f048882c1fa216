"""One scenario on both clusters, and every place where their answers differ.

A difference that is meant stands in `reasons.py`; any other fails, and so does an entry there that no
longer applies.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.cluster.normal import Normal, leaves
from tests.cluster.reasons import REASONS
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

JSON = dict[str, Any]
Scenario = Callable[[Talk], object]
ABSENT = "<absent>"


def compare(name: str, scenario: Scenario, real: Side, practice: Side) -> None:
    """Fails with every unexplained difference; `name` is what `reasons.py` calls the scenario."""
    namespace = f"http-{secrets.token_hex(4)}"
    with ThreadPoolExecutor(2) as pool:
        theirs = pool.submit(_transcript, scenario, real, namespace)
        ours = pool.submit(_transcript, scenario, practice, namespace)
    found = _differences(theirs.result(), ours.result())
    reasons = [one for one in REASONS if one.scenario == name]
    unexplained = [one for one in found if not any(reason.covers(one[0]) for reason in reasons)]
    stale = [one for one in reasons if not any(one.covers(place) for place, _, _ in found)]
    texts = [f"{place}\n    real:     {a!r}\n    practice: {b!r}" for place, a, b in unexplained]
    texts += [f"no longer differs: {one.place} ({one.why})" for one in stale]
    assert not texts, f"{len(texts)} differences\n" + "\n".join(texts)


def _transcript(scenario: Scenario, side: Side, namespace: str) -> dict[str, Any]:
    talk = Talk(side, namespace)
    talk.post("/api/v1/namespaces", {"metadata": {"name": namespace}}, quiet=True)
    try:
        scenario(talk)
    finally:
        talk.delete(f"/api/v1/namespaces/{namespace}", quiet=True)
    normal = Normal()
    return {what: normal(answer) for what, answer in talk.transcript}


def _differences(theirs: JSON, ours: JSON) -> list[tuple[str, Any, Any]]:
    found = []
    for what in {**theirs, **ours}:
        left = leaves(theirs[what]) if what in theirs else {}
        right = leaves(ours[what]) if what in ours else {}
        for place in {**left, **right}:
            a, b = left.get(place, ABSENT), right.get(place, ABSENT)
            if a != b or isinstance(a, bool) != isinstance(b, bool):
                found.append((f"{what}: {place}", a, b))
    return found
