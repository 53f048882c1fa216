"""What only a new object gets, and who is said to manage it."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver import first_state
from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]

PODS = "/api/v1/namespaces/default/pods"
POD: JSON = {
    "metadata": {"name": "a"},
    "spec": {
        "containers": [
            {"name": "a", "image": "x", "resources": {"requests": {"cpu": "1000m"}}},
        ]
    },
}


async def test_what_admission_adds_is_not_the_writers(client: Client) -> None:
    pod = (await client.ask("POST", PODS, POD)).body
    fields = pod["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    assert {"f:enableServiceLinks", "f:containers"} <= fields.keys()
    assert not {"f:priority", "f:tolerations", "f:volumes", "f:serviceAccount"} & fields.keys()
    assert "." not in fields["f:containers"], "every pod has containers"


async def test_quantities_are_stored_in_one_form(client: Client) -> None:
    pod = (await client.ask("POST", PODS, POD)).body
    assert pod["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "1"}}


async def test_a_daemon_set_counts_its_templates(api: ApiServer) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    meta = {"name": "d", "namespace": "default"}
    await api.create("daemonsets.apps", {"metadata": meta, "spec": spec})
    count = "deprecated.daemonset.template.generation"
    patch = {"spec": {"template": {"metadata": {"labels": {"c": "d"}}}}}
    changed = await api.patch("daemonsets.apps", "default", "d", patch)
    assert changed["metadata"]["annotations"] == {count: "2"}
    same = await api.patch("daemonsets.apps", "default", "d", {"metadata": {"labels": {"e": "f"}}})
    assert same["metadata"]["annotations"] == {count: "2"}


@pytest.mark.parametrize("resource", ["deployments.apps", "cronjobs.batch", "resourcequotas"])
def test_a_status_is_there_from_the_start(resource: str) -> None:
    obj: JSON = {"metadata": {"name": "a"}, "spec": {}}
    first_state.on_create(resource, obj)
    assert obj["status"] == {}


async def test_a_pod_that_names_a_priority_which_is_not_there_is_refused(client: Client) -> None:
    pod = {"metadata": {"name": "b"}, "spec": {**POD["spec"], "priorityClassName": "nope"}}
    refused = await client.ask("POST", PODS, pod)
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert "no PriorityClass with name nope was found" in refused.message
