"""A process by itself: how it is heard of, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from runbook.executors import process
from runbook.executors.child import Child, OnData


async def run(
    script: str,
    *,
    shell: str | None = None,
    timeout: float | None = 30,
    on_data: OnData = lambda _: None,
) -> process.Ended:
    command = process.Command(script, {"PATH": os.environ["PATH"]}, shell)
    return await process.run(command, timeout=timeout, on_stdout=on_data, on_stderr=on_data)


async def test_an_end_is_heard_of_where_the_system_has_no_descriptor_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing, raising=False)
    assert await run("exit 3") == process.Ended(3)
    assert await run("sleep 300", timeout=0.2) == process.Ended(None, "SIGTERM", timed_out=True)


async def test_output_that_the_command_has_taken_back_keeps_nobody_waiting() -> None:
    said = bytearray()
    child = Child(
        ["sleep", "300"],
        environment={"PATH": os.environ["PATH"]},
        directory=None,
        script=None,
        on_stdout=said.extend,
        on_stderr=said.extend,
    )
    try:
        for pipe in tuple(child._read):  # as the loop does once something can be read
            child._hear(pipe, said.extend)
        assert not said
        assert not child.heard.is_set()
    finally:
        await process.end(child)
        child.close()


async def test_a_script_longer_than_a_pipe_arrives_whole() -> None:
    said = bytearray()
    assert await run("é" * 200_000, shell="wc -c", on_data=said.extend) == process.Ended(0)
    assert int(said) == 400_000


async def test_whoever_does_not_read_its_script_keeps_nobody_waiting() -> None:
    assert await run("x" * 200_000, shell="bash -c 'exit 4'") == process.Ended(4)
    long = "bash -c 'exec <&-; sleep 0.2; exit 5'"
    assert await run("x" * 200_000, shell=long) == process.Ended(5)


async def test_a_stream_that_is_closed_early_ends_nothing() -> None:
    said = bytearray()
    ended = await run("exec >&-; sleep 0.2; echo on >&2; exit 6", on_data=said.extend)
    assert (ended, bytes(said)) == (process.Ended(6), b"on\n")


def failing(data: bytes) -> None:
    raise ValueError(data)


def descriptors() -> set[str]:
    return {one.name for one in Path("/proc/self/fd").iterdir()}


@pytest.mark.skipif(sys.platform != "linux", reason="lists descriptors by /proc")
async def test_no_descriptor_stays_however_it_ended() -> None:
    before = descriptors()
    await run("echo out; echo err >&2")
    await run("sleep 300", timeout=0.1)
    await run("x" * 200_000, shell="sleep 300", timeout=0.1)
    with pytest.raises(ValueError, match="out"):
        await run("echo out; trap '' PIPE; while echo more; do :; done; sleep 300", on_data=failing)
    with pytest.raises(FileNotFoundError):
        await run("", shell="no-such-program-anywhere")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run("sleep 300"))
        await asyncio.sleep(0.1)
        running.cancel()
    assert descriptors() == before


async def test_what_it_prints_before_it_ends_is_heard_even_when_it_is_told_to_end() -> None:
    said = bytearray()
    script = "trap 'echo cleaned; exit 1' TERM; while :; do sleep 0.05; done"
    ended = await run(script, timeout=0.5, on_data=said.extend)
    assert ended == process.Ended(1, timed_out=True)
    assert said.endswith(b"cleaned\n")
    said.clear()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(script, on_data=said.extend))
        await asyncio.sleep(0.5)
        running.cancel()
    assert said.endswith(b"cleaned\n")
