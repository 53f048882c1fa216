"""Runbooks made of runbooks: what is put in whose place, under which name, with which values."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from runbook.errors import InvalidRunbook
from runbook.model.loader import load_file
from runbook.model.parts import Composed
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.run.signals import Ending, Outcome
from runbook.run.state import Status
from tests.run.driving import Drive

HEAD = "apiVersion: runbook/v1\nname: {name}\n"
PART = """\
apiVersion: runbook/v1
name: teardown
inputs:
  ns: {required: true}
  force: {type: boolean, default: false}
vars: {word: part}
secrets: {pw: {from: env, key: PW}}
env: {WHO: part, NS: "${{ inputs.ns }}"}
target: {namespaces: [b, c], watch: [pods, jobs.batch]}
health: {gone: {title: Nothing is left, check: {tcp: {host: h, port: 1}}}}
preflight: [{id: tools, run: "which kubectl"}]
phases:
  - id: one
    budget: 5m
    steps:
      - {id: look, run: "echo ${{ inputs.ns }} ${{ vars.word }} ${{ secrets.pw }}", register: seen}
      - {id: go, approve: {message: "Delete ${{ registered.seen }}?"}}
      - {id: a, parallel: g, run: "echo ${{ steps.look.outputs.k }}", env: {WHO: step}}
      - {id: b, parallel: g, run: x, when: "steps.look.status == 'passed' && inputs.force", rollback: undo}
      - {id: gone, check: {health: gone}, on_failure: {goto: look}}
      - {id: probe, check: {run: "test $WHO = part"}}
always: [{id: tidy, run: "echo $NS"}]
"""
MAIN = """\
apiVersion: runbook/v1
name: main
inputs: {space: {default: blue}}
target: {namespaces: [a, b]}
phases:
  - id: first
    steps:
      - {id: start, run: "true"}
      - {id: down, uses: ./teardown.yaml, with: {ns: "${{ inputs.space }}-x", force: true}}
      - {id: tell, run: "echo ${{ steps.down.a.status }} ${{ registered.down.seen }}"}
always: [{id: last, run: "true"}]
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.write_text(dedent(text), encoding="utf-8")
    return folder / "main.yaml"


def planned(composed: Composed, **inputs: str) -> Plan:
    return make_plan(
        composed,
        inputs=inputs,
        target=TargetFacts("ctx", "https://127.0.0.1:1", "uid"),
        mode="practice",
        environment={},
    )


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return planned(load_file(written(tmp_path, main=MAIN, teardown=PART)))


def step(plan: Plan, name: str) -> Any:
    return plan.step(name).step


def test_the_steps_of_a_part_take_the_place_of_the_step_that_uses_it(plan: Plan) -> None:
    assert [(s.number, s.id) for s in plan.steps] == [
        ("1.1", "start"),
        ("1.2.1", "down.tools"),
        ("1.2.2", "down.look"),
        ("1.2.3", "down.go"),
        ("1.2.4", "down.a"),
        ("1.2.5", "down.b"),
        ("1.2.6", "down.gone"),
        ("1.2.7", "down.probe"),
        ("1.3", "tell"),
        ("2.1", "last"),
        ("2.2", "down.tidy"),
    ]
    assert {s.phase for s in plan.steps} == {"first", "always"}
    assert step(plan, "down.gone").title == "Nothing is left"
    assert [s.id for s in plan.rollback] == ["down.b.rollback"]


def test_a_part_has_its_own_inputs_constants_secrets_and_outputs(plan: Plan) -> None:
    assert step(plan, "down.look").run == (
        "echo ${{ 'blue-x' }} ${{ 'part' }} ${{ secrets.down.pw }}"
    )
    assert step(plan, "down.look").register_ == "down.seen"
    assert step(plan, "down.go").approve.message == "Delete ${{ registered.down.seen }}?"
    assert step(plan, "down.a").run == "echo ${{ steps.down.look.outputs.k }}"
    assert list(plan.secrets) == ["down.pw"]
    assert step(plan, "down.gone").on_failure.goto == "down.look"
    assert plan.step("down.a").group == plan.step("down.b").group == "down.g"


def test_a_parts_variables_reach_its_own_commands_only(plan: Plan) -> None:
    assert step(plan, "down.look").env == {"WHO": "part", "NS": "blue-x"}
    assert step(plan, "down.a").env == {"WHO": "step", "NS": "blue-x"}
    assert step(plan, "down.probe").check.env == {"WHO": "part", "NS": "blue-x"}
    assert step(plan, "tell").env == {}
    assert plan.env == {}


def test_a_parts_variables_reach_the_commands_of_its_secrets(tmp_path: Path) -> None:
    head = HEAD.format(name="n")
    part = (
        f"{head}env: {{WHO: part, LATE: '${{{{ secrets.plain }}}}'}}\n"
        "secrets:\n  pw: {from: command, run: 'echo $WHO', env: {OWN: x}}\n"
        "  plain: {from: env, key: X}\n"
        "phases: [{id: one, steps: [{id: a, run: 'true'}]}]\n"
    )
    main = (
        f"{head}env: {{WHO: main}}\nphases: [{{id: one, steps: [{{id: u, uses: ./part.yaml}}]}}]\n"
    )
    made = planned(load_file(written(tmp_path, main=main, part=part)))
    secret: Any = made.secrets["u.pw"]
    assert secret.env == {"WHO": "part", "OWN": "x"}
    assert made.secrets["u.plain"].from_ == "env"


def test_what_is_looked_at_is_what_all_parts_look_at(plan: Plan) -> None:
    assert plan.namespaces == ("a", "b", "c")
    assert plan.watch == ("pods", "jobs.batch")


def test_a_run_goes_through_it_with_values_from_one_to_the_other(plan: Plan) -> None:
    run = Drive(plan)
    run.ends("start")
    run.ends("down.tools")
    run.send(
        Outcome(
            "down.look", 1, Ending.PASSED, outputs={"k": "v"}, registered={"down.seen": "3 pods"}
        )
    )
    request: Any = run.state.step("down.go").request
    assert request.message == "Delete 3 pods?"
    assert run.state.outputs == {
        "steps.down.look.outputs.k": "v",
        "registered.down.seen": "3 pods",
    }


def test_a_condition_of_the_part_and_of_its_user_are_both_asked(tmp_path: Path) -> None:
    uses = "{id: down, when: \"steps.start.status == 'skipped'\", uses: ./teardown.yaml, with: {ns: x}}"
    main = MAIN.replace(
        '{id: down, uses: ./teardown.yaml, with: {ns: "${{ inputs.space }}-x", force: true}}', uses
    )
    run = Drive(planned(load_file(written(tmp_path, main=main, teardown=PART))))
    run.ends("start")
    names = ("tools", "look", "go", "a", "b", "gone", "probe")
    assert {run.status(f"down.{name}") for name in names} == {Status.SKIPPED}
    assert run.status("tell") is Status.RUNNING


def test_a_part_may_use_a_part_and_each_file_is_found_from_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    written(
        tmp_path / "more",
        inner=f"{HEAD.format(name='i')}phases: [{{id: p, steps: [{{id: s, run: x}}]}}]\n",
    )
    middle = (
        f"{HEAD.format(name='m')}phases: [{{id: p, steps: [{{id: t, uses: ./more/inner.yaml}}]}}]\n"
    )
    outer = f"{HEAD.format(name='o')}phases: [{{id: p, steps: [{{id: u, uses: middle.yaml}}]}}]\n"
    composed = load_file(written(tmp_path, main=outer, middle=middle))
    assert [s.id for s in planned(composed).steps] == ["u.t.s"]
    assert sorted(composed.files()) == ["middle.yaml", "more/inner.yaml"]


def test_the_digest_of_a_plan_covers_every_file(tmp_path: Path) -> None:
    path = written(tmp_path, main=MAIN, teardown=PART)
    before = planned(load_file(path))
    written(tmp_path, teardown=PART + "# looked at\n")
    after = planned(load_file(path))
    assert before.parts != after.parts
    assert before.digest != after.digest
    assert before.source_digest == after.source_digest


def said(tmp_path: Path, uses: str, **files: str) -> str:
    main = f"{HEAD.format(name='o')}phases: [{{id: p, steps: [{{id: down, {uses}}}]}}]\n"
    with pytest.raises(InvalidRunbook) as caught:
        load_file(written(tmp_path, main=main, **files))
    return str(caught.value)


@pytest.mark.parametrize(
    ("uses", "why"),
    [
        ("uses: ./nowhere.yaml", "nowhere.yaml cannot be read: No such file"),
        ("uses: /etc/passwd", "`uses` names a file beside this one"),
        ("uses: 'https://example.com/x.yaml'", "`uses` names a file beside this one"),
        ("uses: ./main.yaml", "main.yaml leads back to itself"),
        ("uses: ./teardown.yaml", "teardown.yaml needs its input 'ns'"),
        ("uses: ./teardown.yaml, with: {nss: x, ns: y}", "did you mean 'ns'?"),
        ("uses: ./teardown.yaml, with: {ns: x, force: often}", "'often' is not true or false"),
        ("uses: ./teardown.yaml, with: {ns: '${{ secrets.x }}'}", "known only while a run goes on"),
        (
            f"uses: './teardown.yaml@sha256:{'0' * 64}', with: {{ns: x}}",
            "not the file that was pinned",
        ),
        ("uses: ./teardown.yaml, with: {ns: x}, retries: 2", "unknown key 'retries'"),
        ("uses: ./teardown.yaml, with: {ns: 'a ${{ '}", "this ${{ is never closed by }}"),
        ("uses: ./broken.yaml", "broken.yaml:3:1: unknown key 'phasse'"),
    ],
)
def test_what_is_wrong_with_a_part_is_told_with_its_place(
    tmp_path: Path, uses: str, why: str
) -> None:
    broken = f"{HEAD.format(name='b')}phasse: []\n"
    assert why in said(tmp_path, uses, teardown=PART, broken=broken)


def test_a_title_stands_before_those_of_the_part(tmp_path: Path) -> None:
    look, use = "{id: a, title: Look, wait: 1s}", "{id: u, title: First, uses: ./part.yaml}"
    part, main = (
        f"{HEAD.format(name='n')}phases: [{{id: one, steps: [{one}]}}]\n" for one in (look, use)
    )
    composed = load_file(written(tmp_path, main=main, part=part))
    assert [step.title for step in planned(composed).steps] == ["First: Look"]


def test_a_pin_that_fits_is_taken(tmp_path: Path) -> None:
    digest = load_file(written(tmp_path, main=MAIN, teardown=PART)).parts["./teardown.yaml"].digest
    pinned = MAIN.replace("./teardown.yaml", f"./teardown.yaml@sha256:{digest}")
    assert load_file(written(tmp_path, main=pinned)).gated


def test_two_files_that_use_each_other_are_refused(tmp_path: Path) -> None:
    other = f"{HEAD.format(name='x')}phases: [{{id: p, steps: [{{id: s, uses: ./main.yaml}}]}}]\n"
    assert "leads back to itself" in said(tmp_path, "uses: ./other.yaml", other=other)


@pytest.mark.parametrize(
    ("main", "why"),
    [
        (
            MAIN.replace(
                'run: "true"}\n      - {id: down',
                'run: "true", on_failure: {goto: tell}}\n      - {id: down',
            ),
            "the gate 'down' lies before 'tell'",
        ),
        (MAIN.replace("steps.down.a.status", "steps.down.status"), "no earlier step 'down'"),
        (
            MAIN.replace("registered.down.seen", "registered.seen"),
            "no earlier step registers 'seen'",
        ),
        (
            MAIN.replace(
                "always: [{id: last, run:", "always: [{id: last, uses: ./teardown.yaml, x-y:"
            ),
            "what is always done is written here",
        ),
    ],
)
def test_names_and_ways_are_checked_across_files(tmp_path: Path, main: str, why: str) -> None:
    with pytest.raises(InvalidRunbook) as caught:
        load_file(written(tmp_path, main=main, teardown=PART))
    assert why in str(caught.value)


def test_a_way_into_a_part_leads_to_its_first_step(tmp_path: Path) -> None:
    main = MAIN.replace("- {id: tell,", "- {id: tell, on_failure: {goto: down},")
    plan = planned(load_file(written(tmp_path, main=main, teardown=PART)))
    assert step(plan, "tell").on_failure.goto == "down.tools"


class TestOnePhase:
    """`./file.yaml#phase`: one phase of another runbook."""

    OTHER = """\
    apiVersion: runbook/v1
    name: other
    vars: {word: hello}
    health: {up: {check: {tcp: {host: h, port: 1}}}}
    preflight: [{id: tools, run: x}]
    phases:
      - {id: one, budget: 5m, steps: [{id: a, run: "echo ${{ vars.word }}"}, {id: b, check: {health: up}}]}
      - {id: two, steps: [{id: c, run: "echo ${{ steps.a.status }}"}]}
    always: [{id: tidy, run: x}]
    """

    def main(self, uses: str) -> str:
        return f"{HEAD.format(name='o')}phases: [{{id: p, steps: [{{id: u, uses: '{uses}'}}]}}]\n"

    def test_its_steps_alone_stand_there(self, tmp_path: Path) -> None:
        path = written(tmp_path, main=self.main("./other.yaml#one"), other=self.OTHER)
        plan = planned(load_file(path))
        assert [s.id for s in plan.steps] == ["u.a", "u.b"]
        assert step(plan, "u.a").run == "echo ${{ 'hello' }}"

    def test_preflight_is_a_phase(self, tmp_path: Path) -> None:
        path = written(tmp_path, main=self.main("./other.yaml#preflight"), other=self.OTHER)
        assert [s.id for s in planned(load_file(path)).steps] == ["u.tools"]

    def test_a_phase_that_needs_another_cannot_stand_alone(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRunbook) as caught:
            load_file(written(tmp_path, main=self.main("./other.yaml#two"), other=self.OTHER))
        assert "phase 'two' cannot stand alone: no earlier step 'a'" in str(caught.value)

    def test_an_unknown_phase_is_told_with_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidRunbook) as caught:
            load_file(written(tmp_path, main=self.main("./other.yaml#ones"), other=self.OTHER))
        assert "there is no phase 'ones' in it" in str(caught.value)
        assert "did you mean 'one'?" in str(caught.value)


def test_health_of_a_part_can_stop_the_clock_and_be_asked(tmp_path: Path) -> None:
    main = MAIN.replace(
        "phases:",
        "objectives: {recovered_when: [down.gone]}\nphases:",
        1,
    ).replace("- {id: tell,", "- {id: again, check: {health: down.gone}}\n      - {id: tell,")
    part = PART.replace("{host: h,", "{host: '${{ secrets.pw }}',")
    plan = planned(load_file(written(tmp_path, main=main, teardown=part)))
    assert list(plan.health) == ["down.gone"]
    asked: Any = plan.health["down.gone"].check
    assert asked.tcp.host == "${{ secrets.down.pw }}"
    assert step(plan, "again").check == asked
    assert step(plan, "again").title == "Nothing is left"


def test_an_unknown_health_check_of_a_part_is_told(tmp_path: Path) -> None:
    main = MAIN.replace("phases:", "objectives: {recovered_when: [down.gon]}\nphases:", 1)
    with pytest.raises(InvalidRunbook) as caught:
        load_file(written(tmp_path, main=main, teardown=PART))
    assert "did you mean 'down.gone'?" in str(caught.value)
