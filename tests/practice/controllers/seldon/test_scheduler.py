from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.seldon.filters import NO_REPLICA, NO_SERVER
from runbook.practice.controllers.seldon.inventory import (
    AgentReplica,
    FailedPrecondition,
    ModelSpec,
    ModelState,
    ReplicaState,
    VersionRef,
)
from runbook.practice.controllers.seldon.scheduler import Scheduler

GIB = 2**30
M1 = VersionRef("m", 1)


def agent(index: int = 0, *capabilities: str, memory: int = GIB) -> AgentReplica:
    return AgentReplica(index, f"pod-{index}", "ns", capabilities or ("mlflow", "torch"), memory)


def spec(name: str = "m", **fields: Any) -> ModelSpec:
    known: dict[str, Any] = {"storage_uri": "s3://b/1", "requirements": ("mlflow",)}
    return ModelSpec(name, **{**known, **fields})


@pytest.fixture
def scheduler() -> Scheduler:
    made = Scheduler()
    made.expect_server("mlserver", 1)
    made.agent_subscribed("mlserver", agent(), [])
    return made


def state(scheduler: Scheduler, name: str = "m") -> tuple[ModelState, str]:
    status = scheduler.model_status(name)
    assert status is not None
    return status.state, status.reason


def loaded(scheduler: Scheduler, ref: VersionRef = M1) -> None:
    scheduler.model_event("mlserver", 0, ref, ReplicaState.AVAILABLE)


def test_a_model_is_sent_to_an_agent_and_available_when_it_is_loaded(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    assert state(scheduler) == (ModelState.PROGRESSING, "")
    assert [(i.server, i.index, str(i.ref), i.load) for i in scheduler.outbox] == [
        ("mlserver", 0, "m:1", True)
    ]
    scheduler.model_event("mlserver", 0, M1, ReplicaState.LOADING)
    assert state(scheduler)[0] is ModelState.PROGRESSING
    loaded(scheduler)
    status = scheduler.model_status("m")
    assert status is not None
    assert (status.state, status.available, status.unavailable) == (ModelState.AVAILABLE, 1, 0)
    assert scheduler.loaded_models("mlserver") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"requirements": ("sklearn",)},
        {"requirements": ("mlflow", "Torch")},
        {"server": "other"},
    ],
)
def test_a_server_that_does_not_match_exactly_is_no_server(
    scheduler: Scheduler, fields: dict[str, Any]
) -> None:
    scheduler.load_model(spec(**fields))
    assert state(scheduler) == (ModelState.SCHEDULE_FAILED, NO_SERVER)
    status = scheduler.model_status("m")
    assert status is not None
    assert (status.server, status.available, status.unavailable) == ("", 0, 1)


def test_blanks_around_a_requirement_do_not_matter(scheduler: Scheduler) -> None:
    scheduler.load_model(spec(requirements=(" mlflow ",)))
    assert state(scheduler)[0] is ModelState.PROGRESSING


@pytest.mark.parametrize("fields", [{"replicas": 2}, {"memory": 2 * GIB}])
def test_a_server_that_is_too_small_is_told_apart(
    scheduler: Scheduler, fields: dict[str, Any]
) -> None:
    scheduler.load_model(spec(**fields))
    assert state(scheduler) == (ModelState.SCHEDULE_FAILED, NO_REPLICA)


def test_memory_is_taken_until_the_model_is_unloaded(scheduler: Scheduler) -> None:
    scheduler.load_model(spec("big", memory=GIB))
    scheduler.load_model(spec("next", memory=1))
    assert state(scheduler, "next")[1] == NO_REPLICA
    loaded(scheduler, VersionRef("big", 1))
    scheduler.unload_model("big")
    scheduler.model_event("mlserver", 0, VersionRef("big", 1), None)
    scheduler.load_model(spec("third", memory=GIB))
    assert state(scheduler, "third")[0] is ModelState.PROGRESSING


def test_a_server_scaled_to_zero_takes_nothing(scheduler: Scheduler) -> None:
    scheduler.expect_server("mlserver", 0)
    scheduler.load_model(spec())
    assert state(scheduler) == (ModelState.SCHEDULE_FAILED, NO_SERVER)


def test_a_failed_model_is_tried_again_when_any_agent_comes_and_only_then(
    scheduler: Scheduler,
) -> None:
    scheduler.load_model(spec(requirements=("xgboost",)))
    assert state(scheduler)[0] is ModelState.SCHEDULE_FAILED
    scheduler.agent_subscribed("another", agent(0, "xgboost"), [])
    assert state(scheduler)[0] is ModelState.PROGRESSING
    status = scheduler.model_status("m")
    assert status is not None and status.server == "another"


def test_a_load_error_is_the_reason_and_a_new_generation_tries_again(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    scheduler.model_event("mlserver", 0, M1, ReplicaState.LOAD_FAILED, "no files")
    assert state(scheduler) == (ModelState.FAILED, "no files")
    scheduler.load_model(spec(generation=2, storage_uri="s3://b/2"))
    assert state(scheduler) == (ModelState.PROGRESSING, "")
    status = scheduler.model_status("m")
    assert status is not None and (status.generation, status.version) == (2, 2)


def test_an_older_version_serves_until_the_next_is_available(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.outbox.clear()
    scheduler.load_model(spec(generation=2, storage_uri="s3://b/2"))
    assert scheduler.is_available("m")
    assert scheduler.models["m"].serving is scheduler.models["m"].versions[0]
    loaded(scheduler, VersionRef("m", 2))
    unloads = [str(task.ref) for task in scheduler.outbox if not task.load]
    assert unloads == ["m:1"]
    scheduler.model_event("mlserver", 0, M1, None)
    assert [version.number for version in scheduler.models["m"].versions] == [2]


def test_more_replicas_need_no_new_version(scheduler: Scheduler) -> None:
    scheduler.agent_subscribed("mlserver", agent(1), [])
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.load_model(spec(generation=2, replicas=2))
    status = scheduler.model_status("m")
    assert status is not None
    assert (status.version, status.available, status.unavailable) == (1, 1, 1)
    scheduler.model_event("mlserver", 1, M1, ReplicaState.AVAILABLE)
    assert state(scheduler)[0] is ModelState.AVAILABLE


def test_when_the_only_agent_goes_its_models_cannot_be_placed(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.agent_left("mlserver", 0)
    assert state(scheduler) == (ModelState.SCHEDULE_FAILED, NO_SERVER)
    assert not scheduler.is_available("m")


def test_unloading_ends_in_terminated(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.unload_model("m")
    assert state(scheduler)[0] is ModelState.TERMINATING
    scheduler.model_event("mlserver", 0, M1, ReplicaState.UNLOADING)
    assert state(scheduler)[0] is ModelState.TERMINATING
    scheduler.model_event("mlserver", 0, M1, None)
    assert state(scheduler)[0] is ModelState.TERMINATED
    assert scheduler.loaded_models("mlserver") == 0


def test_an_unload_that_fails_says_so(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.unload_model("m")
    scheduler.model_event("mlserver", 0, M1, ReplicaState.UNLOAD_FAILED, "stuck")
    assert state(scheduler) == (ModelState.TERMINATE_FAILED, "stuck")


def test_a_model_it_does_not_know_cannot_be_unloaded(scheduler: Scheduler) -> None:
    with pytest.raises(FailedPrecondition, match="Model m not found"):
        scheduler.unload_model("m")


def test_a_model_cannot_come_back_while_it_is_still_going(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.unload_model("m")
    with pytest.raises(FailedPrecondition, match="in process of deletion"):
        scheduler.load_model(spec())
    scheduler.model_event("mlserver", 0, M1, None)
    scheduler.load_model(spec())
    assert state(scheduler)[0] is ModelState.PROGRESSING


def test_a_name_with_a_dot_is_refused(scheduler: Scheduler) -> None:
    with pytest.raises(FailedPrecondition, match=r"a\.b"):
        scheduler.load_model(spec("a.b"))


def test_a_second_agent_of_the_same_name_has_to_wait(scheduler: Scheduler) -> None:
    assert scheduler.holds("mlserver", 0, "another-pod")
    assert not scheduler.holds("mlserver", 0, "pod-0")
    scheduler.agent_left("mlserver", 0)
    assert not scheduler.holds("mlserver", 0, "another-pod")


def test_after_a_restart_models_are_remembered_and_agents_bring_what_they_have(
    scheduler: Scheduler,
) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.restart()
    assert not scheduler.is_available("m")
    scheduler.agent_subscribed("mlserver", agent(), [(M1, spec())])
    assert state(scheduler)[0] is ModelState.AVAILABLE


def test_an_agent_is_told_to_unload_what_nobody_wants_in_this_form(scheduler: Scheduler) -> None:
    scheduler.load_model(spec())
    loaded(scheduler)
    scheduler.restart()
    scheduler.outbox.clear()
    stale = VersionRef("m", 7)
    scheduler.agent_subscribed("mlserver", agent(), [(stale, spec(storage_uri="s3://b/old"))])
    assert [(task.ref, task.load) for task in scheduler.outbox] == [(stale, False), (M1, True)]


def test_an_empty_scheduler_learns_models_from_the_agents() -> None:
    scheduler = Scheduler()
    scheduler.agent_subscribed("mlserver", agent(), [(VersionRef("m", 3), spec())])
    status = scheduler.model_status("m")
    assert status is not None
    assert (status.state, status.version) == (ModelState.AVAILABLE, 3)
