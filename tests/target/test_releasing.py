"""What is patched, and what happens when the object, the server or the cluster is another by then."""

from __future__ import annotations

import json
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from runbook.clock import RealClock, VirtualClock
from runbook.errors import TargetRefused, TargetUnreachable
from runbook.target.api import ApiStatusError
from runbook.target.client import ClusterClient
from runbook.target.finalizers import ELSEWHERE, NAMESPACE, SAFE, Sight, decide_all
from runbook.target.identity import Identity, identify
from runbook.target.releasing import ATTEMPTS, Done, Order, Outcome, Releaser, unsettled
from runbook.target.sight import HOLDING, SERVERS, look

JSON = dict[str, Any]
ALL = Order("a")
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/a/models"
MINE = "seldon.model.finalizer"
THEN = "2026-01-01T00:00:00Z"
WHO = "/api/v1/namespaces/kube-system"


class Store:
    """One model that hangs, behind a server that knows what a JSON patch is."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.finalizers = [MINE]
        self.version = 7
        self.uid = "u-1"
        self.patches: list[list[JSON]] = []
        self.before_patch: list[Any] = []
        api.serve(
            ("", "v1", "pods", "Pod", True),
            ("", "v1", "services", "Service", True),
            ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
            *(
                ("mlops.seldon.io", "v1alpha1", plural, kind, True)
                for plural, kind in (
                    ("models", "Model"),
                    ("servers", "Server"),
                    ("seldonruntimes", "SeldonRuntime"),
                )
            ),
        )
        core, seldon = "/api/v1/namespaces/a", "/apis/mlops.seldon.io/v1alpha1"
        for path in (
            *(f"{core}/{plural}" for plural in ("pods", "services", "persistentvolumeclaims")),
            "/api/v1/pods",
            f"{seldon}/seldonruntimes",
            f"{seldon}/namespaces/a/seldonruntimes",
            f"{seldon}/namespaces/a/servers",
        ):
            api.answers[path] = {"metadata": {}, "items": []}
        api.answers[WHO] = {"metadata": {"uid": "cluster-1"}}
        api.answers[core] = {"metadata": {"name": "a", "deletionTimestamp": THEN}}
        api.answers[MODELS] = self.list
        api.answers[f"{MODELS}/iris"] = self.patch

    def put(self, path: str, *items: JSON) -> None:
        self.api.answers[path] = {"metadata": {}, "items": list(items)}

    def hide(self, path: str) -> None:
        """As behind a proxy that leads there no more."""

        async def elsewhere(request: web.Request) -> web.Response:
            return web.Response(status=404, text=f"{path} leads nowhere")

        self.api.answers[path] = elsewhere

    def forbid(self, path: str) -> None:
        async def refused(request: web.Request) -> web.Response:
            return self.api.failure(403, "Forbidden", f"{path} is forbidden")  # type: ignore[no-any-return]

        self.api.answers[path] = refused

    async def list(self, request: web.Request) -> web.Response:
        metadata = {
            "name": "iris",
            "namespace": "a",
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "deletionTimestamp": THEN,
            "finalizers": self.finalizers,
        }
        items = [{"metadata": metadata}] if self.finalizers else []
        return web.json_response({"metadata": {}, "items": items})

    async def patch(self, request: web.Request) -> web.StreamResponse:
        self.patches.append(json.loads(await request.text()))
        if self.before_patch and (answer := self.before_patch.pop(0)()) is not None:
            return answer  # type: ignore[no-any-return]
        uid, version, entry, remove = self.patches[-1]
        index = int(remove["path"].rpartition("/")[2])
        if [uid["value"], version["value"]] != [self.uid, str(self.version)] or self.finalizers[
            index
        ] != entry["value"]:
            return self.api.failure(422, "Invalid", "test failed")  # type: ignore[no-any-return]
        del self.finalizers[index]
        self.version += 1
        return web.json_response({"metadata": {"name": "iris"}})

    def changed(self) -> None:
        self.version += 1


@pytest.fixture
def store(api: Any) -> Store:
    return Store(api)


async def released(
    client: ClusterClient, order: Order = ALL, clock: VirtualClock | None = None
) -> list[Done]:
    pinned = await identify(client, "canned")
    return await Releaser(client, pinned, clock or VirtualClock(), lambda *_: None).carry_out(order)


async def test_one_entry_is_taken_off_the_object_that_was_judged(
    store: Store, client: ClusterClient
) -> None:
    store.finalizers = ["example.com/x", MINE]
    mine, other = await released(client)
    assert store.patches == [
        [
            {"op": "test", "path": "/metadata/uid", "value": "u-1"},
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "test", "path": "/metadata/finalizers/1", "value": MINE},
            {"op": "remove", "path": "/metadata/finalizers/1"},
        ]
    ]
    assert (mine.outcome, other.outcome) == (Outcome.RELEASED, Outcome.LEFT)
    assert store.finalizers == ["example.com/x"]
    assert unsettled([mine, other])


async def test_what_has_changed_is_read_and_judged_again(
    store: Store, client: ClusterClient
) -> None:
    def another_comes_first() -> None:
        store.finalizers.insert(0, "example.com/x")
        store.changed()

    store.before_patch = [another_comes_first]
    done = await released(client)
    assert [one.outcome for one in done] == [Outcome.RELEASED, Outcome.LEFT]
    assert done[0].decided.held.version == "8"
    assert store.finalizers == ["example.com/x"]
    assert len(store.patches) == 2


async def test_a_patch_that_meets_another_write_is_judged_and_made_again(
    store: Store, client: ClusterClient
) -> None:
    store.before_patch = [lambda: store.api.failure(409, "Conflict", "the object was modified")]
    (done,) = await released(client)
    assert (done.outcome, len(store.patches)) == (Outcome.RELEASED, 2)


async def test_a_scheduler_that_comes_to_light_meanwhile_stops_it(
    store: Store, client: ClusterClient
) -> None:
    def reappears() -> None:
        store.put("/api/v1/namespaces/a/pods", {"metadata": {"name": "seldon-scheduler-0"}})
        store.changed()

    store.before_patch = [reappears]
    (done,) = await released(client)
    assert done.outcome is Outcome.LEFT
    assert "may still do it" in done.decided.decision.reasons[0]
    assert store.finalizers == [MINE]


async def test_an_object_that_never_rests_is_given_up(store: Store, client: ClusterClient) -> None:
    store.before_patch = [store.changed] * 99
    (done,) = await released(client)
    assert (done.outcome, done.detail) == (Outcome.REFUSED, "test failed")
    assert len(store.patches) == ATTEMPTS
    assert unsettled([done])


async def test_what_went_by_itself_is_no_failure(store: Store, client: ClusterClient) -> None:
    store.before_patch = [lambda: store.api.failure(404, "NotFound", "iris not found")]
    (done,) = await released(client)
    assert done.outcome is Outcome.GONE
    assert not unsettled([done])


async def test_a_refusal_keeps_the_servers_words_and_is_not_tried_again(
    store: Store, client: ClusterClient
) -> None:
    store.before_patch = [lambda: store.api.failure(403, "Forbidden", "not you")] * 9
    (done,) = await released(client)
    assert (done.outcome, done.detail) == (Outcome.REFUSED, "not you")
    assert len(store.patches) == 1


async def test_another_cluster_is_refused_before_the_patch(
    store: Store, client: ClusterClient
) -> None:
    pinned = Identity("canned", client.server, "cluster-0", client.ca_sha256)
    with pytest.raises(TargetRefused, match="cluster-1"):
        await Releaser(client, pinned, VirtualClock(), lambda *_: None).carry_out(Order("a"))
    assert store.patches == []


async def test_a_patch_that_nobody_answers_is_unknown(store: Store, client: ClusterClient) -> None:
    def cut() -> web.Response:
        return web.Response(body=b"not json")

    store.before_patch = [cut]
    told: list[Done] = []
    pinned = await identify(client, "canned")
    releaser = Releaser(client, pinned, VirtualClock(), lambda _, done: told.append(done))
    with pytest.raises(TargetUnreachable):
        await releaser.carry_out(Order("a"))
    assert [one.outcome for one in told] == [Outcome.UNKNOWN]
    assert unsettled(told)


async def test_it_waits_for_what_is_on_its_way_out(store: Store, client: ClusterClient) -> None:
    pods = "/api/v1/namespaces/a/pods"
    server = {"metadata": {"name": "mlserver-0", "labels": {"seldon-server-name": "mlserver"}}}
    store.put(pods, server)

    class Passing(VirtualClock):
        async def sleep(self, seconds: float) -> None:
            self._elapsed += seconds
            if self._elapsed >= 3:
                store.put(pods)

    (done,) = await released(client, Order("a", wait=10), Passing())
    assert done.outcome is Outcome.RELEASED
    store.finalizers = [MINE]
    store.put(pods, server)
    clock = Passing()
    waited: list[str] = []
    pinned = await identify(client, "canned")
    releaser = Releaser(
        client,
        pinned,
        clock,
        lambda *_: None,
        lambda one: waited.append(one.decision.reasons[0]),
    )
    (done,) = await releaser.carry_out(Order("a", wait=2))
    assert (done.outcome, clock.monotonic()) == (Outcome.LEFT, 2)
    assert waited == ["model server mlserver-0 runs and may hold models"] * 2


async def test_a_dry_run_patches_nothing(store: Store, client: ClusterClient) -> None:
    (done,) = await released(client, Order("a", dry_run=True))
    assert (done.outcome, store.patches) == (Outcome.WOULD, [])


async def test_what_was_named_and_may_not_be_read_is_not_taken_for_gone(
    store: Store, client: ClusterClient
) -> None:
    order = Order("a", objects=(("pods", "x"),))
    assert await released(client, order) == []
    for veil in (store.forbid, store.hide):
        veil("/api/v1/namespaces/a/pods/x")
        with pytest.raises(ApiStatusError):
            await released(client, order)


# -- what is seen


async def seen(client: ClusterClient) -> Sight:
    return await look(client, "a", VirtualClock())


async def test_kinds_that_are_not_served_have_no_objects(
    store: Store, client: ClusterClient
) -> None:
    sight = await seen(client)
    assert [held.name for held in sight.held] == ["iris"]
    assert sight.unread == {}
    assert {one.decision.verdict for one in decide_all(sight)} == {SAFE}


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/api/v1/namespaces/a", NAMESPACE),
        ("/api/v1/namespaces/a/pods", "pods"),
        ("/api/v1/namespaces/a/services", "services"),
        ("/api/v1/namespaces/a/persistentvolumeclaims", "volume claims"),
        ("/api/v1/pods", ELSEWHERE),
        ("/apis/mlops.seldon.io/v1alpha1/seldonruntimes", ELSEWHERE),
        (MODELS, HOLDING[2]),
        ("/apis/mlops.seldon.io/v1alpha1/namespaces/a/seldonruntimes", HOLDING[3]),
        ("/apis/mlops.seldon.io/v1alpha1/namespaces/a/servers", SERVERS),
    ],
)
async def test_what_may_not_be_read_is_never_taken_for_absent(
    store: Store, client: ClusterClient, path: str, what: str
) -> None:
    for veil, told in ((store.forbid, "is forbidden"), (store.hide, "leads nowhere")):
        veil(path)
        sight = await seen(client)
        assert sight.unread == {what: f"{path} {told}"}
        assert SAFE not in {one.decision.verdict for one in decide_all(sight)}


async def test_pods_claims_and_services_are_told_by_seldons_names(
    store: Store, client: ClusterClient
) -> None:
    def named(name: str, label: str = "", **status: str) -> JSON:
        labels = {"app.kubernetes.io/name": label} if label else {}
        return {"metadata": {"name": name, "labels": labels}, "status": status}

    store.put(
        "/api/v1/namespaces/a/pods",
        named("seldon-scheduler-0"),
        named("seldon-scheduler-1", phase="Succeeded"),
        named("other", "seldon-scheduler"),
        named("mlserver-0", "seldon-server"),
        named("mlserver-1", "seldon-server", phase="Failed"),
        named("seldon-envoy-1", "seldon-envoy"),
    )
    store.put(
        "/api/v1/namespaces/a/persistentvolumeclaims",
        named("scheduler-state-seldon-scheduler-0"),
        named("mlserver-models-mlserver-0"),
    )
    alias = {"type": "ExternalName", "externalName": "seldon-scheduler.b.svc"}
    store.put("/api/v1/namespaces/a/services", {**named("seldon-scheduler"), "spec": alias})
    store.put("/api/v1/pods", {"metadata": {"name": "x", "namespace": "b"}})
    sight = await seen(client)
    assert [pod.name for pod in sight.schedulers] == ["seldon-scheduler-0", "other"]
    assert [pod.name for pod in sight.server_pods] == ["mlserver-0"]
    assert [one.name for one in sight.claims] == ["scheduler-state-seldon-scheduler-0"]
    assert (sight.alias, sight.elsewhere, sight.has_own) == ("seldon-scheduler.b.svc", ("b",), True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/v1/namespaces/a/pods", "seldon-scheduler-0"),
        ("/api/v1/namespaces/a/persistentvolumeclaims", "scheduler-state-seldon-scheduler-0"),
    ],
)
async def test_a_pod_or_a_volume_shows_a_scheduler_of_its_own(
    store: Store, client: ClusterClient, path: str, name: str
) -> None:
    assert not (await seen(client)).has_own
    store.put(path, {"metadata": {"name": name, "deletionTimestamp": THEN}})
    assert (await seen(client)).has_own


async def test_other_places_with_a_scheduler_are_those_where_one_stays(
    store: Store, client: ClusterClient
) -> None:
    def at(namespace: str, **more: str) -> JSON:
        return {"metadata": {"name": "x", "namespace": namespace, **more}}

    runtimes = "/apis/mlops.seldon.io/v1alpha1/seldonruntimes"
    store.put("/api/v1/pods", at("a"), at("b", deletionTimestamp=THEN), at("c"))
    store.put(runtimes, at("d"), at("e", deletionTimestamp=THEN))
    assert (await seen(client)).elsewhere == ("c", "d")


async def test_a_runtime_that_stays_keeps_its_scheduler(
    store: Store, client: ClusterClient
) -> None:
    going = {"metadata": {"name": "going", "deletionTimestamp": THEN}}
    path = "/apis/mlops.seldon.io/v1alpha1/namespaces/a/seldonruntimes"
    store.put(path, going, {"metadata": {"name": "staying"}})
    assert (await seen(client)).runtimes == ("staying",)


async def test_a_name_that_leads_home_is_no_other_place(
    store: Store, client: ClusterClient
) -> None:
    home = {"type": "ExternalName", "externalName": "seldon-scheduler.a.svc.cluster.local."}
    service = {"metadata": {"name": "seldon-scheduler"}, "spec": home}
    store.put("/api/v1/namespaces/a/services", service)
    assert (await seen(client)).alias == ""


async def test_moments_are_judged_by_the_servers_clock(store: Store, client: ClusterClient) -> None:
    async def ahead(request: web.Request) -> web.Response:
        date = format_datetime(RealClock().now() + timedelta(hours=1), usegmt=True)
        return web.json_response({"metadata": {}, "items": []}, headers={"Date": date})

    store.api.answers["/apis/mlops.seldon.io/v1alpha1/seldonruntimes"] = ahead
    clock = VirtualClock()
    sight = await look(client, "a", clock)
    assert sight.now - clock.now() > timedelta(minutes=59)


async def test_a_namespace_that_is_not_there_is_told(store: Store, client: ClusterClient) -> None:
    del store.api.answers["/api/v1/namespaces/a"]
    assert not (await seen(client)).exists
