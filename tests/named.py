"""Tests by their names, for tables that say where something is proven."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent


@cache
def _tests_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in tree.body if isinstance(node, kinds)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {
                f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, kinds)
            }
    return frozenset(found)


def is_a_test(name: str) -> bool:
    """Whether `folder/test_file.py::test_name` (or `::TestClass::test_name`) is there."""
    file, _, test = name.partition("::")
    return (ROOT / file).is_file() and test in _tests_in(file) and "test_" in test
