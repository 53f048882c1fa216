"""Secrets that nobody has named, and ordinary output that must stay as it is."""

from __future__ import annotations

import random
import time

import pytest

from runbook.redact import Redactor
from runbook.redact.patterns import PATTERNS, REACH

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx1\nq8Zf+/kd==\n-----END RSA PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmF0dXJl-_x"

SECRETS = [
    ("password=hunter22x", "password=[REDACTED:value]"),
    ("PGPASSWORD='hunter 22x' psql", "PGPASSWORD='[REDACTED:value]' psql"),
    ("MINIO_ROOT_PASSWORD: minioadmin", "MINIO_ROOT_PASSWORD: [REDACTED:value]"),
    ('{"password": "hunt\\"er22", "a": 1}', '{"password": "[REDACTED:value]", "a": 1}'),
    ("AWS_SECRET_ACCESS_KEY=abc/def+ghi", "AWS_SECRET_ACCESS_KEY=[REDACTED:value]"),
    ("api-key: abcdef123", "api-key: [REDACTED:value]"),
    ("mysql --password hunter22 -u me", "mysql --password [REDACTED:value] -u me"),
    ("--token=abcdef.0123456789abcdef", "--token=[REDACTED:value]"),
    (f"got {JWT} back", "got [REDACTED:jwt] back"),
    ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [REDACTED:authorization]"),
    ("authorization: basic dXNlcjpwYXNz", "authorization: basic [REDACTED:authorization]"),
    ("postgres://me:pa55word@db:5432/x", "postgres://me:[REDACTED:url-password]@db:5432/x"),
    ("key AKIAIOSFODNN7EXAMPLE.", "key [REDACTED:aws-key]."),
    ("ghp_" + "a1" * 18, "[REDACTED:github-token]"),
    ("glpat-" + "x" * 20, "[REDACTED:gitlab-token]"),
    ("xoxb-123456789012-abc", "[REDACTED:slack-token]"),
    ("hvs." + "A" * 24, "[REDACTED:vault-token]"),
    ("AIza" + "b" * 35, "[REDACTED:google-key]"),
    (
        KEY,
        "-----BEGIN RSA PRIVATE KEY-----\n[REDACTED:private-key]\n-----END RSA PRIVATE KEY-----\n",
    ),
]

ORDINARY = """\
secret/minio-secret created
secret "minio-secret" deleted
sealedsecret.bitnami.com/ml-platform unchanged
  token:      1024 bytes
  password:   12 bytes
    MINIO_ROOT_PASSWORD:  <set to the key 'rootPassword' in secret 'minio-secret'>  Optional: false
    AWS_SECRET_ACCESS_KEY: <none>
automountServiceAccountToken: false
        secretName: minio-secret
    secret:
      secretName: wandb
imagePullSecrets: []
    - secretRef:
        name: mlflow-secret
          secretKeyRef:
            key: accesskey
kubectl create secret generic x --from-literal=password=$PASSWORD
echo "password: ${PASSWORD}"
Error from server (NotFound): secrets "ml-platform" not found
service://minio/minio:9000/minio/health/live
http://minio.minio:9000 https://127.0.0.1:6443/api/v1 s3://mlflow-artifacts/1/models
-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgIUQ
-----END CERTIFICATE-----
[REDACTED:db] password=[REDACTED:x] ://u:[REDACTED:url-password]@h
"""


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_a_secret_is_told_by_its_looks(text: str, shown: str) -> None:
    made = Redactor()
    assert made.text(text) == shown
    assert made.text(shown) == shown


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_it_is_told_however_the_stream_is_cut(text: str, shown: str) -> None:
    made = Redactor()
    data = text.encode()
    for size in range(1, len(data)):
        stream = made.stream()
        done = [stream.feed(data[at : at + size]) for at in range(0, len(data), size)]
        assert (b"".join(done) + stream.flush()).decode() == shown


@pytest.mark.parametrize("line", ORDINARY.splitlines())
def test_ordinary_output_stays_as_it_is(line: str) -> None:
    assert Redactor().text(line) == line


def test_every_pattern_has_an_example() -> None:
    shown = " ".join(shown for _, shown in SECRETS)
    without = {"age-key", "npm-token", "stripe-key"}
    assert {pattern.name for pattern in PATTERNS if pattern.name not in without} == {
        name.split("]")[0] for name in shown.split("[REDACTED:")[1:]
    }


@pytest.mark.parametrize(
    "evil",
    [
        "password" * 4000,
        "password=" * 4000,
        'password="' + '\\"' * 20000,
        "://" * 10000,
        "://a:" * 8000,
        "-----BEGIN RSA PRIVATE KEY-----\n" * 1000,
        "-----BEGIN RSA PRIVATE KEY-----" + "A \n" * 10000,
        "eyJ" + "a" * 40000,
        "eyJ" * 10000,
        "eyJaaaaaaaa." * 3000,
        "authorization:" + " " * 40000,
        "token" + " " * 40000 + "=",
        "\x1b[" * 20000,
        "\x1b[" + "1;" * 20000,
    ],
)
def test_no_text_takes_long(evil: str) -> None:
    began = time.process_time()
    made = Redactor()
    made.register("db", "secret-value")
    made.text(evil)
    assert time.process_time() - began < 2


def test_what_a_pattern_holds_back_is_bounded() -> None:
    stream = Redactor().stream()
    stream.feed(b"-----BEGIN RSA PRIVATE KEY-----\n")
    for _ in range(8):
        stream.feed(b"A" * 4096)
    assert len(stream._held) <= REACH + 4096


def test_random_bytes_are_masked_only_once() -> None:
    rng = random.Random(3)
    made = Redactor()
    made.register("db", "secret-value")
    words = [text for text, _ in SECRETS] + ["secret-value", "x", "\n", " ", "=", "password"]
    for _ in range(300):
        once = made.text("".join(rng.choices(words, k=6)))
        assert made.text(once) == once
