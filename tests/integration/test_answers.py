"""What our code asks of MLflow and of S3, answered by both sides: status, headers in use, and every leaf."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from runbook.mlops.s3 import Keys, S3Error, S3Store, SignatureV4
from tests.cluster.flat import Ledger, Meant, leaves
from tests.integration import sides
from tests.integration.servers import BUCKET, PASSWORD, USER, Store
from tests.integration.sides import Side

EXPERIMENT = "financial-mlops-pytorch"
TIME = re.compile(r"1[5-9]\d{11}")
"""Milliseconds of a year in which tests run."""

OTHER = re.compile(r"\b(m-)?[0-9a-f]{32}\b")
"""Made-up ids of runs and models that no story tells of."""

MEANT = (
    Meant("runName/value$|/run_name$", "a name that each server makes up"),
    Meant("^/body/message$", "another parser stops at another piece", "Invalid clause"),
)


@dataclass(frozen=True)
class Ask:
    """One call; `{…}` stands for what a side calls it."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = (USER, PASSWORD)


def get(path: str, /, **params: str) -> Ask:
    return Ask("GET", path, params=params)


def runs(where: str, **more: Any) -> Ask:
    asked = {
        "experiment_ids": ["{experiment}"],
        "filter": where,
        "run_view_type": "ACTIVE_ONLY",
        "order_by": ["attributes.start_time DESC", "attributes.end_time DESC"],
        "max_results": 5,
    }
    return Ask("POST", "runs/search", {**asked, **more})


def models(where: str) -> Ask:
    asked = {"experiment_ids": ["{experiment}"], "filter": where}
    return Ask("POST", "logged-models/search", asked)


def finished(variant: str) -> str:
    return f"params.`model_variant` = '{variant}' and attributes.status = 'FINISHED'"


def _asks() -> dict[str, Ask]:
    found = {
        "experiment": get("experiments/get-by-name", experiment_name=EXPERIMENT),
        "experiment-missing": get("experiments/get-by-name", experiment_name="never-made"),
        "experiment-deleted": get("experiments/get-by-name", experiment_name="deleted"),
        "experiment-not-named": get("experiments/get-by-name"),
        "not-logged-in": Ask("GET", "experiments/get-by-name", login=None),
        "wrong-password": Ask("GET", "experiments/get-by-name", login=(USER, "wrong")),
        "unknown-path": get("nothing/here"),
        "runs-by-get": get("runs/search"),
        "runs-of-nobody": runs(finished("never-trained")),
        "runs-open-quote": runs("params.`model_variant` = 'o'brien'"),
        "runs-no-number": runs(finished("baseline"), max_results=0),
        "runs-too-many": runs(finished("baseline"), max_results=60_000),
        "runs-integer-id": runs(finished("baseline"), experiment_ids=[1]),
        "run-missing": get("runs/get", run_id="0" * 32),
        "run-not-named": get("runs/get"),
        "model-missing": get("logged-models/m-" + "0" * 32),
        "files-missing": get("artifacts/list", run_id="{run baseline}", path="nowhere"),
        "alias": get("registered-models/alias", name="Registered", alias="champion"),
        "alias-missing": get("registered-models/alias", name="Registered", alias="nope"),
        "alias-of-nothing": get("registered-models/alias", name="Nothing", alias="champion"),
        "version": get("model-versions/get-download-uri", name="Registered", version="1"),
        "version-missing": get("model-versions/get-download-uri", name="Registered", version="9"),
        "model-deleted": get("logged-models/{model deleted-model}"),
        "files-of-older": get("artifacts/list", run_id="{run older-layout}", path="model"),
    }
    for story in ("baseline", "two-checkpoints", "borrowed", "external", "no-model", "pending"):
        found[f"runs-{story}"] = runs(finished(story))
        found[f"run-{story}"] = get("runs/get", run_id=f"{{run {story}}}")
        found[f"models-{story}"] = models(f"source_run_id = '{{run {story}}}'")
    for story in ("baseline", "pyfunc", "objects-gone"):
        model = f"logged-models/{{model {story}}}"
        found[f"model-{story}"] = get(model)
        found[f"files-{story}"] = get(f"{model}/artifacts/directories")
    return found


ASKS = _asks()


@pytest.fixture(scope="module")
def names(real: Side, practice: Side) -> Mapping[str, Mapping[str, str]]:
    """For each side, what stands for what it made up: `{run baseline}` and such, and the value."""
    return {side.name: dict(_names(side)) for side in (real, practice)}


def _names(side: Side) -> Iterator[tuple[str, str]]:
    for story, told in side.told.items():
        for kind in ("run", "model"):
            if told.get(f"{kind}_id"):
                yield f"{{{kind} {story}}}", told[f"{kind}_id"]
    for name, experiment in (("experiment", EXPERIMENT), ("deleted experiment", "deleted")):
        query = {"experiment_name": experiment}
        url = f"{side.endpoint}/api/2.0/mlflow/experiments/get-by-name"
        answer = httpx.get(url, params=query, auth=(USER, PASSWORD), trust_env=False, timeout=60)
        yield f"{{{name}}}", answer.raise_for_status().json()["experiment"]["experiment_id"]


def ask(side: Side, names: Mapping[str, str], wanted: Ask) -> Mapping[str, object]:
    """The leaves of one answer, with names for what the side made up."""

    def filled(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    with httpx.Client(base_url=side.endpoint, trust_env=False, timeout=60) as http:
        answer = http.request(
            wanted.method,
            f"/api/2.0/mlflow/{filled(wanted.path)}",
            params=json.loads(filled(json.dumps(wanted.params))) or None,
            json=None if wanted.body is None else json.loads(filled(json.dumps(wanted.body))),
            auth=wanted.login,
        )
    text = TIME.sub("0", answer.text)
    for name, value in names.items():
        if len(value) > 10:
            text = text.replace(value, name)
    text = OTHER.sub("(another)", text)
    found: dict[str, object] = {"/status": answer.status_code}
    for header in ("content-type", "www-authenticate", "location", "allow"):
        if header in answer.headers:
            # Methods are listed in the order of a set, which is another in each process.
            listed = sorted(answer.headers[header].split(", "))
            found[f"/headers/{header}"] = ", ".join(listed)
    try:
        document = json.loads(text)
    except ValueError:
        return {**found, "/text": text}
    return {**found, **dict(leaves(_by_name(document), "/body"))}


def _by_name(value: Any) -> Any:
    """Lists of things that have a key by that: their order says nothing."""
    if isinstance(value, dict):
        return {key: _by_name(inner) for key, inner in value.items()}
    if isinstance(value, list):
        for key in ("key", "path", "step"):
            if value and all(isinstance(item, dict) and key in item for item in value):
                return {str(item[key]).replace("/", "|"): _by_name(item) for item in value}
        return [_by_name(item) for item in value]
    return value


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(MEANT)


@pytest.mark.parametrize("name", ASKS)
def test_an_answer_is_mlflows(
    real: Side, practice: Side, names: Mapping[str, Mapping[str, str]], ledger: Ledger, name: str
) -> None:
    answers = [ask(side, names[side.name], ASKS[name]) for side in (real, practice)]
    assert ledger.differences(*answers) == {}


def test_every_difference_that_is_meant_is_one(ledger: Ledger) -> None:
    assert ledger.compared > 300, "nothing was asked"
    assert ledger.idle == []


KEYS = ("s3/a b+c&d", "s3/plain", "s3/plain.bak", "s3/t%20=~*'()", "s3/x/y", "s3/ünïcode")


@pytest.fixture(scope="module")
def filled(real: Side, practice: Side) -> Mapping[str, Store]:
    """Stores of both sides, each with the same objects."""
    for side in (real, practice):
        signature = SignatureV4(Keys(side.store.access_key, side.store.secret_key), sides.now)
        for key in KEYS:
            url = f"{side.store.endpoint}/{BUCKET}/{quote(key, safe='/-_.~')}"
            httpx.put(url, auth=signature, trust_env=False).raise_for_status()
    return {side.name: side.store for side in (real, practice)}


async def listed(store: Store, bucket: str, prefix: str, **changed: str) -> object:
    keys = Keys(**{"access_key": store.access_key, "secret_key": store.secret_key, **changed})
    async with sides.client(store.endpoint) as http:
        try:
            return await S3Store(http, keys, sides.now).list_keys(bucket, prefix)
        except S3Error as refused:
            return refused.code, refused.status


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("s3/", list(KEYS)), ("s3/plain", ["s3/plain", "s3/plain.bak"]), ("s3/none", [])]
    + [(key, [key]) for key in KEYS if key != "s3/plain"],
)
async def test_a_stores_keys_are_listed_by_a_signed_request(
    filled: Mapping[str, Store], prefix: str, expected: list[str]
) -> None:
    for side, store in filled.items():
        assert await listed(store, BUCKET, prefix) == expected, side


@pytest.mark.parametrize(
    ("bucket", "changed", "expected"),
    [
        ("never-made", {}, ("NoSuchBucket", 404)),
        (BUCKET, {"secret_key": "wrong"}, ("SignatureDoesNotMatch", 403)),
        (BUCKET, {"access_key": "AKIANOBODY"}, ("InvalidAccessKeyId", 403)),
    ],
)
async def test_a_stores_refusals_are_told_apart(
    filled: Mapping[str, Store], bucket: str, changed: dict[str, str], expected: tuple[str, int]
) -> None:
    for side, store in filled.items():
        assert await listed(store, bucket, "s3/", **changed) == expected, side
