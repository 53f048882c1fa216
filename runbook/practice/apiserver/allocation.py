"""Values of new objects that depend on other objects: cluster IPs, node ports, the default class.

Changes the given dict: callers hand over their own copy. Reads the store, never writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_FIRST_NODE_PORT, _LAST_NODE_PORT = 30_000, 32_767
_CARRIED = ("clusterIP", "clusterIPs", "healthCheckNodePort")


def allocate(state: State, resource: str, obj: JSON, live: JSON | None) -> None:
    if resource == "services":
        _service(state, obj["spec"], live["spec"] if live is not None else {})
    elif resource == "persistentvolumeclaims" and live is None:
        _storage_class(state, obj["spec"])


def _service(state: State, spec: JSON, before: JSON) -> None:
    if spec["type"] == "ExternalName":
        return
    for field in _CARRIED:
        if field in before and field not in spec:
            spec[field] = before[field]
    if "clusterIP" not in spec:
        taken = {service["spec"].get("clusterIP") for service in state.store.select("services")}
        spec["clusterIP"] = _free_address(state, taken)
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _node_ports(state, spec, before)


def _free_address(state: State, taken: set[str]) -> str:
    while True:
        address = f"10.96.{state.chance.randint(0, 255)}.{state.chance.randint(1, 254)}"
        if address not in taken and address != "10.96.0.1":  # the API server's own
            return address


def _node_ports(state: State, spec: JSON, before: JSON) -> None:
    earlier = {
        (port.get("protocol"), port.get("port")): port["nodePort"]
        for port in before.get("ports") or ()
        if "nodePort" in port
    }
    taken = set(_taken_node_ports(state))
    for port in spec.get("ports") or ():
        if "nodePort" not in port:
            kept = earlier.get((port.get("protocol"), port.get("port")))
            port["nodePort"] = kept if kept is not None else _free_node_port(state, taken)
            taken.add(port["nodePort"])


def _taken_node_ports(state: State) -> Iterator[int]:
    for service in state.store.select("services"):
        for port in service["spec"].get("ports") or ():
            if "nodePort" in port:
                yield port["nodePort"]


def _free_node_port(state: State, taken: set[int]) -> int:
    while True:
        port = state.chance.randint(_FIRST_NODE_PORT, _LAST_NODE_PORT)
        if port not in taken and state.node_port_is_free(port):
            return port


def _storage_class(state: State, spec: JSON) -> None:
    if "storageClassName" in spec:
        return
    for storage_class in state.store.select("storageclasses.storage.k8s.io"):
        annotations = storage_class["metadata"].get("annotations") or {}
        if annotations.get(_DEFAULT_CLASS) == "true":
            spec["storageClassName"] = storage_class["metadata"]["name"]
            return
