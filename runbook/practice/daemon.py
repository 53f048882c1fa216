"""The practice machine as a process: built, announced, served, and ended without a trace but its log.

One JSON line on stdout says that it is ready and where; everything else goes to `practice.log` in the
directory. It ends on SIGTERM, SIGINT, or after nobody asked it anything for `--idle-exit` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from runbook.clock import RealClock
from runbook.errors import RunbookError
from runbook.practice import manifests
from runbook.practice.activity import Activity
from runbook.practice.apiserver.kubeconfig import write_kubeconfig
from runbook.practice.cluster import JSON
from runbook.practice.host import Host

LOG_NAME = "practice.log"
KUBECONFIG_NAME = "kubeconfig"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    directory: Path
    speed: float
    seeds: tuple[Path, ...]
    context: str
    idle_exit: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 ended as asked, 1 could not be built, 2 asked for wrongly."""
    options = _options(arguments)
    try:
        options.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        _log_to(options.directory / LOG_NAME)
        documents = [obj for path in options.seeds for obj in manifests.read(path)]
        asyncio.run(run(options, documents))
    except (RunbookError, OSError) as fault:
        sys.stderr.write(f"practice cluster: {fault}\n")
        return 1
    return 0


async def run(options: Options, documents: Sequence[JSON]) -> None:
    """Build, announce, serve until asked to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host = Host(documents)
    kubeconfig = options.directory / KUBECONFIG_NAME
    try:
        for line in await host.build():
            sys.stderr.write(f"practice cluster: {line}\n")
        server = await host.machine.listen()
        write_kubeconfig(kubeconfig, host.machine.kubeconfig(options.context))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(host.serve(options.speed))
            watching = tasks.create_task(
                _stop_when_idle(host.machine.activity, options.idle_exit, stop)
            )
            _announce(kubeconfig, server, options.context)
            await stop.wait()
            serving.cancel()
            watching.cancel()
    finally:
        await host.machine.stop()
        kubeconfig.unlink(missing_ok=True)  # nothing answers there any more
        log.info("stopped")


async def _stop_when_idle(activity: Activity, limit: float | None, stop: asyncio.Event) -> None:
    if limit is None:
        return
    clock = RealClock()
    while (idle := activity.idle) < limit:
        await clock.sleep(min(limit - idle, 1.0))
    log.info("nobody asked for anything", seconds=round(idle))
    stop.set()


def _announce(kubeconfig: Path, server: str, context: str) -> None:
    said = {
        "kubeconfig": str(kubeconfig.resolve()),
        "pid": os.getpid(),
        "server": server,
        "context": context,
    }
    log.info("ready", **said)
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m runbook.practice",
        description="A small Kubernetes platform on this machine's loopback, to practise on.",
    )
    parser.add_argument(
        "--directory", type=Path, required=True, help="where the kubeconfig and the log are written"
    )
    parser.add_argument(
        "--speed",
        type=_positive,
        default=1.0,
        help="simulated seconds to the second (default: 1)",
    )
    parser.add_argument(
        "--seed",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="a manifest, a kustomization or a folder to start with; may be repeated",
    )
    parser.add_argument("--context", default="practice", help="its name in the kubeconfig")
    parser.add_argument(
        "--idle-exit",
        type=_positive,
        metavar="SECONDS",
        help="end after so long without a request (default: never)",
    )
    given = parser.parse_args(arguments)
    return Options(
        directory=given.directory,
        speed=given.speed,
        seeds=tuple(given.seed),
        context=given.context,
        idle_exit=given.idle_exit,
    )


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number greater than 0")
    return value


def _log_to(path: Path) -> None:
    file = path.open("a", encoding="utf-8", buffering=1)
    logging.basicConfig(stream=file, level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),
        cache_logger_on_first_use=True,
    )
