"""Who may do what: RBAC over the stored roles and bindings, as the real authorizer reads them.

Members of `system:masters` may do everything. Rules only grant, nothing denies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from runbook.practice.apiserver.errors import ApiError

JSON = dict[str, Any]


class Stored(Protocol):
    """Where roles and bindings are read: the server's store, or a controller's view of it."""

    def get(self, resource: str, namespace: str | None, name: str, /) -> JSON | None: ...

    def select(self, resource: str, namespace: str | None = None, /) -> Sequence[JSON]: ...


MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
_RBAC = "rbac.authorization.k8s.io"
# What every authenticated user may do: ask about itself, and discover.
_REVIEWS = frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"})
_OPEN_PATHS = ("/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz")


@dataclass(frozen=True, slots=True)
class User:
    name: str
    groups: tuple[str, ...] = (AUTHENTICATED,)
    uid: str = ""
    credential: str = ""
    """Which of the user's credentials this is, as audit logs name it."""

    @classmethod
    def service_account(
        cls, namespace: str, name: str, uid: str = "", credential: str = ""
    ) -> User:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return cls(f"system:serviceaccount:{namespace}:{name}", groups, uid, credential)

    def info(self) -> JSON:
        found: JSON = {"username": self.name, "groups": list(self.groups)}
        if self.uid:
            found["uid"] = self.uid
        if self.credential:
            found["extra"] = {"authentication.kubernetes.io/credential-id": [self.credential]}
        return found


ADMIN = User("practice-admin", (MASTERS, AUTHENTICATED))
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Attributes:
    """One thing that somebody wants to do; a path when it is about no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def allowed(store: Stored, user: User, wanted: Attributes) -> bool:
    if MASTERS in user.groups:
        return True
    if wanted.path:
        reads = wanted.verb in {"get", "head"}
        return (reads and wanted.path.startswith(_OPEN_PATHS)) or any(
            _grants_path(rule, wanted) for rule in rules_of(store, user, "")
        )
    if wanted.resource in _REVIEWS and wanted.verb == "create":
        return True
    return any(_grants(rule, wanted) for rule in rules_of(store, user, wanted.namespace))


def check(store: Stored, user: User, wanted: Attributes) -> None:
    """403 in the words of the real server."""
    if allowed(store, user, wanted):
        return
    if wanted.path:
        text = f'User "{user.name}" cannot {wanted.verb} path "{wanted.path}"'
        message = f"forbidden: {text}"
        raise ApiError(403, "Forbidden", message, {})
    where = (
        f' in the namespace "{wanted.namespace}"' if wanted.namespace else " at the cluster scope"
    )
    resource = f"{wanted.resource}.{wanted.group}" if wanted.group else wanted.resource
    subject = f'{resource} "{wanted.name}"' if wanted.name else resource
    details: JSON = {"kind": wanted.resource}
    if wanted.group:
        details["group"] = wanted.group
    if wanted.name:
        details["name"] = wanted.name
    raise ApiError(
        403,
        "Forbidden",
        f'{subject} is forbidden: User "{user.name}" cannot {wanted.verb} resource '
        f'"{wanted.full_resource}" in API group "{wanted.group}"{where}',
        details,
    )


def rules_of(store: Stored, user: User, namespace: str) -> Iterator[JSON]:
    """Every rule that is granted to the user cluster-wide or in this namespace."""
    for binding in store.select(f"clusterrolebindings.{_RBAC}"):
        if _names(binding, user):
            yield from _role_rules(store, binding["roleRef"], "")
    if namespace:
        for binding in store.select(f"rolebindings.{_RBAC}", namespace):
            if _names(binding, user):
                yield from _role_rules(store, binding["roleRef"], namespace)


def _names(binding: JSON, user: User) -> bool:
    for subject in binding.get("subjects") or ():
        match subject.get("kind"):
            case "User" if subject.get("name") == user.name:
                return True
            case "Group" if subject.get("name") in user.groups:
                return True
            case "ServiceAccount":
                where = subject.get("namespace") or binding["metadata"].get("namespace", "")
                if f"system:serviceaccount:{where}:{subject.get('name')}" == user.name:
                    return True
    return False


def _role_rules(store: Stored, ref: JSON, namespace: str) -> Iterator[JSON]:
    if ref.get("kind") == "ClusterRole":
        role = store.get(f"clusterroles.{_RBAC}", None, ref.get("name", ""))
    else:
        role = store.get(f"roles.{_RBAC}", namespace, ref.get("name", ""))
    if role is not None:
        yield from role.get("rules") or ()


def _grants(rule: JSON, wanted: Attributes) -> bool:
    names = rule.get("resourceNames") or []
    return (
        _has(rule, "verbs", wanted.verb)
        and _has(rule, "apiGroups", wanted.group)
        and (
            _has(rule, "resources", wanted.full_resource)
            or f"*/{wanted.subresource}" in (rule.get("resources") or ())
        )
        and (not names or wanted.name in names)
    )


def _grants_path(rule: JSON, wanted: Attributes) -> bool:
    return _has(rule, "verbs", wanted.verb) and any(
        path == wanted.path or (path.endswith("*") and wanted.path.startswith(path[:-1]))
        for path in rule.get("nonResourceURLs") or ()
    )


def _has(rule: JSON, field: str, wanted: str) -> bool:
    values = rule.get(field) or ()
    return "*" in values or wanted in values
