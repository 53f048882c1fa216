"""What a loaded model answers to an Open Inference Protocol (V2) request. Pure.

The model predicts a direction from a window of market features, so it takes FP32 of shape
[n, 10, 35] and gives one probability per window. Rules: the same input to the same model gives the
same answer; input of another shape or type is the client's fault and says what was expected.
"""

from __future__ import annotations

import hashlib
import math
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]
WINDOW = (10, 35)
_VALUES = WINDOW[0] * WINDOW[1]


class BadInput(Exception):
    """The request cannot be given to the model; the text goes to the client."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in the server's memory; each change of it counts as a version."""

    name: str
    version: int

    @property
    def internal_name(self) -> str:
        """Under which the server keeps it, and which the mesh puts into the path."""
        return f"{self.name}_{self.version}"


def metadata(model: LoadedModel) -> JSON:
    return {
        "name": model.internal_name,
        "versions": [],
        "platform": "",
        "inputs": [
            {"name": "input-0", "datatype": "FP32", "shape": [-1, *WINDOW], "parameters": {}}
        ],
        "outputs": [],
        "parameters": {},
    }


def infer(model: LoadedModel, payload: object) -> JSON:
    """The answer's body, or BadInput."""
    if not isinstance(payload, dict):
        raise BadInput("Input should be a valid dictionary or object to extract fields from")
    inputs = payload.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise BadInput("Field required: inputs")
    windows = _windows(inputs[0])
    answer_id = payload.get("id")
    return {
        "model_name": model.internal_name,
        "model_version": str(model.version),
        "id": answer_id
        if isinstance(answer_id, str)
        else str(uuid.uuid5(uuid.NAMESPACE_OID, repr(windows))),
        "parameters": {},
        "outputs": [
            {
                "name": "output-1",
                "shape": [len(windows), 1],
                "datatype": "FP32",
                "parameters": {"content_type": "np"},
                "data": [_probability(model.name, window) for window in windows],
            }
        ],
    }


def _windows(tensor: object) -> list[Sequence[float]]:
    if not isinstance(tensor, dict):
        raise BadInput("Input should be a valid dictionary: inputs.0")
    for key in ("name", "shape", "datatype", "data"):
        if key not in tensor:
            raise BadInput(f"Field required: inputs.0.{key}")
    shape, datatype = tensor["shape"], tensor["datatype"]
    wanted = f"expected FP32 of shape (-1, {WINDOW[0]}, {WINDOW[1]})"
    if datatype != "FP32":
        raise BadInput(
            f"Failed to enforce schema: dtype of input does not match: {wanted}, got {datatype}"
        )
    if not _is_shape(shape) or len(shape) != 3 or tuple(shape[1:]) != WINDOW:
        raise BadInput(f"Failed to enforce schema: Shape of input {shape} does not match: {wanted}")
    values = _flat(tensor["data"])
    if len(values) != shape[0] * _VALUES:
        raise BadInput(f"cannot reshape array of size {len(values)} into shape {tuple(shape)}")
    return [values[at : at + _VALUES] for at in range(0, len(values), _VALUES)]


def _is_shape(shape: object) -> bool:
    return isinstance(shape, list) and all(
        isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in shape
    )


def _flat(data: object) -> list[float]:
    """Numbers in row order, however deeply the client nested them."""
    if isinstance(data, bool) or not isinstance(data, list | int | float):
        raise BadInput("Input should be a valid number: inputs.0.data")
    if not isinstance(data, list):
        return [_number(data)]
    flat: list[float] = []
    waiting: list[object] = list(reversed(data))
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(reversed(item))
        elif isinstance(item, bool) or not isinstance(item, int | float):
            raise BadInput("Input should be a valid number: inputs.0.data")
        else:
            flat.append(_number(item))
    return flat


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise BadInput("Input should be a finite number: inputs.0.data") from None


def _probability(name: str, window: Sequence[float]) -> float:
    """A fixed random layer of the model's own, then a sigmoid: plain, but it is computed."""
    total = 0.0
    for at, value in enumerate(window):
        total += value * _weight(name, at)
    score = max(-30.0, min(30.0, total / math.sqrt(_VALUES)))
    return round(1.0 / (1.0 + math.exp(-score)), 6)


def _weight(name: str, at: int) -> float:
    digest = hashlib.blake2b(f"{name}/{at}".encode(), digest_size=4).digest()
    number: int = struct.unpack("<i", digest)[0]
    return number / 2**31
