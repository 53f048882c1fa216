from __future__ import annotations

from typing import Any

from runbook.practice.apiserver.tracking import unchanged

JSON = dict[str, Any]


def _obj(**metadata: Any) -> JSON:
    return {"metadata": {"name": "x", **metadata}, "spec": {"a": 1}}


def test_versions_and_times_of_management_are_no_change() -> None:
    before = _obj(resourceVersion="1", managedFields=[{"manager": "m", "time": "then"}])
    after = _obj(resourceVersion="2", managedFields=[{"manager": "m", "time": "now"}])
    assert unchanged(before, after)


def test_another_manager_or_another_field_is_a_change() -> None:
    before = _obj(managedFields=[{"manager": "m"}])
    assert not unchanged(before, _obj(managedFields=[{"manager": "n"}]))
    assert not unchanged(before, {**before, "spec": {"a": 2}})
