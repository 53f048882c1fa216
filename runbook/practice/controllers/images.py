"""Images: what a reference names, and what the application's images hold. Pure.

A tag names whatever was pushed under it last; a digest names one content for good. Here each tag has
one content, so its digest follows from it.
"""

from __future__ import annotations

import hashlib

APPLICATION = "ghcr.io/ml-platform/financial-predictor"
OLDER_TORCH, NEWER_TORCH = (2, 5, 1), (2, 6, 0)


def parts(image: str) -> tuple[str, str, str]:
    """Repository, tag (`latest` when nothing is said) and digest of a reference; "" for none."""
    named, _, digest = image.partition("@")
    path, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{path}{slash}{name}", tag or ("" if digest else "latest"), digest


def digest_of(image: str) -> str:
    """The digest of what a reference leads to."""
    repository, tag, digest = parts(image)
    return digest or f"sha256:{hashlib.sha256(f'{repository}:{tag}'.encode()).hexdigest()}"


def image_id(image: str) -> str:
    """As the container runtime tells what it started: by digest, without the tag."""
    return f"{parts(image)[0]}@{digest_of(image)}"


def is_pinned(image: str) -> bool:
    """Whether the reference leads to the same content tomorrow, by digest or by a version's tag."""
    _, tag, digest = parts(image)
    return bool(digest) or tag != "latest"


def torch_of(image: str) -> tuple[int, int, int]:
    """The PyTorch in an image: a newer one in what was last pushed as the application's latest."""
    newest = f"{APPLICATION}@{digest_of(f'{APPLICATION}:latest')}"
    return NEWER_TORCH if image_id(image) == newest else OLDER_TORCH
