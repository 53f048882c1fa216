"""Every fault there is, by its name. A name is for good: runbooks say what they prove themselves against."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook.practice.faults import (
    agent_port_blocked,
    capability_mismatch,
    finalizers_stuck,
    model_secret_many_keys,
    operator_scaled_to_zero,
    rclone_secret_missing,
    rclone_secret_two_keys,
    runtime_deleted_first,
    scheduler_at_zero,
)
from runbook.practice.faults.fault import Fault

_MODULES = (
    finalizers_stuck,
    operator_scaled_to_zero,
    runtime_deleted_first,
    capability_mismatch,
    agent_port_blocked,
    scheduler_at_zero,
    rclone_secret_missing,
    rclone_secret_two_keys,
    model_secret_many_keys,
)

FAULTS: Mapping[str, Fault] = MappingProxyType({m.FAULT.name: m.FAULT for m in _MODULES})
"""In the order in which they are listed: teardown, serving, storage and secrets, pipelines."""
