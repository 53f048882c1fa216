"""From a request to the verb that answers it, with the options its query carries.

Knows the verbs and nothing of their rules.
"""

from __future__ import annotations

import dataclasses
from typing import cast

from runbook.practice.apiserver import (
    aggregation,
    deleting,
    logs,
    pods,
    reading,
    reviews,
    scale,
    token_reviews,
    watching,
)
from runbook.practice.apiserver.authorization import Attributes, User, check
from runbook.practice.apiserver.codec import decode_body, media_type
from runbook.practice.apiserver.documents import Documents
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    bad_request,
    forbidden,
    invalid_options,
    method_not_allowed,
    success,
    verb_not_supported,
)
from runbook.practice.apiserver.messages import (
    Answer,
    Request,
    Response,
    json_response,
)
from runbook.practice.apiserver.negotiation import as_item, encode_one, list_meta, negotiated
from runbook.practice.apiserver.patching import APPLY_PATCH, apply_object, patch_object
from runbook.practice.apiserver.proxy import ServiceProxy
from runbook.practice.apiserver.routing import GroupPath, ResourcePath, route, unserved
from runbook.practice.apiserver.state import (
    JSON,
    DeleteOptions,
    FieldValidation,
    State,
    Target,
    WriteOptions,
)
from runbook.practice.apiserver.writing import create, persistently, update

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch"}
_OPTIONS = {"PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}
_VALIDATIONS = ("Ignore", "Strict", "Warn")
_OWN_FORMS = frozenset({"proxy", "log", "exec", "attach", "portforward"})
_ENDPOINTS_DEPRECATED = (
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
)
_SHOWN = 30  # bytes of a body that a complaint about it shows once more
_INTERACTIVE = frozenset({"exec", "attach", "portforward"})


class Requests:
    """Answers requests about one cluster."""

    def __init__(self, state: State, bookmark_every: float) -> None:
        self.tokens = pods.Tokens()
        self.proxy = ServiceProxy()
        self.log_source: logs.LogSource = logs.no_lines
        self._state = state
        self._bookmark_every = bookmark_every
        self._documents = Documents(state.registry, state.store, state.timeline)

    async def answer(self, request: Request, user: User) -> Answer:
        try:
            answer = await self._answer(request, user)
        except ApiError as error:
            answer = json_response(error.status(), error.code)
        if request.warnings:
            texts = ", ".join(f'299 - "{_quoted(warning)}"' for warning in request.warnings)
            answer.headers = {**answer.headers, "Warning": texts}
        return answer

    async def _answer(self, request: Request, user: User) -> Answer:
        state = self._state
        found = route(state.registry, request.path)
        elsewhere = aggregation.answer(state.store, state.registry, request.path)
        if elsewhere is not None:
            check(state.store, user, Attributes(request.method.lower(), path=request.path))
            return elsewhere
        if not isinstance(found, ResourcePath) or _spans_namespaces(request, found.target):
            check(state.store, user, Attributes(request.method.lower(), path=request.path))
            return self._document(request, found)
        verb = _verb(request, found.target)
        target = found.target
        check(state.store, user, _attributes(verb, target))
        if target.resource.name == "endpoints":
            request.warnings.append(_ENDPOINTS_DEPRECATED)
        elif target.resource.deprecation:
            request.warnings.append(target.resource.deprecation)
        if target.subresource not in _OWN_FORMS:
            negotiated(request, lists=verb in {"list", "watch", "deletecollection"})
        if target.resource.verbs == ("create",):
            return self._review(request, target, user)
        if target.subresource:
            return await self._subresource(request, found, user)
        return await self._main(request, target, verb, user)

    def _document(self, request: Request, found: ResourcePath | GroupPath | None) -> Response:
        if (missing := unserved(self._state.registry, request.path)) is not None:
            raise missing
        if not isinstance(found, GroupPath):
            page = self._documents.page(request)
        else:
            page = self._documents.group(found, request)
            if not found.version:
                return page  # whatever the method: upstream does not look at it here
        if request.method not in {"GET", "HEAD"} and page.status == 200:
            raise method_not_allowed()
        return page

    async def _main(self, request: Request, target: Target, verb: str, user: User) -> Answer:
        state = self._state
        if verb not in target.resource.verbs:
            raise method_not_allowed()
        match verb:
            case "get":
                return reading.get(state, target, request)
            case "list":
                return reading.list_objects(state, target, request)
            case "watch":
                return watching.watch(state, target, request, self._bookmark_every)
            case "create":
                return await self._create(request, target, user)
            case "update":
                return await self._update(request, target, user)
            case "patch":
                return await self._patch(request, target, user)
            case "delete":
                return await self._delete(request, target, user)
            case _:
                return await self._delete_collection(request, target, user)

    async def _subresource(self, request: Request, found: ResourcePath, user: User) -> Answer:
        state, target = self._state, found.target
        match target.subresource, request.method:
            case "proxy", _:
                return await self.proxy.forward(state, target, found.rest, request)
            case "log", "GET":
                return logs.read_log(state, target, request, self.log_source)
            case subresource, "GET" | "POST" if subresource in _INTERACTIVE:
                state.must(target)
                raise forbidden(
                    target.resource,
                    target.name,
                    "no container runs on the practice cluster, so there is nothing to "
                    f"{subresource} to",
                )
            case "eviction", "POST":
                body = decode_body(request) if request.body else {}
                options = _write_options(request, user)
                return json_response(await pods.evict(state, target, body, options), 201)
            case "binding", "POST":
                options = _write_options(request, user)
                bound = await pods.bind(state, target, decode_body(request), options)
                return json_response(bound, 201)
            case "token", "POST":
                options, body = _write_options(request, user), decode_body(request)
                return json_response(self.tokens.issue(state, target, body, options), 201)
            case "scale", "GET":
                return json_response(scale.get_scale(target, state.must(target)))
            case "scale", "PUT" | "PATCH":
                return await self._scale(request, target, user)
            case "status", "GET":
                return reading.get(state, target, request)
            case "status" | "finalize", "PUT":
                return await self._update(request, target, user)
            case "status", "PATCH":
                return await self._patch(request, target, user)
            case _ if target.resource.crd is not None:
                raise verb_not_supported(target.resource, _verb(request, target))
            case _:
                raise method_not_allowed()

    def _review(self, request: Request, target: Target, user: User) -> Response:
        if request.method != "POST" or target.name:
            raise method_not_allowed()
        question = decode_body(request)
        state = self._state
        if target.resource.kind == "TokenReview":
            options = _write_options(request, user)
            answer = token_reviews.review(state, target.resource, question, options, self.tokens)
            return json_response(answer, 201)
        stamp = state.timeline.stamp()
        return json_response(
            reviews.review(state.store, target.resource, question, user, stamp), 201
        )

    async def _create(self, request: Request, target: Target, user: User) -> Response:
        if target.resource.namespaced and target.namespace is None:
            raise method_not_allowed()
        options = _write_options(request, user)
        made = await create(self._state, target, _object(request, target), options)
        return self._one(request, target, made, 201)

    async def _update(self, request: Request, target: Target, user: User) -> Response:
        options = _write_options(request, user)
        made = await persistently(
            lambda: update(self._state, target, _object(request, target), options)
        )
        return self._one(request, target, made)

    async def _patch(self, request: Request, target: Target, user: User) -> Response:
        state, body, options = self._state, request.body, _write_options(request, user)
        media = media_type(request)
        if media != APPLY_PATCH:
            made = await persistently(lambda: patch_object(state, target, media, body, options))
            return self._one(request, target, made)
        options.manager = request.query.get("fieldManager", "")
        made, new = await persistently(
            lambda: apply_object(state, target, body, options, force=options.force)
        )
        return self._one(request, target, made, 201 if new else 200)

    async def _scale(self, request: Request, target: Target, user: User) -> Response:
        state, body, options = self._state, request.body, _write_options(request, user)
        media = media_type(request)
        if request.method == "PUT":
            made = await persistently(
                lambda: scale.put_scale(state, target, decode_body(request), options)
            )
        else:
            made = await persistently(
                lambda: scale.patch_scale(state, target, media, body, options)
            )
        return json_response(made)

    async def _delete(self, request: Request, target: Target, user: User) -> Response:
        options = _delete_options(request, user)
        last, gone = await deleting.delete(self._state, target, options)
        if gone and target.resource.name not in deleting.RETURNED:
            return json_response(success(target.resource, target.name, last["metadata"]["uid"]))
        return self._one(request, target, last)

    async def _delete_collection(self, request: Request, target: Target, user: User) -> Response:
        state, resource = self._state, target.resource
        if resource.namespaced and target.namespace is None:
            raise method_not_allowed()
        options = _delete_options(request, user)
        chosen = reading.select(state, target, request)
        for obj in chosen:
            name = obj["metadata"]["name"]
            await deleting.delete(state, Target(resource, target.namespace, name), options)
        return json_response(
            {
                "kind": resource.list_kind,
                "apiVersion": resource.api_version,
                "metadata": list_meta(resource, {"resourceVersion": str(state.store.version)}),
                "items": [as_item(resource, obj) for obj in chosen],
            }
        )

    def _one(self, request: Request, target: Target, obj: JSON, status: int = 200) -> Response:
        form, now = negotiated(request), self._state.timeline.now()
        return Response(status, encode_one(target.resource, obj, form, now))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _spans_namespaces(request: Request, target: Target) -> bool:
    """Whether custom resources of all namespaces are meant, of which only reading knows."""
    resource = target.resource
    everywhere = resource.namespaced and target.namespace is None
    return resource.crd is not None and everywhere and request.method not in {"GET", "HEAD"}


def _verb(request: Request, target: Target) -> str:
    """The verb as RBAC knows it."""
    if request.method == "DELETE":
        return "delete" if target.name else "deletecollection"
    if request.method == "POST" and target.name and not target.subresource:
        raise method_not_allowed()
    if request.method in {"PUT", "PATCH"} and not target.name:
        nameless = bad_request("name must be provided")
        raise method_not_allowed() if target.resource.crd is None else nameless
    verb = _VERBS.get(request.method)
    if verb is None:
        raise method_not_allowed()
    if verb == "get" and not target.subresource and not target.name:
        return "watch" if request.asks("watch") else "list"
    return verb


def _attributes(verb: str, target: Target) -> Attributes:
    resource = target.resource
    space = target.namespace or ""
    if resource.name == "namespaces":
        space = target.name
    return Attributes(
        verb=verb,
        group=resource.group,
        resource=resource.plural,
        subresource=target.subresource,
        namespace=space,
        name=target.name,
    )


def _write_options(request: Request, user: User) -> WriteOptions:
    query = request.query
    dry_run = query.get("dryRun", "")
    if dry_run not in {"", "All"}:
        raise _unsupported(request, "dryRun", f'["{dry_run}"]', ("All",))
    validation = query.get("fieldValidation") or "Warn"
    if validation not in _VALIDATIONS:
        raise _unsupported(request, "fieldValidation", f'"{validation}"', ("", *_VALIDATIONS))
    agent = request.headers.get("user-agent", "").partition("/")[0]
    return WriteOptions(
        manager=query.get("fieldManager") or agent or "unknown",
        validation=cast("FieldValidation", validation),
        dry_run=dry_run == "All",
        force=request.asks("force"),
        warnings=request.warnings,
        user=user,
        sent={
            **({"dryRun": [dry_run]} if dry_run else {}),
            **{name: query[name] for name in ("fieldManager", "fieldValidation") if name in query},
            **({"force": True} if request.asks("force") else {}),
        },
    )


def _delete_options(request: Request, user: User) -> DeleteOptions:
    dry_run = _write_options(request, user).dry_run
    body = decode_body(request) if request.body else {}
    options = deleting.read_options(body, dict(request.query), dry_run=dry_run)
    return dataclasses.replace(options, user=user, warnings=request.warnings)


def _unsupported(request: Request, field: str, value: str, supported: tuple[str, ...]) -> ApiError:
    kind = _OPTIONS.get(request.method, "CreateOptions")
    return invalid_options(kind, [Cause.unsupported(field, value, supported)])


def _object(request: Request, target: Target) -> JSON:
    """The object in the body; that of a custom resource must say itself what it is."""
    found = decode_body(request)
    if target.resource.crd is not None:
        for field, name in (("kind", "Kind"), ("apiVersion", "apiVersion")):
            if not found.get(field):
                text = request.body.decode("utf-8", "replace")
                short = f"{text[:_SHOWN]} ..." if len(text) > _SHOWN else text
                raise bad_request(
                    f"the object provided is unrecognized (must be of type {target.resource.kind}): "
                    f"Object '{name}' is missing in '{text}' ({short})"
                )
    return found
