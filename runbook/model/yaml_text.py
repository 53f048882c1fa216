"""Texts written as YAML reads them back. Pure."""

from __future__ import annotations

import re

import yaml

_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 ./()_-]*[A-Za-z0-9.)_-])?")


def scalar(text: str) -> str:
    """A text on one line: plain where it cannot be read as anything else, in quotes otherwise."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    quoted = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))
    return str(quoted).rstrip("\n")
