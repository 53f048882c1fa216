"""`runbook probe EXPERIMENT -n NAMESPACE`: does the mesh split requests as the Experiment's weights say?

Requests are sent through the mesh as callers send them, never with the route of an earlier answer. Nothing
is changed, except that models answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runbook.cli import probe_told
from runbook.cli.exit_codes import Exit
from runbook.cli.last_words import mask_with, masked
from runbook.cli.loop import run
from runbook.cli.pinned import Pinned, pinned, require_named
from runbook.clock import RealClock
from runbook.errors import RunbookError, UsageError
from runbook.mlops.inference import Mesh
from runbook.mlops.probing import HOPELESS, Probe, inputs_of
from runbook.mlops.split import judge
from runbook.redact import Redactor
from runbook.run.readings import Verdict
from runbook.target.api import ApiStatusError

EPILOG = """\
exit codes: 0 all candidates hold, 1 one does not, or an answer is faulty, 4 ended by Ctrl-C,
            6 cannot be told: too few answers, nobody answers, or the cluster cannot be reached
"""
KIND = ("Experiment", "mlops.seldon.io")


def add(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("experiment", metavar="EXPERIMENT", help="name of the Experiment")
    parser.add_argument("-n", "--namespace", required=True, help="where it is")
    parser.add_argument("--context", help="kubeconfig context; a step of a run has its own")
    parser.add_argument("--kubeconfig", help="instead of $KUBECONFIG or ~/.kube/config")
    parser.add_argument(
        "--requests", type=int, default=800, metavar="N", help="how many (default %(default)s)"
    )
    parser.add_argument(
        "--at-once", type=int, default=8, metavar="N", help="on their way (default %(default)s)"
    )
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help="the mesh (default: service://NAMESPACE/seldon-mesh:80)",
    )
    parser.add_argument(
        "--inputs",
        metavar="FILE",
        help="V2 tensors as JSON, - for standard input (default: zeros as the model describes them)",
    )
    parser.add_argument(
        "--weight",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="expected instead of the Experiment's own; once for each candidate",
    )
    parser.add_argument(
        "--confidence", type=float, default=99.0, metavar="PERCENT", help="(default %(default)g)"
    )
    parser.add_argument(
        "--timeout", type=float, default=10.0, metavar="SECONDS", help="of one request (default 10)"
    )
    parser.add_argument(
        "--progress", action="store_true", help="a line for each hundred requests on standard error"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")


@dataclass(frozen=True, slots=True)
class Seen:
    """An Experiment as the cluster has it."""

    weights: Mapping[str, float]
    mirror: str
    notes: tuple[str, ...]


def main(arguments: argparse.Namespace) -> int:
    for word, low, high in (
        ("requests", 1, 1_000_000),
        ("at_once", 1, 64),
        ("confidence", 50, 99.99),
        ("timeout", 0.1, 600),
    ):
        value = getattr(arguments, word)
        if not low <= value <= high:
            said = f"--{word.replace('_', '-')} {value:g}"
            raise UsageError(f"{said} is out of range: {low:g} to {high:g}")
    require_named(arguments)
    weights = given_weights(arguments.weight)
    inputs = given_inputs(arguments.inputs) if arguments.inputs else None
    return run(_probe(arguments, weights, inputs))


def given_weights(words: list[str]) -> dict[str, float]:
    """Raises UsageError for what is no weight."""
    weights: dict[str, float] = {}
    for word in words:
        name, equals, number = word.partition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not (name and equals) or not 0 <= weight < math.inf or name in weights:
            raise UsageError(
                f"--weight {word!r} is not NAME=NUMBER", hint="such as baseline=70, once for each"
            )
        weights[name] = weight
    if weights and not sum(weights.values()):
        raise UsageError("--weight: one candidate at least must have more than 0")
    return weights


def given_inputs(file: str) -> list[dict[str, Any]]:
    """Tensors of a file: a list, or a whole request with `inputs`. Raises UsageError."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError, RecursionError) as fault:
        raise UsageError(f"--inputs {file} cannot be read: {fault}") from fault
    tensors = document.get("inputs") if isinstance(document, dict) else document
    if (
        not isinstance(tensors, list)
        or not tensors
        or not all(isinstance(t, dict) for t in tensors)
    ):
        raise UsageError(
            f"--inputs {file} holds no tensors",
            hint='such as [{"name": "x", "datatype": "FP32", "shape": [1, 10, 35]}]',
        )
    return tensors


async def _probe(
    arguments: argparse.Namespace,
    weights: Mapping[str, float],
    inputs: list[dict[str, Any]] | None,
) -> int:
    ended, clock = asyncio.Event(), RealClock()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with pinned(arguments) as cluster:
        redactor = Redactor()
        cluster.mask(redactor)
        target = await cluster.identify()
        mask_with(redactor.text)
        before = await experiment(cluster, arguments.namespace, arguments.experiment)
        if strangers := set(weights) ^ set(before.weights) if weights else set():
            raise UsageError(
                f"--weight and the Experiment do not agree on {', '.join(sorted(strangers))}",
                hint=f"its candidates: {', '.join(before.weights)}",
            )
        endpoint = arguments.endpoint or f"service://{arguments.namespace}/seldon-mesh:80"
        services = cluster.client.services
        async with services.open(endpoint, timeout=arguments.timeout) as (http, route):
            mesh = Mesh(http)
            if inputs is None:
                inputs = await inputs_of(mesh, arguments.experiment)
            probe = Probe(mesh, arguments.experiment, inputs, clock, arguments.timeout)
            begun = clock.monotonic()
            await probe.send(
                arguments.requests,
                arguments.at_once,
                ended,
                probe_told.progress(lines=arguments.progress),
            )
            took = clock.monotonic() - begun
            probe_told.progress_is_over()
        try:
            after = await experiment(cluster, arguments.namespace, arguments.experiment)
        except RunbookError as fault:
            after = replace(
                before, notes=(f"the Experiment cannot be read again: {fault.message}",)
            )
            unread = True
        else:
            unread = False
    notes = [*after.notes]
    if probe.gave_up:
        notes.append(f"given up: nobody answered the last {HOPELESS} requests")
    changed = after.weights != before.weights
    if changed:
        notes.append("the Experiment's candidates were changed meanwhile, so no share can be told")
    split = judge(probe.samples, weights or before.weights, confidence=arguments.confidence / 100)
    verdict = split.verdict
    if changed or (unread and verdict is Verdict.HOLDS):
        verdict = Verdict.UNKNOWN
    told = probe_told.Told(
        split=split,
        verdict=verdict,
        experiment=arguments.experiment,
        namespace=arguments.namespace,
        target=target,
        endpoint=endpoint,
        way=route.way.value,
        requests=arguments.requests,
        at_once=arguments.at_once,
        confidence=arguments.confidence,
        took=took,
        ended=ended.is_set(),
        given=bool(weights),
        mirror=after.mirror,
        notes=tuple(notes),
    )
    said = probe_told.document(told) if arguments.json else probe_told.text(told)
    sys.stdout.write(masked(said))
    if ended.is_set():
        return Exit.ABORTED
    return {Verdict.HOLDS: Exit.OK, Verdict.FAILS: Exit.NOT_RECOVERED}.get(verdict, Exit.TARGET)


async def experiment(cluster: Pinned, namespace: str, name: str) -> Seen:
    """The Experiment now. Raises RunbookError when it is not there or cannot be probed."""
    where = f"Experiment {namespace}/{name}"
    resource = await cluster.client.resolve(*KIND)
    try:
        found = await cluster.client.get(resource.path(namespace, name))
    except ApiStatusError as fault:
        raise RunbookError(fault.message, where=where) from fault
    spec, status = found.get("spec") or {}, found.get("status") or {}
    if str(spec.get("resourceType") or "model") != "model":
        raise RunbookError(
            "it splits pipelines; only experiments of models are probed", where=where
        )
    weights = {
        str(one["name"]): float(one.get("weight") or 0) for one in spec.get("candidates") or ()
    }
    if not sum(weights.values()):
        raise RunbookError("it has no candidate with a weight", where=where)
    return Seen(weights, _mirror(spec), tuple(_notes(found["metadata"], status)))


def _mirror(spec: Mapping[str, Any]) -> str:
    mirror = spec.get("mirror") or {}
    if not mirror.get("name"):
        return ""
    percent = f" of {mirror['percent']}% of the requests" if mirror.get("percent") else ""
    return f"{mirror['name']} gets copies{percent}; its answers go to nobody, so none is seen here"


def _notes(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> list[str]:
    """What makes the weights of an Experiment no promise."""
    notes = []
    if metadata.get("deletionTimestamp"):
        notes.append("the Experiment is being deleted")
    ready = {c.get("type"): c for c in status.get("conditions") or ()}.get("ExperimentReady") or {}
    if ready.get("status") != "True":
        notes.append(f"ExperimentReady is not True: {ready.get('reason') or 'nobody has said why'}")
    elif (status.get("observedGeneration") or metadata.get("generation")) != metadata.get(
        "generation"
    ):
        notes.append("its status is of an older generation")
    return notes
