from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
POD = "/api/v1/namespaces/default/pods/p"
ROBOT = "/api/v1/namespaces/default/serviceaccounts/robot"


@pytest.fixture
async def pod(api: ApiServer) -> JSON:
    meta = {"name": "p", "namespace": "default", "labels": {"app": "web"}}
    spec = {"containers": [{"name": "a", "image": "x:1"}]}
    return await api.create("pods", {"metadata": meta, "spec": spec})


async def test_an_eviction_deletes_the_pod(pod: JSON, client: Client) -> None:
    dry = await client.ask("POST", f"{POD}/eviction", {"metadata": {"name": "p"}}, dryRun="All")
    assert dry.status == 201
    assert (await client.ask("GET", POD)).status == 200
    await client.ask("POST", f"{POD}/eviction", {"metadata": {"name": "p"}})
    assert (await client.ask("GET", POD)).status == 404


async def test_a_disruption_budget_forbids_an_eviction(
    pod: JSON, api: ApiServer, client: Client
) -> None:
    budget = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    await api.create("poddisruptionbudgets.policy", budget)
    reply = await client.ask("POST", f"{POD}/eviction", {"metadata": {"name": "p"}})
    assert (reply.status, reply.reason) == (429, "TooManyRequests")
    assert reply.message == "Cannot evict pod as it would violate the pod's disruption budget."


async def test_a_pod_is_bound_once(pod: JSON, client: Client) -> None:
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    assert (await client.ask("POST", f"{POD}/binding", binding)).status == 201
    assert (await client.ask("GET", POD)).body["spec"]["nodeName"] == "n1"
    again = await client.ask("POST", f"{POD}/binding", binding)
    assert again.status == 409
    assert 'pod p is already assigned to node "n1"' in again.message
    nowhere = await client.ask("POST", f"{POD}/binding", {"metadata": {"name": "p"}})
    assert nowhere.status == 422


async def test_a_token_stands_for_its_account_until_it_expires(
    api: ApiServer, client: Client
) -> None:
    account = await api.create(
        "serviceaccounts", {"metadata": {"name": "robot", "namespace": "default"}}
    )
    reply = await client.ask("POST", f"{ROBOT}/token", {"spec": {"expirationSeconds": 600}})
    token = reply.body["status"]["token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == "system:serviceaccount:default:robot"
    assert claims["nbf"] == claims["iat"]
    assert reply.body["metadata"]["uid"] == account["metadata"]["uid"]
    assert reply.body["spec"]["audiences"] == claims["aud"]

    user = api.user_of_token(token)
    assert user is not None
    assert user.uid == account["metadata"]["uid"]
    assert user.info()["extra"] == {
        "authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]
    }
    assert api.user_of_token("another") is None
    await api.timeline.advance(601)
    assert api.user_of_token(token) is None


@pytest.mark.parametrize(
    ("seconds", "status"), [(5, 422), ((1 << 32) + 1, 422), ("600", 400), (600, 201)]
)
async def test_a_token_lives_at_least_ten_minutes(
    api: ApiServer, client: Client, seconds: object, status: int
) -> None:
    await api.create("serviceaccounts", {"metadata": {"name": "robot", "namespace": "default"}})
    reply = await client.ask("POST", f"{ROBOT}/token", {"spec": {"expirationSeconds": seconds}})
    assert reply.status == status
