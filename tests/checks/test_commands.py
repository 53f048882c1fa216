from __future__ import annotations

from typing import Any

import pytest

from runbook.checks.base import CommandResult
from runbook.run.readings import Verdict
from runbook.target.api import status_error

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("result", "check", "verdict", "observed"),
    [
        (CommandResult(0, "one\ntwo\n", ""), {}, HOLDS, "two"),
        (CommandResult(0, "", ""), {}, HOLDS, "exit 0"),
        (CommandResult(1, "", "a\nboom\n"), {}, FAILS, "exit 1, expected 0: boom"),
        (CommandResult(1, "", ""), {"expect": {"exit": 1}}, HOLDS, "exit 1"),
        (CommandResult(0, "no", ""), {"expect": {"stdout": "yes"}}, FAILS, "output is no"),
        (CommandResult(0, "left", ""), {"expect": {"stdout": ""}}, FAILS, "output is left"),
        (CommandResult(0, "\n", ""), {"expect": {"stdout": ""}}, HOLDS, "exit 0"),
        (CommandResult(None, "", ""), {}, UNKNOWN, "the command did not end in time"),
        (CommandResult(None, "", "no such file"), {}, UNKNOWN, "did not end: no such file"),
    ],
)
async def test_a_command_is_judged_by_its_result(
    cluster: Any, result: CommandResult, check: dict[str, Any], verdict: Verdict, observed: str
) -> None:
    cluster.result = result
    reading = await cluster.look(run="kubectl get x", shell="sh", **check)
    assert reading.verdict is verdict
    assert observed in reading.observed
    assert cluster.commands == [("kubectl get x", "sh", cluster.timeout)]


QUERY = {"namespace": "a", "selector": "app=x", "matches": "Load model .* success"}


async def test_one_matching_line_in_one_pod_is_enough(cluster: Any, put_pod: Any) -> None:
    reading = await cluster.look(logs=QUERY)
    assert (reading.verdict, reading.observed) == (FAILS, "there is no such pod")
    for name in ("one", "two"):
        await put_pod(name, labels={"app": "x"})
        cluster.logs[name, "main"] = ["starting", "waiting"]
    reading = await cluster.look(logs=QUERY)
    assert reading.verdict is FAILS
    assert reading.observed == (
        "one: nothing in 2 lines; last: waiting; two: nothing in 2 lines; last: waiting"
    )
    cluster.logs["two", "main"].append("Load model X:1 success")
    reading = await cluster.look(logs=QUERY)
    assert (reading.verdict, reading.observed) == (HOLDS, "two: Load model X:1 success")


async def test_the_named_container_is_read_else_the_default_one(cluster: Any, put_pod: Any) -> None:
    both = {"rclone": True, "agent": True}
    await put_pod(
        "one",
        ready=both,
        labels={"app": "x"},
        annotations={"kubectl.kubernetes.io/default-container": "agent"},
    )
    await put_pod("two", ready=both)
    cluster.logs["one", "agent"] = cluster.logs["two", "rclone"] = ["Load model X:1 success"]
    assert await cluster.verdict(logs=QUERY) is HOLDS
    assert await cluster.verdict(logs=QUERY | {"container": "rclone"}) is FAILS
    by_name = {"namespace": "a", "pod": "two", "matches": "success"}
    assert await cluster.verdict(logs=by_name) is HOLDS


async def test_only_the_last_lines_count(cluster: Any, put_pod: Any) -> None:
    await put_pod("one", labels={"app": "x"})
    cluster.logs["one", "main"] = ["Load model X:1 success", "Unload model X:1 success"]
    matches = {"matches": "^Load"}
    assert await cluster.verdict(logs=QUERY | matches) is HOLDS
    assert await cluster.verdict(logs=QUERY | matches | {"tail": 1}) is FAILS


async def test_a_container_that_has_not_started_is_red_with_the_reason(
    cluster: Any, put_pod: Any
) -> None:
    await put_pod("one", ready={"main": False}, labels={"app": "x"}, phase="Pending")
    reading = await cluster.look(logs=QUERY)
    assert reading.verdict is FAILS
    assert reading.observed.startswith("one: ")


@pytest.mark.parametrize(
    ("code", "body", "verdict"),
    [
        (404, b'{"kind": "Status", "reason": "NotFound"}', FAILS),
        (404, b"default backend - 404", UNKNOWN),
        (403, b'{"kind": "Status", "reason": "Forbidden"}', UNKNOWN),
    ],
)
async def test_only_a_pod_that_has_gone_is_passed_over(
    cluster: Any,
    put_pod: Any,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    body: bytes,
    verdict: Verdict,
) -> None:
    async def refused(*_: Any, **__: Any) -> str:
        raise status_error(code, body)

    await put_pod("one", labels={"app": "x"})
    monkeypatch.setattr(cluster.client, "logs", refused)
    assert await cluster.verdict(logs=QUERY) is verdict


async def test_logs_of_nobody_in_particular_cannot_be_read(cluster: Any) -> None:
    reading = await cluster.look(logs={"namespace": "a", "matches": "x"})
    assert reading.verdict is UNKNOWN
    assert "needs a pod or a selector" in reading.observed
