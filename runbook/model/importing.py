"""From a page to a runbook that is valid: read, drafted, written out, and read back. Pure."""

from __future__ import annotations

from runbook.errors import UsageError
from runbook.model.imported import draft
from runbook.model.imported_yaml import as_yaml
from runbook.model.loader import load_text
from runbook.model.markdown import read
from runbook.model.yaml_nodes import MAX_BYTES


def imported(text: str, called: str, name: str) -> str:
    """The runbook as YAML. Raises UsageError when there is nothing to do in it, or too much."""
    found = draft(read(text))
    if not found.phases:
        raise UsageError(
            f"nothing in {called} can be run or ticked",
            hint="shell commands stand in fenced blocks, things to tick in `- [ ]` lists",
        )
    made = as_yaml(found, called, name)
    if len(made.encode()) > MAX_BYTES:
        raise UsageError(f"{called} makes more than {MAX_BYTES} bytes of runbook")
    load_text(made, called)
    return made
