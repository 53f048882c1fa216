"""Protobuf bodies, as the real kubectl sends them: captured on loopback, compared with what kubectl itself
says (`--dry-run=client -o json`) it would create.
"""

from __future__ import annotations

import http.server
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, strategies as st

from runbook.practice.apiserver import protobuf

JSON = dict[str, Any]

REFUSAL = {
    "kind": "Status",
    "apiVersion": "v1",
    "status": "Failure",
    "message": "seen",
    "code": 400,
}


class Capture(http.server.ThreadingHTTPServer):
    """Answers GETs from `answers`, keeps the bodies of POSTs and refuses them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, JSON] = {}
        self.bodies: list[bytes] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Capture
    protocol_version = "HTTP/1.1"
    rbufsize: ClassVar[int] = 0

    def do_GET(self) -> None:
        found = self.server.answers.get(self.path.partition("?")[0])
        self.answer(200 if found else 404, found or REFUSAL)

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.answer(400, REFUSAL)

    def answer(self, code: int, body: JSON) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        pass


class Kubectl:
    """The real kubectl, pointed at the capture."""

    def __init__(self, server: Capture, home: Path) -> None:
        self.server = server
        beside = str(Path(sys.executable).parent)
        found = shutil.which("kubectl", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
        assert found, "no kubectl: install the test dependencies"
        self.command = found
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
            ],
            "users": [{"name": "u", "user": {}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = home / "config"
        path.write_text(json.dumps(config))
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(path),
            "HOME": str(home),
            "KUBECACHEDIR": str(home / "cache"),
        }

    def run(self, arguments: str) -> str:
        done = subprocess.run(
            [self.command, *shlex.split(arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def sent(self, arguments: str) -> JSON:
        """What the command posts."""
        self.server.bodies.clear()
        self.run(arguments)
        assert len(self.server.bodies) == 1
        return protobuf.decode(self.server.bodies[0])


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    server = Capture()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Kubectl(server, tmp_path_factory.mktemp("kubectl"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def substance(value: Any) -> Any:
    """Without the nulls and empty structs that Go's JSON has and its protobuf cannot tell from absence."""
    if isinstance(value, dict):
        kept = {key: substance(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, {}, [])}
    if isinstance(value, list):
        return [substance(one) for one in value]
    return value


def api_group(name: str) -> JSON:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def api_resource(plural: str, kind: str) -> JSON:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "namespaced": True,
        "kind": kind,
        "verbs": ["get", "list", "create"],
    }


DISCOVERY: dict[str, JSON] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [api_group("apps"), api_group("batch")],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [api_resource("pods", "Pod")],
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "groupVersion": "apps/v1",
        "resources": [api_resource("deployments", "Deployment")],
    },
    "/apis/batch/v1": {
        "kind": "APIResourceList",
        "groupVersion": "batch/v1",
        "resources": [api_resource("cronjobs", "CronJob")],
    },
}

CREATED = [
    "namespace x",
    "configmap c --from-literal=a=1 --from-literal=b=x",
    "secret generic s --from-literal=password=geheim --type=example.com/kind",
    "secret docker-registry r --docker-username=u --docker-password=p --docker-server=example.com",
    "serviceaccount a",
    "service clusterip s --tcp=80:8080 --tcp=443",
    "service nodeport s --tcp=80:http --node-port=30080",
    "service externalname s --external-name=example.com",
    "deployment d --image=nginx:1 --replicas=3 --port=8080 -- sleep 5",
    "job j --image=busybox -- date",
    "cronjob c --image=busybox --schedule='*/5 * * * *' --restart=OnFailure",
    "quota q --hard=cpu=1,memory=1Gi,count/models.mlops.seldon.io=50 --scopes=BestEffort",
    "role r --verb=get,list --resource=pods,deployments.apps --resource-name=x",
    "clusterrole c --verb=get --non-resource-url=/healthz",
    "rolebinding b --role=r --serviceaccount=ns:sa --user=u --group=g",
    "clusterrolebinding b --clusterrole=c --user=u",
    "ingress i --class=nginx --rule='foo.com/path*=svc:8080,tls=cert' --default-backend=d:http",
    "poddisruptionbudget p --selector=app=x --min-available=50%",
    "priorityclass p --value=1000 --global-default=true --description=high",
]


@pytest.mark.parametrize("arguments", CREATED, ids=lambda one: one.split()[0])
def test_what_kubectl_creates_is_decoded_as_kubectl_means_it(
    kubectl: Kubectl, arguments: str
) -> None:
    kubectl.server.answers = DISCOVERY
    kind, rest = arguments.split(" ", 1)
    meant = json.loads(kubectl.run(f"create {kind} --dry-run=client -o json {rest}"))
    meant.pop("status", None)  # nobody may set it this way; it is not read
    assert substance(kubectl.sent(f"create {arguments}")) == substance(meant)


def test_questions_about_access_are_decoded(kubectl: Kubectl) -> None:
    sent = kubectl.sent("auth can-i delete models.mlops.seldon.io/m --subresource=status -n x")
    attributes = sent["spec"]["resourceAttributes"]
    assert sent["kind"] == "SelfSubjectAccessReview"
    assert (attributes["verb"], attributes["namespace"]) == ("delete", "x")
    assert kubectl.sent("auth whoami")["kind"] == "SelfSubjectReview"


def test_a_token_request_is_decoded(kubectl: Kubectl) -> None:
    sent = kubectl.sent("create token default --duration=10m --audience=a --audience=b")
    assert sent["kind"] == "TokenRequest"
    assert sent["spec"] == {"audiences": ["a", "b"], "expirationSeconds": 600}


POD_SPEC: JSON = {
    "restartPolicy": "Never",
    "terminationGracePeriodSeconds": 0,
    "activeDeadlineSeconds": 5,
    "nodeSelector": {"disk": "ssd"},
    "serviceAccountName": "worker",
    "automountServiceAccountToken": False,
    "securityContext": {"runAsUser": 0, "fsGroup": 7, "sysctls": [{"name": "a", "value": "b"}]},
    "imagePullSecrets": [{"name": "registry"}],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {
                    "topologyKey": "host",
                    "labelSelector": {
                        "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]
                    },
                }
            ]
        }
    },
    "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 0}],
    "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}],
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    ],
    "volumes": [
        {"name": "empty", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "claim", "persistentVolumeClaim": {"claimName": "c", "readOnly": True}},
        {"name": "config", "configMap": {"name": "c", "defaultMode": 420, "optional": False}},
        {"name": "secret", "secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}]}},
        {"name": "nfs", "nfs": {"server": "nfs.example.com", "path": "/"}},
        {"name": "host", "hostPath": {"path": "/tmp", "type": ""}},
        {
            "name": "projected",
            "projected": {
                "sources": [{"serviceAccountToken": {"expirationSeconds": 600, "path": "token"}}]
            },
        },
    ],
    "initContainers": [{"name": "init", "image": "i", "restartPolicy": "Always"}],
    "containers": [
        {
            "name": "main",
            "image": "m",
            "command": ["a"],
            "args": ["b"],
            "workingDir": "/w",
            "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c", "optional": True}}],
            "env": [
                {"name": "PLAIN", "value": "x"},
                {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "1Mi"}},
            "volumeMounts": [{"name": "empty", "mountPath": "/e", "subPath": "s"}],
            "livenessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 3},
            "readinessProbe": {"exec": {"command": ["true"]}},
            "startupProbe": {"tcpSocket": {"port": 80}},
            "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
            "securityContext": {
                "privileged": False,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "Always",
        }
    ],
}


def test_a_full_pod_template_survives(kubectl: Kubectl) -> None:
    """`create job --from` reads a cron job as JSON and posts its template as protobuf."""
    template = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": POD_SPEC}
    kubectl.server.answers = {
        **DISCOVERY,
        "/apis/batch/v1/namespaces/default/cronjobs/c": {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "c", "namespace": "default", "uid": "u"},
            "spec": {
                "schedule": "@daily",
                "jobTemplate": {"spec": {"backoffLimit": 0, "template": template}},
            },
        },
    }
    sent = kubectl.sent("create job j --from=cronjob/c")
    assert sent["spec"] == {"backoffLimit": 0, "template": template}
    assert sent["metadata"]["ownerReferences"][0]["controller"] is True


# ---- bytes made by hand


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def body(api_version: str, kind: str, message: bytes) -> bytes:
    meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, meta) + field(2, message)


def test_delete_options_keep_a_grace_period_of_zero() -> None:
    message = field(1, 0) + field(2, field(1, b"uid-1")) + field(4, b"Background")
    assert protobuf.decode(body("v1", "DeleteOptions", message)) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "uid-1"},
        "propagationPolicy": "Background",
    }


def test_an_eviction_is_decoded() -> None:
    message = field(1, field(1, b"pod-1") + field(3, b"ns")) + field(2, field(1, 30))
    assert protobuf.decode(body("policy/v1", "Eviction", message)) == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "pod-1", "namespace": "ns"},
        "deleteOptions": {"gracePeriodSeconds": 30},
    }


def test_versions_of_one_kind_have_their_own_fields() -> None:
    old = protobuf.decode(body("autoscaling/v1", "HorizontalPodAutoscaler", field(2, field(4, 80))))
    assert old["spec"] == {"targetCPUUtilizationPercentage": 80}
    metric = field(1, b"Resource")
    new = body("autoscaling/v2", "HorizontalPodAutoscaler", field(2, field(4, metric)))
    assert protobuf.decode(new)["spec"] == {"metrics": [{"type": "Resource"}]}


def test_negative_numbers_and_times_are_read() -> None:
    message = field(1, field(8, field(1, 1_700_000_000))) + field(2, varint(0)[:0])
    found = protobuf.decode(body("v1", "Namespace", message))
    assert found["metadata"] == {"creationTimestamp": "2023-11-14T22:13:20Z"}
    value = body("scheduling.k8s.io/v1", "PriorityClass", field(2, -5))
    assert protobuf.decode(value)["value"] == -5


def test_fields_that_nobody_knows_are_skipped() -> None:
    message = field(99, b"?") + field(98, 7) + field(1, field(1, b"x"))
    found = protobuf.decode(body("v1", "Namespace", message))
    assert found == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}


def test_a_kind_without_a_table_is_named() -> None:
    with pytest.raises(protobuf.UnknownKind, match=r"Gadget in example\.com/v1"):
        protobuf.decode(body("example.com/v1", "Gadget", b""))


def test_a_body_that_is_no_protobuf_is_refused() -> None:
    with pytest.raises(ValueError, match="magic number"):
        protobuf.decode(b'{"kind": "Pod"}')


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_a_value_error(noise: bytes) -> None:
    for made in (protobuf.MAGIC + noise, body("v1", "Pod", noise), body("v1", "Event", noise)):
        try:
            found = protobuf.decode(made)
        except ValueError:
            continue
        assert isinstance(found, dict)
