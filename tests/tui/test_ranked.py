"""Which rows of a card give way, and what shows that they did."""

from __future__ import annotations

import pytest

from runbook.tui.presenter.ranked import Ranked, fitted, text_rows
from runbook.tui.presenter.spans import Span, labelled

WHY = labelled("Why", "Deletes both namespaces. Not undoable.", 22, lines=4)
ROWS = [*text_rows(2, WHY), Ranked(1, (Span("keys"),))]


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (4, ["Why     Deletes both", "        namespaces.", "        Not undoable.", "keys"]),
        (3, ["Why     Deletes both", "        namespaces…", "keys"]),
        (2, ["Why     Deletes bot…", "keys"]),
        (1, ["keys"]),
    ],
)
def test_a_text_whose_end_gave_way_says_so(room: int, shown: list[str]) -> None:
    lines = ["".join(span.text for span in row) for row in fitted(ROWS, room)]
    assert lines == shown
