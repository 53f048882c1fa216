"""Patches of four kinds: what they make of an object, and how those that make no sense are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import JSON_PATCH, MERGE, STRATEGIC, Talk

DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"
MAPS = "/api/v1/namespaces/{ns}/configmaps"
MODELS = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models"
DEPLOYMENT = """
metadata: {name: a, labels: {l: m}, annotations: {n: o}}
spec:
  replicas: 0
  paused: true
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers:
      - name: a
        image: x:1
        args: [one, two]
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        ports: [{containerPort: 80}, {containerPort: 81, name: web}]
        volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /w}]
      - {name: b, image: y:1}
      volumes: [{name: v, emptyDir: {}}, {name: w, configMap: {name: c}}]
      tolerations: [{key: k, operator: Exists}]
      imagePullSecrets: [{name: s}]
      hostAliases: [{ip: 10.0.0.1, hostnames: [h]}]
"""
CONTAINERS = "{spec: {template: {spec: {containers: %s}}}}"
SPEC = "{spec: {template: {spec: %s}}}"

STRATEGIC_PATCHES = {
    "image": CONTAINERS % "[{name: a, image: 'x:2'}]",
    "add": CONTAINERS % "[{name: c, image: z}]",
    "delete": CONTAINERS % "[{name: b, $patch: delete}]",
    "delete-unknown": CONTAINERS % "[{name: q, $patch: delete}]",
    "replace-list": CONTAINERS % "[{$patch: replace}, {name: z, image: z, volumeMounts: []}]",
    "merge-directive": CONTAINERS % "[{name: a, $patch: merge, image: q}]",
    "odd-directive": CONTAINERS % "[{name: a, $patch: nope}]",
    "without-key": CONTAINERS % "[{image: q}]",
    "env": CONTAINERS % "[{name: a, env: [{name: B, value: '3'}, {name: C, value: '4'}]}]",
    "env-delete": CONTAINERS % "[{name: a, env: [{name: A, $patch: delete}]}]",
    "ports": CONTAINERS % "[{name: a, ports: [{containerPort: 80, name: x}, {containerPort: 82}]}]",
    "mounts": CONTAINERS % "[{name: a, volumeMounts: [{mountPath: /v, name: w}]}]",
    "args": CONTAINERS % "[{name: a, args: [three]}]",
    "args-null": CONTAINERS % "[{name: a, args: null}]",
    "order": "{spec: {template: {spec: {$setElementOrder/containers: [{name: b}, {name: a}], containers: [{name: a, image: q}]}}}}",
    "order-wrong": "{spec: {template: {spec: {$setElementOrder/containers: [{name: b}], containers: [{name: a, image: q}]}}}}",
    "order-alone": "{spec: {template: {spec: {$setElementOrder/containers: [{name: b}, {name: a}]}}}}",
    "volumes": SPEC % "{volumes: [{name: v, emptyDir: null, hostPath: {path: /h}}]}",
    "volumes-retain": SPEC
    % "{volumes: [{name: v, $retainKeys: [name, hostPath], hostPath: {path: /h}}]}",
    "volumes-retain-wrong": SPEC
    % "{volumes: [{name: v, $retainKeys: [name], hostPath: {path: /h}}]}",
    "volumes-two": SPEC % "{volumes: [{name: v, hostPath: {path: /h}}]}",
    "strategy-retain": "{spec: {strategy: {$retainKeys: [type], type: Recreate}}}",
    "strategy": "{spec: {strategy: {type: Recreate}}}",
    "strategy-null": "{spec: {strategy: {type: Recreate, rollingUpdate: null}}}",
    "tolerations": SPEC % "{tolerations: [{key: l, operator: Exists}]}",
    "secrets": SPEC % "{imagePullSecrets: [{name: t}]}",
    "secrets-delete": SPEC % "{imagePullSecrets: [{name: s, $patch: delete}]}",
    "aliases": SPEC
    % "{hostAliases: [{ip: 10.0.0.1, hostnames: [i]}, {ip: 10.0.0.2, hostnames: [j]}]}",
    "map-replace": "{metadata: {labels: {$patch: replace, p: q}}}",
    "map-delete": "{metadata: {annotations: {$patch: delete}}}",
    "labels-null": "{metadata: {labels: {l: null}}}",
    "finalizers": "{metadata: {finalizers: [a.b/c]}}",
    "finalizers-delete": "{metadata: {$deleteFromPrimitiveList/finalizers: [a.b/c]}}",
    "selector": "{spec: {selector: {matchLabels: {app: b}}}}",
    "unknown": "{spec: {nope: 1}}",
    "wrong-type": "{spec: {replicas: many}}",
    "wrong-list": SPEC % "{containers: {a: b}}",
    "empty": "{}",
    "same": "{spec: {replicas: 0}}",
    "null-spec": "{spec: null}",
    "null-containers": SPEC % "{containers: null}",
    "name": "{metadata: {name: other}}",
    "namespace": "{metadata: {namespace: other}}",
    "version": "{metadata: {resourceVersion: '1'}}",
    "uid": "{metadata: {uid: 00000000-0000-0000-0000-000000000000}}",
    "kind": "{kind: Nope}",
    "status": "{status: {replicas: 5}}",
    "generation": "{metadata: {generation: 77}}",
    "quantity": CONTAINERS % "[{name: a, resources: {limits: {cpu: 1500m, memory: 2048Mi}}}]",
    "replicas": "{spec: {replicas: 2}}",
}


@pytest.mark.parametrize("name", STRATEGIC_PATCHES)
def test_strategic_merge(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.post(DEPLOYMENTS, DEPLOYMENT, quiet=True)
        talk.strategic(f"{DEPLOYMENTS}/a", STRATEGIC_PATCHES[name], dryRun="All", without="status")
        talk.merge(f"{DEPLOYMENTS}/a", STRATEGIC_PATCHES[name], dryRun="All", without="status")

    compare(f"patch/{name}", scenario, real, practice)


JSON_PATCHES: dict[str, Any] = {
    "replace": [{"op": "replace", "path": "/data/a", "value": "z"}],
    "add": [{"op": "add", "path": "/data/n", "value": "z"}],
    "add-parent": [{"op": "add", "path": "/nope/n", "value": "z"}],
    "remove": [{"op": "remove", "path": "/data/a"}],
    "remove-missing": [{"op": "remove", "path": "/data/q"}],
    "replace-missing": [{"op": "replace", "path": "/data/q", "value": "z"}],
    "test": [{"op": "test", "path": "/data/a", "value": "1"}],
    "test-fails": [{"op": "test", "path": "/data/a", "value": "2"}],
    "move": [{"op": "move", "from": "/data/a", "path": "/data/m"}],
    "copy": [{"op": "copy", "from": "/data/a", "path": "/data/m"}],
    "copy-missing": [{"op": "copy", "from": "/data/q", "path": "/data/m"}],
    "escape": [{"op": "add", "path": "/metadata/annotations/a.b~1c", "value": "z"}],
    "escape-new": [{"op": "add", "path": "/metadata/annotations", "value": {"a.b/c": "d"}}],
    "list-end": [{"op": "add", "path": "/metadata/finalizers/-", "value": "a.b/c"}],
    "list-index": [{"op": "remove", "path": "/metadata/finalizers/5"}],
    "odd-op": [{"op": "nope", "path": "/data/a"}],
    "no-path": [{"op": "remove"}],
    "no-op": [{"path": "/data/a"}],
    "no-value": [{"op": "add", "path": "/data/a"}],
    "object": {"op": "remove", "path": "/data/a"},
    "text": "nonsense",
    "empty": [],
    "number": [{"op": "add", "path": "/data/a", "value": 5}],
    "unknown": [{"op": "add", "path": "/nope", "value": 5}],
    "root": [{"op": "replace", "path": "", "value": {}}],
    "name": [{"op": "replace", "path": "/metadata/name", "value": "b"}],
    "kind": [{"op": "replace", "path": "/kind", "value": "Secret"}],
}


@pytest.mark.parametrize("name", JSON_PATCHES)
def test_json_patch(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.post(MAPS, {"metadata": {"name": "a"}, "data": {"a": "1"}}, quiet=True)
        talk.ask("PATCH", f"{MAPS}/a", JSON_PATCHES[name], media=JSON_PATCH)

    compare(f"json-patch/{name}", scenario, real, practice)


def test_media_types(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        talk.post(MAPS, {"metadata": {"name": "a"}}, quiet=True)
        body = {
            "apiVersion": "mlops.seldon.io/v1alpha1",
            "kind": "Model",
            "metadata": {"name": "a"},
            "spec": {"storageUri": "a"},
        }
        talk.post(MODELS, body, quiet=True)
        for media in ("application/json", "text/plain", "application/yaml", "nonsense", MERGE):
            talk.ask("PATCH", f"{MAPS}/a", {"data": {"a": "b"}}, media=media)
            talk.ask("POST", MAPS, {"metadata": {"name": "b"}}, media=media, dryRun="All")
            talk.ask("PUT", f"{MAPS}/a", {"metadata": {"name": "a"}}, media=media, dryRun="All")
        talk.strategic(f"{MODELS}/a", {"spec": {"replicas": 2}})
        talk.ask("PATCH", f"{MAPS}/nope", {"data": {"a": "b"}}, media=MERGE)
        talk.ask("PATCH", f"{MAPS}/a", b"nonsense", media=MERGE)
        talk.ask("PATCH", f"{MAPS}/a", b"[1]", media=MERGE)
        talk.ask("PATCH", f"{MAPS}/a", b"[1]", media=STRATEGIC)
        talk.ask("PATCH", f"{MAPS}/a", b"", media=MERGE)
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, fieldValidation="Strict")
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, fieldValidation="Warn")
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, fieldValidation="Ignore")
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, fieldValidation="Nope")
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, dryRun="Nope")
        talk.ask("PATCH", f"{MAPS}/a", {"a": "b"}, media=MERGE, force="true")
        talk.ask("PATCH", MAPS, {"a": "b"}, media=MERGE)
        talk.ask("PUT", MAPS, {"a": "b"})
        talk.ask("POST", f"{MAPS}/a", {"a": "b"})

    compare("patch/media", scenario, real, practice)
