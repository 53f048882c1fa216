"""Where things are and who is asking."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.settings import read_settings


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({"RUNBOOK_STATE_DIR": "/a", "XDG_STATE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_STATE_HOME": "/b", "HOME": "/c"}, "/b/runbook"),
        ({"HOME": "/c"}, "/c/.local/state/runbook"),
    ],
)
def test_the_state_directory_follows_the_platforms_conventions(
    environment: dict[str, str], state: str
) -> None:
    assert read_settings(environment).state == Path(state)


def test_an_operator_may_be_named() -> None:
    assert read_settings({"RUNBOOK_OPERATOR": "kim", "HOME": "/c"}).operator == "kim"
    assert read_settings({"HOME": "/c"}).operator


def test_inputs_are_collected_by_their_variables() -> None:
    assert read_settings({"RUNBOOK_INPUT_NAMESPACE": "x", "HOME": "/c"}).inputs == {
        "NAMESPACE": "x"
    }


def test_a_level_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="debug, info, warning, error"):
        read_settings({"RUNBOOK_LOG_LEVEL": "loud", "HOME": "/c"})
