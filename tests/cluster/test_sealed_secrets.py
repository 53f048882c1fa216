"""What kubeseal and our own `seal` make opens on both sides, and ends the same where it does not open.

Both controllers start with the same new sealing key. (To the packaged one the real controller would
add another at once, because its certificate is older than 30 days; practice counts from the Secret,
so that a practice cluster has one key and needs no second for making another.) Practice imitates
release 0.30.0, which the platform runs; the real controller here is 0.40.0.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runbook.practice import seal
from runbook.sealing import new_key
from tests.cluster import sides
from tests.cluster.building import find
from tests.cluster.flat import Ledger, Meant, leaves
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side

JSON = dict[str, Any]
NAMESPACE, OTHER = "sealed-held", "sealed-other"
KEY, PEM = new_key(dt.datetime.now(dt.UTC) - dt.timedelta(hours=1), bits=2048)
CERTIFICATE = Path(tempfile.mkdtemp()) / "sealing-cert.pem"
CERTIFICATE.write_bytes(PEM)
KEY_LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"
PREFIX = "sealedsecrets.bitnami.com/"
KEYS = f"/api/v1/namespaces/kube-system/secrets?labelSelector={KEY_LABEL}%3Dactive"
SEALED = "/apis/bitnami.com/v1alpha1/namespaces/{}/sealedsecrets"
SECRETS = "/api/v1/namespaces/{}/secrets"
WITHIN = 60.0
SCOPES = ("strict", "namespace-wide", "cluster-wide")

MEANT: tuple[Meant, ...] = ()


@dataclass(frozen=True)
class Pair:
    """Both sides, and how each one's controller is started again."""

    real: Side
    practice: Side
    address: Callable[[], str]
    """Where the real controller serves."""

    @property
    def both(self) -> Sequence[Side]:
        return (self.real, self.practice)

    def restart(self) -> None:
        plane = self.real.control_plane
        assert plane is not None
        plane.restart("sealed-secrets-controller")
        pods = "/api/v1/namespaces/kube-system/pods"
        selector = "?labelSelector=app.kubernetes.io%2Fname%3Dsealed-secrets"
        old = _list(self.practice, pods + selector)
        assert len(old) == 1, "practice's controller is one pod"
        self.practice.http.delete(f"{pods}/{old[0]['metadata']['name']}").raise_for_status()

        def is_new() -> bool:
            found = _list(self.practice, pods + selector)
            return len(found) == 1 and _is_ready(found[0]) and _uid(found[0]) != _uid(old[0])

        wait_until(is_new, WITHIN, "practice's controller is there again")


@pytest.fixture(scope="module")
def pair(real: Side, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A practice cluster of its own: its key is going to be lost."""
    plane = real.control_plane
    if plane is None:
        pytest.skip("the controller runs beside our own control plane only")
    with ExitStack() as opened:
        practice = opened.enter_context(sides.practice(tmp_path_factory.mktemp("sealing")))
        _forget_keys(practice)
        for side in (real, practice):
            side.http.post(SECRETS.format("kube-system"), json=_fresh_key()).raise_for_status()
        opened.callback(_forget_keys, real)
        address = plane.sealed_secrets_controller()
        opened.callback(plane.stop, "sealed-secrets-controller")
        pair = Pair(real, practice, lambda: address)
        pair.restart()
        for side in pair.both:
            for namespace in (NAMESPACE, OTHER):
                made = {"metadata": {"name": namespace}}
                side.http.post("/api/v1/namespaces", json=made).raise_for_status()
        yield pair


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(MEANT)


def _fresh_key() -> JSON:
    data = {"tls.key": KEY, "tls.crt": PEM}
    return {
        "metadata": {"name": "sealed-secrets-keyfresh", "labels": {KEY_LABEL: "active"}},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }


def _kubeseal(*words: str, given: str) -> str:
    command = [str(find("kubeseal")), *words]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _secret(name: str, namespace: str = NAMESPACE, **fields: Any) -> JSON:
    """Two values, one of which is no text."""
    data = {"password": "s3cret\n", "binary": bytes(range(256)).decode("latin-1")}
    encoded = {k: base64.b64encode(v.encode("latin-1")).decode() for k, v in data.items()}
    metadata = {"name": name, "namespace": namespace, **fields.pop("metadata", {})}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
    return {**body, **fields}


def _by_kubeseal(secret: JSON, scope: str = "strict", *words: str) -> JSON:
    named = ("--cert", str(CERTIFICATE), "--scope", scope, "-o", "json")
    found: JSON = json.loads(_kubeseal(*named, *words, given=json.dumps(secret)))
    return found


def _by_us(secret: JSON) -> JSON:
    return seal.sealed(secret, CERTIFICATE.read_bytes())


def _scoped(name: str, scope: str, **fields: Any) -> JSON:
    notes = {} if scope == "strict" else {"annotations": {PREFIX + scope: "true"}}
    return _secret(name, metadata=notes, **fields)


# -- what opens ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("sealer", ["kubeseal", "ours"])
def test_a_sealed_file_opens(pair: Pair, ledger: Ledger, sealer: str, scope: str) -> None:
    secret = _scoped(f"{sealer}-{scope}", scope, type="example.com/own")
    sealed = _by_us(secret) if sealer == "ours" else _by_kubeseal(secret, scope)
    opened = _same(pair, ledger, sealed)
    assert opened["data"] == secret["data"]


def test_both_sealers_write_the_same_but_for_the_ciphertext() -> None:
    for scope in SCOPES:
        secret = _scoped("same", scope)
        ours, theirs = _by_us(secret), _by_kubeseal(secret, scope)
        for sealed in (ours, theirs):
            sealed["spec"]["encryptedData"] = sorted(sealed["spec"]["encryptedData"])
        assert _without_nulls(ours) == _without_nulls(theirs), scope


@pytest.mark.parametrize("scope", SCOPES)
def test_a_raw_value_opens(pair: Pair, ledger: Ledger, scope: str) -> None:
    name = f"raw-{scope}"
    words = ("--raw", "--from-file=/dev/stdin", "--scope", scope, "--cert", str(CERTIFICATE))
    where = {
        "strict": ("--namespace", NAMESPACE, "--name", name),
        "namespace-wide": ("--namespace", NAMESPACE),
        "cluster-wide": (),
    }
    value = _kubeseal(*words, *where[scope], given="a raw value").strip()
    assert _same(pair, ledger, _sealed(name, {"word": value}, scope))["data"] == {
        "word": base64.b64encode(b"a raw value").decode()
    }


def test_a_value_merged_into_a_file_opens_beside_the_others(
    pair: Pair, ledger: Ledger, tmp_path: Any
) -> None:
    path = tmp_path / "sealed.json"
    path.write_text(json.dumps(_by_us(_secret("merged"))))
    more = {**_secret("merged"), "data": {"more": base64.b64encode(b"later").decode()}}
    words = ("--cert", str(CERTIFICATE), "-o", "json", "--merge-into", str(path))
    _kubeseal(*words, given=json.dumps(more))
    opened = _same(pair, ledger, json.loads(path.read_text()))
    assert set(opened["data"]) == {"password", "binary", "more"}


def test_a_composed_value_is_rendered(pair: Pair, ledger: Ledger) -> None:
    sealed = _by_kubeseal(_secret("composed"))
    sealed["spec"]["template"]["data"] = {"url": "https://u:{{ .password }}@host", "plain": "x"}
    sealed["spec"]["template"]["metadata"]["labels"] = {"a": "b"}
    assert set(_same(pair, ledger, sealed)["data"]) == {"password", "binary", "url", "plain"}


# -- what does not ---------------------------------------------------------------------------------


def _moved(sealed: JSON, name: str, namespace: str = NAMESPACE) -> JSON:
    moved: JSON = json.loads(json.dumps(sealed))
    moved["metadata"] |= {"name": name, "namespace": namespace}
    moved["spec"]["template"].setdefault("metadata", {}).update(moved["metadata"])
    return moved


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("namespace", [NAMESPACE, OTHER])
def test_a_scope_holds_when_a_file_is_moved(
    pair: Pair, ledger: Ledger, scope: str, namespace: str
) -> None:
    sealed = _by_kubeseal(_scoped(f"at-home-{scope}", scope), scope)
    _same(pair, ledger, _moved(sealed, f"moved-{scope}", namespace))


@pytest.mark.parametrize(
    "value",
    ["not base64!", "", "AAAA", base64.b64encode(bytes(600)).decode()],
    ids=["no-base64", "empty", "short", "zeros"],
)
def test_a_value_that_is_none_is_refused_alike(pair: Pair, ledger: Ledger, value: str) -> None:
    name = f"nonsense-{len(value)}"
    good = _by_us(_secret(name))["spec"]["encryptedData"]["password"]
    _same(pair, ledger, _sealed(name, {"bad": value, "good": good}))


# -- whose a Secret is -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "annotations",
    [
        {},
        {"managed": "true"},
        {"patch": "true"},
        {"managed": "true", "patch": "true"},
        {"managed": "yes"},
        {"skip-set-owner-references": "true"},
    ],
    ids=lambda notes: "-".join(notes) + "".join(notes.values()) or "foreign",
)
def test_a_secret_that_is_there_already(
    pair: Pair, ledger: Ledger, annotations: Mapping[str, str]
) -> None:
    name = ("there-" + "-".join(annotations) + "".join(annotations.values())).rstrip("-")
    notes = {PREFIX + key: value for key, value in annotations.items()}
    own = {
        "metadata": {"name": name, "labels": {"own": "label"}, "annotations": notes},
        "data": {"own": "b3du", "password": "b2xk"},
    }
    for side in pair.both:
        side.http.post(SECRETS.format(NAMESPACE), json=own).raise_for_status()
    sealed = _by_us(_secret(name))
    sealed["spec"]["template"]["metadata"]["labels"] = {"sealed": "label"}
    _same(pair, ledger, sealed)


def test_a_secret_that_has_no_owner_by_its_template(pair: Pair, ledger: Ledger) -> None:
    notes = {"annotations": {PREFIX + "skip-set-owner-references": "true"}}
    _same(pair, ledger, _by_us(_secret("unowned", metadata=notes)))


def test_what_is_no_longer_sealed_leaves_the_secret(pair: Pair, ledger: Ledger) -> None:
    sealed = _by_us(_secret("changing", metadata={"labels": {"first": "label"}}))
    _same(pair, ledger, sealed)
    del sealed["spec"]["encryptedData"]["binary"]
    sealed["spec"]["template"]["metadata"]["labels"] = {"second": "label"}
    opened = _same(pair, ledger, sealed, again=True)
    assert set(opened["data"]) == {"password"}


def test_a_deleted_secret_is_made_again(pair: Pair, ledger: Ledger) -> None:
    sealed = _by_us(_secret("lost"))
    _same(pair, ledger, sealed)
    for side in pair.both:
        path = f"{SECRETS.format(NAMESPACE)}/lost"
        before = side.http.get(path).json()["metadata"]["uid"]
        side.http.delete(path).raise_for_status()
        wait_until(lambda s=side, b=before: _other(s, "lost", b), WITHIN, side.name)  # type: ignore[misc]
    _compare(pair, ledger, "lost")


def _other(side: Side, name: str, uid: str) -> bool:
    found = side.http.get(f"{SECRETS.format(NAMESPACE)}/{name}")
    return found.is_success and found.json()["metadata"]["uid"] != uid


# -- the controller's own HTTP, and the end of a key ----------------------------------------------


def test_the_real_controller_accepts_what_we_seal(pair: Pair) -> None:
    """What `kubeseal --validate` and `--re-encrypt` ask; no service can be reached on fake nodes."""
    base = pair.address()
    ours = json.dumps(_by_us(_secret("validated")))
    broken = json.dumps(_moved(_by_us(_secret("validated")), "elsewhere"))
    with httpx.Client(base_url=base, trust_env=False) as http:
        assert http.post("/v1/verify", content=ours).status_code == 200
        assert http.post("/v1/verify", content=broken).status_code == 409
        assert http.get("/v1/cert.pem").text.split() == CERTIFICATE.read_text().split()


def test_a_file_that_was_encrypted_again_opens(pair: Pair, ledger: Ledger) -> None:
    with httpx.Client(base_url=pair.address(), trust_env=False) as http:
        answer = http.post("/v1/rotate", content=json.dumps(_by_us(_secret("rotated"))))
    assert answer.status_code == 200
    kind = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret"}  # as kubeseal adds them
    opened = _same(pair, ledger, {**kind, **answer.json()})
    assert opened["data"] == _secret("rotated")["data"]


def test_a_lost_key_and_its_return(pair: Pair, ledger: Ledger) -> None:
    """Both make themselves a new key and say nothing; what was sealed before opens no more."""
    before = _by_us(_secret("before-the-loss"))
    _same(pair, ledger, before)
    unseen = _by_us(_secret("never-opened"))
    keys = {side.name: _list(side, KEYS) for side in pair.both}
    for side in pair.both:
        _forget_keys(side)
    pair.restart()
    for side in pair.both:
        wait_until(lambda s=side: len(_list(s, KEYS)) == 1, WITHIN, f"{side.name}: a new key")  # type: ignore[misc]
    real, practice = (dict(leaves(_key(_list(side, KEYS)[0]))) for side in pair.both)
    assert ledger.differences(real, practice) == {}
    for side in pair.both:
        wait_until(lambda s=side: _synced(s, "before-the-loss") == "False", WITHIN, side.name)  # type: ignore[misc]
    _compare(pair, ledger, "before-the-loss")
    _same(pair, ledger, unseen)
    _same(pair, ledger, _by_us(_secret("after-the-loss")))
    for side in pair.both:
        for key in keys[side.name]:
            kept = {name: key["metadata"][name] for name in ("name", "labels")}
            side.http.post(
                SECRETS.format("kube-system"),
                json={"metadata": kept, "type": key["type"], "data": key["data"]},
            ).raise_for_status()
    pair.restart()
    for name in ("before-the-loss", "never-opened", "after-the-loss"):
        for side in pair.both:
            wait_until(
                lambda s=side, n=name: _synced(s, n) == "True",  # type: ignore[misc]
                WITHIN,
                f"{side.name}: {name} opens again",
            )
        _compare(pair, ledger, name)


def test_every_difference_that_is_meant_is_one(ledger: Ledger) -> None:
    assert ledger.compared > 400, "nothing was opened"
    assert ledger.idle == []


# -- asking and comparing -----------------------------------------------------------------------


def _sealed(name: str, values: Mapping[str, str], scope: str = "strict") -> JSON:
    notes = {} if scope == "strict" else {"annotations": {PREFIX + scope: "true"}}
    metadata = {"name": name, "namespace": NAMESPACE, **notes}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": metadata,
        "spec": {"encryptedData": dict(values), "template": {"metadata": metadata}},
    }


def _same(pair: Pair, ledger: Ledger, sealed: JSON, *, again: bool = False) -> JSON:
    """Applies it on both sides; both must end the same. The Secret on the real side."""
    metadata = sealed["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", NAMESPACE)
    for side in pair.both:
        path = SEALED.format(namespace)
        if again:
            kind = {"Content-Type": "application/json"}
            live = side.http.get(f"{path}/{name}").json()
            body = json.dumps({**live, "spec": sealed["spec"]})
            side.http.put(f"{path}/{name}", content=body, headers=kind).raise_for_status()
        else:
            side.http.post(path, json=_without_nulls(sealed)).raise_for_status()
    for side in pair.both:
        wait_until(
            lambda s=side: _is_told(s, name, namespace),  # type: ignore[misc]
            WITHIN,
            f"{side.name}: {name} is looked at",
        )
    return _compare(pair, ledger, name, namespace)


def _compare(pair: Pair, ledger: Ledger, name: str, namespace: str = NAMESPACE) -> JSON:
    real, practice = (_shape(side, name, namespace) for side in pair.both)
    assert ledger.differences(dict(leaves(real)), dict(leaves(practice))) == {}
    found: JSON = real["secret"]
    return found


def _get(side: Side, name: str, namespace: str) -> JSON:
    answer = side.http.get(f"{SEALED.format(namespace)}/{name}")
    found: JSON = answer.json() if answer.is_success else {}
    return found


def _is_told(side: Side, name: str, namespace: str) -> bool:
    """The status is of the newest generation, and an event of it is there."""
    live = _get(side, name, namespace)
    told = (live.get("status") or {}).get("observedGeneration")
    return told == live["metadata"].get("generation") and bool(_events(side, name, namespace))


def _synced(side: Side, name: str) -> str:
    conditions = (_get(side, name, NAMESPACE).get("status") or {}).get("conditions") or [{}]
    return str(conditions[0].get("status"))


def _shape(side: Side, name: str, namespace: str) -> JSON:
    live = _get(side, name, namespace)
    answer = side.http.get(f"{SECRETS.format(namespace)}/{name}")
    secret: JSON = answer.json() if answer.is_success else {}
    metadata = secret.get("metadata") or {}
    owners = [dict(owner) for owner in metadata.get("ownerReferences") or []]
    for owner in owners:
        owner["uid"] = "(its own)" if owner["uid"] == live["metadata"]["uid"] else "(another's)"
    return {
        "status": _in_order(_without_times(live.get("status"))),
        "finalizers": live["metadata"].get("finalizers"),
        "secret": {
            "data": secret.get("data"),
            "type": secret.get("type"),
            "immutable": secret.get("immutable"),
            "labels": metadata.get("labels"),
            "annotations": metadata.get("annotations"),
            "owners": owners,
        },
        "events": _events(side, name, namespace),
    }


def _events(side: Side, name: str, namespace: str) -> JSON:
    """Each kind once: how often it was tried is a matter of when one looks."""
    found: JSON = {}
    for event in _list(side, f"/api/v1/namespaces/{namespace}/events"):
        about = event["involvedObject"]
        if (about["kind"], about["name"]) == ("SealedSecret", name):
            told = {"type": event["type"], "by": event["source"]}
            found[f"{event['reason']}: {_in_order(event['message'])}"] = told
    return found


def _in_order(value: Any) -> Any:
    """The names of what does not open come in any order."""
    if isinstance(value, str):
        return re.sub(
            r"\(([\w, -]+)\)", lambda m: f"({', '.join(sorted(m[1].split(', ')))})", value
        )
    if isinstance(value, dict):
        return {key: _in_order(inner) for key, inner in value.items()}
    return [_in_order(inner) for inner in value] if isinstance(value, list) else value


def _key(secret: JSON) -> JSON:
    metadata = secret["metadata"]
    return {
        "name": re.sub(r"[a-z0-9]{5}$", "(random)", metadata["name"]),
        "generateName": metadata.get("generateName"),
        "labels": metadata["labels"],
        "annotations": metadata.get("annotations"),
        "type": secret["type"],
        "keys": sorted(secret["data"]),
    }


def _forget_keys(side: Side) -> None:
    for key in _list(side, KEYS):
        path = f"{SECRETS.format('kube-system')}/{key['metadata']['name']}"
        side.http.delete(path).raise_for_status()


def _list(side: Side, path: str) -> list[JSON]:
    answer = side.http.get(path)
    answer.raise_for_status()
    items: list[JSON] = answer.json()["items"]
    return items


def _is_ready(pod: JSON) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _uid(obj: JSON) -> str:
    return str(obj["metadata"]["uid"])


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "(a time)" if key.endswith("Time") else _without_times(inner)
            for key, inner in value.items()
        }
    return [_without_times(inner) for inner in value] if isinstance(value, list) else value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
