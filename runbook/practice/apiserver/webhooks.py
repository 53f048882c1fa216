"""Admission webhooks: who is asked about a write, in which order, and what becomes of the answers.

    mutating     one after the other; each sees what those before it made of the object
    validating   all at once; the first refusal is the answer

A webhook whose service leads to pods of this cluster is answered for them: nothing runs in a practice
pod, so what a healthy one would say is taken as yes, and a warning tells so.
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from runbook.practice.apiserver import conversion, match_conditions, patch
from runbook.practice.apiserver.codec import normal
from runbook.practice.apiserver.errors import ApiError, compact
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.state import DeleteOptions, State, Target, WriteOptions
from runbook.practice.apiserver.webhook_client import (
    CallFailed,
    NobodyThere,
    WebhookClient,
    review_of,
)
from runbook.practice.apiserver.webhook_selection import (
    CONTROLLERS,
    MUTATING,
    VALIDATING,
    Asked,
    Question,
    chosen,
)

JSON = dict[str, Any]

_CLIENT = WebhookClient()


def question_of(
    target: Target,
    operation: str,
    obj: JSON | None,
    old: JSON | None,
    options: WriteOptions | DeleteOptions,
) -> Question:
    """What is to be asked about a write to this target."""
    meta = (obj if obj is not None else old or {}).get("metadata") or {}
    kind = f"{operation.capitalize()}Options"
    return Question(
        resource=target.resource,
        operation=operation,
        namespace=target.namespace,
        name=target.name or meta.get("name", ""),
        obj=obj,
        old=old,
        subresource=target.subresource,
        user=options.user or CONTROLLERS,
        dry_run=options.dry_run,
        options={"kind": kind, "apiVersion": "meta.k8s.io/v1", **options.sent},
        warnings=options.warnings,
    )


async def admit(state: State, question: Question) -> bool:
    """For a write that changes no object: ask all; whether anybody was asked."""
    asked = any(chosen(state, MUTATING, question))
    if asked:
        await mutate(state, question)
    return await validate(state, question) or asked


async def mutate(state: State, question: Question) -> JSON | None:
    """The object as the mutating webhooks leave it. Raises what one of them refuses with."""
    asked = list(chosen(state, MUTATING, question))
    again: list[Asked] = []
    for one in asked:
        if await _changed(state, one, question):
            again = [earlier for earlier in again if earlier is not one]
            again += [
                earlier
                for earlier in asked[: asked.index(one)]
                if earlier.webhook.get("reinvocationPolicy") == "IfNeeded" and earlier not in again
            ]
    for one in again:
        await _changed(state, one, question)
    return question.obj


async def validate(state: State, question: Question) -> bool:
    """Ask the validating webhooks; whether there were any. Raises the first refusal."""
    asked = list(chosen(state, VALIDATING, question))
    refusals: list[ApiError] = []

    async def ask(one: Asked) -> None:
        try:
            await _ask(state, one, question, mutating=False)
        except ApiError as refusal:
            refusals.append(refusal)

    async with asyncio.TaskGroup() as group:
        for one in asked:
            group.create_task(ask(one))
    if refusals:
        raise refusals[0]
    return bool(asked)


async def _changed(state: State, asked: Asked, question: Question) -> bool:
    response = await _ask(state, asked, question, mutating=True)
    operations = response.get("patch")
    if operations is None or question.obj is None:
        return False
    before = question.obj
    resource, made = asked.resource, before
    if question.kind is None:
        made = {**conversion.as_shown(resource, before), "apiVersion": resource.api_version}
    for operation in operations:
        made = _applied(made, operation)
    if question.kind is None:
        made = {**conversion.as_stored(resource, made), "apiVersion": before["apiVersion"]}
    question.obj = normal(made)
    return question.obj != before


def _applied(obj: JSON, operation: JSON) -> JSON:
    try:
        return patch.json_patch(obj, [operation])
    except patch.MalformedPatch as error:
        raise internal_with_cause(str(error)) from None
    except patch.PatchDoesNotApply:
        kind, path = operation.get("op"), operation.get("path")
        if kind == "test":
            raise internal_with_cause(f"testing value {path} failed: test failed") from None
        where = path if kind == "replace" else compact(path)
        why = f"doc is missing path: {where}: missing value"
        raise internal_with_cause(f"{kind} operation does not apply: {why}") from None


async def _ask(state: State, asked: Asked, question: Question, *, mutating: bool) -> JSON:
    webhook = asked.webhook
    name = webhook["name"]
    request = review_of("", asked.resource, question)["request"]
    if not match_conditions.matches(webhook, question.resource, request):
        return {}
    try:
        response = await _CLIENT.ask(state, webhook, asked.resource, question)
        operations = _operations(response, mutating=mutating)
    except NobodyThere:
        service = webhook["clientConfig"]["service"]
        question.warnings.append(
            f'admission webhook "{name}" was taken to agree: nothing runs in the pods of service '
            f"{service['namespace']}/{service['name']} on a practice cluster"
        )
        return {}
    except CallFailed as why:
        if webhook.get("failurePolicy") == "Ignore":
            return {}
        raise internal_with_cause(f'failed calling webhook "{name}": {why}') from None
    question.warnings.extend(str(one) for one in response.get("warnings") or ())
    if not response.get("allowed"):
        raise _denied(name, response.get("status") or {})
    return {**response, "patch": operations}


def _operations(response: JSON, *, mutating: bool) -> list[JSON] | None:
    """The decoded patch; CallFailed for one that may not be or cannot be read."""
    sent, kind = response.get("patch"), response.get("patchType")
    wrong = "received invalid webhook response:"
    if not mutating:
        for field, value in (("patch", sent), ("patchType", kind)):
            if value:
                raise CallFailed(f"{wrong} validating webhook may not return response.{field}")
        return None
    if sent and not kind:
        raise CallFailed(f"{wrong} webhook returned response.patch but not response.patchType")
    if kind and not sent:
        raise CallFailed(f"{wrong} webhook returned response.patchType but not response.patch")
    if not sent or not response.get("allowed"):
        return None
    try:
        found = json.loads(base64.b64decode(sent))
    except ValueError as error:
        raise CallFailed(f"received undecodable patch in webhook response: {error}") from None
    if not isinstance(found, list):
        raise CallFailed(
            "received undecodable patch in webhook response: json: cannot unmarshal "
            f"{go_type(found)} into Go value of type jsonpatch.Patch"
        )
    if kind != "JSONPatch":
        raise CallFailed(f'unsupported patch type "{kind}"')
    return found


def _denied(name: str, status: JSON) -> ApiError:
    """The webhook's own status, with its sentence put behind its name."""
    why = status.get("message") or status.get("reason")
    text = f": {why}" if why else " without explanation"
    code = status.get("code") or 400
    return ApiError(
        max(code, 400),
        status.get("reason") or "",
        f'admission webhook "{name}" denied the request{text}',
        status.get("details"),
    )


def internal_with_cause(message: str) -> ApiError:
    message = f"Internal error occurred: {message}"
    cause = {"message": message.removeprefix("Internal error occurred: ")}
    return ApiError(500, "InternalError", message, {"causes": [cause]})
