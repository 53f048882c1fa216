from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.behaviours import PodBehaviour, PodBehaviours


def _pod(**labels: str) -> JSON:
    return {"metadata": {"name": "p", "labels": labels}}


def test_a_pod_that_nobody_spoke_for_behaves_ordinarily() -> None:
    assert type(PodBehaviours().of(_pod(app="web"))) is PodBehaviour


def test_the_most_specific_labels_win_then_the_latest() -> None:
    behaviours = PodBehaviours()
    broad, narrow, later = PodBehaviour(), PodBehaviour(), PodBehaviour()
    behaviours.register({"app": "web", "tier": "front"}, narrow)
    behaviours.register({"app": "web"}, broad)
    assert behaviours.of(_pod(app="web", tier="front")) is narrow
    assert behaviours.of(_pod(app="web")) is broad
    behaviours.register({"app": "web"}, later)
    assert behaviours.of(_pod(app="web")) is later


def test_an_empty_value_asks_only_for_the_label() -> None:
    behaviours, workflows = PodBehaviours(), PodBehaviour()
    behaviours.register({"workflows.argoproj.io/workflow": ""}, workflows)
    assert behaviours.of(_pod(**{"workflows.argoproj.io/workflow": "train-x7k2p"})) is workflows
    assert behaviours.of(_pod(app="web")) is not workflows
