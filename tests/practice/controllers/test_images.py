"""What an image's reference names."""

from __future__ import annotations

import pytest

from runbook.practice.controllers.images import (
    APPLICATION,
    NEWER_TORCH,
    OLDER_TORCH,
    digest_of,
    image_id,
    is_pinned,
    parts,
    torch_of,
)

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("image", "named"),
    [
        ("app", ("app", "latest", "")),
        ("app:1", ("app", "1", "")),
        ("registry:5000/team/app", ("registry:5000/team/app", "latest", "")),
        ("registry:5000/team/app:1.2", ("registry:5000/team/app", "1.2", "")),
        (f"ghcr.io/app@{DIGEST}", ("ghcr.io/app", "", DIGEST)),
        (f"ghcr.io/app:1@{DIGEST}", ("ghcr.io/app", "1", DIGEST)),
    ],
)
def test_a_reference_is_taken_apart(image: str, named: tuple[str, str, str]) -> None:
    assert parts(image) == named


def test_what_was_started_is_told_by_digest_and_the_digest_leads_back_to_it() -> None:
    told = image_id("ghcr.io/app:1")
    assert told.startswith("ghcr.io/app@sha256:")
    assert image_id(told) == told
    assert image_id(f"ghcr.io/app:1@{DIGEST}") == f"ghcr.io/app@{DIGEST}"
    assert digest_of("app") == digest_of("app:latest") != digest_of("app:1")


def test_a_tag_that_moves_pins_nothing() -> None:
    assert [is_pinned(image) for image in ("app", "app:latest", "app:1", f"app@{DIGEST}")] == [
        False,
        False,
        True,
        True,
    ]


def test_the_applications_newest_image_holds_the_newer_torch_however_it_is_named() -> None:
    newest = f"{APPLICATION}:latest"
    assert [torch_of(image) for image in (newest, APPLICATION, image_id(newest))] == (
        [NEWER_TORCH] * 3
    )
    known = f"{APPLICATION}:2.4.1"
    assert [torch_of(image) for image in (known, image_id(known), "app:latest")] == (
        [OLDER_TORCH] * 3
    )
