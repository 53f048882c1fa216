"""Requests to the API server as Hypothesis draws them: every path it serves, every way to ask wrongly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import yaml
from hypothesis import strategies as st

from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.registry import Resource
from tests.practice.fuzz.cluster import NAMESPACE, resource_of, schema_of
from tests.practice.fuzz.hostile import (
    JSON,
    TEXTS,
    VALUES,
    Change,
    at,
    changed,
    changes,
    places,
    samples,
)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW")
PAGES = (
    "/",
    "/api",
    "/apis",
    "/api/v1",
    "/api/v2",
    "/apis/apps",
    "/apis/apps/v1",
    "/apis/apps/v9",
    "/apis/example.org/v1",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/api/v1",
    "/openapi/v3/apis/apps/v1",
    "/openapi/v3/apis/example.org/v1",
    "/openapi/v3/nothing",
    "/version",
    "/healthz",
    "/livez",
    "/readyz",
    "/readyz/ping",
    "/metrics",
    "/.well-known/openid-configuration",
    "/openid/v1/jwks",
    "/api/v1/namespaces/default/",
    "/api/v1//pods",
    "/apis//v1/pods",
    "//",
    "/%",
    "/%ff%fe",
    "/api/v1/namespaces/%ff/pods/%00",
    "/api/v1/watch/pods",
    "/api/v1/namespaces/default/services/https:sample:http/proxy/a//b?c",
)
MEDIA = (
    "application/json",
    "application/json;charset=utf-8",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
    "application/apply-patch+cbor",
    "application/cbor",
    "text/plain",
    "",
    ";;;",
    "é",
)
PATCHES = MEDIA[4:8]
ACCEPTED = (
    "application/json",
    "*/*",
    "",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=Table;v=v9;g=nobody",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/json;stream=watch",
    "text/html",
    "q=;;,=,",
)
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "watch": ("true", "1", "0", "maybe"),
    "resourceVersion": ("0", "1", "-1", "99", "99999999999999999999", "²", "a"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "a"),
    "limit": ("0", "1", "2", "-1", "9" * 25, "9" * 5000, "1.5", "²"),
    "continue": ("a", "e30", "eyJ2IjoicHJhY3RpY2UvdjEiLCJydiI6MSwic3RhcnQiOlsxLDJdfQ", "é"),
    "timeoutSeconds": ("0", "1", "-1", "9" * 25, "1e9", "nan"),
    "allowWatchBookmarks": ("true", "a"),
    "sendInitialEvents": ("true", "false", "a"),
    "labelSelector": (
        "app=sample",
        "app in (sample,b),!x",
        "a notin ()",
        "app in (",
        "=,=",
        "a>b",
        "a>9999999999999999999999",
        "a==b==c",
        ",",
        "é=ü",
        "a" * 400,
    ),
    "fieldSelector": (
        "metadata.name=sample",
        "metadata.namespace!=default",
        "status.phase=Running,spec.nodeName=",
        "a.b=c",
        "metadata.name",
        "=",
        "metadata.name=sample,metadata.name=b",
        "metadata.name=\\,\\=",
        "type=Opaque",
        "involvedObject.name=sample",
        "spec.unschedulable=true",
    ),
    "dryRun": ("All", "None", ""),
    "fieldManager": ("me", "a" * 200, "\x00", "é", ""),
    "fieldValidation": ("Strict", "Warn", "Ignore", "a"),
    "force": ("true", "a"),
    "pretty": ("true",),
    "gracePeriodSeconds": ("0", "-1", "5", "9" * 25, "a"),
    "propagationPolicy": ("Foreground", "Orphan", "Background", "a"),
    "orphanDependents": ("true", "a"),
    "includeObject": ("None", "Object", "a"),
    "container": ("main", "nobody"),
    "tailLines": ("1", "-1", "a", "9" * 25),
    "limitBytes": ("1", "0", "a"),
    "sinceSeconds": ("1", "-1", "a", "9" * 25),
    "sinceTime": ("2026-01-01T00:00:00Z", "a", "9999-12-31T23:59:59Z"),
    "follow": ("false", "a"),
    "previous": ("true",),
    "timestamps": ("true",),
    "command": ("sh",),
    "as": ("Table",),
}


@dataclass(frozen=True)
class Call:
    """One request; `body` is as it is sent. `about` is the kind that a look afterwards is for."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"
    accept: str = "application/json"
    body: bytes = b""
    about: Resource | None = None

    def request(self) -> Request:
        return Request(
            method=self.method,
            path=self.path,
            query=self.query,
            headers={
                "content-type": self.media,
                "accept": self.accept,
                "user-agent": "fuzz/1 (a)",
                "host": "localhost",
            },
            body=self.body,
            query_string=urlencode(self.query, errors="surrogatepass"),
        )


def collection(resource: Resource, namespace: str | None = NAMESPACE) -> str:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    inside = f"/namespaces/{quoted(namespace)}" if resource.namespaced and namespace else ""
    return f"{root}{inside}/{resource.plural}"


def quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


@st.composite
def queries(draw: st.DrawFn) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(sorted(PARAMETERS)), max_size=4, unique=True))
    odd = st.sampled_from([text for text in TEXTS[:60] if "\ud800" not in text])
    return {
        name: draw(odd) if draw(st.integers(0, 4)) == 0 else draw(st.sampled_from(PARAMETERS[name]))
        for name in names
    }


@st.composite
def json_patches(draw: st.DrawFn, obj: JSON) -> list[Any]:
    found = list(places(obj))

    def pointer() -> str:
        path = found[draw(st.integers(0, 300)) % len(found)]
        text = "".join(f"/{str(p).replace('~', '~0').replace('/', '~1')}" for p in path)
        return text + draw(st.sampled_from(("", "", "", "/-", "/0", "/a", "/~2", "/99", "a")))

    operations = []
    for _ in range(draw(st.integers(0, 3))):
        operation: JSON = {
            "op": draw(st.sampled_from(("add", "replace", "remove", "test", "move", "copy", "b"))),
            "path": pointer(),
            "from": pointer(),
            "value": draw(st.sampled_from(VALUES)),
        }
        for part in draw(st.lists(st.sampled_from(sorted(operation)), max_size=1)):
            del operation[part]
        operations.append(operation)
    return operations


@st.composite
def part_patches(draw: st.DrawFn, obj: JSON, made: list[Change]) -> Any:
    """A merge patch: the spoilt object or one branch of it, now and then with directives."""
    spoilt = changed(obj, made)
    if not isinstance(spoilt, dict):
        return spoilt
    if draw(st.booleans()):
        path = draw(st.sampled_from([p for p in places(spoilt) if p]) if spoilt else st.just(()))
        value = at(spoilt, path)
        for part in reversed(path):
            value = {part: value} if isinstance(part, str) else [value]
        spoilt = value
    directives: dict[str, tuple[Any, ...]] = {
        "$patch": ("delete", "replace", "merge", "a", 1),
        "$retainKeys": (["type"], "a", [1], None),
        "$setElementOrder/containers": ([{"name": "main"}], "a", [1], [{}], [None]),
        "$deleteFromPrimitiveList/finalizers": (["a"], 1, [{}]),
        "$setElementOrder/": ([],),
        "$nothing": (1,),
    }
    for name in draw(st.lists(st.sampled_from(sorted(directives)), max_size=2)):
        found = [p for p in places(spoilt) if isinstance(at(spoilt, p), dict)]
        if found:
            at(spoilt, draw(st.sampled_from(found)))[name] = draw(st.sampled_from(directives[name]))
    return spoilt


_RAW = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"a"',
    b"1",
    b"NaN",
    b'{"a":NaN}',
    b'{"a":1e999}',
    b'{"metadata":{"name":"a"},"metadata":{"name":"b"}}',
    b"\xff\xfe\x00",
    b'{"a":"\xff"}',
    b"\xef\xbb\xbf{}",
    b'{"metadata":{"name":"\\ud800"}}',
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" * 100_000,
    b'{"a":' + b"9" * 5000 + b"}",
    b'{"a":"' + b"x" * 300_000 + b'"}',
    b"a: &a [*a]",
    b"a: &a {<<: *a}",
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
    b"? [1]\n: 2",
    b"a: !!python/object/apply:os.system [x]",
    b"a: 2026-01-01\nb: .nan\nc: 0x10\nd: 1:30\ne: !!binary YQ==\nf: !!set {a}",
    b"---\na: 1\n---\nb: 2",
    b"\x00",
    b"k8s\x00",
    b"k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\x08\n\x06\n\x04main\x1a\x00\x22\x00",
    b"k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\xff\xff\xff\xff\x0f",
)
_DELETE_OPTIONS = {
    "kind": "DeleteOptions",
    "apiVersion": "v1",
    "gracePeriodSeconds": 0,
    "propagationPolicy": "Foreground",
    "orphanDependents": True,
    "dryRun": ["All"],
    "preconditions": {"uid": "a", "resourceVersion": "1"},
}
_SUBRESOURCES: dict[str, JSON] = {
    "scale": {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {"name": "sample", "namespace": NAMESPACE},
        "spec": {"replicas": 2},
    },
    "eviction": {
        "kind": "Eviction",
        "apiVersion": "policy/v1",
        "metadata": {"name": "sample", "namespace": NAMESPACE},
        "deleteOptions": _DELETE_OPTIONS,
    },
    "binding": {
        "kind": "Binding",
        "apiVersion": "v1",
        "metadata": {"name": "sample"},
        "target": {"kind": "Node", "name": "sample"},
    },
    "token": {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "spec": {
            "audiences": ["a"],
            "expirationSeconds": 600,
            "boundObjectRef": {"kind": "Pod", "name": "sample", "apiVersion": "v1", "uid": "a"},
        },
    },
}


@st.composite
def bodies(draw: st.DrawFn, obj: JSON, media: str, resource: Resource) -> bytes:
    if draw(st.integers(0, 7)) == 0:
        raw = draw(st.sampled_from(_RAW))
        if draw(st.booleans()):
            return raw
        return b"k8s\x00" + draw(st.binary(max_size=60))
    made = draw(changes)
    if media == "application/json-patch+json":
        value: Any = draw(json_patches(obj))
    elif media in PATCHES[1:3]:
        value = draw(part_patches(obj, made))
    else:
        value = changed(obj, made, schema_of(resource))
    if "yaml" in media and draw(st.booleans()):
        return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass")
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """Any request; most of them nearly right."""
    if draw(st.integers(0, 15)) == 0:
        return Call(
            draw(st.sampled_from(METHODS)),
            draw(st.sampled_from(PAGES)),
            draw(queries()),
            draw(st.sampled_from(MEDIA)),
            draw(st.sampled_from(ACCEPTED)),
            draw(st.sampled_from(_RAW)),
        )
    obj = draw(st.sampled_from(samples()))
    resource = resource_of(obj)
    method = draw(
        st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE", "POST", "PUT", "PATCH"))
    )
    odd = draw(st.integers(0, 12)) == 0
    if odd:
        method = draw(st.sampled_from(METHODS))
    space = draw(st.sampled_from((NAMESPACE,) * 8 + (None, "nowhere", "\ud800", "a/b", "")))
    path = collection(resource, space)
    named = method in {"PUT", "PATCH", "DELETE"} or (method == "GET" and draw(st.booleans()))
    body = obj
    if method == "DELETE":
        body = _DELETE_OPTIONS
    name = obj.get("metadata", {}).get("name", "sample")
    if named or odd:
        path += "/" + quoted(draw(st.sampled_from((*(name,) * 8, "nobody", *TEXTS[:9]))))
        if resource.subresources and draw(st.integers(0, 2)) == 0:
            subresource = draw(st.sampled_from(sorted(resource.subresources)))
            path += f"/{subresource}"
            body = _SUBRESOURCES.get(subresource, body)
    elif method == "POST" and resource.subresources and draw(st.integers(0, 3)) == 0:
        subresource = draw(st.sampled_from(sorted(resource.subresources)))
        path += f"/{name}/{subresource}"
        body = _SUBRESOURCES.get(subresource, body)
    elif method == "POST" and draw(st.integers(0, 3)):
        # There is one of that name already; most are to get further than that.
        body = {**obj, "metadata": {**obj.get("metadata", {}), "name": "another"}}
    if method == "PATCH" and draw(st.integers(0, 9)):
        media = draw(st.sampled_from(PATCHES))
    else:
        media = draw(st.sampled_from(("application/json",) * 12 + MEDIA))
    query = draw(queries())
    if media == "application/apply-patch+yaml":
        query.setdefault("fieldManager", "me")
    empty = method in {"GET", "HEAD"} or (method == "DELETE" and draw(st.booleans()))
    return Call(
        method,
        path,
        query,
        media,
        draw(st.sampled_from(("application/json",) * 6 + ACCEPTED)),
        b"" if empty else draw(bodies(body, media, resource)),
        resource,
    )
