from __future__ import annotations

import pytest

from runbook.practice.apiserver.authentication import Authenticator
from runbook.practice.apiserver.authorization import ADMIN, User
from runbook.practice.apiserver.errors import ApiError

ROBOT = User.service_account("default", "robot")


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator("secret", {"robot": ROBOT}.get)


def test_a_token_names_its_holder(authenticator: Authenticator) -> None:
    assert authenticator.user({"authorization": "Bearer secret"}) == ADMIN
    assert authenticator.user({"authorization": "bearer robot"}) == ROBOT


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic secret", "secret"])
def test_an_unknown_caller_is_unauthorized(authenticator: Authenticator, header: str) -> None:
    with pytest.raises(ApiError) as refused:
        authenticator.user({"authorization": header})
    assert (refused.value.code, refused.value.reason) == (401, "Unauthorized")


def test_the_administrator_may_be_somebody_else(authenticator: Authenticator) -> None:
    admin = {"authorization": "Bearer secret"}
    assert authenticator.user({**admin, "impersonate-user": ROBOT.name}) == ROBOT
    jane = authenticator.user({**admin, "impersonate-user": "jane"}, ["devs"])
    assert jane == User("jane", ("devs", "system:authenticated"))
    with pytest.raises(ApiError) as refused:
        authenticator.user(admin, ["devs"])
    assert refused.value.code == 400


def test_nobody_else_may(authenticator: Authenticator) -> None:
    headers = {"authorization": "Bearer robot", "impersonate-user": "jane"}
    with pytest.raises(ApiError, match="cannot impersonate") as refused:
        authenticator.user(headers)
    assert refused.value.code == 403
