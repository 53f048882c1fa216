from __future__ import annotations

from typing import Any

import pytest

from runbook.run.readings import Verdict

HOLDS, FAILS = Verdict.HOLDS, Verdict.FAILS


@pytest.fixture
async def claims(cluster: Any) -> Any:
    """Claim `kept` on a retained volume, `lost` on one that goes with it, `empty` on none."""
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    await cluster.put(
        "storageclasses.storage.k8s.io",
        {"metadata": {"name": "nfs", "annotations": default}, "provisioner": "x"},
    )
    for name, policy in (("kept", "Retain"), ("lost", "Delete"), ("empty", None)):
        if policy:
            spec = {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": policy,
                "storageClassName": "nfs",
                "nfs": {"server": "s", "path": "/p"},
            }
            volume = {"metadata": {"name": f"pv-{name}"}, "spec": spec}
            await cluster.put("persistentvolumes", volume)
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "10Gi"}},
            "storageClassName": "nfs",
            **({"volumeName": f"pv-{name}"} if policy else {}),
        }
        meta = {"name": name, "namespace": "a"}
        await cluster.put("persistentvolumeclaims", {"metadata": meta, "spec": spec})
    pod = {
        "metadata": {"name": "db-0", "namespace": "a"},
        "spec": {
            "containers": [{"name": "m", "image": "x"}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "lost"}}],
        },
    }
    await cluster.put("pods", pod)
    return cluster


async def test_a_claim_whose_volume_goes_with_it_is_red_and_says_what_data_that_is(
    claims: Any,
) -> None:
    reading = await claims.look(volumes={"namespaces": ["a"]})
    assert reading.verdict is FAILS
    assert reading.observed == ("lost for good: a/lost (10Gi, nfs (default), Delete, used by db-0)")
    patch = {"spec": {"persistentVolumeReclaimPolicy": "Recycle"}}
    await claims.api.patch("persistentvolumes", None, "pv-lost", patch)
    assert await claims.verdict(volumes={"namespaces": ["a"]}) is FAILS


@pytest.mark.parametrize(
    ("allowed", "verdict"),
    [(["lost"], HOLDS), (["a/lost"], HOLDS), (["b/lost"], FAILS), (["kept"], FAILS)],
)
async def test_a_loss_has_to_be_allowed_by_name(
    claims: Any, allowed: list[str], verdict: Verdict
) -> None:
    reading = await claims.look(volumes={"namespaces": ["a"], "allow_loss": allowed})
    assert reading.verdict is verdict
    if verdict is HOLDS:
        assert reading.observed.startswith("lost, as allowed: a/lost (")
        assert "1 kept out of reach of new claims: a/kept (10Gi" in reading.observed
        assert reading.observed.endswith("; 1 without a volume")


async def test_retained_volumes_and_no_claims_are_green(claims: Any) -> None:
    patch = {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}
    await claims.api.patch("persistentvolumes", None, "pv-lost", patch)
    assert await claims.verdict(volumes={"namespaces": ["a"]}) is HOLDS
    assert (await claims.look(volumes={"namespaces": ["b"]})).observed == "no claims there"
