"""Who is calling: a bearer token, and for the administrator whomever they impersonate."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence

from runbook.practice.apiserver.authorization import ADMIN, AUTHENTICATED, MASTERS, User
from runbook.practice.apiserver.errors import ApiError, unauthorized

# Answered without a token, as the real server does for probes.
PUBLIC_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})

_ACCOUNT = "system:serviceaccount:"


class Authenticator:
    """Knows the administrator's token, and asks `accounts` about any other."""

    def __init__(self, token: str, accounts: Callable[[str], User | None]) -> None:
        self._token = token.encode()
        self._accounts = accounts

    def user(self, headers: Mapping[str, str], groups: Sequence[str] = ()) -> User:
        """Raises 401 for an unknown caller. `groups` are the impersonated ones, a repeated header."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        if hmac.compare_digest(token.encode(), self._token):
            caller: User | None = ADMIN
        else:
            caller = self._accounts(token)
        if caller is None:
            raise unauthorized()
        name = headers.get("impersonate-user", "")
        if not name and not groups:
            return caller
        return _impersonated(caller, name, groups)


def _impersonated(caller: User, name: str, groups: Sequence[str]) -> User:
    if MASTERS not in caller.groups:
        message = (
            f'users "{name}" is forbidden: User "{caller.name}" cannot impersonate resource "users" '
            'in API group "" at the cluster scope'
        )
        raise ApiError(403, "Forbidden", message, {"name": name, "kind": "users"})
    if not name:
        message = "requested groups without impersonating a user: set Impersonate-User as well"
        raise ApiError(400, "BadRequest", message)
    namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
    if name.startswith(_ACCOUNT) and account and not groups:
        return User.service_account(namespace, account)
    known = tuple(groups)
    return User(name, known if AUTHENTICATED in known else (*known, AUTHENTICATED))
