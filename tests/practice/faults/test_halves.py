"""Repairs that stop half-way: what is missing is named, and nothing counts as solved."""

from __future__ import annotations

import pytest

from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.machine import Machine
from tests.practice.faults.kubectl import Kubectl

HALVES = [
    # fault, how many commands of its first remedy are carried out, what is still wrong then
    ("sealing-key-backup-stale", 1, "no backup holds the sealing key sealed-secrets-key"),
    ("server-name-taken", 1, "no model server runs in risk-scoring"),
    ("sealed-for-another-namespace", 1, "there is no SealedSecret ml-platform"),
]


@pytest.mark.parametrize(("name", "count", "wrong"), HALVES, ids=[name for name, *_ in HALVES])
async def test_half_a_remedy_is_no_solution(
    machine: Machine, kubectl: Kubectl, name: str, count: int, wrong: str
) -> None:
    await machine.referee.inject(name)
    await machine.timeline.advance(60)
    for command in FAULTS[name].remedies[0].commands[:count]:
        assert (await kubectl(command)).ok
    await machine.timeline.advance(300)
    injected = await machine.referee.look()
    assert injected is not None
    assert injected.solved_after is None
    assert injected.wrong.startswith(wrong)


async def test_without_a_class_the_door_says_404_in_html_while_the_mesh_answers(
    machine: Machine, kubectl: Kubectl
) -> None:
    await machine.referee.inject("ingress-without-class")
    await machine.timeline.advance(60)
    proxied = "kubectl get --raw /api/v1/namespaces/{}/services/{}:http/proxy/v2/models/{}/ready"
    door = proxied.format("ingress-nginx", "ingress-nginx-controller", "baseline-predictor")
    refused = await kubectl(door)
    assert (refused.ok, "<center>nginx</center>" in refused.text) == (False, True)
    mesh = proxied.format("financial-inference", "seldon-mesh", "{}")
    assert (await kubectl(mesh.format("baseline-predictor"))).ok
    unknown = await kubectl(mesh.format("nobodys-predictor"))
    assert (unknown.ok, unknown.text) == (False, "")
