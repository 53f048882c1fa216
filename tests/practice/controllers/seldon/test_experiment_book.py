from __future__ import annotations

import pytest

from runbook.practice.controllers.seldon.experiment_book import ExperimentBook
from runbook.practice.controllers.seldon.inventory import (
    Candidate,
    ExperimentSpec,
    FailedPrecondition,
)


def spec(
    name: str = "e",
    *candidates: str,
    default: str = "",
    mirror: str = "",
    resource_type: str = "model",
) -> ExperimentSpec:
    weighted = tuple(Candidate(candidate, 50) for candidate in candidates or ("a", "b"))
    return ExperimentSpec(
        name, weighted, default=default, mirror=mirror, resource_type=resource_type
    )


@pytest.fixture
def available() -> set[str]:
    return {"a", "b"}


@pytest.fixture
def book(available: set[str]) -> ExperimentBook:
    return ExperimentBook(available.__contains__)


def test_it_is_active_while_every_candidate_is_available(
    book: ExperimentBook, available: set[str]
) -> None:
    book.start(spec())
    status = book.status("e")
    assert status is not None and (status.active, status.text) == (True, "experiment active")
    available.remove("b")
    status = book.status("e")
    assert status is not None
    assert (status.active, status.candidates_ready, status.mirror_ready) == (False, False, True)
    assert status.text == "no live replica for model b for model route e.experiment"
    available.add("b")
    assert [experiment.name for experiment in book.active()] == ["e"]


def test_a_mirror_counts_too(book: ExperimentBook) -> None:
    book.start(spec(mirror="shadow"))
    status = book.status("e")
    assert status is not None
    assert (status.active, status.candidates_ready, status.mirror_ready) == (False, True, False)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (ExperimentSpec("e", ()), "has no candidates"),
        (spec("e", "a", "a"), "duplicate candidates"),
        (spec("e", default="c"), "default model/pipeline c not found in experiment e candidates"),
    ],
)
def test_what_makes_no_sense_is_refused(
    book: ExperimentBook, asked: ExperimentSpec, words: str
) -> None:
    with pytest.raises(FailedPrecondition, match=words):
        book.start(asked)
    assert book.status("e") is None


def test_a_model_is_the_default_of_one_experiment_only(book: ExperimentBook) -> None:
    book.start(spec("first", default="a"))
    with pytest.raises(FailedPrecondition, match="already a default model in experiment first"):
        book.start(spec("second", default="a"))


def test_stopping_takes_two_steps_and_an_unknown_one_is_refused(book: ExperimentBook) -> None:
    book.start(spec())
    book.begin_stop("e")
    status = book.status("e")
    assert status is not None and not status.active
    book.end_stop("e")
    assert book.status("e") is None
    with pytest.raises(FailedPrecondition, match="Experiment e not found"):
        book.begin_stop("e")


def test_a_split_over_pipelines_never_becomes_active(book: ExperimentBook) -> None:
    book.start(spec(resource_type="pipeline"))
    assert book.active() == []


def test_it_knows_which_experiments_hang_on_a_model(book: ExperimentBook) -> None:
    book.start(spec("one", "a"))
    book.start(spec("two", "b", mirror="a"))
    assert book.involving("a") == ["one", "two"]
    assert book.involving("b") == ["two"]
