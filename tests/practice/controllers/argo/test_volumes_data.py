from __future__ import annotations

from runbook.practice.controllers.argo.volumes_data import VolumesData


def test_files_belong_to_their_volume_and_folders_are_prefixes() -> None:
    data = VolumesData()
    data.write("pv-1", "/raw/a.csv", b"1")
    data.write("pv-1", "raw-old/b.csv", b"2")
    assert data.list("pv-1", "/raw/") == ["raw/a.csv"]
    assert data.list("pv-2") == []
    assert data.read("pv-1", "raw/a.csv") == b"1"
    assert data.read("pv-2", "raw/a.csv") is None


def test_an_erased_volume_is_empty() -> None:
    data = VolumesData()
    data.write("pv-1", "a", b"1")
    data.erase("pv-1")
    assert data.list("pv-1") == []
