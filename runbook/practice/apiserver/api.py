"""The practice API server: one cluster, reached by requests from outside and by calls from inside.

Transport-free: `handle` takes a request and gives an answer, `server.py` puts HTTP around it. The same
object is the `Cluster` of the controllers; their writes go through the same rules as everyone's.
One event loop, no locks: a write waits for nobody but admission webhooks, and what was overtaken
meanwhile begins anew.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import structlog

from runbook.practice.apiserver import deleting, writing
from runbook.practice.apiserver.authorization import ADMIN, User
from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.errors import ApiError, internal
from runbook.practice.apiserver.logs import LogSource
from runbook.practice.apiserver.messages import Answer, Request, json_response
from runbook.practice.apiserver.patch import merge_patch
from runbook.practice.apiserver.proxy import Backends
from runbook.practice.apiserver.registry import Registry, Resource
from runbook.practice.apiserver.requests import Requests
from runbook.practice.apiserver.rules import CRDS
from runbook.practice.apiserver.selectors import equality_selector
from runbook.practice.apiserver.state import (
    Admission,
    DeleteOptions,
    State,
    Target,
    WriteOptions,
    any_node_port,
)
from runbook.practice.apiserver.store import Store
from runbook.practice.cluster import JSON, Change, Propagation
from runbook.practice.timeline import Timeline

log = structlog.get_logger(__name__)


class ApiServer:
    """Implements `runbook.practice.cluster.Cluster`."""

    def __init__(
        self,
        timeline: Timeline,
        *,
        seed: int | None = None,
        window: int = 4096,
        queue_limit: int = 20_000,
        bookmark_every: float = 60.0,
        inspect_controllers: bool = False,
        node_port_is_free: Callable[[int], bool] = any_node_port,
        first_version: int = 1,
    ) -> None:
        self.timeline = timeline
        self.registry = Registry()
        self.store = Store(window=window, queue_limit=queue_limit, first_version=first_version)
        self._state = State(
            registry=self.registry,
            store=self.store,
            timeline=timeline,
            chance=random.Random(seed),
            inspect_controllers=inspect_controllers,
            node_port_is_free=node_port_is_free,
        )
        self._requests = Requests(self._state, bookmark_every)
        self.store.listen(self._serve_crds)

    # Requests from outside

    async def handle(self, request: Request, user: User = ADMIN) -> Answer:
        """Answer a request; a refusal is an answer too."""
        try:
            return await self._requests.answer(request, user)
        except ApiError as error:
            return json_response(error.status(), error.code)
        except Exception as error:
            log.exception("request failed", method=request.method, path=request.path)
            return json_response(internal(repr(error)).status(), 500)

    def know_token(self, token: str, user: User) -> None:
        """Have a token that others gave out known to who asks whose it is."""
        self._requests.tokens.admit(token, user)

    def user_of_token(self, token: str) -> User | None:
        """The service account that a token was issued for, while it is valid."""
        return self._requests.tokens.user(token, self.timeline.now())

    def set_log_source(self, source: LogSource) -> None:
        self._requests.log_source = source

    def set_backends(self, backends: Backends) -> None:
        self._requests.proxy.backends = backends

    def add_admission(self, admission: Admission, *, last: bool = False) -> None:
        """Ask `admission(resource, new, old)` before each create and update is stored.

        The last ones count what is stored: nothing is waited for between them and the store.
        """
        state = self._state
        (state.last_admissions if last else state.admissions).append(admission)

    def end_watches(self) -> None:
        self.store.close_subscriptions()

    async def close(self) -> None:
        """End every watch and every connection to a backend."""
        self.end_watches()
        await self._requests.proxy.close()

    # What controllers read

    def get(self, resource: str, namespace: str | None, name: str) -> JSON | None:
        return self.store.get(resource, namespace, name)

    def select(
        self, resource: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[JSON]:
        found = self.store.select(resource, namespace)
        if labels is None:
            return list(found)
        match = equality_selector(labels)
        return [obj for obj in found if match(obj)]

    def resources(self) -> list[tuple[str, bool]]:
        return [(resource.name, resource.namespaced) for resource in self.registry.stored()]

    def owned_by(self, uid: str) -> list[tuple[str, JSON]]:
        return list(self.store.owned_by(uid))

    def exists(self, uid: str) -> bool:
        return self.store.exists(uid)

    def subscribe(self, on_change: Callable[[Change], None]) -> None:
        self.store.listen(on_change)

    # What controllers write

    async def create(self, resource: str, obj: JSON) -> JSON:
        found = self._resource(resource)
        new = normal(obj)
        namespace = new["metadata"].get("namespace") if found.namespaced else None
        return await writing.create(self._state, Target(found, namespace), new, WriteOptions())

    async def update(self, resource: str, obj: JSON) -> JSON:
        return await self._update(resource, obj, "")

    async def update_status(self, resource: str, obj: JSON) -> JSON:
        if "status" not in self._resource(resource).subresources:
            raise ApiError(404, "NotFound", f"{resource} has no status subresource: use update")
        rest = {key: value for key, value in obj.items() if key != "spec"}  # is not looked at
        return await self._update(resource, rest, "status")

    async def patch(self, resource: str, namespace: str | None, name: str, patch: JSON) -> JSON:
        target = Target(self._resource(resource), namespace, name)

        async def attempt() -> JSON:
            new = normal(merge_patch(self._state.must(target), patch))
            return await writing.update(self._state, target, new, WriteOptions())

        return await writing.persistently(attempt)

    async def finalize(self, name: str, finalizers: list[str]) -> JSON:
        target = Target(self._resource("namespaces"), None, name, "finalize")
        live = self._state.must(target)
        new = {**live, "spec": {**(live.get("spec") or {}), "finalizers": list(finalizers)}}
        return await writing.update(self._state, target, new, WriteOptions())

    async def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace: int | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        target = Target(self._resource(resource), namespace, name)
        options = DeleteOptions(propagation=propagation, grace=grace, uid=uid)
        await deleting.delete(self._state, target, options)

    async def _update(self, resource: str, obj: JSON, subresource: str) -> JSON:
        found = self._resource(resource)
        new = normal(obj)
        namespace = new["metadata"].get("namespace") if found.namespaced else None
        target = Target(found, namespace, new["metadata"].get("name", ""), subresource)
        return await writing.persistently(
            lambda: writing.update(self._state, target, new, WriteOptions())
        )

    def _resource(self, name: str) -> Resource:
        found = self.registry.named(name)
        if found is None:
            message = f'the server has no resource "{name}": is its CRD applied?'
            raise ApiError(404, "NotFound", message)
        return found

    def _serve_crds(self, change: Change) -> None:
        """A CRD that was written is served at once; one that is gone is not served any more."""
        if change.resource != CRDS:
            return
        name = change.new["metadata"]["name"]
        if change.type == "DELETED":
            self.registry.drop_crd(name)
            self.store.close_subscriptions(name)
        elif change.old is None or change.old["spec"] != change.new["spec"] or _terminating(change):
            self.registry.put_crd(change.new)


def _terminating(change: Change) -> bool:
    return bool(change.new["metadata"].get("deletionTimestamp"))
