"""What no single command of the fault shows: that the answers alternate."""

from __future__ import annotations

from runbook.practice.faults.places import INFERENCE
from runbook.practice.faults.second_scheduler import FAULT
from runbook.practice.machine import Machine


async def test_every_second_request_finds_no_route(machine: Machine) -> None:
    await machine.referee.inject(FAULT.name)
    injected = await machine.referee.look()
    assert injected is not None
    while not injected.bench.ready:
        await machine.timeline.advance(5)
    await machine.timeline.advance(60)
    read, path = injected.case.read, "/v2/models/baseline-predictor/ready"
    headers = {"seldon-model": "baseline-predictor"}
    answers = [await read.ask(INFERENCE, "seldon-mesh:http", path, headers) for _ in range(6)]
    assert [status for status, _ in answers] in ([200, 404] * 3, [404, 200] * 3)
    after = await machine.referee.look()
    assert after is not None
    assert after.wrong == "10 of 20 requests are not answered with 200"
