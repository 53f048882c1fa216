from __future__ import annotations

import pytest

from runbook.practice.controllers.service_accounts import MOUNTED_AT
from tests.practice.controllers.lab import Lab


@pytest.fixture
async def asked(lab: Lab) -> Lab:
    lab.server.add_admission(lab.plane.service_account_admission.admit)
    return lab


async def test_a_pod_gets_the_token_of_its_account(asked: Lab) -> None:
    mine = {"name": "own", "mountPath": MOUNTED_AT}
    containers = (
        {"name": "a", "image": "x"},
        {"name": "b", "image": "x", "volumeMounts": [mine]},
    )
    own = {"name": "own", "emptyDir": {}}
    spec = (await asked.create("pods", asked.pod("p", *containers, volumes=[own])))["spec"]
    volume = spec["volumes"][1]
    assert volume["name"].startswith("kube-api-access-")
    assert [next(iter(one)) for one in volume["projected"]["sources"]] == [
        "serviceAccountToken",
        "configMap",
        "downwardAPI",
    ]
    mounts = [container["volumeMounts"] for container in spec["containers"]]
    assert mounts == [
        [{"mountPath": MOUNTED_AT, "name": volume["name"], "readOnly": True}],
        [mine],
    ]
    await asked.run(30)
    assert asked.get("pods", "p")["status"]["phase"] == "Running"


@pytest.mark.parametrize("where", ["pod", "account"])
async def test_a_pod_or_its_account_may_do_without(asked: Lab, where: str) -> None:
    if where == "account":
        await asked.patch("serviceaccounts", "default", {"automountServiceAccountToken": False})
    pod = asked.pod("p")
    if where == "pod":
        pod["spec"]["automountServiceAccountToken"] = False
    made = await asked.create("pods", pod)
    assert "volumes" not in made["spec"]


async def test_a_pod_of_an_account_that_is_not_there_is_refused(asked: Lab) -> None:
    assert await asked.refused("pods", asked.pod("p", serviceAccountName="who")) == (
        'pods "p" is forbidden: error looking up service account default/who: '
        'serviceaccount "who" not found'
    )
