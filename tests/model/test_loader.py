"""A refused runbook says everything that is wrong with it, where, and the way out."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from runbook.errors import InvalidRunbook
from runbook.model import yaml_nodes
from runbook.model.loader import load_file, load_text
from runbook.model.yaml_nodes import MAX_BYTES

HEAD = "apiVersion: runbook/v1\nname: test\n"
STEPS = "phases:\n  - id: one\n    steps:\n"


def refused(text: str | bytes) -> str:
    with pytest.raises(InvalidRunbook) as caught:
        load_text(dedent(text) if isinstance(text, str) else text, "f.yaml")
    return str(caught.value)


def of_step(step: str) -> str:
    return refused(f"{HEAD}{STEPS}      - {step}\n")


def test_a_small_runbook_is_read() -> None:
    runbook = load_text(
        f"{HEAD}{STEPS}      - {{id: a, run: 'true', x-ticket: 17}}\nx-own: 1\n", "f"
    )
    assert runbook.phases[0].steps[0].id == "a"


def test_every_problem_is_told_at_once_in_order_with_its_place() -> None:
    said = refused(
        """\
        apiVersion: runbook/v1
        name: test
        objectves: {rto: 45m}
        objectives: {rto: 45, recovered_when: [modles]}
        health:
          models: {check: {tcp: {host: a, port: 1}}}
        phases:
          - id: one
            steps:
              - {id: go, aprove: {message: hi}}
              - id: go
                run: kubectl get ${{ inputs.ns }}
                timeout: 5 minutes
        """
    )
    assert said == dedent(
        """\
        f.yaml:3:1: unknown key 'objectves'
            objectves: {rto: 45m}
            ^
            hint: did you mean 'objectives'?
        f.yaml:4:19: a duration needs a unit: write 45s or 45m
            objectives: {rto: 45, recovered_when: [modles]}
                              ^
        f.yaml:4:40: no health check 'modles'
            objectives: {rto: 45, recovered_when: [modles]}
                                                   ^
            hint: did you mean 'models'?
        f.yaml:10:9: a step needs exactly one of run, check, approve, manual, wait, workflow, uses; found none
                  - {id: go, aprove: {message: hi}}
                    ^
            hint: did you mean 'approve' instead of 'aprove'?
        f.yaml:11:13: step id 'go' is used twice
                  - id: go
                        ^
            hint: ids are unique over the whole runbook: results are kept under them
        f.yaml:12:30: unknown name 'inputs.ns'
                    run: kubectl get ${{ inputs.ns }}
                                         ^
            hint: none is declared
        f.yaml:13:18: '5 minutes' is no duration such as 90s, 5m or 1h30m
                    timeout: 5 minutes
                             ^
        7 problems in the runbook"""
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{id: a, run: x, timeout: 5}", "6:34: a duration needs a unit: write 5s or 5m"),
        ("{id: a, run: x, retries: '1'}", "expected a whole number, found the text '1'"),
        ("{id: a, run: x, sensitive: yes}", "'yes' is read as true or false by YAML"),
        ("{id: a, run: x, efect: read}", "did you mean 'effect'?"),
        ("{id: a, run: x, check: {tcp: {host: h, port: 1}}}", "found run and check"),
        ("{id: A, run: x}", "'A' is not a name that can be referred to"),
        ("{id: a, run: x, effect: destory}", "did you mean 'destroy'?"),
        ("{id: a, run: x, on_failure: {goto: b}}", "no step 'b'"),
        ("{id: a, check: {health: web}}", "no health check 'web'"),
        ("{id: a, check: {tcpp: {host: h, port: 1}}}", "did you mean 'tcp' instead of 'tcpp'?"),
        ("{id: a, check: {tcp: {host: h}}}", "key 'port' is required here"),
        ("{id: a, check: {tcp: {host: h, port: 1}}, every: 2m}", "`every` is longer than `until`"),
        ("{id: a, run: 'echo ${{ steps.b.status }}'}", "no earlier step 'b'"),
        ("{id: a, run: 'echo ${{ steps.a.status }}'}", "no earlier step 'a'"),
        ("{id: a, run: 'echo ${{ registered.x }}'}", "no earlier step registers 'x'"),
        ("{id: a, run: 'echo ${{ secrets.x }}'}", "unknown name 'secrets.x'"),
        ("{id: a, run: 'echo ${{ nonsense }}'}", "unknown name 'nonsense'"),
        ("{id: a, run: 'echo ${{ x'}", "this ${{ is never closed by }}"),
        ("{id: a, run: x, expect: {regex: '('}}", "not a regular expression"),
        ("{id: a, check: {logs: {namespace: n, matches: x}}}", "name exactly one"),
        ("{id: a, check: {s3: {endpoint: e, bucket: b}}}", "name exactly one"),
        ("{id: a, check: {inference: {endpoint: e}}}", "name one"),
        ("{id: a, manual: {qqqqq: x}}", "hint: allowed: evidence, instructions\n"),
        ("{id: a, approve: {qqqqq: x}}", "allowed: approvers, confirm_text, message, timeout\n"),
        ("{id: a, run: x, expect: {qqqqq: x}}", "allowed: exit, jsonpath, range, regex, stdout\n"),
        (
            "{id: a, wait: 1s, qqqqq: x}",
            "allowed: doc, effect, hint, id, on_failure, parallel, skippable, timeout, title, wait",
        ),
        ("{id: a, check: {s3: {qqqqq: x}}}", "key, prefix, region, secret_key\n"),
        ("{id: a, wait: 5}", "a duration needs a unit"),
        ("{id: a, wait: true}", "a duration is a text such as 90s, 5m or 1h30m"),
        ("{id: a, run: x, expect: {range: {}}}", "a range needs `min`, `max` or both"),
        ("{id: a, run: x, expect: {range: {min: 3, max: 1}}}", "no number lies between 3 and 1"),
        ("{id: a, run: x, retries: 9999}", "input should be less than or equal to"),
        ("{id: a, run: x, title: true}", "expected a text, found true (true or false)"),
        ("{id: a, run: x, title: 3}", "expected a text, found the number 3"),
        ("{id: a, run: x, title: {b: c}}", "expected a text, found a mapping"),
        ("{id: a, zzz: 1}", "found none\n"),
        ("{id: a, run: x, if: true}", "did you mean 'when'?"),
        ("{id: a, run: x, retries: 0b_}", "'0b_' cannot be read as int"),
        ("{id: a, run: x, <<: [1]}", "<< merges mappings only"),
        ("{id: a, run: x, expect: {jsonpath: {path: '{.a}', matches: '('}}}", "not a regular"),
        (
            "{id: a, check: {http: {url: u, expect: {headers: {A: '('}}}}}",
            "not a regular expression",
        ),
        ("{id: a, uses: x.yaml}", "x.yaml cannot be read: no other file can be used from here"),
        ("{id: a, uses: 'x.yaml#one#two'}", "cannot be read"),
        ("{id: a, run: x, expect: {range: {min: 1}}, retries: -1}", "greater than or equal to 0"),
        ("{run: x}", "key 'id' is required here"),
        ("just text", "a step is a mapping, and this is the text 'just text'"),
        ("{id: a, id: b, run: x}", "key 'id' stands here a second time"),
        ("{id: a, run: x, on: 1}", "key 'on' is read as a bool"),
        ("{id: a, run: x, retries: 012}", "octal"),
        ("{id: a, run: x, expect: {exit: 1:30}}", "1:30 is read as a number to the base of sixty"),
        ("{id: a, run: x, timeout: 367d}", "'367d' is longer than a year"),
        (f"{{id: a, run: x, timeout: {'9' * 400}s}}", "is longer than a year"),
        ("{id: a, run: x, when: '${{ true }} && ${{ false }}'}", "a condition is one expression"),
        ("{id: a, run: x, when: '${{ run.mode }} == 1'}", "a condition is one expression"),
    ],
)
def test_a_fault_is_named_with_what_was_allowed(step: str, said: str) -> None:
    assert said in of_step(step)


def test_no_failure_leads_past_a_gate() -> None:
    steps = [
        "{id: a, run: x, on_failure: {goto: %s}}",
        "{id: go, approve: {message: m}}",
        "{id: b, run: x}",
    ]
    text = HEAD + STEPS + "".join(f"      - {step}\n" for step in steps)
    said = refused(text % "b")
    assert "6:44: the gate 'go' lies before 'b', and a gate is never skipped" in said
    assert load_text(text % "go", "f").phases


ARRANGED = [
    (
        "[{id: a, run: x, parallel: g}, {id: b, run: x}]",
        "the step is alone in group 'g'",
    ),
    (
        "[{id: a, run: x, parallel: g}, {id: b, run: x, parallel: g}, {id: c, run: x},"
        " {id: d, run: x, parallel: g}, {id: e, run: x, parallel: g}]",
        "the steps of group 'g' are not neighbours",
    ),
    (
        "[{id: a, run: x, parallel: g}, {id: b, approve: {message: hi}, parallel: g}]",
        "`approve` needs a person, and stands alone",
    ),
    (
        "[{id: a, run: x, parallel: g},"
        " {id: b, run: 'echo ${{ steps.a.outputs.k }}', parallel: g}]",
        "no earlier step 'a'",
    ),
    (
        "[{id: a, run: x, rollback: 'echo ${{ steps.b.outputs.k }}'}, {id: b, run: x}]",
        "no earlier step 'b'",
    ),
    ("[{id: a, wait: 1s, rollback: x}]", "unknown key 'rollback'"),
    ("[{id: a, run: x, on_failure: {goto: z}}]", "what is always done is reached at the end only"),
]


@pytest.mark.parametrize(("steps", "said"), ARRANGED)
def test_how_steps_stand_to_each_other_is_checked(steps: str, said: str) -> None:
    always = "always: [{id: z, run: tidy}]\n"
    assert said in refused(f"{HEAD}{always}phases:\n  - id: one\n    steps: {steps}\n")


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{id: z, approve: {message: hi}}", "what is always done asks nobody"),
        ("{id: z, manual: {instructions: hi}}", "what is always done asks nobody"),
        ("{id: z, run: x, effect: destroy}", "what is always done destroys nothing"),
        ("{id: z, run: x, on_failure: {goto: a}}", "leads nowhere"),
        ("{id: a, run: x}", "step id 'a' is used twice"),
        ("{id: z, run: 'echo ${{ inputs.x }}'}", "unknown name 'inputs.x'"),
    ],
)
def test_what_is_always_done_asks_nobody_and_destroys_nothing(step: str, said: str) -> None:
    assert said in refused(f"{HEAD}always: [{step}]\n{STEPS}      - {{id: a, run: x}}\n")


def test_a_rollback_may_use_what_its_own_step_gave() -> None:
    step = "{id: a, run: x, register: n, rollback: 'undo ${{ steps.a.outputs.k }} ${{ registered.n }}'}"
    load_text(f"{HEAD}{STEPS}      - {step}\n", "f")


def test_a_phase_cannot_take_the_name_of_what_is_always_done() -> None:
    assert "is the phase made of `always:`" in refused(
        f"{HEAD}phases: [{{id: always, steps: [{{id: a, run: x}}]}}]\n"
    )


def test_a_gate_cannot_show_a_secret() -> None:
    steps = f'{STEPS}      - {{id: a, approve: {{message: "${{{{ secrets.s }}}}?"}}}}\n'
    said = refused(f"{HEAD}secrets: {{s: {{from: env, key: S}}}}\n{steps}")
    assert "a secret cannot be shown to a person" in said


def test_a_condition_cannot_ask_for_a_secret() -> None:
    steps = f"{STEPS}      - {{id: a, run: x, when: secrets.s == 'x'}}\n"
    said = refused(f"{HEAD}secrets: {{s: {{from: env, key: S}}}}\n{steps}")
    assert "a condition cannot ask for a secret" in said


def test_a_variable_may_be_called_as_a_key_of_the_format() -> None:
    step = '{id: a, run: x, env: {when: now and then, run: "`${{ run.mode }}`"}}'
    assert load_text(f"{HEAD}{STEPS}      - {step}\n", "f").phases


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "f.yaml: the file is empty"),
        (b"   \n\n", "f.yaml: the file is empty"),
        (b"# nothing\n", "nothing but comments"),
        (b"\xff\xfe\x00", "f.yaml:1:1: byte 0xff is not UTF-8"),
        (b"a: b\n\tc: d\n", "f.yaml:2:1: a tab in the indentation"),
        (b"a: \x00\n", "f.yaml:1:4: control character U+0000"),
        (b"- a\n- b\n", "a runbook is a mapping of keys, and this is a list"),
        (b"just text", "this is the text 'just text'"),
        (b"a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document starts here"),
        (b"a: [1\n", "not YAML"),
        ("a: \ufffe\n".encode(), "not YAML: unacceptable character"),
        (b"a: *b\n", "undefined alias"),
        (b"a: &a [*a]\n", "an alias that contains itself"),
        (b"? [1]\n: 2\n", "a key must be a text"),
        (b"a: !!python/object:os.system x\n", "tag"),
        (b"[" * 5000, "f.yaml"),
        (b"a: " + b"x" * MAX_BYTES, "at most"),
    ],
)
def test_a_file_that_is_no_runbook_is_an_error_and_never_a_traceback(
    content: bytes, said: str
) -> None:
    assert said in refused(content)


@pytest.mark.slow
def test_a_yaml_bomb_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    began = time.perf_counter()
    assert "aliases are followed" in refused("\n".join(lines))
    assert time.perf_counter() - began < 20


def test_aliases_are_followed_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_nodes, "MAX_NODES", 10)
    assert "aliases are followed" in refused("a: &a [x, x, x, x, x]\nb: [*a, *a]\n")


def test_anchors_and_merge_keys_are_welcome() -> None:
    text = f"""{HEAD}x-quick: &quick {{retries: 2, delay: 1s}}
{STEPS}      - {{<<: *quick, id: a, run: 'true'}}
      - {{<<: *quick, id: b, run: 'true', retries: 0}}
"""
    first, second = load_text(text, "f").phases[0].steps
    assert (first.model_dump()["retries"], second.model_dump()["retries"]) == (2, 0)


def test_a_file_that_is_not_there_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(InvalidRunbook, match="cannot be read"):
        load_file(tmp_path / "missing.yaml")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_a_traceback(content: bytes) -> None:
    with pytest.raises(InvalidRunbook):
        load_text(content, "f.yaml")


KEYS = st.sampled_from(
    ["id", "run", "check", "kubernetes", "kind", "steps", "phases", "approve", "on_failure", "goto",
     "secrets", "from", "inputs", "default", "expect", "exit", "x-a", "health", "vars", "when"]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, values, max_size=5), st.lists(values, max_size=3))
@settings(max_examples=300, deadline=None)
def test_no_document_makes_a_traceback(document: dict[str, object], steps: list[object]) -> None:
    whole = {
        "apiVersion": "runbook/v1",
        "name": "x",
        "phases": [{"id": "one", "steps": steps}],
        **document,
    }
    try:
        load_text(yaml.safe_dump(whole, allow_unicode=True), "f.yaml")
    except InvalidRunbook as caught:
        assert caught.problems


@pytest.mark.parametrize(
    ("notification", "why"),
    [
        ("{events: [waiting]}", "5:5: exactly one of webhook, command, desktop says how"),
        ("{desktop: true, webhook: s}", "says how; found webhook and desktop"),
        ("{webhook: t}", "no secret 't'\n"),
        ("{webhook: 'https://hooks.example/T0/x'}", "this is no name of a secret"),
        ("{command: []}", "at least one is wanted here, found none"),
        ("{command: [a, '${{ secrets.s }}']}", "a secret cannot be an argument"),
        ("{command: [a, '${{ steps.a.status }}']}", "exists only inside steps"),
        ("{command: [a, '${{ inputs.x }}']}", "unknown name 'inputs.x'"),
        ("{command: [a, '${{ ']}", "this ${{ is never closed by }}"),
        ("{desktop: false}", "desktop"),
        ("{desktop: true, events: [started]}", "'waiting', 'failed' or 'finished'"),
        ("{desktop: true, events: []}", "at least one is wanted here, found none"),
        ("just text", "expected a mapping, found the text"),
        ("{webhook: s, events: [finished], in_practice: true}", ""),
        ("{command: [page, '${{ run.mode }}']}", ""),
    ],
)
def test_a_notification_says_one_way_and_names_no_secret_where_it_is_seen(
    notification: str, why: str
) -> None:
    secrets = "secrets: {s: {from: env, key: HOOK}}\n"
    text = f"{HEAD}{secrets}notify:\n  - {notification}\n{STEPS}      - {{id: a, run: x}}\n"
    if why:
        assert why in refused(text)
        assert "hooks.example" not in refused(text).replace(notification, "")
    else:
        assert len(load_text(text, "f.yaml").notify) == 1


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("{from: command}", "key 'run' is required here"),
        ("{from: command, run: x, timeout: 5}", "a duration needs a unit"),
        ("{from: command, run: x, shell: sh}", "unknown key 'shell'"),
        ("{from: command, run: 'x ${{ inputs.nobody }}'}", "unknown name 'inputs.nobody'"),
        ("{from: command, run: 'x ${{ secrets.s }}'}", "a secret cannot be made of another"),
        ("{from: command, run: 'x ${{ steps.a.status }}'}", "exists only inside steps"),
        ("{from: command, run: \"x '${{ inputs.i }}'\"}", ""),
        (
            "{from: command, run: x, qqqqq: x}",
            "hint: allowed: env, from, run, sensitive, timeout\n",
        ),
        ("{from: elsewhere}", "or `from: command`"),
    ],
)
def test_a_secret_of_a_command_is_made_of_what_the_plan_knows(secret: str, why: str) -> None:
    text = f"{HEAD}inputs: {{i: {{}}}}\nsecrets:\n  s: {secret}\n{STEPS}      - {{id: a, run: x}}\n"
    if why:
        assert why in refused(text)
    else:
        assert load_text(text, "f.yaml").secrets["s"].from_ == "command"


def whole(**more: str) -> str:
    """A good runbook with more at its top."""
    head = "".join(f"{key}: {value}\n" for key, value in more.items())
    return f"{HEAD}{head}{STEPS}      - {{id: a, run: x}}\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"inputs": "{n: {default: zz, pattern: '[0-9]+'}}"}, "the default does not fit: input n"),
        ({"inputs": "{n: {default: 5, options: [1, 2]}}"}, "'5' is none of: 1, 2"),
        ({"inputs": "{n: {default: x, pattern: '('}}"}, "not a regular expression"),
        ({"vars": "{n: [1]}"}, "n"),
        ({"health": "{h: {check: {health: g}}}"}, "a health check cannot be made of another one"),
    ],
)
def test_a_fault_at_the_top_is_told(more: dict[str, str], said: str) -> None:
    assert said in refused(whole(**more))


def test_what_depends_on_a_value_is_judged_when_the_value_is_known() -> None:
    check = "{id: b, check: {logs: {namespace: n, pod: p, matches: '${{ vars.m }}('}}}"
    text = f"{HEAD}vars: {{m: x}}\n{STEPS}      - {{id: a, run: 'echo ${{{{ env.HOME }}}}'}}\n"
    assert len(load_text(f"{text}      - {check}\n", "f.yaml").phases[0].steps) == 2


def test_a_result_that_no_step_has_is_told_with_those_it_has() -> None:
    steps = f"{STEPS}      - {{id: a, run: x}}\n"
    said = refused(f"{HEAD}{steps}      - {{id: b, run: 'echo ${{{{ steps.a.bogus }}}}'}}\n")
    assert "write steps.a.status or steps.a.outputs.NAME" in said


def test_a_value_that_cannot_be_quoted_is_told_at_its_place() -> None:
    step = "{id: a, run: \"cat <<'E'\\n${{ run.mode }}\\nE\"}"
    assert "f.yaml:" in of_step(step)


def test_what_is_nested_without_end_is_refused_at_its_place() -> None:
    assert "nested deeper than" in refused(f"{HEAD}x-deep: {'[' * 150}{']' * 150}\n{STEPS}")


def test_a_phase_needs_a_name_that_is_a_text() -> None:
    steps = "    steps: [{id: a, run: x}]\n"
    said = refused(f"{HEAD}phases:\n  - id: [1]\n{steps}  - id: one\n{steps}")
    assert "expected a text, found a list" in said
