"""What a loaded model answers to an Open Inference Protocol (V2) request. Pure.

The model predicts a direction from a window of market features, so it takes FP32 of shape
[n, 10, 35] and gives one probability per window. Rules: the same input to the same model gives the
same answer; input of another shape or type is the client's fault and says what was expected. A
request that is none by the protocol is refused by MLServer itself, before any model sees it.
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
_NO_OBJECT = (
    "model_attributes_type",
    "Input should be a valid dictionary or object to extract fields from",
)
DATATYPES = [
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]


class BadInput(Exception):
    """The request cannot be given to the model; the text goes to the client."""


class NotARequest(Exception):
    """No request of the protocol: what is wrong and where, as MLServer's validation tells it."""

    def __init__(self, kind: str, message: str, *where: str | int) -> None:
        super().__init__(f"{message}: {'.'.join(map(str, where))}" if where else message)
        self.detail = {"type": kind, "loc": ["body", *where], "msg": message}


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
    """The answer's body, or BadInput, or NotARequest."""
    if not isinstance(payload, dict):
        raise NotARequest(*_NO_OBJECT)
    if "inputs" not in payload:
        raise NotARequest("missing", "Field required", "inputs")
    inputs = payload["inputs"]
    if not isinstance(inputs, list):
        raise NotARequest("list_type", "Input should be a valid list", "inputs")
    if not inputs:
        raise BadInput(
            "There was an error encoding / decoding the payload:"
            " The 'np' codec only supports a single input tensor (0 were received)"
        )
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
        raise NotARequest(*_NO_OBJECT, "inputs", 0)
    for key in ("name", "shape", "datatype", "data"):
        if key not in tensor:
            raise NotARequest("missing", "Field required", "inputs", 0, key)
    shape, datatype = tensor["shape"], tensor["datatype"]
    if not isinstance(shape, list):
        raise NotARequest("list_type", "Input should be a valid list", "inputs", 0, "shape")
    if datatype not in DATATYPES:
        allowed = " or ".join((", ".join(map(repr, DATATYPES[:-1])), repr(DATATYPES[-1])))
        raise NotARequest("enum", f"Input should be {allowed}", "inputs", 0, "datatype")
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
