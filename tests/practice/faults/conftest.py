"""A healthy platform for each case, in stepped time; the manifests are read once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache
from typing import Any

import pytest

from runbook.practice import manifests
from runbook.practice.machine import Machine
from tests.practice.faults.kubectl import ROOT, Kubectl


@cache
def application() -> tuple[dict[str, Any], ...]:
    return (*manifests.read(ROOT / "k8s/base"), *manifests.read(ROOT / "k8s/secrets"))


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    built = Machine(seed=7, key_bits=1024)
    try:
        assert await built.build(application()) == []
        yield built
    finally:
        await built.stop()


@pytest.fixture
def kubectl(machine: Machine) -> Kubectl:
    return Kubectl(machine)
