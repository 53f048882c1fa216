"""The Sealed Secrets controller: SealedSecrets become Secrets, as long as it has the right key.

    when                                        then
    its pod starts                              it reads its keys; if there is none it makes one, silently
    a SealedSecret is new, or changed           unsealed into a Secret that it owns
    the Secret it owns was deleted              made again
    no key fits, or the Secret is another's     Synced False; five tries per change, then silence

Keys are read when the pod starts and at no other time: restored keys need a restart of the pod.
While no pod of its Deployment is ready nothing is unsealed.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    dig,
    key_of,
    labels_of,
    matches,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.templates import is_ready, random_suffix
from runbook.practice.controllers.unsealing import (
    NotOwned,
    change_of,
    synced_status,
    unsealed_secret,
    with_unsealed,
)
from runbook.sealing import KEY_BITS, NotUnsealed, new_key, read_key

SEALED_SECRETS = "sealedsecrets.bitnami.com"
DEPLOYMENT = ("kube-system", "sealed-secrets-controller")
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
KEY_PREFIX = "sealed-secrets-key"
RENEWED_AFTER = timedelta(days=30)
TRIES = 5
FIRST_RETRY = 0.5  # seconds, doubled with every try of one change
SOURCE = "sealed-secrets"


@dataclass(slots=True)
class Process:
    """One life of the controller's pod, with the keys it read when it started."""

    pod: str
    instance: tuple[str, int]  # uid of the pod, restarts of its container
    keys: list[RSAPrivateKey] = field(default_factory=list)
    certificate: bytes = b""
    tries: dict[str, tuple[str, int]] = field(default_factory=dict)  # uid -> change, tries


class SealedSecrets:
    """Watches SealedSecrets, the Secrets they own, and its own pods."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        events: EventRecorder,
        logs: PodLogs,
        *,
        seed: int = 0,
        key_bits: int = KEY_BITS,
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._events = events
        self._logs = logs
        self._random = random.Random(f"sealed secrets {seed}")
        self._key_bits = key_bits
        self._process: Process | None = None
        self.watches: Mapping[str, KeysOf] = {
            SEALED_SECRETS: lambda sealed: [key_of(SEALED_SECRETS, sealed)],
            "secrets": self._owner_of,
            "pods": self._if_mine,
        }

    def certificate(self) -> bytes | None:
        """What `/v1/cert.pem` answers: the newest certificate; None while no pod is ready."""
        process = self._process
        return process.certificate if process is not None and self._running() else None

    def _owner_of(self, secret: JSON) -> Iterable[Key]:
        """Only a Secret that vanished concerns its owner; changes by hand stay until it is touched."""
        if self._cluster.get("secrets", namespace_of(secret), name_of(secret)) is None:
            return controller_key(secret, "SealedSecret", SEALED_SECRETS)
        return []

    def _if_mine(self, pod: JSON) -> list[Key]:
        if namespace_of(pod) != DEPLOYMENT[0] or not self._is_mine(pod):
            return []
        return [("deployments.apps", *DEPLOYMENT)]

    def _is_mine(self, pod: JSON) -> bool:
        deployment = self._cluster.get("deployments.apps", *DEPLOYMENT)
        return deployment is not None and matches(deployment["spec"]["selector"], labels_of(pod))

    def _running(self) -> JSON | None:
        pods = self._cluster.select("pods", DEPLOYMENT[0])
        return next((pod for pod in pods if is_ready(pod) and self._is_mine(pod)), None)

    async def reconcile(self, key: Key) -> float | None:
        pod = self._running()
        if pod is None:
            return None
        process = self._process
        if process is None or process.instance != _instance(pod):
            process = await self._start(pod)
        sealed = self._cluster.get(*key) if key[0] == SEALED_SECRETS else None
        if sealed is None or being_deleted(sealed):
            return None
        return await self._sync(process, sealed)

    # -- its start

    async def _start(self, pod: JSON) -> Process:
        """Read the keys, make one if there is none, and look at every SealedSecret once."""
        process = Process(name_of(pod), _instance(pod))
        self._say(process, "Starting sealed-secrets controller", version="0.30.0")
        self._say(process, "Searching for existing private keys")
        secrets = self._key_secrets()
        if not secrets or self._is_due(secrets[-1]):
            secrets.append(await self._make_key(process))
        for secret in secrets:
            try:
                process.keys.append(read_key(base64.b64decode(secret["data"]["tls.key"])))
                process.certificate = base64.b64decode(secret["data"]["tls.crt"])
            except (KeyError, ValueError) as fault:
                self._say(process, "Error reading key", secret=name_of(secret), error=str(fault))
            else:
                self._say(process, "registered private key", secretname=name_of(secret))
        self._say(process, "HTTP server serving", addr=":8080")
        self._process = process
        for sealed in self._cluster.select(SEALED_SECRETS):
            self._controllers.queue(self, key_of(SEALED_SECRETS, sealed))
        return process

    def _key_secrets(self) -> list[JSON]:
        """The Secrets that hold active keys, oldest first."""
        secrets = self._cluster.select("secrets", DEPLOYMENT[0], {KEY_LABEL: "active"})
        return sorted(secrets, key=lambda one: (one["metadata"]["creationTimestamp"], name_of(one)))

    def _is_due(self, newest: JSON) -> bool:
        horizon = self._cluster.timeline.now() - RENEWED_AFTER
        created: str = newest["metadata"]["creationTimestamp"]
        return created < horizon.strftime("%Y-%m-%dT%H:%M:%SZ")

    async def _make_key(self, process: Process) -> JSON:
        now = self._cluster.timeline.now()
        # In a thread: a second of arithmetic must not keep the API server from answering.
        key, certificate = await asyncio.to_thread(new_key, now, bits=self._key_bits)
        name = KEY_PREFIX + random_suffix(self._random)
        secret: JSON = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "generateName": KEY_PREFIX,
                "namespace": DEPLOYMENT[0],
                "labels": {KEY_LABEL: "active"},
            },
            "type": "kubernetes.io/tls",
            "data": {
                "tls.crt": base64.b64encode(certificate).decode(),
                "tls.key": base64.b64encode(key).decode(),
            },
        }
        created = await self._cluster.create("secrets", secret)
        self._say(process, "New key written", namespace=DEPLOYMENT[0], name=name)
        return created

    # -- its work

    async def _sync(self, process: Process, sealed: JSON) -> float | None:
        """Unseal one; after a failure the seconds until the next try, or None to give up."""
        uid, change = uid_of(sealed), change_of(sealed)
        known, tries = process.tries.get(uid, ("", 0))
        if known != change:
            tries = 0
        if tries >= TRIES:
            return None
        identity = f"{namespace_of(sealed)}/{name_of(sealed)}"
        self._say(process, "Updating", key=identity)
        failure = await self._unseal(process, sealed)
        if failure is None:
            process.tries.pop(uid, None)
            return None
        process.tries[uid] = (change, tries + 1)
        if tries + 1 >= TRIES:
            self._say(process, "Error updating, giving up", key=identity, error=failure)
            return None
        self._say(process, "Error updating, will retry", key=identity, error=failure)
        return FIRST_RETRY * 2.0**tries

    async def _unseal(self, process: Process, sealed: JSON) -> str | None:
        """Make the Secret be what is sealed; the error text if that cannot be done."""
        try:
            secret = unsealed_secret(sealed, process.keys)
        except NotUnsealed as fault:
            message = f"Failed to unseal: {fault}"
            await self._events.record(sealed, "ErrUnsealFailed", message, "Warning", SOURCE)
            await self._report(sealed, str(fault))
            return str(fault)
        try:
            live = self._cluster.get("secrets", namespace_of(sealed), name_of(sealed))
            if live is None:
                live = await self._cluster.create("secrets", secret)
            if (merged := with_unsealed(live, secret, sealed)) != live:
                await self._cluster.update("secrets", merged)
        except ApiError as refused:
            message = refused.message
            await self._events.record(sealed, "ErrUpdateFailed", message, "Warning", SOURCE)
            await self._report(sealed, message)
            return message
        except NotOwned as fault:
            await self._events.record(sealed, "ErrUpdateFailed", str(fault), "Warning", SOURCE)
            await self._report(sealed, f"failed update: {fault}")
            return str(fault)
        await self._report(sealed, "")
        message = "SealedSecret unsealed successfully"
        await self._events.record(sealed, "Unsealed", message, source=SOURCE)
        return None

    async def _report(self, sealed: JSON, failure: str) -> None:
        """Rewritten only when the state flips or the generation is new: an old text may stay."""
        live = self._cluster.get(SEALED_SECRETS, namespace_of(sealed), name_of(sealed))
        if live is None:
            return
        status = synced_status(live, failure, self._cluster.timeline.stamp())
        if status is not None:
            await self._cluster.update_status(SEALED_SECRETS, {**live, "status": status})

    def _say(self, process: Process, message: str, **fields: str) -> None:
        stamp = self._cluster.timeline.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        shown = "".join(f' {name}="{value}"' for name, value in fields.items())
        line = f'time={stamp}Z level=INFO msg="{message}"{shown}'
        self._logs.append(DEPLOYMENT[0], process.pod, "controller", line)


def _instance(pod: JSON) -> tuple[str, int]:
    statuses = dig(pod, "status", "containerStatuses", default=[])
    return uid_of(pod), sum(int(status.get("restartCount", 0)) for status in statuses)
