from __future__ import annotations

from runbook.practice.controllers.seldon import routes
from runbook.practice.controllers.seldon.experiment_book import ExperimentBook
from runbook.practice.controllers.seldon.inventory import (
    AgentReplica,
    Candidate,
    ExperimentSpec,
    ModelSpec,
    ReplicaState,
    VersionRef,
)
from runbook.practice.controllers.seldon.routes import Route
from runbook.practice.controllers.seldon.scheduler import Scheduler


def scheduler_with(*loaded: str) -> Scheduler:
    scheduler = Scheduler()
    scheduler.agent_subscribed("mlserver", AgentReplica(0, "pod", "ns", ("mlflow",), 10), [])
    for name in ("a", "b"):
        scheduler.load_model(ModelSpec(name, "s3://b/x", requirements=("mlflow",)))
    for name in loaded:
        scheduler.model_event("mlserver", 0, VersionRef(name, 1), ReplicaState.AVAILABLE)
    return scheduler


def table(scheduler: Scheduler, *, default: str = "", mirror: str = "") -> dict[str, Route]:
    book = ExperimentBook(scheduler.is_available)
    candidates = (Candidate("a", 70), Candidate("b", 30))
    book.start(ExperimentSpec("e", candidates, default=default, mirror=mirror))
    return routes.compute(scheduler.models.values(), book, scheduler.servers)


def split(route: Route) -> dict[str, int]:
    return {str(target.ref): target.weight for target in route.targets}


def test_an_active_experiment_has_a_route_and_takes_over_that_of_its_default() -> None:
    found = table(scheduler_with("a", "b"), default="a")
    assert sorted(found) == ["a", "b", "e.experiment"]
    assert split(found["e.experiment"]) == {"a:1": 70, "b:1": 30}
    assert split(found["a"]) == {"a:1": 70, "b:1": 30}
    assert split(found["b"]) == {"b:1": 100}
    assert found["b"].targets[0].pods == (("ns", "mlserver-0"),)


def test_without_a_candidate_the_experiments_route_is_gone_and_the_defaults_is_plain() -> None:
    found = table(scheduler_with("a"), default="a")
    assert sorted(found) == ["a"]
    assert split(found["a"]) == {"a:1": 100}


def test_a_model_that_is_being_unloaded_has_no_route() -> None:
    scheduler = scheduler_with("a", "b")
    scheduler.unload_model("a")
    assert sorted(table(scheduler)) == ["b"]


def test_a_mirror_is_not_among_the_targets() -> None:
    found = table(scheduler_with("a", "b"), mirror="b")["e.experiment"]
    assert found.mirror is not None
    assert str(found.mirror.ref) == "b:1"
