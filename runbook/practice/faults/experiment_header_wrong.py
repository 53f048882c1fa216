"""A client asks for the experiment in the wrong way; the platform is well."""

from __future__ import annotations

from collections import Counter

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.candidates_share_a_model import CANDIDATE_REMOVED
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import BASELINE, EXPERIMENT, EXPERIMENTS, INFERENCE
from runbook.practice.faults.symptoms import EXPERIMENT_UP

_CLIENT = "ab-client"
_MESH, _PATH = "seldon-mesh:http", "/v2/models/ab-test/ready"
_PROBES = 800  # with these the chance that a good split is refused is about 1 in 500
_TOLERANCE = 0.05


async def inject(bench: Bench) -> None:
    bench.remember(EXPERIMENTS, INFERENCE, EXPERIMENT)
    experiment = bench.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    bench.memory["spec"] = experiment["spec"]
    if bench.find("configmaps", INFERENCE, _CLIENT) is not None:
        await bench.delete("configmaps", INFERENCE, _CLIENT)
    headers = {"seldon-model": EXPERIMENT, "x-seldon-route": f":{BASELINE}_1:"}
    metadata = {"name": _CLIENT, "namespace": INFERENCE}
    client = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": headers}
    await bench.create("configmaps", client)


async def check(case: Case) -> str:
    if await _changed(case):
        return "the experiment was changed"
    client = await case.read.get("configmaps", INFERENCE, _CLIENT)
    if client is None:
        return f"ConfigMap {_CLIENT} is missing"
    return await _split(case, dig(client, "data", default={}))


async def _split(case: Case, headers: dict[str, str]) -> str:
    """Send what the client would send, until it is certain how that is shared out."""
    candidates = case.memory["spec"]["candidates"]
    total = sum(one["weight"] for one in candidates)
    seen: Counter[str] = Counter()
    for _ in range(_PROBES):
        status, answer = await case.read.ask(INFERENCE, _MESH, _PATH, headers)
        if status != 200:
            return f"the client's requests are answered with {status}"
        seen[answer.get("x-seldon-route", "").strip(":").rpartition("_")[0]] += 1
        if (
            seen.most_common(1)[0][1]
            > (max(c["weight"] for c in candidates) / total + _TOLERANCE) * _PROBES
        ):
            break
    for one in candidates:
        share = seen[one["name"]] / seen.total()
        if abs(share - one["weight"] / total) > _TOLERANCE:
            return f"{one['name']} gets {share:.0%} of the requests"
    return ""


async def _changed(case: Case) -> bool:
    if not await case.same(EXPERIMENTS, INFERENCE, EXPERIMENT):
        return True
    experiment = await case.read.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    return bool(dig(experiment, "spec") != case.memory["spec"])


FAULT = Fault(
    name="experiment-header-wrong",
    title="The A/B test answers 404, or always the same model",
    story=(
        "A client of the A/B test complains: 404 on every request, and before that only one model"
        f" ever answered. It sends the headers of ConfigMap {_CLIENT} in {INFERENCE}, which you may"
        " change. Its requests are to be shared out as the experiment says."
    ),
    symptoms=(
        EXPERIMENT_UP,
        Symptom(f"kubectl get configmap {_CLIENT} -n {INFERENCE} -o yaml", "x-seldon-route"),
    ),
    diagnosis=(
        "An experiment is asked for as NAME.experiment. The header x-seldon-route comes with an"
        " answer; who sends it back stays with the model that gave that answer."
    ),
    remedies=(
        Remedy(
            "Name the experiment rightly, and do not send the answer's route back",
            (
                f"kubectl patch configmap {_CLIENT} -n {INFERENCE} --type=merge -p"
                f' \'{{"data":{{"seldon-model":"{EXPERIMENT}.experiment",'
                '"x-seldon-route":null}}\'',
            ),
        ),
    ),
    penalties=(
        CANDIDATE_REMOVED,
        Penalty(
            "experiment-changed",
            "the experiment was changed, and was not at fault",
            _changed,
            (
                f"kubectl patch experiment {EXPERIMENT} -n {INFERENCE} --type=json -p"
                ' \'[{"op":"replace","path":"/spec/candidates/0/weight","value":50}]\'',
            ),
        ),
    ),
    hints=(
        "The experiment is active. Look at the request instead.",
        "How does a request name an experiment, and what is x-seldon-route for?",
        "seldon-model must be the experiment's name with .experiment behind it, and x-seldon-route"
        " must not be sent.",
    ),
    inject=inject,
    check=check,
)
