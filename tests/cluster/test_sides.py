"""Both clusters are there, and are what they say they are."""

from __future__ import annotations

from tests.cluster.sides import Side


def test_the_real_control_plane_is_upstreams(real: Side) -> None:
    assert real.kubectl("version", "-o", "json").code == 0
    assert real.http.get("/readyz").text == "ok"
    assert real.kubectl("get", "models,experiments,workflows,sealedsecrets", "-A").code == 0


def test_practice_serves_the_same_kinds(real: Side, practice: Side) -> None:
    words = ("api-resources", "--no-headers", "-o", "name")
    missing = set(practice.kubectl(*words).out.split()) - set(real.kubectl(*words).out.split())
    assert missing == set()
