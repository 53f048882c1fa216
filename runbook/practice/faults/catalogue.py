"""Every fault there is, by its name. A name is for good: runbooks refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from runbook.practice.faults import (
    agent_port_blocked,
    candidate_not_loaded,
    candidates_share_a_model,
    capability_mismatch,
    crd_deleted_first,
    executor_cannot_report,
    executor_not_allowed,
    executor_without_limits,
    experiment_default_unknown,
    experiment_header_wrong,
    finalizers_stuck,
    gitops_heals_teardown,
    immutable_role_ref,
    model_prefix_missing,
    model_secret_many_keys,
    operator_scaled_to_zero,
    rclone_secret_missing,
    rclone_secret_not_json,
    rclone_secret_overwritten,
    rclone_secret_two_keys,
    rebuild_too_early,
    run_id_in_model_uri,
    runtime_deleted_first,
    scheduler_at_zero,
    sealing_key_backup_stale,
    sealing_key_lost,
    secret_not_managed,
    server_name_unknown,
    store_password_wrong,
    training_out_of_memory,
    volume_released,
    workflow_quota_full,
)
from runbook.practice.faults.fault import Fault

_MODULES = (
    finalizers_stuck,
    operator_scaled_to_zero,
    runtime_deleted_first,
    crd_deleted_first,
    rebuild_too_early,
    gitops_heals_teardown,
    immutable_role_ref,
    capability_mismatch,
    server_name_unknown,
    agent_port_blocked,
    scheduler_at_zero,
    candidate_not_loaded,
    candidates_share_a_model,
    experiment_default_unknown,
    experiment_header_wrong,
    model_prefix_missing,
    run_id_in_model_uri,
    model_secret_many_keys,
    store_password_wrong,
    rclone_secret_missing,
    rclone_secret_not_json,
    rclone_secret_two_keys,
    rclone_secret_overwritten,
    sealing_key_lost,
    sealing_key_backup_stale,
    secret_not_managed,
    volume_released,
    training_out_of_memory,
    executor_without_limits,
    executor_cannot_report,
    executor_not_allowed,
    workflow_quota_full,
)

FAULTS: Mapping[str, Fault] = MappingProxyType({m.FAULT.name: m.FAULT for m in _MODULES})
"""In the order in which they are listed: teardown, serving, storage and secrets, pipelines."""
