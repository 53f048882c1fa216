"""The V2 inference protocol as Seldon's mesh speaks it.

The mesh routes by the header `seldon-model`, not by the name in the path, and only paths of a model:
`/v2/models` and `/v2/health/ready` have no route there, healthy or not. The answer's header
`x-seldon-route` names the model that really answered. It is never sent back, since that would pin
all further requests to one candidate of an experiment.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

JSON = dict[str, Any]
ROUTE_HEADER = "x-seldon-route"


@dataclass(frozen=True, slots=True)
class InferenceAnswer:
    """What came back. `answered_by` holds the models that the route header names."""

    status: int
    answered_by: tuple[str, ...]
    document: JSON | None
    text: str

    @property
    def outputs(self) -> list[Any]:
        outputs = (self.document or {}).get("outputs")
        return outputs if isinstance(outputs, list) else []


class Mesh:
    """One mesh, through an HTTP client whose base is its endpoint."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def ready(self, name: str, *, experiment: bool = False) -> InferenceAnswer:
        return await self._ask("GET", name, "ready", experiment=experiment)

    async def described(self, name: str, *, experiment: bool = False) -> InferenceAnswer:
        """What the model says of itself: above all which tensors it takes."""
        return await self._ask("GET", name, "", experiment=experiment)

    async def infer(
        self, name: str, inputs: Sequence[JSON], *, experiment: bool = False
    ) -> InferenceAnswer:
        body = {"inputs": [with_data(tensor) for tensor in inputs]}
        return await self._ask("POST", name, "infer", experiment=experiment, body=body)

    async def _ask(
        self, method: str, name: str, act: str, *, experiment: bool, body: JSON | None = None
    ) -> InferenceAnswer:
        answer = await self._http.request(
            method,
            f"v2/models/{quote(name, safe='')}" + (f"/{act}" if act else ""),
            headers={"seldon-model": f"{name}.experiment" if experiment else name},
            json=body,
        )
        try:
            document = json.loads(answer.content)
        except ValueError:
            document = None
        return InferenceAnswer(
            status=answer.status_code,
            answered_by=parse_route(answer.headers.get(ROUTE_HEADER, "")),
            document=document if isinstance(document, dict) else None,
            text=shown(answer.text),
        )


def shown(text: str) -> str:
    """At most 200 characters of an answer. MLServer's 500 is a traceback: its last line says what."""
    if text.startswith("Traceback "):
        text = text.rstrip().rpartition("\n")[2]
    return " ".join(text.split())[:200]


def with_data(tensor: JSON) -> JSON:
    """A tensor as it is sent; one that has a shape and no data is filled with zeros."""
    shape = tensor.get("shape")
    if "data" in tensor or not isinstance(shape, list):
        return tensor
    zero: Any = {"BYTES": "", "BOOL": False}.get(str(tensor.get("datatype")), 0)
    return {**tensor, "data": [zero] * math.prod(int(size) for size in shape)}


def parse_route(header: str) -> tuple[str, ...]:
    """Model names of `:baseline-predictor_3:`; the number is a version that grows by itself."""
    return tuple(
        name if name and version.isdigit() else part
        for part in header.split(":")
        if part.strip()
        for name, _, version in [part.strip().rpartition("_")]
    )
