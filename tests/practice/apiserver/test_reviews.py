from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.authorization import User
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
SOMEBODY = User("somebody")


def _may(verb: str, resource: str) -> JSON:
    return {"spec": {"resourceAttributes": {"verb": verb, "resource": resource}}}


async def test_a_user_may_ask_what_it_may_do(client: Client) -> None:
    mine = await client.ask("POST", ACCESS, _may("delete", "nodes"))
    theirs = await client.ask("POST", ACCESS, _may("delete", "nodes"), user=SOMEBODY)
    assert (mine.status, mine.body["status"]["allowed"]) == (201, True)
    assert (theirs.status, theirs.body["status"]["allowed"]) == (201, False)


async def test_a_path_may_be_asked_about(client: Client) -> None:
    question = {"spec": {"nonResourceAttributes": {"verb": "get", "path": "/version"}}}
    reply = await client.ask("POST", ACCESS, question, user=SOMEBODY)
    assert reply.body["status"]["allowed"] is True


@pytest.mark.parametrize("spec", [{}, {"resourceAttributes": {}, "nonResourceAttributes": {}}])
async def test_a_question_is_about_one_thing(client: Client, spec: JSON) -> None:
    assert (await client.ask("POST", ACCESS, {"spec": spec})).status == 422


async def test_the_rules_of_a_user_are_listed(client: Client) -> None:
    question = {"spec": {"namespace": "default"}}
    mine = await client.ask("POST", RULES, question)
    theirs = await client.ask("POST", RULES, question, user=SOMEBODY)
    assert mine.body["status"]["resourceRules"][0]["verbs"] == ["*"]
    assert theirs.body["status"]["resourceRules"] == []


async def test_a_user_is_told_who_it_is(client: Client) -> None:
    reply = await client.ask("POST", SELF, {})
    assert reply.body["status"]["userInfo"]["username"] == "practice-admin"
    assert "system:masters" in reply.body["status"]["userInfo"]["groups"]
