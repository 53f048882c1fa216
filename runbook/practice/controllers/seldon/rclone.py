"""The remotes an agent gives to rclone: which Secrets they come from, and every way that goes wrong.

Rule 1: a Secret holds exactly one key (its name does not matter) with JSON or YAML: `name`, `type` and
string `parameters`. Rule 2: a fault here is fatal for an agent that starts, and fails the one model
whose `secretName` it is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import dig
from runbook.practice.controllers.seldon.names import AGENT_CONFIG, AGENT_CONFIG_KEY


class RcloneFault(Exception):
    """The agent's error text."""


@dataclass(frozen=True, slots=True)
class Remote:
    name: str
    type: str
    parameters: Mapping[str, str]


def secret_names(cluster: Cluster, namespace: str) -> list[str]:
    """The Secrets that the ConfigMap of this namespace's agents lists."""
    return [str(name) for name in _agent_config(cluster, namespace).get("config_secrets") or []]


def remotes(cluster: Cluster, namespace: str) -> dict[str, Remote]:
    """Every remote agents of this namespace have. Raises RcloneFault as their start would fail."""
    inline = _agent_config(cluster, namespace).get("config") or []
    found = [_remote(json.dumps(entry) if isinstance(entry, dict) else entry) for entry in inline]
    names = secret_names(cluster, namespace)
    found += [from_secret(cluster, namespace, name) for name in names]
    return {remote.name: remote for remote in found}


def from_secret(cluster: Cluster, namespace: str, name: str) -> Remote:
    secret = cluster.get("secrets", namespace, name)
    if secret is None:
        raise RcloneFault(f'secrets "{name}" not found')
    data = secret.get("data") or {}
    if len(data) != 1:
        raise RcloneFault(f"Secret does not have 1 key {name}")
    try:
        text = base64.b64decode(next(iter(data.values())), validate=True).decode()
    except ValueError as fault:
        raise RcloneFault(f"{_UNREADABLE} {fault}") from fault
    return _remote(text)


_UNREADABLE = "Failed to unmarshall config as json or yaml."


def _agent_config(cluster: Cluster, namespace: str) -> JSON:
    config_map = cluster.get("configmaps", namespace, AGENT_CONFIG)
    try:
        content = yaml.safe_load(dig(config_map, "data", AGENT_CONFIG_KEY, default="")) or {}
    except yaml.YAMLError:
        return {}
    return dict(dig(content, "rclone", default={}))


def _remote(text: str) -> Remote:
    content = _parse(text)
    missing = [field for field in ("name", "type", "parameters") if not content.get(field)]
    if missing:
        raise RcloneFault("\n".join(_required(field) for field in missing))
    parameters = content["parameters"]
    if not isinstance(parameters, dict):
        raise RcloneFault(f"{_UNREADABLE} {_wrong_type(parameters, 'map[string]string')}")
    for value in parameters.values():
        if not isinstance(value, str):
            raise RcloneFault(f"{_UNREADABLE} {_wrong_type(value, 'string')}")
    return Remote(str(content["name"]), str(content["type"]), parameters)


def _parse(text: str) -> JSON:
    looks_like_json = text.lstrip().startswith(("{", "["))
    json_error = ""
    try:
        content: object = json.loads(text)
    except json.JSONDecodeError as fault:
        json_error = _go_error(fault)
        if looks_like_json:
            raise RcloneFault(
                f"{_UNREADABLE} {json_error}. yaml: did not find expected node content"
            ) from fault
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as yaml_fault:
            problem = str(yaml_fault).splitlines()[0]
            raise RcloneFault(f"{_UNREADABLE} {json_error}. yaml: {problem}") from yaml_fault
    if not isinstance(content, dict):
        wrong = _wrong_type(content, "object")
        raise RcloneFault(
            f"{_UNREADABLE} {json_error}. {wrong}" if json_error else f"{_UNREADABLE} {wrong}"
        )
    return content


def _required(field: str) -> str:
    name = field.capitalize()
    return (
        f"Key: 'RcloneConfigCreate.{name}' Error:Field validation for '{name}' failed on the"
        " 'required' tag"
    )


def _wrong_type(value: object, wanted: str) -> str:
    kinds = {bool: "bool", int: "number", float: "number", str: "string", list: "array"}
    found = kinds.get(type(value), "object")
    return (
        f"json: cannot unmarshal {found} into Go struct field RcloneConfigCreate of type {wanted}"
    )


def _go_error(fault: json.JSONDecodeError) -> str:
    """What Go's decoder says at the same place."""
    rest = fault.doc[fault.pos :].lstrip()
    if not rest:
        return "unexpected end of JSON input"
    place = "object key string" if "property name" in fault.msg else "value"
    return f"invalid character '{rest[0]}' looking for beginning of {place}"
