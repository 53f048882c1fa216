"""Releasing finalizers on the real API server: its JSON patches, its refusals, its rights.

Nothing runs there that knows Seldon, so the finalizers are put on by the test.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runbook.clock import RealClock
from runbook.target.client import ClusterClient, connect
from runbook.target.identity import identify
from runbook.target.releasing import ATTEMPTS, Done, Order, Outcome, Releaser
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side

MINE, OTHER = "seldon.model.finalizer", "example.com/hold"
MODEL = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"
MAY = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: releaser, namespace: {ns}}}
rules: [{{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: releaser, namespace: {ns}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: releaser}}
subjects: [{{kind: User, name: eve, apiGroup: rbac.authorization.k8s.io}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: "{ns}"}}
rules: [{{apiGroups: [""], resources: [namespaces], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "{ns}"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "{ns}"}}
subjects: [{{kind: User, name: eve, apiGroup: rbac.authorization.k8s.io}}]
"""


class Hanging:
    """A namespace that is being deleted, and a model that holds it."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.ns = f"release-{secrets.token_hex(4)}"
        self.models = MODEL.format(ns=self.ns)
        self.kubectl("create", "namespace", self.ns)
        spec = {"storageUri": "s3://x/y"}
        metadata = {"name": "iris", "finalizers": [OTHER, MINE]}
        made = side.http.post(
            self.models,
            json={
                "apiVersion": "mlops.seldon.io/v1alpha1",
                "kind": "Model",
                "metadata": metadata,
                "spec": spec,
            },
        )
        assert made.status_code == 201, made.text

    def kubectl(self, *words: str, given: str | None = None) -> str:
        said = self.side.kubectl(*words, given=given)
        assert said.code == 0, said.err
        return said.out

    def hang(self) -> None:
        self.kubectl("delete", "namespace", self.ns, "--wait=false")
        wait_until(lambda: "deletionTimestamp" in self.model["metadata"], 60, "iris is deleted")

    @property
    def model(self) -> dict[str, Any]:
        found: dict[str, Any] = self.side.http.get(f"{self.models}/iris").json()
        return found

    def merge(self, metadata: dict[str, Any]) -> None:
        answer = self.side.http.patch(
            f"{self.models}/iris",
            headers={"Content-Type": "application/merge-patch+json"},
            content=json.dumps({"metadata": metadata}),
        )
        assert answer.status_code == 200, answer.text

    def release(self, *words: str, kubeconfig: Path | None = None) -> tuple[int, str]:
        file = kubeconfig or self.side.kubeconfig
        context = yaml.safe_load(file.read_text())["current-context"]
        where = ("-n", self.ns, "--kubeconfig", str(file), "--context", context)
        done = subprocess.run(
            [sys.executable, "-m", "runbook.cli.main", "release-finalizers", *where, *words],
            env={"PATH": os.environ["PATH"], "HOME": "/nowhere"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def hanging(real: Side) -> Iterator[Hanging]:
    made = Hanging(real)
    yield made
    if "name" in made.model["metadata"]:
        made.merge({"finalizers": None})
    made.kubectl("delete", "namespace", made.ns, "--ignore-not-found", "--wait=false")
    made.kubectl("delete", "clusterrole,clusterrolebinding", made.ns, "--ignore-not-found")


def test_one_entry_goes_and_the_namespace_waits_for_the_other(hanging: Hanging) -> None:
    assert "is not being deleted" in hanging.release("model/iris")[1]
    hanging.hang()
    code, said = hanging.release("--wait", "1m")
    assert code == 1, said
    assert f"Model iris: released {MINE}" in said
    assert f"Model iris: never: {OTHER}" in said
    assert hanging.model["metadata"]["finalizers"] == [OTHER]
    hanging.merge({"finalizers": None})
    wait_until(
        lambda: not hanging.kubectl("get", "namespace", hanging.ns, "--ignore-not-found"),
        60,
        "the namespace is gone",
    )
    assert hanging.release() == (0, f"there is no namespace {hanging.ns}\n")


class Raced(ClusterClient):
    """Somebody writes the object before each of the first patches."""

    def __init__(self, client: ClusterClient, hanging: Hanging, times: int) -> None:
        self.__dict__.update(client.__dict__)
        self.hanging, self.left = hanging, times

    async def patch(self, *words: Any, **more: Any) -> dict[str, Any]:
        if self.left:
            self.left -= 1
            metadata = {"annotations": {"a.b/c": str(self.left)}, "finalizers": [MINE, OTHER]}
            await asyncio.to_thread(self.hanging.merge, metadata)
        return await super().patch(*words, **more)


@pytest.mark.parametrize(
    ("times", "outcome", "left"),
    [(2, Outcome.RELEASED, [OTHER]), (ATTEMPTS, Outcome.REFUSED, [MINE, OTHER])],
)
async def test_a_race_is_lost_only_so_often(
    hanging: Hanging, times: int, outcome: Outcome, left: list[str]
) -> None:
    await asyncio.to_thread(hanging.hang)
    # The order of the finalizers changes under it, so that a patch by place alone takes the wrong one.
    async with await connect(hanging.side.kubeconfig) as client:
        pinned = await identify(client, "")
        raced = Raced(client, hanging, times)
        order = Order(hanging.ns, wait=30)
        releaser = Releaser(raced, pinned, RealClock(), lambda *_: None)
        found: list[Done] = await releaser.carry_out(order)
    assert {one.decided.finalizer: one.outcome for one in found} == {
        MINE: outcome,
        OTHER: Outcome.LEFT,
    }
    assert hanging.model["metadata"]["finalizers"] == left


def test_without_the_right_to_see_other_schedulers_a_person_vouches(hanging: Hanging) -> None:
    plane = hanging.side.control_plane
    if plane is None:
        pytest.skip("a user can be made only on our own control plane")
    hanging.kubectl("apply", "-f", "-", given=MAY.format(ns=hanging.ns))
    # The namespace's deletion takes its roles first, and with them every right in it.
    hanging.kubectl("delete", "model", "iris", "-n", hanging.ns, "--wait=false")
    eve = plane.kubeconfig_for_user("eve", ["dev"])
    code, said = hanging.release(kubeconfig=eve)
    assert code == 1, said
    assert "is not being deleted, so its platform can come back" in said
    assert "cannot see schedulers of other namespaces: " in said
    assert 'User "eve" cannot list resource "pods"' in said
    assert "cannot see" not in hanging.release("--no-other-scheduler", kubeconfig=eve)[1]
    hanging.kubectl("delete", "rolebinding", "releaser", "-n", hanging.ns)
    code, said = hanging.release(kubeconfig=eve)
    assert code == 1, said
    assert "cannot tell whether any models.mlops.seldon.io hang: " in said
    hanging.kubectl("delete", "clusterrolebinding", hanging.ns)
    code, said = hanging.release(kubeconfig=eve)
    assert code == 6, said
    assert "kube-system must be allowed" in said
