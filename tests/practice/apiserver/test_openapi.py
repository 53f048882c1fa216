"""OpenAPI documents: what is in them, and what the real kubectl makes of them."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.practice.apiserver import discovery, openapi
from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.registry import Registry

JSON = dict[str, Any]

CRD: JSON = {
    "metadata": {"name": "gadgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Gadget", "plural": "gadgets"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": "A gadget turns.",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["speed"],
                                "properties": {
                                    "speed": {"type": "integer", "description": "How fast."}
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def registry() -> Registry:
    found = Registry()
    found.put_crd(CRD)
    return found


def document(path: str) -> JSON:
    served = registry()
    body = openapi.document(served.all(), served.generation, path)
    assert body is not None
    found: JSON = json.loads(body)
    return found


def component(found: JSON, kind: str) -> JSON:
    schemas = found["components"]["schemas"]
    one: JSON = next(value for name, value in schemas.items() if name.endswith(f".{kind}"))
    return one


def test_every_group_version_has_a_document() -> None:
    served = registry()
    paths = openapi.root(served.all(), served.generation)["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/example.com/v1"} <= set(paths)
    for path, place in paths.items():
        assert place["serverRelativeURL"].startswith(f"/openapi/v3/{path}?hash=")
        assert openapi.document(served.all(), served.generation, path)


def test_nothing_is_found_where_nothing_is_served() -> None:
    assert openapi.document(registry().all(), 1, "apis/nope.io/v1") is None


def test_the_hash_changes_with_the_crds_but_not_for_built_in_kinds() -> None:
    resources = registry().all()
    before, after = (openapi.root(resources, generation)["paths"] for generation in (1, 2))
    assert before["apis/apps/v1"] == after["apis/apps/v1"]
    assert before["apis/example.com/v1"] != after["apis/example.com/v1"]


def test_patches_take_the_parameters_that_clients_look_for() -> None:
    paths = document("apis/apps/v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {one["name"] for one in patch["parameters"]} == {
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "force",
    }
    kind = {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert patch["x-kubernetes-group-version-kind"] == kind
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_custom_resources_take_no_strategic_merge_patch() -> None:
    paths = document("apis/example.com/v1")["paths"]
    patch = paths["/apis/example.com/v1/namespaces/{namespace}/gadgets/{name}"]["patch"]
    assert "application/strategic-merge-patch+json" not in patch["requestBody"]["content"]


def test_keyed_lists_carry_their_merge_keys() -> None:
    found = document("apis/apps/v1")
    containers = component(found, "PodSpec")["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    volumes = component(found, "PodSpec")["properties"]["volumes"]
    assert volumes["x-kubernetes-patch-strategy"] == "merge,retainKeys"
    strategy = component(found, "DeploymentSpec")["properties"]["strategy"]
    assert strategy["x-kubernetes-patch-strategy"] == "retainKeys"
    finalizers = component(found, "ObjectMeta")["properties"]["finalizers"]
    assert finalizers["x-kubernetes-patch-strategy"] == "merge"
    assert "x-kubernetes-patch-merge-key" not in finalizers
    tolerations = component(found, "PodSpec")["properties"]["tolerations"]
    assert not any(key.startswith("x-kubernetes-patch") for key in tolerations)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "$ref" and isinstance(one, str):
                yield one
            else:
                yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_leads_somewhere() -> None:
    served = registry()
    for path in openapi.root(served.all(), served.generation)["paths"]:
        found = document(path)
        known = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
        assert set(references(found)) <= known


# ---- the real kubectl


class Server(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.registry = registry()
        self.objects: dict[str, JSON] = {}
        self.patches: list[JSON] = []


class Handler(http.server.BaseHTTPRequestHandler):
    """Discovery, OpenAPI, single objects and their patches, and nothing else."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        served = self.server.registry
        if path in {"/api", "/apis"}:
            headers = {"accept": self.headers.get("accept", "")}
            found = discovery.roots(
                served, Request("GET", path, headers=headers), {}, core=path == "/api"
            )
            self.answer(found.body, found.content_type)
        elif path == "/openapi/v3":
            self.answer(json.dumps(openapi.root(served.all(), served.generation)).encode())
        elif path.startswith("/openapi/v3/"):
            name = path.removeprefix("/openapi/v3/")
            self.answer(openapi.document(served.all(), served.generation, name) or b"")
        elif path == "/openapi/v2":
            self.answer(b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif path in self.server.objects:
            self.answer(json.dumps(self.server.objects[path]).encode())
        else:
            self.answer(b"{}", code=404)

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.patches.append(json.loads(body))
        self.answer(json.dumps(self.server.objects[self.path.partition("?")[0]]).encode())

    def answer(self, body: bytes, content_type: str = "application/json", code: int = 200) -> None:
        self.send_response(code)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def kubectl(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    home = tmp_path_factory.mktemp("kubectl")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = shutil.which("kubectl", path=path)
    assert command, "no kubectl: install the test dependencies"
    environment = {**os.environ, "HOME": str(home), "KUBECACHEDIR": str(home / "cache")}
    environment["KUBECONFIG"] = str(home / "none")

    def run(*arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [command, f"--server=http://127.0.0.1:{server.server_port}", *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_kubectl_explains_built_in_fields(kubectl: Kubectl) -> None:
    text = kubectl("explain", "deployment.spec.template.spec.containers")
    assert "KIND:       Deployment" in text
    assert "FIELD: containers <[]Container>" in text
    assert "imagePullPolicy\t<string>" in text
    assert "name\t<string> -required-" in text
    strategy = kubectl("explain", "deployment.spec.strategy")
    assert "DeploymentStrategy describes how to replace existing pods" in strategy


def test_kubectl_explains_custom_fields(kubectl: Kubectl) -> None:
    assert "A gadget turns." in kubectl("explain", "gadget")
    text = kubectl("explain", "gadget.spec.speed")
    assert "FIELD: speed <integer>" in text
    assert "How fast." in text
    assert "ObjectMeta" in kubectl("explain", "gadget.metadata")


def test_kubectl_apply_computes_a_patch_that_removes_a_container(
    kubectl: Kubectl, server: Server
) -> None:
    """Without merge keys in the schema the patch would replace the list, or leave the container."""

    def deployment(*names: str) -> JSON:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [{"name": name} for name in names]}}},
        }

    live = deployment("a", "b")
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(live)}
    live["metadata"]["annotations"] = annotation
    server.objects["/apis/apps/v1/namespaces/default/deployments/web"] = live
    text = kubectl("apply", "-f", "-", stdin=json.dumps(deployment("a")))
    assert "deployment.apps/web" in text
    assert server.patches[-1]["spec"]["template"]["spec"] == {
        "$setElementOrder/containers": [{"name": "a"}],
        "containers": [{"$patch": "delete", "name": "b"}],
    }
