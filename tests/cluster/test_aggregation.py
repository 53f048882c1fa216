"""APIServices: those of the server itself, and one whose own server is not there."""

from __future__ import annotations

import pytest

from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import TABLE, Talk

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SERVICES = "/api/v1/namespaces/{ns}/services"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OTHER = (
    "{metadata: {name: v1beta1.{ns}.io}, spec: {group: '{ns}.io', version: v1beta1, "
    "groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, "
    "service: {name: other, namespace: '{ns}'}}}"
)


def _reason(talk: Talk, reason: str) -> None:
    path = f"{API_SERVICES}/v1beta1.{talk.namespace}.io"

    def is_so() -> bool:
        found = talk.get(path, quiet=True)
        conditions = found.get("status", {}).get("conditions", [])
        return bool([one for one in conditions if one["reason"] == reason])

    wait_until(is_so, 30, f"{path} says {reason}")
    talk.note(f"status {reason}", talk.get(path, quiet=True)["status"])


def test_another_server_that_is_not_there(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        group = f"{talk.namespace}.io"
        path = f"{API_SERVICES}/v1beta1.{group}"
        try:
            talk.post(API_SERVICES, OTHER)
            _reason(talk, "ServiceNotFound")
            wait_until(
                lambda: talk.get(f"/apis/{group}/v1beta1", quiet=True) == "service unavailable\n",
                30,
                "the group is proxied",
            )
            for below in ("", "/v1beta1", "/v1beta1/nodes", "/v1beta1/namespaces/a/pods/b"):
                talk.get(f"/apis/{group}{below}")
            for accept in ("application/json", AGGREGATED):
                found = talk.get("/apis", headers={"Accept": accept}, quiet=True)
                listed = [
                    one
                    for one in [*found.get("groups", ()), *found.get("items", ())]
                    if group in (one.get("name"), one.get("metadata", {}).get("name"))
                ]
                talk.note(f"listed as {accept}", {"groups": listed})
            table = talk.get(path, headers={"Accept": TABLE}, quiet=True)
            talk.note("cells", {"cells": table["rows"][0]["cells"][:-1]})
            service = "{metadata: {name: other}, spec: {ports: [{port: 444, name: https}]}}"
            talk.post(SERVICES, service, quiet=True)
            _reason(talk, "ServicePortError")
            talk.merge(path, "{spec: {service: {port: 444}}}", quiet=True)
            _reason(talk, "EndpointsNotFound")
        finally:
            talk.delete(path)
        talk.until_gone(path)

    compare("aggregation/another", scenario, real, practice)


def test_those_of_definitions(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        version = (
            "{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}"
        )
        definition = (
            "{metadata: {name: 'things.{ns}.io'}, spec: {group: '{ns}.io', scope: Namespaced, "
            "names: {plural: things, kind: Thing}, versions: [" + version + "]}}"
        )
        path = f"{API_SERVICES}/v1.{talk.namespace}.io"
        talk.post(CRDS, definition, quiet=True)
        talk.until_there(path)
        talk.get(path, without="metadata")
        talk.delete(f"{CRDS}/things.{talk.namespace}.io", quiet=True)
        talk.until_gone(path)

    compare("aggregation/definition", scenario, real, practice)


@pytest.mark.parametrize("name", ["v1.", "v1.apps", "v2.autoscaling", "v1.policy", "v1.batch"])
def test_those_of_the_server(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.get(f"{API_SERVICES}/{name}", without="metadata")

    compare("aggregation/own", scenario, real, practice)


REFUSED = {
    "empty": "{metadata: {name: x}, spec: {}}",
    "service-empty": "{metadata: {name: v1.a.b}, spec: {group: a.b, version: v1, service: {}}}",
    "odd": "{metadata: {name: v1.a.c}, spec: {group: a.b, version: v1, groupPriorityMinimum: 50000, "
    "versionPriority: 5000, service: {name: a, namespace: b, port: 70000}, "
    "insecureSkipTLSVerify: true, caBundle: YQ==}}",
    "local-odd": "{metadata: {name: v1.a.b}, spec: {group: a.b, version: v1, "
    "groupPriorityMinimum: 5, versionPriority: 5, insecureSkipTLSVerify: true, caBundle: YQ==}}",
    "local": "{metadata: {name: v1.a.b}, spec: {group: a.b, version: v1, groupPriorityMinimum: 5, "
    "versionPriority: 5}}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.post(API_SERVICES, REFUSED[name], dryRun="All")

    compare(f"aggregation/refused-{name}", scenario, real, practice)


def test_a_namespace_waits_for_a_group_that_nobody_serves(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        path = f"{API_SERVICES}/v1beta1.{talk.namespace}.io"
        space = f"/api/v1/namespaces/{talk.namespace}-b"
        try:
            talk.post(API_SERVICES, OTHER, quiet=True)
            _reason(talk, "ServiceNotFound")
            talk.post("/api/v1/namespaces", "{metadata: {name: '{ns}-b'}}", quiet=True)
            talk.until_there(f"{space}/serviceaccounts/default")
            talk.delete(space, quiet=True)

            def waits() -> bool:
                found = talk.get(space, quiet=True)
                return bool(found.get("status", {}).get("conditions"))

            wait_until(waits, 60, "the namespace says what it waits for")
            talk.note("waits", talk.get(space, quiet=True)["status"])
        finally:
            talk.delete(path, quiet=True)
        talk.until_gone(space)

    compare("aggregation/namespace", scenario, real, practice)
