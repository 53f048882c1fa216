"""Watching: what happened, in which order, in which form, and when it is too late to ask."""

from __future__ import annotations

from typing import Any

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import PARTIAL, TABLE, Talk

MAPS = "/api/v1/namespaces/{ns}/configmaps"
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"


def _busy(talk: Talk) -> str:
    """Something happened; the version before it."""
    seed = talk.post(MAPS, {"metadata": {"name": "seed", "labels": {"app": "a"}}}, quiet=True)
    talk.post(MAPS, {"metadata": {"name": "a", "labels": {"app": "a"}}}, quiet=True)
    talk.merge(f"{MAPS}/a", {"data": {"a": "b"}}, quiet=True)
    talk.merge(f"{MAPS}/a", {"metadata": {"labels": {"app": "b"}}}, quiet=True)
    talk.merge(f"{MAPS}/a", {"metadata": {"labels": {"app": "b"}}}, quiet=True)
    talk.merge(f"{MAPS}/a", {"metadata": {"labels": {"app": "a"}}}, quiet=True)
    talk.post(MAPS, {"metadata": {"name": "b", "labels": {"app": "b"}}}, quiet=True)
    talk.delete(f"{MAPS}/a", quiet=True)
    return str(seed["metadata"]["resourceVersion"])


def test_what_happened_since(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        version = _busy(talk)
        talk.watch(MAPS, resourceVersion=version, fieldSelector="metadata.name!=kube-root-ca.crt")
        talk.watch(MAPS, resourceVersion=version, labelSelector="app=a")
        talk.watch(MAPS, resourceVersion=version, labelSelector="app=b")
        talk.watch(MAPS, resourceVersion=version, fieldSelector="metadata.name=b")
        talk.watch(f"{MAPS}/b", resourceVersion=version)

    compare("watch/since", scenario, real, practice)


def test_what_is_there(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        _busy(talk)
        talk.watch(MAPS, labelSelector="app")
        talk.watch(MAPS, labelSelector="app", resourceVersion="0")
        talk.watch("/api/v1/watch/namespaces/{ns}/configmaps", labelSelector="app")

    compare("watch/there", scenario, real, practice)


def test_forms_of_events(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        version = _busy(talk)
        talk.watch(MAPS, resourceVersion=version, labelSelector="app=a", accept=TABLE)
        talk.watch(
            MAPS,
            resourceVersion=version,
            labelSelector="app=a",
            accept=TABLE,
            includeObject="Object",
        )
        talk.watch(MAPS, resourceVersion=version, labelSelector="app=a", accept=PARTIAL)
        talk.watch(MAPS, resourceVersion=version, labelSelector="app=a", accept="text/html")

    compare("watch/forms", scenario, real, practice)


def _initial(talk: Talk, path: str, **more: Any) -> None:
    talk.watch(
        path,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
        **more,
    )


def test_lists_as_watches(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        version = _busy(talk)
        _initial(talk, MAPS, labelSelector="app")
        _initial(talk, MAPS, labelSelector="app", resourceVersion=version)
        _initial(talk, MAPS, labelSelector="app", resourceVersion="0")
        _initial(talk, MAPS, labelSelector="nope")
        _initial(talk, MAPS, labelSelector="app", accept=TABLE)
        _initial(talk, MAPS, labelSelector="app", accept=PARTIAL)
        _initial(talk, MODELS)
        talk.watch(
            MAPS, labelSelector="app", sendInitialEvents="true", resourceVersionMatch="NotOlderThan"
        )
        talk.watch(
            MAPS,
            labelSelector="app",
            sendInitialEvents="false",
            resourceVersionMatch="NotOlderThan",
            allowWatchBookmarks="true",
        )
        talk.watch(
            MAPS,
            labelSelector="app",
            sendInitialEvents="false",
            resourceVersionMatch="NotOlderThan",
            resourceVersion=version,
        )

    compare("watch/lists", scenario, real, practice)


def test_odd_parameters_of_watches(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.watch(MAPS, resourceVersion="1")
        talk.watch(MAPS, resourceVersion="a")
        talk.watch(MAPS, resourceVersion="999999999")
        talk.watch(MAPS, sendInitialEvents="true")
        talk.watch(MAPS, resourceVersionMatch="NotOlderThan")
        talk.watch(MAPS, resourceVersionMatch="Exact", sendInitialEvents="true")
        talk.watch(
            MAPS, sendInitialEvents="true", resourceVersionMatch="Exact", resourceVersion="0"
        )
        talk.watch(
            MAPS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan", resourceVersion="a"
        )
        talk.watch(MAPS, labelSelector="a b")
        talk.watch(MAPS, fieldSelector="spec.foo=1")
        talk.watch("/api/v1/namespaces/{ns}/nopes")
        talk.watch(f"{MAPS}/nope", resourceVersion="0")
        talk.watch("/api/v1/namespaces/nope/configmaps", labelSelector="a")

    compare("watch/odd", scenario, real, practice)


def test_a_finalizer_is_seen_twice(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        made = talk.post(MAPS, {"metadata": {"name": "a", "finalizers": ["a.b/c"]}}, quiet=True)
        talk.delete(f"{MAPS}/a", quiet=True)
        talk.merge(f"{MAPS}/a", {"metadata": {"finalizers": None}}, quiet=True)
        talk.watch(f"{MAPS}/a", resourceVersion=made["metadata"]["resourceVersion"])

    compare("watch/finalizer", scenario, real, practice)
