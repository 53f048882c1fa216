"""The official Python client gets the same from practice as from a real control plane.

Typed and dynamic, called and awaited: objects, pages, patches, deletions, watches, informers,
subresources, discovery and what is refused.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.clients import (
    JSON,
    Told,
    aio_client,
    aio_dynamic,
    aio_utils,
    aio_watch,
    client,
    connected,
    connected_aio,
    dynamic,
    informer,
    plain,
    utils,
    watch,
)
from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import APPLY, JSON_PATCH, MERGE, STRATEGIC, Talk

OTHER_UID = "00000000-0000-0000-0000-000000000000"
MLOPS = {"group": "mlops.seldon.io", "version": "v1alpha1"}


def _map(name: str = "a", **data: str) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app": name}},
        "data": data,
    }


def _deployment(name: str = "a", **spec: Any) -> JSON:
    pod = {"containers": [{"name": "main", "image": "nginx:1"}]}
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def _model(name: str = "a", **spec: Any) -> JSON:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"storageUri": "gs://a/b", **spec},
    }


def _both(name: str, scenario: Callable[[Told, Any], object], real: Side, practice: Side) -> None:
    def told(talk: Talk) -> None:
        with connected(talk.side) as api:
            scenario(Told(talk), api)

    compare(f"clients/{name}", told, real, practice)


def _both_later(
    name: str,
    scenario: Callable[[Told, Any], Coroutine[Any, Any, object]],
    real: Side,
    practice: Side,
) -> None:
    async def later(talk: Talk) -> None:
        async with await connected_aio(talk.side) as api:
            await scenario(Told(talk), api)

    compare(f"clients/{name}", lambda talk: asyncio.run(later(talk)), real, practice)


def test_pages_and_selectors(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, ns = client.CoreV1Api(api), told.namespace
        for name in "abcde":
            labels = {"app": name, "odd": str(ord(name) % 2)}
            core.create_namespaced_secret(ns, {"metadata": {"name": name, "labels": labels}})
        first = told("first page", core.list_namespaced_secret, ns, limit=2)
        token = first.metadata._continue
        core.delete_namespaced_secret("c", ns)
        second = told("second page", core.list_namespaced_secret, ns, limit=2, _continue=token)
        token = second.metadata._continue
        told("last page", core.list_namespaced_secret, ns, limit=2, _continue=token)
        told("labels", core.list_namespaced_secret, ns, label_selector="odd=1,app!=a")
        told("labels, odd", core.list_namespaced_secret, ns, label_selector="a b")
        told("fields", core.list_namespaced_secret, ns, field_selector="metadata.name=b")
        told("fields, odd", core.list_namespaced_secret, ns, field_selector="spec.a=b")
        told("everywhere", core.list_secret_for_all_namespaces, label_selector="app=b")
        told("as of", core.list_namespaced_secret, ns, resource_version="0", limit=1)
        told(
            "exactly",
            core.list_namespaced_secret,
            ns,
            resource_version=first.metadata.resource_version,
            resource_version_match="Exact",
        )
        told("nowhere", core.list_namespaced_secret, "nope-nope")

    _both("pages", scenario, real, practice)


def test_objects_are_made_read_and_changed(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, ns = client.CoreV1Api(api), told.namespace
        body = client.V1ConfigMap(
            metadata=client.V1ObjectMeta(name="a", labels={"app": "a"}), data={"a": "1"}
        )
        made = told("create", core.create_namespaced_config_map, ns, body)
        told("create again", core.create_namespaced_config_map, ns, body)
        told("create dry", core.create_namespaced_config_map, ns, _map("b"), dry_run="All")
        told("create odd", core.create_namespaced_config_map, ns, _map("A_b"))
        extra: JSON = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "b"}}
        told("create wrong kind", core.create_namespaced_config_map, ns, extra)
        told("create elsewhere", core.create_namespaced_config_map, "nope-nope", _map("b"))
        generated = {"metadata": {"generateName": "made-"}}
        told("create generated", core.create_namespaced_config_map, ns, generated)
        told("read", core.read_namespaced_config_map, "a", ns)
        told("read nope", core.read_namespaced_config_map, "nope", ns)
        made.data = {"a": "2"}
        told("replace", core.replace_namespaced_config_map, "a", ns, made)
        told("replace old", core.replace_namespaced_config_map, "a", ns, made)
        told("replace nope", core.replace_namespaced_config_map, "nope", ns, _map("nope"))
        told("replace other", core.replace_namespaced_config_map, "a", ns, _map("b"))
        body, status, headers = core.read_namespaced_config_map_with_http_info("a", ns)
        told.talk.note(
            "whole",
            {"body": plain(body), "status": status, "type": headers.get("content-type")},
        )

    _both("objects", scenario, real, practice)


def test_every_kind_of_patch(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, ns = client.CoreV1Api(api), told.namespace
        core.create_namespaced_config_map(ns, _map("a", a="1", b="1"))
        patch = core.patch_namespaced_config_map
        told("a map", patch, "a", ns, {"data": {"a": "2"}})
        told("a list", patch, "a", ns, [{"op": "add", "path": "/data/c", "value": "1"}])
        told("merge", patch, "a", ns, {"data": {"b": None}}, _content_type=MERGE)
        strategic: JSON = {"metadata": {"labels": {"$patch": "replace", "x": "y"}}}
        told("strategic", patch, "a", ns, strategic, _content_type=STRATEGIC)
        wrong = [{"op": "test", "path": "/data/a", "value": "9"}]
        told("test fails", patch, "a", ns, wrong, _content_type=JSON_PATCH)
        told("old version", patch, "a", ns, {"metadata": {"resourceVersion": "1"}})
        told("nope", patch, "nope", ns, {"data": {}})
        one = {"field_manager": "one", "_content_type": APPLY}
        two = {"field_manager": "two", "_content_type": APPLY}
        told("apply", patch, "n", ns, _map("n", a="1", b="1"), **one)
        told("apply together", patch, "n", ns, _map("n", a="1"), **two)
        told("apply conflict", patch, "n", ns, _map("n", a="2", b="2"), **two)
        told("apply force", patch, "n", ns, _map("n", a="2", b="2"), force=True, **two)
        told("apply less", patch, "n", ns, _map("n"), **two)
        told("apply unnamed", patch, "n", ns, _map("n"), _content_type=APPLY)
        told("apply dry", patch, "d", ns, _map("d", a="2"), dry_run="All", **one)
        apps = client.AppsV1Api(api)
        apps.create_namespaced_deployment(ns, _deployment())
        image: JSON = {"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}
        image["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2"
        told(
            "containers",
            apps.patch_namespaced_deployment,
            "a",
            ns,
            image,
            _content_type=STRATEGIC,
            without="status",
        )
        told(
            "containers applied",
            apps.patch_namespaced_deployment,
            "a",
            ns,
            _deployment(),
            without="status",
            **one,
        )
        told(
            "selector",
            apps.patch_namespaced_deployment,
            "a",
            ns,
            {"spec": {"selector": {"matchLabels": {"app": "b"}}}},
        )

    _both("patches", scenario, real, practice)


def test_deletions(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, apps, ns = client.CoreV1Api(api), client.AppsV1Api(api), told.namespace
        for name in "abcdef":
            core.create_namespaced_config_map(ns, _map(name))
        delete = core.delete_namespaced_config_map
        wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=OTHER_UID))
        told("wrong uid", delete, "a", ns, body=wrong)
        wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(resource_version="1"))
        told("wrong version", delete, "a", ns, body=wrong)
        there = core.read_namespaced_config_map("a", ns).metadata
        right = client.V1DeleteOptions(
            preconditions=client.V1Preconditions(
                uid=there.uid, resource_version=there.resource_version
            )
        )
        told("dry", delete, "a", ns, dry_run="All")
        told("right", delete, "a", ns, body=right)
        told("again", delete, "a", ns)
        told("odd policy", delete, "b", ns, propagation_policy="Nope")
        told("odd grace", delete, "b", ns, grace_period_seconds=0)
        told(
            "some",
            core.delete_collection_namespaced_config_map,
            ns,
            label_selector="app in (c,d)",
        )
        told("left", core.list_namespaced_config_map, ns, label_selector="app")
        apps.create_namespaced_deployment(ns, _deployment(paused=False))
        sets = apps.list_namespaced_replica_set
        wait_until(lambda: bool(sets(ns).items), 30, "the deployment has a replica set")
        apps.delete_namespaced_deployment("a", ns, propagation_policy="Orphan")
        there_no_more = lambda: not apps.list_namespaced_deployment(ns).items  # noqa: E731
        wait_until(there_no_more, 30, "the deployment is gone")
        orphan = sets(ns).items[0]
        told.talk.note("orphan", {"owners": plain(orphan.metadata.owner_references)})
        spec = {"containers": [{"name": "a", "image": "a"}], "schedulerName": "nobody"}
        made = core.create_namespaced_pod(ns, {"metadata": {"name": "a"}, "spec": spec})
        kept = _map("kept")
        kept["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": "a",
                "uid": made.metadata.uid,
                "blockOwnerDeletion": True,
            }
        ]
        kept["metadata"]["finalizers"] = ["a.b/c"]
        core.create_namespaced_config_map(ns, kept)
        foreground = client.V1DeleteOptions(propagation_policy="Foreground", grace_period_seconds=0)
        told("foreground", core.delete_namespaced_pod, "a", ns, body=foreground, without="status")
        core.patch_namespaced_config_map("kept", ns, {"metadata": {"finalizers": None}})

    _both("deletions", scenario, real, practice)


def test_watches(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, ns = client.CoreV1Api(api), told.namespace
        since = core.create_namespaced_config_map(ns, _map("z")).metadata.resource_version
        core.create_namespaced_config_map(ns, _map("a", a="1"))
        core.patch_namespaced_config_map("a", ns, {"data": {"a": "2"}})
        core.create_namespaced_config_map(ns, _map("b"))
        core.delete_namespaced_config_map("a", ns)
        listing = core.list_namespaced_config_map

        def stream(what: str, **more: Any) -> None:
            seconds = {"timeout_seconds": 1}
            told.events(what, watch.Watch().stream(listing, ns, **seconds, **more))

        stream("since", resource_version=since, label_selector="app")
        stream("of one", resource_version=since, field_selector="metadata.name=b")
        stream("there", label_selector="app")
        stream("raw", resource_version=since, label_selector="app", deserialize=False)
        stream(
            "from the start",
            label_selector="app",
            send_initial_events=True,
            resource_version_match="NotOlderThan",
            allow_watch_bookmarks=True,
        )
        stream("initial, odd", send_initial_events=True)
        stream("odd version", resource_version="a")
        stream("odd selector", label_selector="a b")
        stream("the future", resource_version="999999999")

    _both("watches", scenario, real, practice)


def test_an_informer_follows(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, ns = client.CoreV1Api(api), told.namespace
        core.create_namespaced_config_map(ns, _map("a"))
        shared = informer.SharedInformer(
            core.list_namespaced_config_map, namespace=ns, label_selector="app"
        )
        seen: list[Any] = []
        for kind in (informer.ADDED, informer.MODIFIED, informer.DELETED, informer.ERROR):
            shared.add_event_handler(
                kind, lambda found, kind=kind: seen.append([kind, plain(found)])
            )

        def until(count: int) -> None:
            wait_until(lambda: len(seen) >= count, 30, f"{count} events of an informer")

        shared.start()
        try:
            until(1)
            core.create_namespaced_config_map(ns, _map("b"))
            until(2)
            core.patch_namespaced_config_map("b", ns, {"data": {"c": "d"}})
            until(3)
            core.patch_namespaced_config_map("a", ns, {"metadata": {"labels": {"app": None}}})
            until(4)
            core.delete_namespaced_config_map("b", ns)
            until(5)
            told.talk.note("cached", {"keys": sorted(shared.cache.list_keys())})
        finally:
            shared.stop()
        told.talk.note("events", {"seen": seen})

    _both("informer", scenario, real, practice)


def test_subresources(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        core, apps, ns = client.CoreV1Api(api), client.AppsV1Api(api), told.namespace
        apps.create_namespaced_deployment(ns, _deployment())
        scale = told("scale", apps.read_namespaced_deployment_scale, "a", ns)
        scale.spec.replicas = 2
        version, scale.metadata.resource_version = scale.metadata.resource_version, None
        told("scale up", apps.replace_namespaced_deployment_scale, "a", ns, scale)
        scale.metadata.resource_version = version
        told("scale old", apps.replace_namespaced_deployment_scale, "a", ns, scale)
        patch = apps.patch_namespaced_deployment_scale
        told("scale patch", patch, "a", ns, {"spec": {"replicas": 1}})
        told("scale odd", patch, "a", ns, {"spec": {"replicas": -1}})
        told("scale nope", apps.read_namespaced_deployment_scale, "nope", ns)
        pod = {"metadata": {"name": "a", "labels": {"app": "x"}}}
        spec = {"containers": [{"name": "a", "image": "a"}], "schedulerName": "nobody"}
        core.create_namespaced_pod(ns, {**pod, "spec": spec})
        said = {"status": {"message": "by hand"}}
        told("status", core.patch_namespaced_pod_status, "a", ns, said)
        told("status read", core.read_namespaced_pod_status, "a", ns)
        told(
            "evict nope",
            core.create_namespaced_pod_eviction,
            "nope",
            ns,
            client.V1Eviction(metadata=client.V1ObjectMeta(name="nope")),
        )
        dry = client.V1Eviction(
            metadata=client.V1ObjectMeta(name="a"),
            delete_options=client.V1DeleteOptions(dry_run=["All"]),
        )
        told("evict dry", core.create_namespaced_pod_eviction, "a", ns, dry)
        eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="a"))
        told("evict", core.create_namespaced_pod_eviction, "a", ns, eviction)
        wait_until(
            lambda: bool(core.list_namespaced_service_account(ns).items), 30, "a service account"
        )
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=600)
        )
        ask = core.create_namespaced_service_account_token
        answered = ask("default", ns, request)
        token, answered.status.token = answered.status.token, "<token>"
        answered.spec.audiences = ["<the API server's>"]
        told.talk.note("answered", plain(answered))
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        told.talk.note(
            "token",
            {
                "sub": claims["sub"],
                "lasts": claims["exp"] - claims["iat"],
                "names": sorted(claims),
                "kubernetes": claims["kubernetes.io"],
            },
        )
        short = {"spec": {"expirationSeconds": 5, "audiences": []}}
        told("token, short", ask, "default", ns, short)
        told("token of nobody", ask, "nobody", ns, request)
        account = client.Configuration(host=api.configuration.host)
        account.ssl_ca_cert = api.configuration.ssl_ca_cert
        account.api_key = {"BearerToken": f"Bearer {token}"}
        with client.ApiClient(account) as bare:
            told("who", client.AuthenticationV1Api(bare).create_self_subject_review, {})
            told("may not", client.CoreV1Api(bare).list_namespaced_pod, ns)
        access = client.AuthorizationV1Api(api)
        wanted = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
        allowed = access.create_self_subject_access_review(wanted)
        told.talk.note("may", {"allowed": allowed.status.allowed, "spec": plain(allowed.spec)})

    _both("subresources", scenario, real, practice)


def test_custom_objects(real: Side, practice: Side) -> None:
    def scenario(told: Told, api: Any) -> None:
        custom, ns = client.CustomObjectsApi(api), told.namespace
        kind = {**MLOPS, "plural": "pipelines", "namespace": ns}
        step = {"steps": [{"name": "a"}], "output": {"steps": ["a"]}}
        body: JSON = {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Pipeline",
            "metadata": {"name": "a", "labels": {"app": "a"}},
            "spec": step,
        }
        made = told("create", custom.create_namespaced_custom_object, **kind, body=body)
        told("again", custom.create_namespaced_custom_object, **kind, body=body)
        odd = {**body, "spec": {"steps": 5}}
        told("odd", custom.create_namespaced_custom_object, **kind, body=odd)
        no_kind = {"metadata": {"name": "b"}, "spec": step}
        told("no kind", custom.create_namespaced_custom_object, **kind, body=no_kind)
        told("get", custom.get_namespaced_custom_object, **kind, name="a", without="status")
        told("get nope", custom.get_namespaced_custom_object, **kind, name="nope")
        told(
            "list",
            custom.list_namespaced_custom_object,
            **kind,
            label_selector="app=b",
            limit=2,
        )
        patch = custom.patch_namespaced_custom_object
        told("patch", patch, **kind, name="a", body={"spec": {"x": 1}}, without="status")
        told(
            "patch, strategic",
            patch,
            **kind,
            name="a",
            body={"spec": {"x": 1}},
            _content_type=STRATEGIC,
        )
        more = [{"op": "add", "path": "/metadata/labels/b", "value": "c"}]
        told(
            "patch, json",
            patch,
            **kind,
            name="a",
            body=more,
            _content_type=JSON_PATCH,
            without="status",
        )
        told("replace old", custom.replace_namespaced_custom_object, **kind, name="a", body=made)
        told("status", custom.get_namespaced_custom_object_status, **kind, name="nope")
        told("scale", custom.get_namespaced_custom_object_scale, **kind, name="a")
        told("unknown", custom.list_cluster_custom_object, **MLOPS, plural="nopes")
        told("unknown group", custom.list_cluster_custom_object, "a.b", "v1", "nopes")
        told("delete", custom.delete_namespaced_custom_object, **kind, name="nope")
        told(
            "delete some",
            custom.delete_collection_namespaced_custom_object,
            **kind,
            label_selector="app=nope",
        )

    _both("custom", scenario, real, practice)


def test_manifests(real: Side, practice: Side, tmp_path: Path) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [_map("c"), _map("d")]}
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([_map("a", a="1"), _deployment("b"), listed]))

    def scenario(told: Told, api: Any) -> None:
        ns = told.namespace
        told("dry", utils.create_from_yaml, api, str(file), namespace=ns, dry_run="All")
        made = utils.create_from_yaml(api, str(file), namespace=ns)
        told.talk.note("made", {"names": [[one.metadata.name for one in some] for some in made]})
        try:
            utils.create_from_yaml(api, str(file), namespace=ns)
        except utils.FailToCreateError as failed:
            for refused in failed.api_exceptions:
                told.talk.note("failed", {"body": json.loads(refused.body)})
        told("one", utils.create_from_dict, api, _map("e"), namespace=ns)

    _both("manifests", scenario, real, practice)


def test_the_dynamic_client(real: Side, practice: Side, tmp_path: Path) -> None:
    def scenario(told: Told, api: Any) -> None:
        ns, cache = told.namespace, tmp_path / told.talk.side.name
        found = dynamic.DynamicClient(api, cache_file=str(cache))
        maps = found.resources.get(api_version="v1", kind="ConfigMap")
        told("create", maps.create, body=_map("a", a="1"), namespace=ns)
        told("again", maps.create, body=_map("a"), namespace=ns)
        told("get", maps.get, name="a", namespace=ns)
        told("get nope", maps.get, name="nope", namespace=ns)
        told("list", maps.get, namespace=ns, label_selector="app", limit=5)
        told("patch", maps.patch, body=_map("a", b="2"), namespace=ns)
        merge = {"metadata": {"name": "a"}, "data": {"b": None}}
        told("merge", maps.patch, body=merge, namespace=ns, content_type=MERGE)
        applied = maps.server_side_apply
        told("apply", applied, body=_map("n", a="1"), namespace=ns, field_manager="one")
        told("conflict", applied, body=_map("n", a="2"), namespace=ns, field_manager="two")
        told(
            "force",
            applied,
            body=_map("n", a="2"),
            namespace=ns,
            field_manager="two",
            force_conflicts=True,
        )
        since = maps.get(name="n", namespace=ns).metadata.resourceVersion
        told("replace", maps.replace, body=_map("a", c="3"), namespace=ns)
        told("delete", maps.delete, name="n", namespace=ns)
        told.events("watch", maps.watch(namespace=ns, resource_version=since, timeout=1))
        told("delete some", maps.delete, namespace=ns, label_selector="app=a")
        deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
        deployments.create(body=_deployment(), namespace=ns)
        scaled = {"spec": {"replicas": 1}}
        told("scale", deployments.scale.get, name="a", namespace=ns)
        told(
            "scale patch",
            deployments.scale.patch,
            name="a",
            namespace=ns,
            body=scaled,
            content_type=MERGE,
        )
        told("status", deployments.status.get, name="a", namespace=ns, without="status")
        models = found.resources.get(api_version="mlops.seldon.io/v1alpha1", kind="Model")
        told("model", models.get, namespace=ns)
        told("model odd", models.create, body=_model(replicas="many"), namespace=ns)
        again = dynamic.DynamicClient(api, cache_file=str(cache))
        cached = again.resources.get(api_version="v1", kind="ConfigMap")
        told.talk.note("cached", {"maps": plain(cached.to_dict())})
        try:
            again.resources.get(api_version="a.b/v1", kind="Nope")
        except dynamic.exceptions.ResourceNotFoundError as missing:
            told.talk.note("not found", {"words": str(missing)})
        short = again.resources.search(kind="Model")
        told.talk.note("search", {"found": [plain(one.to_dict()) for one in short]})

    _both("dynamic", scenario, real, practice)


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shapes.%s.example.com}
spec:
  group: %s.example.com
  scope: Namespaced
  names: {plural: shapes, singular: shape, kind: Shape, listKind: ShapeList, shortNames: [sh]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.sides, statusReplicasPath: .status.sides}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {sides: {type: integer, minimum: 3}}}
          status: {type: object, properties: {sides: {type: integer}}}
"""


def test_a_kind_that_is_new_to_the_discovery_cache(
    real: Side, practice: Side, tmp_path: Path
) -> None:
    def scenario(told: Told, api: Any) -> None:
        ns, cache = told.namespace, tmp_path / told.talk.side.name
        before = dynamic.DynamicClient(api, cache_file=str(cache))
        crds = client.ApiextensionsV1Api(api)
        crds.create_custom_resource_definition(yaml.safe_load(CRD % (ns, ns)))
        name = f"shapes.{ns}.example.com"

        def established() -> bool:
            status = crds.read_custom_resource_definition(name).status
            found = status.conditions if status else None
            return any(one.type == "Established" and one.status == "True" for one in found or [])

        def discovered() -> bool:
            try:
                before.resources.get(api_version=f"{ns}.example.com/v1", kind="Shape")
            except dynamic.exceptions.ResourceNotFoundError:
                return False
            return True

        try:
            wait_until(established, 30, "the kind is established")
            wait_until(discovered, 30, "the kind is discovered")
            shapes = before.resources.get(api_version=f"{ns}.example.com/v1", kind="Shape")
            told.talk.note("found", plain(shapes.to_dict()))
            body: JSON = {
                "apiVersion": f"{ns}.example.com/v1",
                "kind": "Shape",
                "metadata": {"name": "a"},
                "spec": {"sides": 4},
            }
            told("create", shapes.create, body=body, namespace=ns)
            told("too few", shapes.create, body={**body, "spec": {"sides": 2}}, namespace=ns)
            told("scale", shapes.scale.get, name="a", namespace=ns)
            up = {"spec": {"replicas": 6}}
            merge = {"content_type": MERGE}
            told("scale up", shapes.scale.patch, name="a", namespace=ns, body=up, **merge)
            down = {"spec": {"replicas": 1}}
            told("scale down", shapes.scale.patch, name="a", namespace=ns, body=down, **merge)
            grown = {"status": {"sides": 5}, "spec": {"sides": 9}}
            told("status", shapes.status.patch, name="a", namespace=ns, body=grown, **merge)
            told("get", shapes.get, name="a", namespace=ns)
        finally:
            crds.delete_custom_resource_definition(name)

    _both("new kind", scenario, real, practice)


def test_awaited(real: Side, practice: Side) -> None:
    async def scenario(told: Told, api: Any) -> None:
        core, ns = aio_client.CoreV1Api(api), told.namespace
        made = await told.later(
            "create", core.create_namespaced_config_map, ns, _map("a", a="1", b="1")
        )
        await told.later("again", core.create_namespaced_config_map, ns, _map("a"))
        await told.later("read nope", core.read_namespaced_config_map, "nope", ns)
        patch = core.patch_namespaced_config_map
        await told.later("a map", patch, "a", ns, {"data": {"a": "2"}})
        more = [{"op": "add", "path": "/data/c", "value": "1"}]
        await told.later("a list", patch, "a", ns, more, _content_type=JSON_PATCH)
        applied = {"field_manager": "one", "_content_type": APPLY}
        await told.later("conflict", patch, "a", ns, _map("a", a="3"), **applied)
        await told.later("force", patch, "a", ns, _map("a", a="3"), force=True, **applied)
        await told.later("replace old", core.replace_namespaced_config_map, "a", ns, made)
        for name in "bcd":
            await core.create_namespaced_config_map(ns, _map(name))
        chosen = {"label_selector": "app"}
        page = await told.later("page", core.list_namespaced_config_map, ns, limit=2, **chosen)
        token = page.metadata._continue
        await told.later("next", core.list_namespaced_config_map, ns, _continue=token, **chosen)
        await told.later("delete", core.delete_namespaced_config_map, "a", ns)
        await told.later(
            "delete some", core.delete_collection_namespaced_config_map, ns, label_selector="app=b"
        )
        since = made.metadata.resource_version
        for what, query in {
            "since": {"resource_version": since, **chosen},
            "odd version": {"resource_version": "a"},
            "the future": {"resource_version": "999999999"},
        }.items():
            async with aio_watch.Watch() as seen:
                stream = seen.stream(
                    core.list_namespaced_config_map, ns, timeout_seconds=1, **query
                )
                await told.events_later(what, stream)
        await told.later("manifest", aio_utils.create_from_dict, api, _map("f"), namespace=ns)

    _both_later("aio", scenario, real, practice)


def test_the_dynamic_client_awaited(real: Side, practice: Side, tmp_path: Path) -> None:
    async def scenario(told: Told, api: Any) -> None:
        ns, cache = told.namespace, tmp_path / told.talk.side.name
        found = await aio_dynamic.DynamicClient(api, cache_file=str(cache))
        maps = await found.resources.get(api_version="v1", kind="ConfigMap")
        made = await told.later("create", maps.create, body=_map("a", a="1"), namespace=ns)
        await told.later("again", maps.create, body=_map("a"), namespace=ns)
        await told.later("get", maps.get, name="a", namespace=ns)
        await told.later("patch", maps.patch, body=_map("a", b="2"), namespace=ns)
        applied = {"field_manager": "one"}
        await told.later(
            "conflict", maps.server_side_apply, body=_map("a", a="2"), namespace=ns, **applied
        )
        await told.later("delete", maps.delete, name="a", namespace=ns)
        models = await found.resources.get(api_version="mlops.seldon.io/v1alpha1", kind="Model")
        await told.later("models", models.get, namespace=ns)
        since = made.metadata.resourceVersion
        stream = maps.watch(namespace=ns, resource_version=since, timeout=1)
        await told.events_later("watch", stream)

    _both_later("aio dynamic", scenario, real, practice)


@pytest.fixture(scope="module")
def practice_client(practice: Side) -> Any:
    with connected(practice) as api:
        yield api


def test_every_kind_has_a_model_that_reads_it(practice_client: Any) -> None:
    """What practice serves by itself fits the client's models, which are upstream's own schema."""
    core = client.CoreV1Api(practice_client)
    apps = client.AppsV1Api(practice_client)
    storage = client.StorageV1Api(practice_client)
    filled = 0
    for listing in (
        core.list_namespace,
        core.list_node,
        core.list_persistent_volume,
        core.list_pod_for_all_namespaces,
        core.list_service_for_all_namespaces,
        core.list_endpoints_for_all_namespaces,
        core.list_event_for_all_namespaces,
        core.list_secret_for_all_namespaces,
        core.list_config_map_for_all_namespaces,
        core.list_service_account_for_all_namespaces,
        core.list_persistent_volume_claim_for_all_namespaces,
        core.list_resource_quota_for_all_namespaces,
        apps.list_deployment_for_all_namespaces,
        apps.list_replica_set_for_all_namespaces,
        apps.list_stateful_set_for_all_namespaces,
        storage.list_storage_class,
        client.RbacAuthorizationV1Api(practice_client).list_cluster_role,
        client.ApiextensionsV1Api(practice_client).list_custom_resource_definition,
        client.DiscoveryV1Api(practice_client).list_endpoint_slice_for_all_namespaces,
    ):
        found = listing()
        filled += bool(found.items)
        assert found.metadata.resource_version
    assert filled > 12


def test_logs(practice_client: Any) -> None:
    """Practice only: a simulated node of the real side writes the same two lines for everyone."""
    core = client.CoreV1Api(practice_client)
    pod = core.list_namespaced_pod("seldon-system").items[0]
    name, space = pod.metadata.name, pod.metadata.namespace
    container = pod.spec.containers[0].name
    whole = core.read_namespaced_pod_log(name, space, container=container)
    assert whole.count("\n") > 1
    last = core.read_namespaced_pod_log(name, space, container=container, tail_lines=1)
    assert last == whole.splitlines(keepends=True)[-1]
    dated = core.read_namespaced_pod_log(
        name, space, container=container, tail_lines=1, timestamps=True
    )
    assert dated.endswith(last) and dated[:4].isdecimal()
    followed = watch.Watch()
    lines = []
    for line in followed.stream(
        core.read_namespaced_pod_log, name, space, container=container, tail_lines=2
    ):
        lines.append(line)
        if len(lines) == 2:
            followed.stop()
    assert lines == whole.splitlines()[-2:]
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_pod_log(name, space, container="nope")
    assert refused.value.status == 400
    assert "nope" in json.loads(refused.value.body)["message"]
