"""One question to one webhook: an AdmissionReview over https, and its answer checked.

clientConfig.url                                 called
.service without endpoints, or that is not there refused, as by the real resolver
.service with an endpoint that is no pod of ours called, at that address
.service with a ready pod                        nothing runs in a practice pod: `NobodyThere`
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import uuid
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from runbook.practice.apiserver.conversion import as_shown
from runbook.practice.apiserver.errors import compact
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State
from runbook.practice.apiserver.webhook_selection import Question

JSON = dict[str, Any]

_SLICES = "endpointslices.discovery.k8s.io"
_SERVICE_LABEL = "kubernetes.io/service-name"


class CallFailed(Exception):
    """The webhook could not be asked, or gave no answer that can be used; the text says why."""


class NobodyThere(Exception):
    """A ready pod stands behind the webhook's service, and no program runs in it."""


class WebhookClient:
    """Keeps nothing between two questions."""

    async def ask(
        self, state: State, webhook: JSON, resource: Resource, question: Question
    ) -> JSON:
        """The checked `response`. Raises CallFailed and NobodyThere."""
        seconds = webhook.get("timeoutSeconds", 10)
        config = webhook["clientConfig"]
        base, host = _place(config)
        url = f"{base}?timeout={seconds}s"
        uid = str(uuid.uuid4())
        review = review_of(uid, resource, question)
        try:
            resolved = _resolved(state, config)
        except CallFailed as why:
            raise CallFailed(f'failed to call webhook: Post "{url}": {why}') from None
        target = URL(url, encoded=True)
        if resolved is not None:
            target = target.with_host(resolved[0]).with_port(resolved[1])
        try:
            async with asyncio.timeout(seconds):
                status, body = await _post(target, host, _trust(config), review)
        except TimeoutError:
            raise CallFailed(
                f'failed to call webhook: Post "{url}": context deadline exceeded'
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            words = _network_words(error, target)
            raise CallFailed(f'failed to call webhook: Post "{url}": {words}') from None
        return _checked(_decoded(status, body, review), uid)


def _place(config: JSON) -> tuple[str, str]:
    """The URL that errors show, and the name that its certificate must have."""
    if config.get("url"):
        return config["url"], str(URL(config["url"]).host)
    service = config["service"]
    host = f"{service['name']}.{service['namespace']}.svc"
    path = str(service.get("path") or "").lstrip("/")
    return f"https://{host}:{service.get('port', 443)}/{quote(path)}", host


def _resolved(state: State, config: JSON) -> tuple[str, int] | None:
    """Address and port behind a service; None for a URL, which DNS resolves."""
    if config.get("url"):
        return None
    wanted = config["service"]
    name, namespace, port = wanted["name"], wanted["namespace"], wanted.get("port", 443)
    service = state.store.get("services", namespace, name)
    if service is None:
        raise CallFailed(f'service "{name}" not found')
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return spec["externalName"], port
    named = next((one for one in spec.get("ports") or () if one["port"] == port), None)
    if named is None:
        raise CallFailed(f'no service port {port} found for service "{name}"')
    for endpoints in state.store.select(_SLICES, namespace):
        if (endpoints["metadata"].get("labels") or {}).get(_SERVICE_LABEL) != name:
            continue
        for endpoint in endpoints.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for one in endpoints.get("ports") or ():
                if one.get("name", "") == named.get("name", "") and endpoint.get("addresses"):
                    if (endpoint.get("targetRef") or {}).get("kind") == "Pod":
                        raise NobodyThere
                    return endpoint["addresses"][0], one["port"]
    raise CallFailed(f'no endpoints available for service "{name}"')


def _trust(config: JSON) -> ssl.SSLContext:
    bundle = base64.b64decode(config.get("caBundle") or "").decode("utf-8", "replace")
    context = ssl.create_default_context(cadata=bundle) if bundle else ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _post(target: URL, host: str, trust: ssl.SSLContext, review: JSON) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session,
        session.post(
            target,
            data=json.dumps(review).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json, */*"},
            allow_redirects=False,
            server_hostname=host,
        ) as answer,
    ):
        return answer.status, await answer.read()


def review_of(uid: str, resource: Resource, question: Question) -> JSON:
    """The question as it is sent."""
    own = question.resource
    request: JSON = {
        "uid": uid,
        "kind": question.group_kind(resource),
        "resource": question.group_resource(resource),
        "requestKind": question.group_kind(own),
        "requestResource": question.group_resource(own),
        "operation": question.operation,
        "userInfo": question.user.info(),
        "object": _in_version(resource, question, question.obj),
        "oldObject": _in_version(resource, question, question.old),
        "dryRun": question.dry_run,
        "options": question.options or None,
    }
    if question.subresource:
        request |= {"subResource": question.subresource, "requestSubResource": question.subresource}
    if question.name:
        request["name"] = question.name
    if question.namespace:
        request["namespace"] = question.namespace
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def _in_version(resource: Resource, question: Question, obj: JSON | None) -> JSON | None:
    if obj is None or question.kind is not None:
        return obj
    return {**as_shown(resource, obj), "apiVersion": resource.api_version}


def _decoded(status: int, body: bytes, review: JSON) -> JSON:
    if status == 404:
        raise CallFailed("failed to call webhook: the server could not find the requested resource")
    if not 200 <= status < 300:
        why = 'an error on the server ("unknown") has prevented the request from succeeding'
        raise CallFailed(f"failed to call webhook: {why}")
    try:
        found = json.loads(body)
    except ValueError:
        found = body.decode("utf-8", "replace")  # the real decoder takes any text for YAML
    if not isinstance(found, dict):
        kind = "string" if isinstance(found, str) else "array"
        fields = r'APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\""'
        raise CallFailed(
            "failed to call webhook: couldn't get version/kind; json parse error: json: cannot "
            f"unmarshal {kind} into Go value of type struct {{ {fields} }}"
        )
    version, kind = found.get("apiVersion", ""), found.get("kind", "")
    if (version, kind) == (review["apiVersion"], review["kind"]):
        return found
    if kind == "AdmissionReview" and version.startswith("admission.k8s.io/"):
        other = version.rpartition("/")[2]
        why = f"converting ({other}.AdmissionReview) to (v1.AdmissionReview): unknown conversion"
    else:
        why = (
            f'no kind "{kind}" is registered for version "{version}" in scheme '
            '"pkg/runtime/scheme.go:111"'
        )
    raise CallFailed(f"failed to call webhook: {why}")


def _checked(review: JSON, uid: str) -> JSON:
    response = review.get("response")
    if not isinstance(response, dict):
        raise CallFailed("received invalid webhook response: webhook response was absent")
    if response.get("uid") != uid:
        given = compact(response.get("uid") or "")
        raise CallFailed(
            f'received invalid webhook response: expected response.uid="{uid}", got {given}'
        )
    return response


def _network_words(error: Exception, target: URL) -> str:
    where = f"dial tcp {target.host}:{target.port}"
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"dial tcp: lookup {target.host}: no such host"
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as why):
            return f"tls: failed to verify certificate: {_certificate_words(why, target)}"
        case aiohttp.ClientSSLError():
            if "WRONG_VERSION_NUMBER" in str(error):
                return "http: server gave HTTP response to HTTPS client"
            return f"remote error: tls: {error}"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"{where}: connect: connection refused"
        case aiohttp.ClientConnectorError(os_error=OSError() as why):
            return f"{where}: connect: {(why.strerror or str(why)).lower()}"
        case _:
            return str(error)


def _certificate_words(error: ssl.SSLError, target: URL) -> str:
    code = getattr(error, "verify_code", 0)
    if code in {62, 64}:  # another host, another address
        return f"x509: certificate is not valid for {target.host}"
    if code == 10:
        return "x509: certificate has expired or is not yet valid"
    return "x509: certificate signed by unknown authority"
