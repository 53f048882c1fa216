"""What a webhook configuration may not say, in the words of the real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from runbook.practice.apiserver.errors import Cause, compact
from runbook.practice.apiserver.match_conditions import condition_causes
from runbook.practice.apiserver.metadata import (
    API_VERSION,
    API_VERSION_SAYS,
    subdomain_problem,
)
from runbook.practice.apiserver.workload_validation import selector_causes

JSON = dict[str, Any]

_VERSIONS = ("v1", "v1beta1")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
# field -> what it may say, in the order in which the server looks
_POLICIES = (
    ("failurePolicy", ("Fail", "Ignore")),
    ("matchPolicy", ("Equivalent", "Exact")),
)
_FORMAT = "; desired format: https://host[/path]"


def configuration(obj: JSON) -> Iterator[Cause]:
    mutating = obj["kind"] == "MutatingWebhookConfiguration"
    names: set[str] = set()
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        yield from _webhook(webhook, path, mutating=mutating)
        name = webhook.get("name")
        if name in names:
            yield Cause(f"{path}.name", "FieldValueDuplicate", f"Duplicate value: {compact(name)}")
        names.add(name)


def _webhook(webhook: JSON, path: str, *, mutating: bool) -> Iterator[Cause]:
    yield from _name(webhook.get("name") or "", f"{path}.name")
    for index, rule in enumerate(webhook.get("rules") or ()):
        yield from _rule(rule, f"{path}.rules[{index}]")
    for field, allowed in _POLICIES:
        if webhook.get(field) not in allowed:
            yield Cause.unsupported(f"{path}.{field}", compact(webhook.get(field)), allowed)
    effects = webhook.get("sideEffects")
    if effects is None:
        why = f"must specify one of {', '.join(_SIDE_EFFECTS)}"
        yield Cause.required(f"{path}.sideEffects", why)
    elif effects not in _SIDE_EFFECTS:
        yield Cause.unsupported(f"{path}.sideEffects", compact(effects), _SIDE_EFFECTS)
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        why = "the timeout value must be between 1 and 30 seconds"
        yield Cause.invalid(f"{path}.timeoutSeconds", str(seconds), why)
    for field in ("namespaceSelector", "objectSelector"):
        yield from selector_causes(webhook.get(field) or {}, f"{path}.{field}")
    yield from _client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
    policies = ("IfNeeded", "Never")
    if mutating and webhook.get("reinvocationPolicy") not in policies:
        shown = compact(webhook.get("reinvocationPolicy"))
        yield Cause.unsupported(f"{path}.reinvocationPolicy", shown, policies)
    yield from _versions(
        webhook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions"
    )
    conditions = webhook.get("matchConditions") or []
    yield from condition_causes(conditions, f"{path}.matchConditions")


def _name(name: str, path: str) -> Iterator[Cause]:
    if not name:
        yield Cause.required(path)
    elif problem := subdomain_problem(name):
        yield Cause.invalid(path, compact(name), problem)
    elif len(name.split(".")) < 3:
        why = "should be a domain with at least three segments separated by dots"
        yield Cause.invalid(path, compact(name), why)


def _versions(versions: list[str], path: str) -> Iterator[Cause]:
    known = ", ".join(_VERSIONS)
    if not versions:
        yield Cause.required(path, f"must specify one of {known}")
        return
    seen: set[str] = set()
    for index, version in enumerate(versions):
        place = f"{path}[{index}]"
        if version in seen:
            yield Cause.invalid(place, compact(version), "duplicate version")
        seen.add(version)
        if API_VERSION.fullmatch(version) is None:
            yield Cause.invalid(place, compact(version), API_VERSION_SAYS)
    if not seen & set(_VERSIONS):
        yield Cause.invalid(path, compact(versions), f"must include at least one of {known}")


def _rule(rule: JSON, path: str) -> Iterator[Cause]:
    yield from _operations(rule.get("operations") or [], f"{path}.operations")
    for field, what in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        yield from _listed(rule.get(field) or [], f"{path}.{field}", what)
    yield from _resources(rule.get("resources") or [], f"{path}.resources")
    if rule.get("scope", "*") not in _SCOPES:
        yield Cause.unsupported(f"{path}.scope", compact(rule["scope"]), _SCOPES)


def _operations(operations: list[str], path: str) -> Iterator[Cause]:
    if not operations:
        yield Cause.required(path)
    if len(operations) > 1 and "*" in operations:
        why = "if '*' is present, must not specify other operations"
        yield Cause.invalid(path, compact(operations), why)
    for index, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield Cause.unsupported(f"{path}[{index}]", compact(operation), _OPERATIONS)


def _listed(values: list[str], path: str, what: str) -> Iterator[Cause]:
    if not values:
        yield Cause.required(path)
    if len(values) > 1 and "*" in values:
        yield Cause.invalid(
            path, compact(values), f"if '*' is present, must not specify other {what}"
        )
    for index, value in enumerate(values):
        if not value and path.endswith("apiVersions"):
            yield Cause.required(f"{path}[{index}]")


def _resources(resources: list[str], path: str) -> Iterator[Cause]:
    if not resources:
        yield Cause.required(path)
    whole: set[str] = set()
    below: set[str] = set()
    for index, resource in enumerate(resources):
        place, (name, slash, part) = f"{path}[{index}]", resource.partition("/")
        if not resource:
            yield Cause.required(place)
        elif slash and f"*/{part}" in resources and name != "*":
            why = f"if '*/{part}' is present, must not specify {resource}"
            yield Cause.invalid(place, compact(resource), why)
        elif slash and part != "*" and name in whole:
            why = f"if '{name}/*' is present, must not specify {resource}"
            yield Cause.invalid(place, compact(resource), why)
        if part == "*":
            whole.add(name)
        elif not slash:
            below.add(resource)
    if "*/*" in resources and len(resources) > 1:
        why = "if '*/*' is present, must not specify other resources"
        yield Cause.invalid(path, compact(resources), why)
    if "*" in below and len(below) > 1:
        why = "if '*' is present, must not specify other resources without subresources"
        yield Cause.invalid(path, compact(resources), why)


def _client(config: JSON, path: str) -> Iterator[Cause]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield Cause.required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(url, f"{path}.url")
    elif service is not None:
        yield from _service(service, f"{path}.service")


def _url(url: str, path: str) -> Iterator[Cause]:
    parts = urlsplit(url)
    if parts.scheme != "https":
        why = f"'https' is the only allowed URL scheme{_FORMAT}"
        yield Cause.invalid(path, compact(parts.scheme), why)
    if not parts.hostname:
        yield Cause.invalid(path, compact(parts.netloc), f"host must be specified{_FORMAT}")
    if parts.username is not None:
        why = "user information is not permitted in the URL"
        yield Cause.invalid(path, compact(parts.username), why)
    if parts.fragment:
        yield Cause.invalid(path, compact(parts.fragment), "fragments are not permitted in the URL")
    if parts.query:
        why = "query parameters are not permitted in the URL"
        yield Cause.invalid(path, compact(parts.query), why)


def _service(service: JSON, path: str) -> Iterator[Cause]:
    for field in ("name", "namespace"):
        if not service.get(field):
            yield Cause.required(f"{path}.{field}")
    port = service.get("port")
    if port is not None and not 1 <= port <= 65535:
        why = "port is not valid: must be between 1 and 65535, inclusive"
        yield Cause.invalid(f"{path}.port", str(port), why)
    yield from _path(service.get("path"), f"{path}.path")


def _path(wanted: str | None, path: str) -> Iterator[Cause]:
    if wanted in {None, "/"}:
        return
    assert wanted is not None
    if not wanted.startswith("/"):
        yield Cause.invalid(path, compact(wanted), "must start with a '/'")
    segments = wanted[1:].split("/")
    if segments[-1] == "":
        segments.pop()
    for index, segment in enumerate(segments):
        if not segment:
            yield Cause.invalid(path, compact(wanted), f"segment[{index}] may not be empty")
        elif problem := subdomain_problem(segment):
            yield Cause.invalid(path, compact(wanted), f"segment[{index}]: {problem}")
