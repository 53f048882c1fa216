"""A procedure written for people becomes a draft that is valid, and says what it is unsure of."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from runbook.errors import UsageError
from runbook.model import importing
from runbook.model.document import (
    ApproveStep,
    ManualStep,
    Runbook,
    RunStep,
    UsesStep,
    WaitStep,
    WrittenStep,
)
from runbook.model.importing import imported
from runbook.model.loader import load_text

PAGE = """\
---
owner: somebody
---
# Restore the shop

## 1. Stop the traffic (5 minutes)

Scale the [gateway](https://wiki.example/gateway) down. Customers see a banner meanwhile.

```bash
kubectl scale deployment gateway --replicas=0 -n shop
```

## 2. Delete what is broken (~10-15 min)

```bash
# Delete the database pods
kubectl delete pods -l app=db -n shop --wait=false

# Look at what is left
kubectl get pods -n shop
```

- [ ] No pod of the database is left
- [x] The backup is there

## Rebuild

1. Apply the manifests:

   ```console
   $ kubectl apply \\
   >   -k deploy
   service/db created
   $ sleep 30
   ```

2. Tell the shop's owner
"""


def steps(text: str) -> list[WrittenStep]:
    made = load_text(imported(dedent(text), "page.md", "page"), "page")
    return [step for phase in made.phases for step in phase.steps]


def only(text: str) -> WrittenStep:
    [step] = steps(text)
    return step


def page() -> tuple[str, Runbook]:
    made = imported(PAGE, "page.md", "page")
    return made, load_text(made, "page")


def test_headings_become_phases_with_budgets() -> None:
    made, runbook = page()
    assert runbook.title == "Restore the shop"
    assert [(p.id, p.title, p.budget) for p in runbook.phases] == [
        ("stop-the-traffic", "Stop the traffic", 300),
        ("delete-what-is-broken", "Delete what is broken", 900),
        ("rebuild", "Rebuild", None),
    ]
    assert "# unsure: the longer of 10 and 15 is taken" in made


def test_commands_become_steps_with_what_they_do() -> None:
    _, runbook = page()
    found = [step for phase in runbook.phases for step in phase.steps]
    ran = [(s.title, s.effect, s.run) for s in found if isinstance(s, RunStep)]
    assert ran == [
        ("Scale the gateway down", "change", "kubectl scale deployment gateway --replicas=0 -n shop"),
        ("Delete the database pods", "destroy", "kubectl delete pods -l app=db -n shop --wait=false"),
        ("Look at what is left", "read", "kubectl get pods -n shop"),
        ("Apply the manifests", "change", "kubectl apply \\\n  -k deploy\nsleep 30"),
    ]  # fmt: skip


def test_prose_is_kept_beside_its_step() -> None:
    made, runbook = page()
    first = runbook.phases[0].steps[0]
    assert isinstance(first, RunStep)
    assert first.doc == "https://wiki.example/gateway"
    assert "# line 10: Scale the gateway down. Customers see a banner meanwhile." in made
    assert "# unsure: left out what it answers: service/db created" in made


def test_a_gate_stands_before_the_first_deletion() -> None:
    _, runbook = page()
    kinds = [type(step) for step in runbook.phases[1].steps]
    assert kinds == [ApproveStep, RunStep, RunStep, ManualStep, ManualStep]


def test_what_is_to_be_ticked_is_manual() -> None:
    _, runbook = page()
    told = [
        s.manual.instructions for p in runbook.phases for s in p.steps if isinstance(s, ManualStep)
    ]
    assert told == [
        "No pod of the database is left",
        "The backup is there",
        "Tell the shop's owner",
    ]


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("```sh\nkubectl delete pod <name>\n```", "<name> is to be filled in"),
        ("```sh\nhelm rollback YOUR_RELEASE 1\n```", "YOUR_RELEASE is to be filled in"),
        ("```sh\ncurl https://x/{user_id}\n```", "{user_id} is to be filled in"),
        ("```sh\nkubectl exec -it db-0 -- bash\n```", "it wants a terminal"),
        ("```sh\nkubectl edit deployment x\n```", "it wants a terminal"),
        ("```sh\nkubectl port-forward svc/x 80\n```", "does not end by itself"),
        ("```sh\nkubectl logs -f x\n```", "does not end by itself"),
        ("```sh\nssh db-0\n```", "it wants a terminal"),
        ("```sh\nkubectl get x\n# or\nkubectl get y\n```", "one of several ways"),
        ("Alternatively:\n```sh\nkubectl get y\n```", "one of several ways"),
        ("If it hangs:\n```sh\nkubectl delete pod y\n```", "done only sometimes"),
        ("```sh\n- name: x\n  template: y\n```", "'-' is no program"),
        ("```sh\nfor x in; do (\n```", "bash cannot read it"),
        ("## Option A: restart\n```sh\nkubectl delete pod y\n```", "one of several ways"),
        ("```sh\n# Example\nkubectl delete pod y\n```", "an example"),
        ("- Look: `kubectl get pods`", "a command within a line"),
        ("```yaml\na: 1\n```", "a block of yaml"),
        ("```\nError: something\n```", "a block without a language"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_left_to_a_person(block: str, why: str) -> None:
    made = imported(block, "page.md", "page")
    found = [s for p in load_text(made, "page").phases for s in p.steps]
    assert [type(step) for step in found] == [ManualStep]
    assert [line for line in made.splitlines() if "# unsure: " in line and why in line]


@pytest.mark.parametrize(
    "script",
    [
        "kubectl get pods -o jsonpath='{.items[0].metadata.name}'",
        'kubectl patch x -p \'{"a":{"b":null}}\'',
        'for i in {1..3}; do echo "${i}"; done',
        "kubectl get x -o go-template='{{.a}}'",
        "psql -c 'select 1' < file",
        "kubectl exec db-0 -- ls",
    ],
)
def test_what_only_looks_odd_is_a_command(script: str) -> None:
    step = only(f"```bash\n{script}\n```")
    assert isinstance(step, RunStep)
    assert step.run == script


def test_an_answer_after_a_command_is_to_be_compared() -> None:
    _, answer = steps("```sh\nkubectl get x\n```\n\n```\nNAME  READY\nx     1/1\n```\n")
    assert isinstance(answer, ManualStep)
    assert answer.manual.instructions == "NAME  READY\nx     1/1"


def test_a_condition_is_about_the_whole_block() -> None:
    found = steps(
        "If it hangs:\n```sh\n# One\nkubectl delete pod a\n# Two\nkubectl delete pod b\n```\n"
    )
    assert [type(step) for step in found] == [ManualStep, ManualStep]


def test_a_link_or_a_hint_in_a_list_goes_with_the_command_after_it() -> None:
    step = only("- See [the wiki](https://wiki.example/x)\n\n```sh\nkubectl get x\n```\n")
    assert isinstance(step, RunStep)
    assert step.doc == "https://wiki.example/x"
    assert only("Look\nat it  \ntwice\n```sh\nkubectl get x\n```\n").title == "Look at it twice"


def test_a_budget_for_several_headings_is_told_at_the_first() -> None:
    text = "# x\n## Rebuild (10 minutes)\n### Apply\n- [ ] a\n"
    made = imported(text, "p.md", "p")
    assert "# unsure: 'Rebuild' was given 10m, perhaps for this too" in made
    assert (
        load_text(imported("## Wait (999 days)\n- [ ] a\n", "p.md", "p"), "p").phases[0].budget
        is None
    )


def test_a_record_of_a_console_leaves_its_blank_lines_out() -> None:
    step = only("```console\n$ kubectl get x \\\n>   -n y\n\nx 1/1\n\n```\n")
    assert isinstance(step, RunStep)
    assert step.run == "kubectl get x \\\n  -n y"


@pytest.mark.parametrize("pause", ["sleep 1000d", "sleep $T", "sleep 1m30s"])
def test_a_pause_that_is_no_plain_time_stays_a_command(pause: str) -> None:
    assert isinstance(only(f"```sh\n{pause}\n```\n"), RunStep)


def test_a_hidden_failure_is_told() -> None:
    made = imported("```sh\nkubectl delete x y || true\n```\n", "p.md", "p")
    assert "# unsure: `|| true` hides a failure" in made


def test_comments_of_a_script_become_titles_and_its_first_line_does_not() -> None:
    script = "#!/bin/bash\n# Look\n\n# closely\nkubectl get x\n# Then\nkubectl get y\n"
    assert [s.title for s in steps(f"```sh\n{script}```\n")] == ["Look closely", "Then"]
    assert steps("```sh\n# nothing but a comment\n```\n")


@pytest.mark.parametrize("script", ["tail -f /var/log/x", "top", "python3", "psql"])
def test_what_stays_on_the_screen_is_for_a_person(script: str) -> None:
    assert isinstance(only(f"```sh\n{script}\n```\n"), ManualStep)


def test_a_heading_or_an_item_without_words_is_nothing() -> None:
    made = load_text(imported("#\n\n- ![](https://x/y.png)\n- [ ] a\n", "p.md", "p"), "p")
    assert [s.id for s in made.phases[0].steps] == ["a"]


def test_a_name_is_unique_beside_one_that_looks_like_it() -> None:
    made = load_text(imported("- [ ] a\n- [ ] a 2\n- [ ] a\n", "p.md", "p"), "p")
    assert [s.id for s in made.phases[0].steps] == ["a", "a-2", "a-3"]


def test_a_page_that_makes_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "MAX_BYTES", 500)
    with pytest.raises(UsageError, match="makes more than"):
        imported(f"- [ ] {'x' * 500}\n", "p.md", "p")


def test_an_answer_may_be_announced() -> None:
    _, answer = steps("```sh\nkubectl get x\n```\n\nExpected output:\n\n```\nx 1/1\n```\n")
    assert answer.title == "Compare what the command says"


def test_what_a_command_in_a_pod_does_counts() -> None:
    [reads] = steps("```sh\nkubectl exec -n x db-0 -- df -h\n```\n")
    [_, destroys] = steps("```sh\nkubectl exec db-0 -- dropdb x\n```\n")
    assert isinstance(reads, RunStep)
    assert isinstance(destroys, RunStep)
    assert (reads.effect, destroys.effect) == ("read", "destroy")


def test_a_heading_is_not_cut_at_its_colon() -> None:
    made = load_text(
        imported("# Runbook: no disk\n## Step 2: Look: here\n- [ ] x\n", "p.md", "p"), "p"
    )
    assert (made.title, made.phases[0].title) == ("Runbook: no disk", "Look: here")


def test_a_script_that_hangs_together_stays_together() -> None:
    step = only("```sh\nNS=x\n\n# Look\nkubectl get pods -n $NS\n```\n")
    assert isinstance(step, RunStep)
    assert step.run == "NS=x\n\n# Look\nkubectl get pods -n $NS"


def test_a_variable_of_another_step_is_told() -> None:
    made = imported("```sh\nexport NS=x\n```\n```sh\nkubectl get pods -n $NS\n```\n", "p.md", "p")
    assert "# unsure: $NS is set on line 1, in a step of its own" in made


def test_a_pause_is_a_wait() -> None:
    step = only("```sh\nsleep 30\n```")
    assert isinstance(step, WaitStep)
    assert step.wait == 30


def test_tabs_and_expressions_arrive_as_they_are() -> None:
    script = "if true; then\n\techo '${{ not.ours }}'\nfi"
    made = load_text(imported(f"```sh\n{script}\n```", "p.md", "p"), "p")
    [step] = made.phases[0].steps
    assert isinstance(step, RunStep)
    assert step.run == script.replace("${{", "$${{")


def test_names_are_unique_and_none_is_reserved() -> None:
    text = "# x\n## Preflight\n- [ ] Ü\n- [ ] a\n- [ ] a\n## Preflight\n- [ ] 1\n"
    made = load_text(imported(text, "p.md", "p"), "p")
    assert [phase.id for phase in made.phases] == ["preflight-2", "preflight-3"]
    assert [s.id for p in made.phases for s in p.steps] == ["step", "a", "a-2", "step-2"]


@pytest.mark.parametrize("text", ["", "# Only a title\n\nand prose.\n", "```sh\n\n```\n"])
def test_a_page_without_anything_to_do_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"nothing in page\.md"):
        imported(text, "page.md", "page")


PIECES = st.sampled_from(
    ["# H (5 minutes)", "## 1. x (1-2 h)", "- [ ] t", "1. n", "```sh", "```", "    $ kubectl get x",
     "kubectl delete ns x", "kubectl get <a>", "${{ x }}", "a: b # c", "\tx", "> q", "---", "|", "'", '"',
     "- x", "<b>", "| a | b |", "\x85", "\u2028", "\x00", "[l](https://x)", "**b**", "sleep 5",
     "A=1", "cat <<E", "E", "\ufeff", "%", "@", "&a", "*a", "!x", "yes", "null", "0x1", "1e3", "2020-01-01"]
)  # fmt: skip


def valid(text: str, name: str = "p") -> Any:
    try:
        made = imported(text, f"{name}.md", name)
    except UsageError:
        return None
    runbook = load_text(made, "made")
    for phase in runbook.phases:
        for step in phase.steps:
            assert not isinstance(step, UsesStep)
    return runbook


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(text: str) -> None:
    valid(text)


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=14), st.text(max_size=8))
@settings(max_examples=400, deadline=None)
@example(["- [ ] t"], "FALSE")
@example(["# null", "- [ ] no", "- [ ] Yes."], "on")
@example(["```sh", " x\n\ty", "```"], "")
@example(["- [ ] x\x85y", "```", "a\u2028b\n\n c", "```"], "\x85")
def test_any_page_is_valid_or_refused(lines: list[str], name: str) -> None:
    valid("\n".join(lines), name)


@given(st.text(min_size=1))
@settings(max_examples=200, deadline=None)
def test_a_block_arrives_as_it_is(text: str) -> None:
    plain = text.replace("`", "").replace("~", "")
    runbook = valid(f"```yaml\n{plain}\n```\n")
    if runbook is not None:
        told = runbook.phases[0].steps[0].manual.instructions
        lines = plain.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")
        assert told == lines.strip("\n").replace("${{", "$${{")
