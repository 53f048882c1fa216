"""`runbook models update-uris` as a user runs it, against both sides and a server that proxies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.servers import BUCKET, ROOT
from tests.integration.sides import Side, tracking_settings

MANIFEST = ROOT / "k8s/base/financial-predictor-ab-test.yaml"
VARIANTS = ("baseline", "enhanced")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "models.yaml"
    file.write_bytes(MANIFEST.read_bytes())
    return file


def update(
    side: Side, manifest: Path, *words: str, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = {**tracking_settings(side.endpoint, side.store), **more}
    command = [sys.executable, "-m", "runbook.cli.main", "models", "update-uris"]
    return subprocess.run(
        [*command, "--yaml-file", str(manifest), *words],
        env={"PATH": os.environ["PATH"], "HOME": str(manifest.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
    )


def expected(side: Side) -> bytes:
    """The manifest with nothing but the locations that the training client knows."""
    return with_locations({variant: side.told[variant]["uri"] for variant in VARIANTS})


def with_locations(locations: dict[str, str]) -> bytes:
    lines = MANIFEST.read_text().splitlines(keepends=True)
    model = ""
    for at, line in enumerate(lines):
        if line.startswith("  name: "):
            model = line.split()[1].removesuffix("-predictor")
        if line.startswith("  storageUri: ") and model in locations:
            lines[at] = f"  storageUri: {locations[model]}/\n"
    return "".join(lines).encode()


def test_a_manifest_gets_what_was_trained_and_is_current_then(side: Side, manifest: Path) -> None:
    before = manifest.read_bytes()
    stale = update(side, manifest, "--check")
    assert (stale.returncode, manifest.read_bytes()) == (1, before), stale.stderr
    done = update(side, manifest)
    assert done.returncode == 0, done.stderr
    assert manifest.read_bytes() == expected(side)
    again = update(side, manifest, "--check")
    assert (again.returncode, manifest.read_bytes()) == (0, expected(side)), again.stderr


def test_one_variant_that_cannot_be_found_keeps_the_file(side: Side, manifest: Path) -> None:
    manifest.write_bytes(
        manifest.read_bytes().replace(b"enhanced-predictor", b"no-model-predictor")
    )
    before = manifest.read_bytes()
    done = update(side, manifest, "--json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 6
    assert [one["failure"] and one["failure"]["name"] for one in told["variants"]] == [
        None,
        "no-model",
    ]
    assert manifest.read_bytes() == before


def test_the_registrys_alias_leads_to_the_same_model(
    real: Side, practice: Side, manifest: Path
) -> None:
    words = ("--model-variant", "baseline", "--alias", "champion", "--registered-model")
    for side in (real, practice):
        done = update(side, manifest, *words, "Registered", "--dry-run", "--json")
        assert done.returncode == 0, done.stderr
        (told,) = json.loads(done.stdout)["variants"]
        assert told["location"] == side.told["registered"]["uri"]
        missing = update(side, manifest, *words, "Nobody", "--json")
        (told,) = json.loads(missing.stdout)["variants"]
        assert told["failure"]["name"] == "model-not-registered"
        wrong = [word if word != "champion" else "nope" for word in words]
        missing = update(side, manifest, *wrong, "Registered", "--json")
        (told,) = json.loads(missing.stdout)["variants"]
        assert told["failure"]["name"] == "alias-missing"


@pytest.mark.parametrize("given", [(), ("--artifacts-destination", f"s3://{BUCKET}/team/x")])
def test_a_proxying_servers_locations_are_translated(
    proxying: Side, manifest: Path, given: tuple[str, ...]
) -> None:
    done = update(proxying, manifest, *given)
    assert done.returncode == 0, done.stderr
    proxied = {variant: proxying.told[variant]["uri"] for variant in VARIANTS}
    assert all(uri.startswith("mlflow-artifacts:/") for uri in proxied.values())
    translated = {
        variant: uri.replace("mlflow-artifacts:/", f"s3://{BUCKET}/team/x/")
        for variant, uri in proxied.items()
    }
    assert manifest.read_bytes() == with_locations(translated)


def test_keys_of_ones_own_prove_the_file_in_the_store(real: Side, manifest: Path) -> None:
    wrong = update(real, manifest, "--json", AWS_SECRET_ACCESS_KEY="wrong-secret")
    told = json.loads(wrong.stdout)["variants"]
    assert [one["failure"]["name"] for one in told] == ["not-proven", "not-proven"]
    assert "wrong-secret" not in wrong.stdout + wrong.stderr
