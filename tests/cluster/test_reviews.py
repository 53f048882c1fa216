"""Kinds that answer a question: whose token is this."""

from __future__ import annotations

import httpx

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

TOKENS = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCOUNT = "/api/v1/namespaces/{ns}/serviceaccounts/a"
HERE = "https://kubernetes.default.svc.cluster.local"


def test_whose_token(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        def ask(spec: object, **more: object) -> None:
            found = talk.post(TOKENS, {"spec": spec, **more}, quiet=True)
            if isinstance(found.get("spec"), dict):
                found["spec"].pop("token", None)
            talk.note("review", {"body": found})

        talk.post("/api/v1/namespaces/{ns}/serviceaccounts", "{metadata: {name: a}}", quiet=True)
        given = talk.post(f"{ACCOUNT}/token", "{spec: {}}", quiet=True)["status"]["token"]
        asked = {"spec": {"audiences": ["mine", HERE]}}
        other = talk.post(f"{ACCOUNT}/token", asked, quiet=True)["status"]["token"]
        mine = talk.post(f"{ACCOUNT}/token", "{spec: {audiences: [mine, yours]}}", quiet=True)
        ask({"token": mine["status"]["token"]})
        ask({"token": given})
        ask({"token": given, "audiences": [HERE]})
        ask({"token": given, "audiences": ["other", HERE]})
        ask({"token": given, "audiences": ["other"]})
        ask({"token": other, "audiences": ["mine"]})
        ask({"token": other})
        ask({"token": "nobody's"})
        ask({"token": "nobody's", "audiences": ["mine"]})
        ask({"token": ""})
        ask({})
        ask({"token": given}, metadata={"name": "a", "labels": {"b": "c"}})
        ask({"token": given}, metadata={"namespace": "a"})
        ask({"token": given}, kind="Nope", apiVersion="v1")
        ask({"token": 3})
        talk.get(TOKENS)
        for token in (given, mine["status"]["token"]):
            said = {"Authorization": f"Bearer {token}"}
            answer = httpx.get(f"{talk.side.server}/api", headers=said, verify=False)
            talk.note("used", {"code": answer.status_code})

    compare("reviews/tokens", scenario, real, practice)
