"""The programs of a real cluster: found, or built from source with nothing but Go's module proxy.

    python tests/cluster/building.py [COMPONENT...]   # builds what is missing, all of it by default

Each folder of `components/` is a Go module that pins one component with everything it is made of;
`components/components.toml` says how it is built. Binaries go to a cache folder named after all
that decides what comes out: a changed pin builds anew, an unchanged one costs nothing. etcd and the
API server are taken from $KUBEBUILDER_ASSETS where that is set (what `setup-envtest` prints).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

COMPONENTS = Path(__file__).parent / "components"
FROM_ASSETS = ("etcd", "kube-apiserver", "kubectl")
"""What envtest's folder holds."""
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")
SETTINGS = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
GO = "go"


class CannotBuild(Exception):
    """Why a program is not to be had here: no Go, no proxy, or a source that does not compile."""


@dataclass(frozen=True, slots=True)
class Edited:
    """Packages built from a copy with a few lines replaced, for a program that needs a pod."""

    packages: Sequence[str] = ()
    file: str = ""
    lines: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    module: str
    binaries: Mapping[str, str]
    stamp: Sequence[str]
    files: Sequence[str]
    edited: Edited

    @property
    def home(self) -> Path:
        return COMPONENTS / self.name

    @property
    def version(self) -> str:
        """The one that go.mod requires."""
        pins = (self.home / "go.mod").read_text(encoding="utf-8")
        found = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", pins, re.MULTILINE)
        if found is None:
            raise CannotBuild(f"{self.home / 'go.mod'} does not require {self.module}")
        return found[1]

    @property
    def linking(self) -> str:
        """No symbol tables, which halves the size, and the version as the program prints it."""
        version = self.version
        major, minor, *_ = version.removeprefix("v").split(".")
        names = {"version": version, "number": version[1:], "major": major, "minor": minor}
        return " ".join(["-s -w", *(f"-X {entry.format(**names)}" for entry in self.stamp)])


@dataclass(frozen=True, slots=True)
class Built:
    component: Component
    folder: Path
    cached: bool
    seconds: float = 0.0
    binaries: Mapping[str, Path] = field(default_factory=dict)

    def files(self, pattern: str = "*") -> list[Path]:
        """Manifests that came with the source."""
        return sorted((self.folder / "files").glob(pattern))


@cache
def components() -> Mapping[str, Component]:
    described = tomllib.loads((COMPONENTS / "components.toml").read_text(encoding="utf-8"))
    return {name: _component(name, entry) for name, entry in described.items()}


def _component(name: str, entry: Mapping[str, Any]) -> Component:
    return Component(
        name=name,
        module=entry["module"],
        binaries=entry["binaries"],
        stamp=entry.get("stamp", []),
        files=entry.get("files", []),
        edited=Edited(**entry.get("edited", {})),
    )


def find(binary: str) -> Path:
    """A program by its name: envtest's, or one of ours, which is built if it is not there yet."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and binary in FROM_ASSETS:
        path = Path(assets) / binary
        if not os.access(path, os.X_OK):
            raise CannotBuild(f"KUBEBUILDER_ASSETS={assets} has no {binary} that can be run")
        return path
    for component in components().values():
        if binary in component.binaries:
            return build(component.name).binaries[binary]
    if on_path := shutil.which(binary):
        return Path(on_path)
    raise CannotBuild(f"{binary} is not on PATH, and nothing here builds it")


@cache
def build(name: str) -> Built:
    """Every binary of a component, from the cache where it is there, with no network then."""
    component = components()[name]
    folder = cache_folder() / f"{name}-{_digest(component)}"
    began = time.monotonic()
    with _alone(folder):
        cached = (folder / "complete").exists()
        if not cached:
            _make(component, folder)
            (folder / "complete").write_text(component.version + "\n", encoding="utf-8")
    return Built(
        component=component,
        folder=folder,
        cached=cached,
        seconds=time.monotonic() - began,
        binaries={binary: folder / binary for binary in component.binaries},
    )


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "runbook-test-cluster"


def _digest(component: Component) -> str:
    """Names everything that decides what is built."""
    asked = ("GOVERSION", "GOOS", "GOARCH")
    tools = _go(component, "env", "-json", *asked)
    decisive = [
        (component.home / "go.mod").read_text(encoding="utf-8"),
        (component.home / "go.sum").read_text(encoding="utf-8"),
        *FLAGS,
        component.linking,
        json.dumps([dict(component.binaries), list(component.files), asdict(component.edited)]),
        json.dumps(json.loads(tools), sort_keys=True),
    ]
    return hashlib.sha256("\0".join(decisive).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One session builds, the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(component: Component, folder: Path) -> None:
    _keep_files(component, folder / "files")
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder) as scratch:
        flags = [*FLAGS, "-ldflags", component.linking, *_overlay(component, Path(scratch))]
        for binary, package in component.binaries.items():
            made = Path(scratch) / binary
            _go(component, "build", *flags, "-o", str(made), package)
            made.replace(folder / binary)


def _overlay(component: Component, scratch: Path) -> list[str]:
    """Edited copies of packages, shown to the compiler as if they were in our folder."""
    edited = component.edited
    if not edited.packages:
        return []
    source = _source(component)
    own = "runbook.test/cluster/" + component.name + "/edited"
    shown: dict[str, str] = {}
    for package in edited.packages:
        for path in sorted((source / package).glob("*.go")):
            if path.name.endswith("_test.go"):
                continue
            name = f"{package}/{path.name}"
            text = path.read_text(encoding="utf-8")
            for old, new in edited.lines if name == edited.file else ():
                if text.count(old) != 1:
                    raise CannotBuild(f"{component.name}: {name} no longer has once: {old}")
                text = text.replace(old, new)
            for other in edited.packages:
                text = text.replace(f'"{component.module}/{other}"', f'"{own}/{other}"')
            copy = scratch / f"{len(shown)}.go"
            copy.write_text(text, encoding="utf-8")
            shown[str(component.home / "edited" / name)] = str(copy)
    listing = scratch / "overlay.json"
    listing.write_text(json.dumps({"Replace": shown}), encoding="utf-8")
    return ["-overlay", str(listing)]


def _keep_files(component: Component, target: Path) -> None:
    if not component.files:
        return
    source = _source(component)
    target.mkdir(exist_ok=True)
    for pattern in component.files:
        found = sorted(source.glob(pattern))
        if not found:
            raise CannotBuild(f"{component.name} {component.version} has no {pattern}")
        for path in found:
            (target / path.name).write_bytes(path.read_bytes())


def _source(component: Component) -> Path:
    """Where Go keeps the module's source, which is fetched if it must be."""
    _go(component, "mod", "download", component.module)
    return Path(_go(component, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", component.module))


def _go(component: Component, *arguments: str) -> str:
    go = shutil.which(GO)
    if go is None:
        raise CannotBuild(f"{component.name} is built from source, and there is no `go` on PATH")
    gently = [] if (nice := shutil.which("nice")) is None else [nice, "-n", "10"]
    done = subprocess.run(
        [*gently, go, *arguments],
        cwd=component.home,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-20:])
        raise CannotBuild(f"{component.name}: go {' '.join(arguments)} failed:\n{said}")
    return done.stdout.strip()


def main(names: Sequence[str]) -> int:
    """Builds everything, says what came of each, and goes on after one that fails."""
    failed = 0
    for name in names or list(components()):
        if name not in components():
            _say(f"{name} is unknown, there are {', '.join(components())}")
            return 2
        began = time.monotonic()
        try:
            built = build(name)
        except CannotBuild as fault:
            failed += 1
            _say(f"{name:<15} FAILED after {time.monotonic() - began:.1f} s: {fault}")
            continue
        how = "cached" if built.cached else "built"
        _say(f"{name:<15} {built.component.version}  {how} in {built.seconds:.1f} s")
        for binary, path in built.binaries.items():
            _say(f"    {binary:<26} {path.stat().st_size / 1e6:7.1f} MB  {path}")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
