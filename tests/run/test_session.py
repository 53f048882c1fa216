"""What followers of a run are given."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from runbook.run.readings import holds
from runbook.run.session import Output, Seen


@pytest.mark.parametrize("heard", [Output("s", 1, b"x"), Seen("web", holds("up", "up"))])
def test_no_follower_can_change_what_the_next_one_hears(heard: Output | Seen) -> None:
    for name in ("step", "source", "data", "reading"):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(heard, name, None)
