from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runbook.errors import TargetRefused, TargetUnreachable
from runbook.target.client import ClusterClient
from runbook.target.identity import Identity, identify, verify

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


async def test_a_cluster_is_known_by_the_uid_of_its_kube_system_namespace(
    api: Any, client: ClusterClient
) -> None:
    api.answers[KUBE_SYSTEM] = {"metadata": {"uid": "u-1"}}
    seen = await identify(client, "canned")
    assert seen == Identity("canned", client.server, "u-1", "")
    await verify(client, seen)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"cluster_uid": "u-0"}, "UID of namespace kube-system was 'u-0', is 'u-1'"),
        ({"server": "https://other"}, "API server was 'https://other'"),
        ({"ca_sha256": "ab"}, "certificate authority was 'ab', is ''"),
    ],
)
async def test_another_cluster_is_refused_by_what_differs(
    api: Any, client: ClusterClient, change: dict[str, str], word: str
) -> None:
    api.answers[KUBE_SYSTEM] = {"metadata": {"uid": "u-1"}}
    pinned = replace(await identify(client, "canned"), **change)
    with pytest.raises(TargetRefused) as refused:
        await verify(client, pinned)
    assert word in str(refused.value)


@pytest.mark.parametrize("answer", [None, {"metadata": {}}])
async def test_a_cluster_that_does_not_say_who_it_is_is_refused(
    api: Any, client: ClusterClient, answer: Any
) -> None:
    if answer is not None:
        api.answers[KUBE_SYSTEM] = answer
    with pytest.raises(TargetRefused):
        await identify(client, "canned")


async def test_no_answer_is_unreachable_not_refused(api: Any, client: ClusterClient) -> None:
    await api.server.close()
    with pytest.raises(TargetUnreachable):
        await identify(client, "canned")
