from __future__ import annotations

from runbook.practice.controllers.seldon import names
from tests.practice.controllers.seldon.stage import Stage

NS = "financial-inference"
BASELINE, ENHANCED, EXPERIMENT = "baseline-predictor", "enhanced-predictor", "ab-test"


def reasons(stage: Stage) -> dict[str, tuple[str, str]]:
    conditions = stage.get(names.EXPERIMENTS, EXPERIMENT)["status"]["conditions"]
    return {c["type"]: (c["status"], c.get("reason", "")) for c in conditions}


async def test_it_follows_its_candidates_without_being_made_again(stage: Stage) -> None:
    await stage.build(enhanced={"storageUri": "s3://mlflow-artifacts/none"})
    await stage.until(lambda: stage.said(BASELINE)[0] == "True")
    await stage.run(5)
    found = reasons(stage)
    assert found["CandidatesReady"] == ("False", "Candidates not ready")
    assert found["MirrorReady"] == ("True", "Mirror ready")
    text = "no live replica for model enhanced-predictor for model route ab-test.experiment"
    assert found["ExperimentReady"] == ("False", text)
    assert found["Ready"] == ("False", "Candidates not ready")
    assert stage.core.envoys.route(NS, "ab-test.experiment") is None
    fixed = {"spec": {"storageUri": "s3://mlflow-artifacts/1/models/m-2/artifacts/"}}
    await stage.patch(names.MODELS, ENHANCED, fixed)
    await stage.until(stage.healthy)
    assert reasons(stage)["ExperimentReady"] == ("True", "experiment active")
    route = stage.route("ab-test.experiment")
    assert [target.weight for target in route.targets] == [70, 30]


async def test_a_default_that_is_no_candidate_is_refused_until_it_is_corrected(
    stage: Stage,
) -> None:
    await stage.build(experiment={"default": "someone-else"})
    await stage.until(lambda: bool(stage.get(names.EXPERIMENTS, EXPERIMENT).get("status")))
    words = "default model/pipeline someone-else not found in experiment ab-test candidates"
    assert reasons(stage)["ExperimentReady"] == ("False", words)
    assert reasons(stage)["ModelReady"] == ("False", words)
    await stage.patch(names.EXPERIMENTS, EXPERIMENT, {"spec": {"default": BASELINE}})
    await stage.until(stage.healthy)
    assert "ModelReady" not in reasons(stage)


async def test_its_finalizer_goes_when_the_scheduler_has_stopped_it(healthy: Stage) -> None:
    await healthy.delete(names.EXPERIMENTS, EXPERIMENT)
    await healthy.run(1)
    assert reasons(healthy)["ExperimentReady"] == ("False", "experiment stopped")
    assert healthy.core.envoys.route(NS, "ab-test.experiment") is None
    await healthy.until(lambda: not healthy.has(names.EXPERIMENTS, EXPERIMENT), within=10)


async def test_a_scheduler_that_does_not_know_it_lets_it_go(healthy: Stage) -> None:
    await healthy.scale_operator(0)
    await healthy.run(20)
    healthy.scheduler().book.entries.clear()
    await healthy.delete(names.EXPERIMENTS, EXPERIMENT)
    await healthy.run(60)
    assert healthy.has(names.EXPERIMENTS, EXPERIMENT)
    await healthy.scale_operator(1)
    await healthy.until(lambda: not healthy.has(names.EXPERIMENTS, EXPERIMENT), within=30)
