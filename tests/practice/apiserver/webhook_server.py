"""An admission webhook on loopback: what it is asked is kept, and the path it is asked at is its answer.

with WebhookServer() as hook:
    client_config = hook.config("/deny")  # a webhook's `clientConfig`
    hook.reviews  # every AdmissionReview since, in order
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook.practice.apiserver.certificates import make_certificates

JSON = dict[str, Any]


def _patch(operations: list[JSON]) -> JSON:
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def _label(request: JSON) -> JSON:
    labels = request["object"]["metadata"].get("labels") or {}
    value = {**labels, "hooked": str(len(labels))}
    return _patch([{"op": "add", "path": "/metadata/labels", "value": value}])


# path -> what answers a request
ANSWERS: dict[str, Callable[[JSON], JSON]] = {
    "/allow": lambda _: {"allowed": True},
    "/warn": lambda _: {"allowed": True, "warnings": ["mind the gap", "and the step"]},
    "/audit": lambda _: {"allowed": True, "auditAnnotations": {"a": "b"}},
    "/deny": lambda _: {"allowed": False, "status": {"message": "not on my watch"}},
    "/deny-silently": lambda _: {"allowed": False},
    "/deny-reason": lambda _: {"allowed": False, "status": {"reason": "NotAcceptable"}},
    "/deny-code": lambda _: {
        "allowed": False,
        "status": {"code": 418, "reason": "Teapot", "message": "short and stout"},
    },
    "/deny-success": lambda _: {
        "allowed": False,
        "status": {"code": 200, "status": "Success", "message": "well"},
    },
    "/deny-details": lambda _: {
        "allowed": False,
        "status": {
            "message": "look",
            "details": {"causes": [{"field": "spec.a", "message": "b", "reason": "c"}]},
        },
        "warnings": ["that too"],
    },
    "/label": _label,
    "/data": lambda _: _patch([{"op": "add", "path": "/data", "value": {"by": "webhook"}}]),
    "/mistyped": lambda _: _patch([{"op": "add", "path": "/data", "value": 5}]),
    "/unknown": lambda _: _patch([{"op": "add", "path": "/datum", "value": "x"}]),
    "/rename": lambda _: _patch([{"op": "replace", "path": "/metadata/name", "value": "b"}]),
    "/invalid": lambda _: _patch([{"op": "add", "path": "/data", "value": {"a b": "c"}}]),
    "/size": lambda _: _patch([{"op": "add", "path": "/spec", "value": {"size": 3}}]),
    "/replicas": lambda _: _patch([{"op": "replace", "path": "/spec/replicas", "value": 2}]),
    "/unfit": lambda _: _patch([{"op": "remove", "path": "/nothing/here"}]),
    "/no-patch": lambda _: {"allowed": True, "patchType": "JSONPatch"},
    "/no-type": lambda _: {"allowed": True, "patch": base64.b64encode(b"[]").decode()},
    "/merge": lambda _: {"allowed": True, "patchType": "Merge", "patch": "e30="},
    "/broken-patch": lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": "e30="},
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reviews: ClassVar[list[JSON]]
    asked: ClassVar[threading.Event]
    released: ClassVar[threading.Event]

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reviews.append(review)
        self.asked.set()
        path = self.path.partition("?")[0]
        if path == "/slow":
            self.released.wait(20)
        status, body = _answer(path, review)
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has given up

    def log_message(self, *_: object) -> None:
        return


def _answer(path: str, review: JSON) -> tuple[int, bytes]:
    request = review["request"]
    document: JSON = {"apiVersion": review["apiVersion"], "kind": review["kind"]}
    match path:
        case "/other-uid":
            document["response"] = {"uid": "another", "allowed": True}
        case "/other-kind":
            document = {"apiVersion": "v1", "kind": "Pod", "response": {"allowed": True}}
        case "/old-version":
            document["apiVersion"] = "admission.k8s.io/v1beta1"
            document["response"] = {"uid": request["uid"], "allowed": True}
        case "/no-response":
            pass
        case "/text":
            return 200, b"well, well"
        case "/broken":
            return 500, b"no idea"
        case "/slow":
            document["response"] = {"uid": request["uid"], "allowed": True}
        case _ if path in ANSWERS:
            document["response"] = {"uid": request["uid"], **ANSWERS[path](request)}
        case _:
            return 404, b"404 page not found\n"
    return 200, json.dumps(document).encode()


def _stranger() -> bytes:
    """A certificate authority that signed nothing here."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stranger")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that does not trust the certificate breaks the handshake off."""


class WebhookServer:
    """Listens while it is entered."""

    def __init__(self) -> None:
        self._certificates = make_certificates(datetime.now(UTC))
        self.reviews: list[JSON] = []
        self.asked = threading.Event()
        self._released = threading.Event()
        told = {"reviews": self.reviews, "asked": self.asked, "released": self._released}
        handler = type("Handler", (_Handler,), told)
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.socket = self._certificates.server_context().wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def config(self, path: str, *, trusted: bool = True) -> JSON:
        """The `clientConfig` of a webhook that is answered at this path."""
        authority = self._certificates.authority
        if not trusted:
            authority = _stranger()
        port = self._server.server_address[1]
        return {
            "url": f"https://127.0.0.1:{port}{path}",
            "caBundle": base64.b64encode(authority).decode(),
        }

    def release(self) -> None:
        """Let `/slow` answer, and from now on at once."""
        self._released.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
