"""The inference check against a real MLServer that serves a model of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from runbook.checks.base import CheckContext, CommandResult
from runbook.checks.mlops import look_inference
from runbook.mlops.inference import Mesh
from runbook.model.checks import InferenceQuery
from runbook.run.readings import Reading, Verdict
from runbook.target.client import ClusterClient
from runbook.target.services import Services
from tests.integration import sides

INPUT = {"name": "input", "datatype": "FP64", "shape": [2, 1], "data": [-5.0, 5.0]}


async def look(endpoint: str, **query: Any) -> Reading:
    """One look; a plain address needs nothing of a cluster."""

    class NoCluster:
        services = Services(cast("ClusterClient", None))

    async def no_command(
        script: str, shell: str | None, environment: Mapping[str, str], timeout: float
    ) -> CommandResult:
        raise AssertionError

    context = CheckContext(cast("ClusterClient", NoCluster()), no_command)
    asked = InferenceQuery.model_validate({"endpoint": endpoint, **query})
    return await look_inference(asked, context, "it answers")


async def test_a_real_answer_is_the_models(mlserver: str) -> None:
    async with sides.client(mlserver) as http:
        answer = await Mesh(http).infer("baseline", [INPUT])
    assert (answer.status, answer.outputs[0]["data"]) == (200, [0, 1])


async def test_the_check_holds_on_a_model_that_answers(mlserver: str) -> None:
    inputs = [INPUT]
    reading = await look(mlserver, model="baseline", inputs=inputs)
    assert (reading.verdict, reading.observed) == (Verdict.HOLDS, "answered by baseline")
    zeros = [{"name": "input", "datatype": "FP64", "shape": [3, 1]}]
    assert (await look(mlserver, model="baseline", inputs=zeros)).verdict is Verdict.HOLDS


async def test_what_the_server_refuses_fails_with_its_words(mlserver: str) -> None:
    unknown = await look(mlserver, model="enhanced", inputs=[INPUT])
    assert unknown.verdict is Verdict.FAILS
    assert "404" in unknown.observed
    wide = [{"name": "input", "datatype": "FP64", "shape": [1, 3], "data": [1.0, 2.0, 3.0]}]
    misshapen = await look(mlserver, model="baseline", inputs=wide)
    assert misshapen.verdict is Verdict.FAILS
    assert misshapen.observed.startswith("HTTP 500: ValueError: X has 3 features")


async def test_readiness_alone_says_nothing_of_who_answers(mlserver: str) -> None:
    reading = await look(mlserver, model="baseline")
    assert reading.verdict is Verdict.UNKNOWN
