"""TokenReview: whose token it is, and before whom it is valid."""

from __future__ import annotations

from typing import Any

from runbook.practice.apiserver.authorization import ADMIN
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
HERE = "https://kubernetes.default.svc.cluster.local"


async def _token(client: Client, **spec: Any) -> str:
    await client.ask("POST", ACCOUNTS, {"metadata": {"name": "a"}})
    reply = await client.ask("POST", f"{ACCOUNTS}/a/token", {"spec": spec})
    return str(reply.body["status"]["token"])


async def _status(client: Client, **spec: Any) -> JSON:
    reply = await client.ask("POST", REVIEWS, {"spec": spec})
    assert reply.status == 201
    found: JSON = reply.body["status"]
    return found


async def test_the_account_of_a_token(client: Client) -> None:
    found = await _status(client, token=await _token(client))
    assert found["authenticated"] is True
    assert found["user"]["username"] == "system:serviceaccount:default:a"
    assert found["audiences"] == [HERE]


async def test_a_token_for_others_is_none_here(client: Client) -> None:
    token = await _token(client, audiences=["mine"])
    assert (await _status(client, token=token, audiences=["mine", "yours"]))["audiences"] == [
        "mine"
    ]
    why = f'token audiences ["mine"] is invalid for the target audiences ["{HERE}"]'
    assert await _status(client, token=token) == {
        "user": {},
        "error": f"[invalid bearer token, {why}]",
    }
    assert client.api.user_of_token(token) is None


async def test_tokens_that_others_gave_out(client: Client) -> None:
    assert await _status(client, token="told") == {"user": {}, "error": "invalid bearer token"}
    client.api.know_token("told", ADMIN)
    assert (await _status(client, token="told"))["user"]["username"] == ADMIN.name


async def test_a_review_without_a_token(client: Client) -> None:
    reply = await client.ask("POST", REVIEWS, {"spec": {}})
    assert (reply.status, reply.message) == (
        400,
        "token is required for TokenReview in authentication",
    )
