from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from runbook.practice.services.inference import (
    DATATYPES,
    BadInput,
    LoadedModel,
    NotARequest,
    infer,
    metadata,
)

MODEL = LoadedModel("baseline-predictor", 3)


def tensor(**changes: Any) -> dict[str, Any]:
    whole = {"name": "input_data", "datatype": "FP32", "shape": [1, 10, 35], "data": [0.1] * 350}
    return {"inputs": [{**whole, **changes}]}


def test_one_window_gives_one_probability() -> None:
    answer = infer(MODEL, tensor())
    [output] = answer["outputs"]
    assert answer["model_name"] == "baseline-predictor_3"
    assert (output["shape"], output["datatype"]) == ([1, 1], "FP32")
    assert 0 < output["data"][0] < 1


def test_the_answer_depends_on_the_input_and_on_the_model_and_on_nothing_else() -> None:
    answer = infer(MODEL, tensor())
    assert answer == infer(MODEL, tensor())
    other_input = infer(MODEL, tensor(data=[0.2] * 350))
    other_model = infer(LoadedModel("enhanced-predictor", 3), tensor())
    assert other_input["outputs"] != answer["outputs"] != other_model["outputs"]


def test_nested_rows_are_the_same_as_a_flat_list() -> None:
    nested = [[[0.1] * 35 for _ in range(10)]]
    assert infer(MODEL, tensor(data=nested)) == infer(MODEL, tensor())


def test_a_batch_has_one_answer_per_window() -> None:
    answer = infer(MODEL, tensor(shape=[2, 10, 35], data=[0.1] * 700))
    assert answer["outputs"][0]["shape"] == [2, 1]


def test_the_clients_id_comes_back() -> None:
    assert infer(MODEL, {**tensor(), "id": "abc"})["id"] == "abc"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"inputs": []}, "0 were received"),
        (tensor(shape=[1, 350]), r"expected FP32 of shape \(-1, 10, 35\)"),
        (tensor(shape=[0, 10, 35]), "Shape of input"),
        (tensor(shape=["1", 10, 35]), "Shape of input"),
        (tensor(datatype="INT64"), "got INT64"),
        (tensor(data=[0.1] * 349), "cannot reshape array of size 349"),
        (tensor(data=["x"] * 350), "valid number"),
        (tensor(data=True), "valid number"),
        (tensor(data=[10**400] * 350), "finite number"),
    ],
)
def test_input_the_model_cannot_take_is_refused_with_the_reason(
    payload: Any, expected: str
) -> None:
    with pytest.raises(BadInput, match=expected):
        infer(MODEL, payload)


@pytest.mark.parametrize(
    ("payload", "kind", "where"),
    [
        ([], "model_attributes_type", []),
        ({}, "missing", ["inputs"]),
        ({"data": {"ndarray": [[1.0]]}}, "missing", ["inputs"]),
        ({"inputs": {}}, "list_type", ["inputs"]),
        ({"inputs": [3]}, "model_attributes_type", ["inputs", 0]),
        ({"inputs": [{}]}, "missing", ["inputs", 0, "name"]),
        (tensor(shape="1"), "list_type", ["inputs", 0, "shape"]),
        (tensor(datatype="FP99"), "enum", ["inputs", 0, "datatype"]),
    ],
)
def test_what_is_no_request_is_refused_with_its_place(
    payload: Any, kind: str, where: list[str | int]
) -> None:
    with pytest.raises(NotARequest) as refused:
        infer(MODEL, payload)
    assert (refused.value.detail["type"], refused.value.detail["loc"]) == (kind, ["body", *where])


def test_an_unknown_datatype_is_told_the_known_ones() -> None:
    with pytest.raises(NotARequest, match=" or 'BYTES'") as refused:
        infer(MODEL, tensor(datatype="FP99"))
    assert all(f"'{known}'" in str(refused.value) for known in DATATYPES)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_no_data_at_all_can_do_more_than_be_refused(data: Any) -> None:
    with pytest.raises(BadInput):
        infer(MODEL, tensor(data=data))


def test_metadata_names_the_shape_it_wants() -> None:
    assert metadata(MODEL)["inputs"][0]["shape"] == [-1, 10, 35]
