"""The directory of one run: its journal, outputs, plan, private kubeconfig, log and reports.

Nothing in it is needed to read the journal; everything in it is needed to go on.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbook.errors import RunbookError, UsageError
from runbook.journal.file import EVENTS, sync_directory

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # without i, l, o and u, which are misread aloud


@dataclass(frozen=True, slots=True)
class RunDirectory:
    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def kubeconfig(self) -> Path:
        return self.path / "kubeconfig"

    @property
    def kubeconfig_sources(self) -> Path:
        """The operator's files that the kubeconfig was made from, one path a line."""
        return self.path / "kubeconfig.from"

    @property
    def source(self) -> Path:
        """An exact copy of the runbook as it was when the run was opened."""
        return self.path / "plan" / "runbook.yaml"

    @property
    def allowed_signers(self) -> Path:
        """A copy of the file that says whose keys may approve."""
        return self.path / "plan" / "allowed_signers"

    def keep_parts(self, files: Mapping[str, bytes]) -> None:
        """Exact copies of the files that the runbook uses; each is found again by its path."""
        if not files:
            return
        kept = {key: hashlib.sha256(content).hexdigest() for key, content in files.items()}
        self._parts.write_text(json.dumps(kept), encoding="utf-8")
        for key, content in files.items():
            (self._parts.parent / f"{kept[key]}.yaml").write_bytes(content)

    def part(self, key: str) -> bytes:
        """The copy of a used file, by its path as seen from the runbook. Raises OSError."""
        return self.part_path(key).read_bytes()

    def part_path(self, key: str) -> Path:
        """Where the copy of a used file is. Raises OSError when none was kept."""
        kept: dict[str, str] = json.loads(self._parts.read_text(encoding="utf-8"))
        if key not in kept:
            raise FileNotFoundError(2, "no copy of it was kept", key)
        return self._parts.parent / f"{kept[key]}.yaml"

    @property
    def _parts(self) -> Path:
        return self.path / "plan" / "parts.json"

    @property
    def log(self) -> Path:
        return self.path / "runbook.log"

    @property
    def kubectl_cache(self) -> Path:
        """Kubectl's own discovery cache: private, since another cluster's would mislead it."""
        return self.path / "kubectl-cache"

    def request(self, step: str) -> Path:
        """What a second person is asked to sign."""
        return self.path / f"request-{step}.txt"

    @property
    def inbox(self) -> Path:
        """Notes that others leave for the process that performs the run."""
        return self.path / "inbox"

    def report(self, kind: str) -> Path:
        return self.path / f"report.{kind}"


def create(runs: Path, name: str, now: datetime) -> RunDirectory:
    """A new, empty run directory; its name is the run's id."""
    tail = "".join(secrets.choice(ALPHABET) for _ in range(5))
    path = runs / f"{now:%Y%m%dT%H%M%SZ}-{name}-{tail}"
    try:
        (path / "plan").mkdir(parents=True, mode=0o700)
    except OSError as fault:
        raise UsageError(
            f"no run can be kept in {runs}: {fault.strerror or fault}",
            hint="RUNBOOK_STATE_DIR names another place",
        ) from fault
    sync_directory(runs)
    return RunDirectory(path)


def all_runs(runs: Path) -> list[RunDirectory]:
    """Every run kept here, oldest first."""
    found = [RunDirectory(path) for path in runs.iterdir()] if runs.is_dir() else []
    return sorted((run for run in found if (run.path / EVENTS).is_file()), key=_begun)


def _begun(run: RunDirectory) -> tuple[str, int, str]:
    """An id tells the second; of several runs of one second, the copy of the runbook was kept in their order."""
    try:
        kept = run.source.stat().st_mtime_ns
    except OSError:
        kept = 0
    return run.id[: len("20260101T000000Z")], kept, run.id


def find(runs: Path, given: str | None) -> RunDirectory:
    """A run by its id, the end of its id, or a path; without either, the newest."""
    if given is not None and (Path(given) / EVENTS).is_file():
        return RunDirectory(Path(given).absolute())
    known = all_runs(runs)
    matching = [run for run in known if given is None or run.id.endswith(given)]
    if given is None and known:
        return known[-1]
    if len(matching) == 1:
        return matching[0]
    if not known:
        raise RunbookError("no run is kept on this machine", where=str(runs))
    wrong = "several runs end" if matching else "no run ends"
    newest = ", ".join(run.id for run in known[-5:])
    raise RunbookError(f"{wrong} with {given!r}", where=str(runs), hint=f"newest runs: {newest}")
