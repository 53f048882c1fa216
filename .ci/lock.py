"""Writes requirements/*.txt: every dependency pinned with its hashes, from what pyproject.toml asks for."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
OPTIONS = (
    "--quiet", "--generate-hashes", "--strip-extras", "--allow-unsafe", "--no-annotate",
    "--no-emit-index-url", "--no-emit-find-links",
)  # fmt: skip


def compile_into(name: str, wanted: list[str], *constraints: str) -> None:
    lines = [*wanted, *(f"-c {ROOT / 'requirements' / other}" for other in constraints)]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(lines) + "\n")
        source.flush()
        target = ROOT / "requirements" / name
        subprocess.run(
            [sys.executable, "-m", "piptools", "compile", *OPTIONS, "-o", target, source.name],
            check=True,
        )
    text = target.read_text().splitlines(keepends=True)
    target.write_text("# Made by `make lock` from pyproject.toml.\n" + "".join(
        line for line in text if not line.startswith("#")
    ))  # fmt: skip


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = project["project"]["dependencies"]
    groups = project["dependency-groups"]
    compile_into("run.txt", run)
    compile_into("kubectl.txt", [line for line in groups["test"] if "kubectl" in line])
    compile_into("integration.txt", groups["integration"])
    compile_into("dev.txt", [*run, *groups["test"], *groups["lint"]], "run.txt", "kubectl.txt")


if __name__ == "__main__":
    main()
