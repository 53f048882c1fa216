"""`python -m runbook.practice.seal < secret.yaml > sealed.yaml`: kubeseal for machines without it.

Seals every Secret it reads for one certificate, with the scope its annotations ask for (strict unless
they say otherwise). Without `--cert` it seals for the practice cluster's public key, which protects
nothing: that is for the practice cluster's own files.
"""

from __future__ import annotations

import argparse
import base64
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import yaml

from runbook.errors import RunbookError, UsageError
from runbook.practice import manifests
from runbook.practice.cluster import JSON
from runbook.sealing import Scope, label, seal

_ANNOTATION = "sealedsecrets.bitnami.com/"
_WIDER = (Scope.CLUSTER_WIDE, Scope.NAMESPACE_WIDE)


def practice_certificate() -> bytes:
    return resources.files("runbook.practice.seed").joinpath("sealing-cert.pem").read_bytes()


def sealed(secret: JSON, certificate: bytes) -> JSON:
    """The SealedSecret that becomes this Secret again."""
    if secret["kind"] != "Secret":
        raise UsageError(f"only a Secret can be sealed, got a {secret['kind']}")
    metadata = secret["metadata"]
    annotations = metadata.get("annotations") or {}
    scope = next((s for s in _WIDER if annotations.get(_ANNOTATION + s) == "true"), Scope.STRICT)
    if "namespace" not in metadata and scope is not Scope.CLUSTER_WIDE:
        raise UsageError(
            f"Secret {metadata['name']} names no namespace",
            hint="a sealed value opens in one namespace only; add metadata.namespace",
        )
    bound = label(metadata.get("namespace", ""), metadata["name"], scope)
    values = manifests.stored_form(secret).get("data") or {}
    template: JSON = {"metadata": metadata}
    if "type" in secret:
        template["type"] = secret["type"]
    if "immutable" in secret:
        template["immutable"] = secret["immutable"]
    own = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    if scope is not Scope.STRICT:
        own["annotations"] = {_ANNOTATION + scope: "true"}
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": own,
        "spec": {
            "encryptedData": {
                key: seal(base64.b64decode(value), certificate, bound)
                for key, value in sorted(values.items())
            },
            "template": template,
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m runbook.practice.seal",
        description="Seal the Secrets on stdin, as kubeseal does.",
    )
    parser.add_argument(
        "--cert", type=Path, help="the cluster's sealing certificate, PEM (default: practice)"
    )
    given = parser.parse_args(arguments)
    try:
        certificate = given.cert.read_bytes() if given.cert else practice_certificate()
        made = [sealed(one, certificate) for one in manifests.parse(sys.stdin.read(), "stdin")]
    except (RunbookError, OSError, ValueError) as fault:
        sys.stderr.write(f"seal: {fault}\n")
        return 1
    sys.stdout.write(yaml.safe_dump_all(made, sort_keys=False, width=100))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
