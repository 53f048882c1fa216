"""The operator's kubectl says the same on the practice cluster as on upstream's control plane."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cluster import sides
from tests.cluster.conformance import runner
from tests.cluster.conformance.normal import normal
from tests.cluster.sides import Said, Side

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def quick_practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """One of our own: faster than the session's, and nobody else changes it."""
    with sides.practice(tmp_path_factory.mktemp("quick"), speed=runner.SPEED) as side:
        yield side


@pytest.mark.parametrize("name", runner.names())
def test_kubectl_says_the_same(
    name: str, real: Side, quick_practice: Side, tally: runner.Tally
) -> None:
    outcomes = runner.run(runner.scenario(name), real, quick_practice, tally)
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
