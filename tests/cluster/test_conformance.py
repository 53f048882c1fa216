"""The operator's kubectl says the same on the practice cluster as on upstream's control plane."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cluster.conformance import runner
from tests.cluster.conformance.normal import normal
from tests.cluster.sides import Said, Side

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def practices() -> Iterator[runner.Practices]:
    """Clusters of our own: faster than the session's, and nobody else changes them."""
    with runner.Practices() as found:
        yield found


@pytest.mark.parametrize("name", runner.names())
def test_kubectl_says_the_same(
    name: str, real: Side, practices: runner.Practices, tally: runner.Tally
) -> None:
    which = runner.scenario(name)
    outcomes = runner.run(which, real, practices.at(which.speed), tally)
    different = [str(one) for one in outcomes if one.unexplained]
    assert not different, "\n".join(different)


def test_every_listed_reason_still_applies(tally: runner.Tally) -> None:
    if tally.ran != set(runner.names()):
        pytest.skip("only all scenarios together tell")
    assert tally.rotten() == []


def test_a_difference_counts_unless_a_reason_names_its_whole_line() -> None:
    command = runner.scenario("discovery").commands[0]
    real, practice = Said(0, "a  1\nsame\n", ""), Said(1, "a  2\nsame\n", "oh\n")
    found = list(runner.differences(command, real, practice))
    assert found == [
        ("code", "-0"),
        ("code", "+1"),
        ("stdout", "-a  1"),
        ("stdout", "+a  2"),
        ("stderr", "+oh"),
    ]
    reason = runner.Reason(re.compile("^kubectl version"), "stdout", [re.compile(r"-a  \d")], "")
    assert [line for line in found if reason.excusing(command, *line)] == [("stdout", "-a  1")]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("web-5d4f8b7c9d-x2x4k  1/1  Running  3m2s", "web-<hash>-<chance>  1/1  Running  <age>"),
        ("pods  2/3    10.0.0.7", "pods  2/3  <ip>"),
        ("settings-blue  3", "settings-blue  3"),
        ("  replicas: 12", "  replicas: 12"),
        ("timed out after 5 seconds", "timed out after 5 seconds"),
    ],
)
def test_only_what_is_a_clusters_own_is_taken_out(said: str, meant: str) -> None:
    assert normal(said) == meant
