from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp.test_utils import TestServer

from runbook.mlops.inference import Mesh, parse_route, shown, with_data
from runbook.practice.services import mesh
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate

BASELINE, ENHANCED = LoadedModel("baseline-predictor", 3), LoadedModel("enhanced-predictor", 4)
ROUTES = {
    "baseline-predictor": (Candidate(BASELINE, 100, healthy=True),),
    "enhanced-predictor": (Candidate(ENHANCED, 100, healthy=False),),
    "ab-test.experiment": (
        Candidate(BASELINE, 70, healthy=True),
        Candidate(ENHANCED, 30, healthy=True),
    ),
}
INPUTS: list[dict[str, Any]] = [
    {"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.5] * 350}
]


@pytest.fixture
async def platform() -> AsyncIterator[Mesh]:
    app = mesh.application(lambda name: ROUTES.get(name, ()), random.Random(7))
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as http,
    ):
        yield Mesh(http)


async def test_a_ready_model_says_who_answered(platform: Mesh) -> None:
    answer = await platform.ready("baseline-predictor")
    assert (answer.status, answer.answered_by) == (200, ("baseline-predictor",))


async def test_an_inference_has_outputs(platform: Mesh) -> None:
    answer = await platform.infer("baseline-predictor", INPUTS)
    assert answer.status == 200
    assert answer.outputs[0]["shape"] == [1, 1]


async def test_a_tensor_without_data_is_sent_as_zeros_of_its_shape(platform: Mesh) -> None:
    tensor = {"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35]}
    assert (await platform.infer("baseline-predictor", [tensor])).status == 200
    assert with_data(tensor)["data"] == [0] * 350
    assert with_data({"shape": [2], "datatype": "BYTES"})["data"] == ["", ""]
    assert with_data({"shape": [1], "datatype": "BOOL"})["data"] == [False]
    assert with_data({"shape": [2], "data": [1, 2]})["data"] == [1, 2]
    assert "data" not in with_data({"name": "no shape"})


async def test_a_bad_payload_is_told_from_a_bad_route(platform: Mesh) -> None:
    payload = await platform.infer("baseline-predictor", [{"name": "x"}])
    assert (payload.status, payload.answered_by) == (422, ("baseline-predictor",))
    route = await platform.infer("nobody", INPUTS)
    assert (route.status, route.answered_by) == (404, ())
    assert (await platform.ready("enhanced-predictor")).status == 503


async def test_requests_to_an_experiment_are_not_pinned_to_one_candidate(platform: Mesh) -> None:
    answers = [await platform.infer("ab-test", INPUTS, experiment=True) for _ in range(60)]
    seen = Counter(name for answer in answers for name in answer.answered_by)
    assert set(seen) == {"baseline-predictor", "enhanced-predictor"}


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (":baseline-predictor_3:", ("baseline-predictor",)),
        (":a_1:b_c_22:", ("a", "b_c")),
        ("plain", ("plain",)),
        (":no_version:", ("no_version",)),
        (":_1:", ("_1",)),
        ("", ()),
        (":", ()),
    ],
)
def test_a_route_header_is_read_without_its_version(header: str, names: tuple[str, ...]) -> None:
    assert parse_route(header) == names


def test_of_a_servers_traceback_the_last_line_is_shown() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: 3 features\n'
    )
    assert shown(traceback) == "ValueError: 3 features"
    assert shown(" <p>\n page  </p>") == "<p> page </p>"
    assert len(shown("x" * 999)) == 200
