"""ingress-nginx: which Ingresses it serves, and what it writes about them.

    an Ingress of its class          served; within a minute it has the controller's address
    one that names no class          ignored, with a line in the log, unless the controller was told
                                     to watch those as well
    no ready pod of the controller   nothing is written; what answers from outside goes with the pod

An Ingress names its class in `spec.ingressClassName` or in the older annotation. The controller is
there when somebody installed it as its Deployment; without it an Ingress is only an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.ingress_rules import destination
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    annotations_of,
    being_deleted,
    dig,
    key_of,
    name_of,
    namespace_of,
    uid_of,
    with_status_fields,
)
from runbook.practice.controllers.stages import Stage, Stages
from runbook.practice.controllers.templates import is_ready

INGRESSES = "ingresses.networking.k8s.io"
CLASSES = "ingressclasses.networking.k8s.io"
NAMESPACE, NAME, CONTAINER = "ingress-nginx", "ingress-nginx-controller", "controller"
PROGRAM = {"app.kubernetes.io/name": "ingress-nginx"}
CONTROLLER_CLASS = "k8s.io/ingress-nginx"
OLDER_ANNOTATION = "kubernetes.io/ingress.class"
WATCH_ALL = "--watch-ingress-without-class=true"
STATUS_AFTER = 30.0  # seconds until it tells its address; it does so once a minute
SOURCE = "nginx-ingress-controller"

Backends = Callable[[str, str, str], str | None]
"""(namespace, Service, port number) -> base URL of what answers there, if anything does."""


class IngressNginx:
    """Watches Ingresses, their classes, and its own pods."""

    def __init__(self, cluster: Cluster, events: EventRecorder, logs: PodLogs) -> None:
        self._cluster = cluster
        self._events = events
        self._logs = logs
        self._told: set[tuple[str, int]] = set()  # uid and generation of what was complained of
        self._stages = Stages(
            cluster.timeline,
            (
                Stage("ignore", self._is_ignored, self._ignore),
                Stage("publish", self._lacks_address, self._publish, after=STATUS_AFTER),
            ),
        )
        self.watches: Mapping[str, KeysOf] = {
            INGRESSES: lambda ingress: [key_of(INGRESSES, ingress)],
            CLASSES: lambda _: self._all(),
            "pods": lambda pod: self._all() if self._is_own(pod) else [],
        }

    def _all(self) -> list[Key]:
        return [key_of(INGRESSES, one) for one in self._cluster.select(INGRESSES)]

    async def reconcile(self, key: Key) -> float | None:
        ingress = self._cluster.get(*key)
        if ingress is None or being_deleted(ingress) or self._pod() is None:
            return None
        return await self._stages.step(uid_of(ingress), ingress)

    def url(self, host: str, path: str, backends: Backends) -> str | None:
        """Where a request goes on to; None without a rule for it, "" when nobody answers there."""
        served = [one for one in self._cluster.select(INGRESSES) if self.serves(one)]
        name = urlsplit(f"//{host}").hostname or ""
        to = destination(served, name, path)
        if to is None:
            return None
        service = self._cluster.get("services", to.namespace, to.service)
        for port in dig(service, "spec", "ports", default=[]):
            if to.port in {str(port["port"]), port.get("name")}:
                base = backends(to.namespace, to.service, str(port["port"]))
                return f"{base}{to.path}" if base else ""
        return ""

    def serves(self, ingress: JSON) -> bool:
        name = dig(ingress, "spec", "ingressClassName")
        if name is None:
            name = annotations_of(ingress).get(OLDER_ANNOTATION)
        if name is None:
            return self._watches_all()
        known = self._cluster.get(CLASSES, None, str(name))
        return bool(dig(known, "spec", "controller") == CONTROLLER_CLASS)

    # -- its pod

    def _is_own(self, pod: JSON) -> bool:
        return namespace_of(pod) == NAMESPACE and name_of(pod).startswith(f"{NAME}-")

    def _pod(self) -> JSON | None:
        pods = self._cluster.select("pods", NAMESPACE)
        return next((pod for pod in pods if self._is_own(pod) and is_ready(pod)), None)

    def _watches_all(self) -> bool:
        containers = dig(self._pod(), "spec", "containers", default=[])
        return any(WATCH_ALL in (one.get("args") or []) for one in containers)

    # -- what it does about an Ingress

    def _is_ignored(self, ingress: JSON) -> bool:
        named = dig(ingress, "spec", "ingressClassName") is not None
        generation = int(ingress["metadata"].get("generation", 1))
        new = (uid_of(ingress), generation) not in self._told
        return new and not named and not self.serves(ingress)

    async def _ignore(self, ingress: JSON) -> None:
        self._told.add((uid_of(ingress), int(ingress["metadata"].get("generation", 1))))
        self._say(
            '"Ignoring ingress because of error while validating ingress class"'
            f' ingress="{namespace_of(ingress)}/{name_of(ingress)}"'
            ' error="ingress does not contain a valid IngressClass"'
        )

    def _address(self) -> str:
        service = self._cluster.get("services", NAMESPACE, NAME)
        return str(dig(service, "status", "loadBalancer", "ingress", 0, "ip", default=""))

    def _lacks_address(self, ingress: JSON) -> bool:
        shown = dig(ingress, "status", "loadBalancer", "ingress", 0, "ip", default="")
        return self.serves(ingress) and shown != self._address()

    async def _publish(self, ingress: JSON) -> None:
        addresses = {"ingress": [{"ip": self._address()}]}
        told = await self._cluster.update_status(
            INGRESSES, with_status_fields(ingress, loadBalancer=addresses)
        )
        await self._events.record(told, "Sync", "Scheduled for sync", source=SOURCE)

    def _say(self, text: str) -> None:
        pod = self._pod()
        if pod is not None:
            now = self._cluster.timeline.now()
            stamp = now.strftime("%m%d %H:%M:%S.%f")
            self._logs.append(NAMESPACE, name_of(pod), CONTAINER, f"I{stamp}       7 {text}")
