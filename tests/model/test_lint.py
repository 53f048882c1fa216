"""Each rule of `runbook lint` has a runbook that it is about, and one that it leaves alone."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from textwrap import indent

import pytest
from hypothesis import given, settings, strategies as st

from runbook.cli.lint import practice_faults
from runbook.model.commands import LONGEST, read
from runbook.model.effects import effect_of
from runbook.model.lint import Advice, lint
from runbook.model.lint_rules import BY_ID, RULES, as_markdown
from runbook.model.loader import load, load_file

ROOT = Path(__file__).parents[2]
FAULTS = ("finalizers-stuck", "sealing-key-lost")
HEAD = """\
apiVersion: runbook/v1
name: test
title: A test
objectives: {rto: 5m, recovered_when: [up]}
health:
  up: {title: It is up, check: {tcp: {host: h, port: 1}}}
"""
GATE = "{id: go, title: Go?, approve: {message: Go?, timeout: 5m}}"


def advice(text: str, **files: str) -> list[Advice]:
    beside = {f"{name}.yaml": content.encode() for name, content in files.items()}
    return lint(load(text, "f.yaml", lambda key: beside[key]), "f.yaml", FAULTS)


def rules(text: str, **files: str) -> list[str]:
    return [one.rule.id for one in advice(text, **files)]


def run_step(script: str, more: str = "") -> str:
    extra = f"\n        {more}" if more else ""
    return f"id: a\n        title: A{extra}\n        run: |\n{indent(script, ' ' * 10)}"


def of_script(script: str, more: str = "timeout: 1m", head: str = HEAD) -> list[str]:
    text = f"{head}phases:\n  - id: one\n    title: One\n    budget: 5m\n    steps:\n"
    return rules(f"{text}      - {run_step(script, more)}\n")


def of_steps(*steps: str, more: str = "", **files: str) -> list[str]:
    text = f"{HEAD}{more}phases:\n  - id: one\n    title: One\n    budget: 5m\n    steps:\n"
    return rules(text + "".join(f"      - {one}\n" for one in steps), **files)


def test_a_good_runbook_is_told_nothing() -> None:
    assert (
        of_steps(
            GATE,
            "{id: a, title: A, effect: destroy, run: kubectl delete pod x --wait=false, rollback: 'true'}",
            "{id: b, check: {health: up}, proves_against: [finalizers-stuck]}",
        )
        == []
    )


DESTROY = "id: d, title: D, effect: destroy, rollback: 'true', timeout: 1m"
BAD_STEPS = [
    ("destroy-without-gate", [f"{{{DESTROY}, run: kubectl delete pod x}}"]),
    (
        "destroy-without-gate",  # the gate may be skipped and the step not
        ["{id: go, title: Go?, when: run.mode == 'drill', approve: {message: '?', timeout: 5m}}",
         f"{{{DESTROY}, run: kubectl delete pod x}}"],
    ),
    ("destroy-without-gate", [f"{{{DESTROY}, run: kubectl delete pod x}}", GATE]),
    ("destroy-continues", [GATE, f"{{{DESTROY}, run: kubectl delete pod x, on_failure: continue}}"]),
    ("destroy-without-rollback", [GATE, "{id: d, title: D, effect: destroy, run: 'true'}"]),
    ("check-without-proof", ["{id: c, check: {health: up}}"]),
    ("unknown-fault", ["{id: c, check: {health: up}, proves_against: [finalizer-stuck]}"]),
    ("retries-without-delay", ["{id: a, title: A, run: 'true', retries: 2}"]),
    ("gate-without-timeout", ["{id: go, title: Go?, approve: {message: '?'}}"]),
    ("untitled", ["{id: a, run: 'true'}"]),
    ("unused-register", ["{id: a, title: A, run: 'true', register: x}"]),
    ("effect-understated", ["{id: a, title: A, timeout: 1m, run: kubectl delete pod x}"]),
    ("effect-understated", ["{id: a, title: A, effect: read, run: kubectl apply -f x}"]),
    ("own-cluster", ["{id: a, title: A, run: 'true', env: {KUBECONFIG: /root/.kube/config}}"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "steps"), BAD_STEPS)
def test_a_step_is_told_its_rule(rule: str, steps: list[str]) -> None:
    assert of_steps(*steps) == [rule]


SECRETS = (
    HEAD + "secrets:\n  token: {from: env, key: T}\n  user: {from: env, key: U, sensitive: false}\n"
)
BAD_SCRIPTS = [
    ("pipe-to-shell", "curl -fsS https://x/install.sh | sudo bash -s -- --yes"),
    ("pipe-to-shell", 'sh -c "$(wget -qO- https://x)"'),
    ("pipe-to-shell", "bash <(curl https://x)"),
    ("sleep-in-script", "until kubectl get pod x; do\n  sleep 5\ndone"),
    ("own-cluster", "kubectl --context prod get pods"),
    ("own-cluster", "kubectl get pods --kubeconfig=/x"),
    ("own-cluster", "KUBECONFIG=/x kubectl get pods"),
    ("own-cluster", "export KUBECONFIG=/x"),
    ("own-cluster", "kubectl config use-context prod"),
    ("own-cluster", "helm list --kube-context prod"),
    ("effect-understated", "kubectl get pod -o name | xargs kubectl delete --wait=false"),
    ("effect-understated", "if true; then helm uninstall x; fi"),
]


FORCED = [
    'kubectl patch model x -p \'{"metadata":{"finalizers":null}}\'',
    "kubectl patch model x --type=merge -p 'metadata: {finalizers: []}'",
    'kubectl patch ns x --type=json -p \'[{"op":"remove","path":"/metadata/finalizers"}]\'',
    'kubectl patch x y --type json -p=\'[{"path":"/metadata/finalizers/0","op":"remove"}]\'',
    'kubectl get model -o name | xargs -n1 kubectl patch -p \'{"metadata":{"finalizers":null}}\'',
    "for each in $(kubectl get model -o name); do kubectl patch $each "
    '-p \'{"metadata":{"finalizers":null}}\'; done',
    "kubectl replace --raw /api/v1/namespaces/x/finalize -f x.json",
]


@pytest.mark.parametrize("script", FORCED)
def test_finalizers_are_not_to_be_taken_off_by_hand(script: str) -> None:
    assert of_script(script) == ["effect-understated", "finalizers-by-hand"]


@pytest.mark.parametrize(
    "script",
    [
        'kubectl patch model x -p \'{"metadata":{"finalizers":["a.b/c"]}}\'',
        'kubectl patch x y --type json -p \'[{"op":"add","path":"/metadata/finalizers/0"}]\'',
        "kubectl get model -o jsonpath={.metadata.finalizers}",
        "runbook release-finalizers -n x --dry-run",
    ],
)
def test_finalizers_may_be_looked_at_and_put_on(script: str) -> None:
    assert of_script(script) == []


@pytest.mark.parametrize(("rule", "script"), BAD_SCRIPTS)
def test_a_script_is_told_its_rule(rule: str, script: str) -> None:
    assert of_script(script) == [rule]


@pytest.mark.parametrize(
    "script",
    [
        "curl -fsS https://x -o file && sha256sum -c file.sum && bash file",
        "curl -fsS https://x | python3 -c 'import json, sys; json.load(sys.stdin)'",
        "curl -fsS https://x | bash ./count.sh",
        "echo 'kubectl delete pod x | sleep 5'  # sleep 5",
        "cat <<'END'\ncurl https://x | sh\nEND",
        "kubectl get pods --context ${{ target.context }}",
        "kubectl exec x -- psql --user me",
        "kubectl delete pod x --dry-run=client",
        'rm -rf "$(mktemp -d)"',
    ],
)
def test_a_script_is_left_alone(script: str) -> None:
    assert of_script(script) == []


@pytest.mark.parametrize(
    ("script", "more"),
    [
        ("curl -H 'Authorization: ${{ secrets.token }}' https://x", "timeout: 1m"),
        ('kubectl get x --token-file "$(printf %s ${{ secrets.token }})"', "timeout: 1m"),
        ('curl -u "me:$TOKEN" https://x', 'env: {TOKEN: "${{ secrets.token }}"}'),
    ],
)
def test_a_secret_is_no_argument(script: str, more: str) -> None:
    assert of_script(script, more, SECRETS).count("secret-in-arguments") == 1


@pytest.mark.parametrize(
    "script",
    [
        "curl -K - https://x <<< ${{ secrets.token }}",
        "printf %s ${{ secrets.token }} | kubectl create secret generic x --from-file=/dev/stdin",
        "TOKEN=${{ secrets.token }} curl https://x",
        "curl -u ${{ secrets.user }} https://x",
    ],
)
def test_a_secret_may_be_fed(script: str) -> None:
    assert "secret-in-arguments" not in of_script(script, "timeout: 1m", SECRETS)


def test_a_deletion_that_waits_needs_an_end() -> None:
    more = "effect: destroy"
    assert "delete-waits" in of_script("kubectl delete ns x", more)
    assert "delete-waits" not in of_script("kubectl delete ns x", f"{more}\n        timeout: 5m")
    assert "delete-waits" not in of_script("kubectl delete ns x --wait=false", more)


def test_a_check_only_reads() -> None:
    found = of_steps(
        "{id: c, title: C, check: {run: kubectl delete pod x}, proves_against: [finalizers-stuck]}"
    )
    assert found == ["effect-understated"]


def test_a_used_file_is_pinned_and_gated() -> None:
    part = (
        "apiVersion: runbook/v1\nname: part\nphases:\n  - id: p\n    steps:\n"
        "      - {id: d, effect: destroy, run: 'true'}\n"
    )
    uses = "{id: u, title: U, uses: ./part.yaml}"
    assert of_steps(uses, part=part) == ["destroy-without-gate", "uses-unpinned"]
    assert of_steps(GATE, uses, part=part) == ["uses-unpinned"]


def test_what_nobody_uses_is_told() -> None:
    more = "inputs: {a: {default: x}}\nvars: {b: x}\nsecrets: {c: {from: env, key: C}}\n"
    assert of_steps(GATE, more=more) == ["unused-input", "unused-var", "unused-secret"]
    used = (
        "{id: s, title: S, run: 'echo ${{ inputs.a }} ${{ vars.b }}', env: {C: '${{ secrets.c }}'}}"
    )
    assert of_steps(used, more=more) == []


def test_a_runbook_as_a_whole() -> None:
    text = (
        "apiVersion: runbook/v1\nname: x\nhealth:\n  h: {check: {tcp: {host: h, port: 1}}}\n"
        f"phases:\n  - id: one\n    steps:\n      - {GATE}\n      - {{{DESTROY}, run: 'true'}}\n"
    )
    assert sorted(rules(text)) == [
        "no-objective", "phase-without-budget", "recovery-unproved",
        "untitled", "untitled", "untitled", "unused-health",
    ]  # fmt: skip


def test_a_check_that_runs_is_read_wherever_it_stands() -> None:
    named = "health:\n  up: {title: Up, check: {run: 'kubectl --context x get y'}}\n"
    text = f"{HEAD.replace(HEAD[HEAD.index('health:') :], named)}phases:\n  - id: one\n"
    found = rules(
        f"{text}    title: One\n    budget: 5m\n    steps:\n      - {{id: a, title: A, wait: 1s}}\n"
    )
    assert "own-cluster" in found
    other = "{id: c, title: C, check: {run: 'kubectl --context x get y', shell: python3}, proves_against: [finalizers-stuck]}"
    assert "own-cluster" not in of_steps(other)


def test_a_cluster_of_its_own_for_the_whole_runbook_is_told_once() -> None:
    more = "env: {KUBECONFIG: /tmp/x}\n"
    assert of_steps("{id: a, title: A, wait: 1s}", more=more).count("own-cluster") == 1


def test_a_check_is_called_what_its_health_check_is_called() -> None:
    untitled = "health:\n  up: {check: {tcp: {host: h, port: 1}}}\n"
    text = f"{HEAD[: HEAD.index('health:')]}{untitled}phases:\n  - id: one\n    title: One\n"
    check = "{id: b, check: {health: up}, proves_against: [finalizers-stuck]}"
    found = rules(f"{text}    budget: 5m\n    steps:\n      - {check}\n")
    assert found.count("untitled") == 2


def test_a_pinned_file_is_told_nothing() -> None:
    part = "apiVersion: runbook/v1\nname: p\ntitle: P\nphases:\n  - {id: one, title: One, budget: 5m, steps: [{id: a, title: A, wait: 1s}]}\n"
    pin = hashlib.sha256(part.encode()).hexdigest()
    assert "uses-unpinned" not in of_steps(
        f"{{id: u, title: U, uses: 'p.yaml@sha256:{pin}'}}", p=part
    )


def test_a_key_of_the_authors_own_hides_no_other() -> None:
    more = "x-note: {x-lint-ignore: [no-objective: never read]}\n"
    assert of_steps("{id: a, title: A, wait: 1s}", more=more) == []


def test_a_place_in_a_block_is_that_of_the_command() -> None:
    text = (
        f"{HEAD}phases:\n  - id: one\n    title: One\n    budget: 5m\n    steps:\n"
        "      - id: a\n        title: A\n        run: |\n          echo ü\n\n"
        "          echo a && sleep 5\n"
    )
    [found] = advice(text)
    lines = text.splitlines()
    assert lines[found.problem.line - 1][found.problem.column - 1 :] == "sleep 5"
    assert found.problem.source == "          echo a && sleep 5"


def test_where_the_file_has_other_lines_than_the_text_the_block_is_the_place() -> None:
    script = "          # a\u2028          # b\n          kubectl --context x get y\n"
    text = f"{HEAD}phases:\n  - id: one\n    title: One\n    budget: 5m\n    steps:\n"
    step = f"      - id: a\n        title: A\n        timeout: 1m\n        run: |\n{script}"
    (found,) = advice(text + step)
    assert (found.problem.line, found.problem.column) == (15, 14)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("{sleep-in-script: it is a demonstration}", []),
        ("[{sleep-in-script: it is a demonstration}]", []),
        ("[sleep-in-script]", ["ignore-without-reason"]),
        ("sleep-in-script", ["ignore-without-reason"]),
        ("{sleep-in-scripts: x}", ["ignore-unknown", "sleep-in-script"]),
        ("{untitled: x}", ["ignore-unused", "sleep-in-script"]),
    ],
)
def test_a_rule_is_silenced_where_it_stands(written: str, left: list[str]) -> None:
    text = f"{{id: a, title: A, run: sleep 5, x-lint-ignore: {written}}}"
    assert sorted(of_steps(text)) == left
    assert (
        sorted(of_steps("{id: a, title: A, run: sleep 5}", more=f"x-lint-ignore: {written}\n"))
        == left
    )


def test_a_rule_is_not_silenced_elsewhere() -> None:
    other = "{id: b, title: B, run: 'true', x-lint-ignore: {sleep-in-script: here}}"
    found = of_steps("{id: a, title: A, run: sleep 5}", other)
    assert found == ["sleep-in-script", "ignore-unused"]


def test_every_rule_is_tried_here() -> None:
    source = Path(__file__).read_text()
    assert [rule.id for rule in RULES if source.count(f'"{rule.id}"') == 0] == []
    assert len(BY_ID) == len(RULES)


def test_the_page_says_what_the_table_says() -> None:
    page = (ROOT / "docs" / "lint.md").read_text()
    assert page.partition("## Rules\n\n")[2] == as_markdown()


@pytest.mark.parametrize("file", sorted((ROOT / "runbooks").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_shipped_runbook_is_clean(file: Path) -> None:
    found = lint(load_file(file), str(file), practice_faults())
    assert [str(one.problem) for one in found] == []


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_script_can_be_read(script: str) -> None:
    for command in read(script).commands:
        assert command.words
        assert (
            script[command.offset :].startswith(command.words[0].text)
            or script[command.offset] in "'\""
        )
        effect_of(command)


@given(st.lists(st.sampled_from(["sudo", "env", "xargs", "kubectl", "-n", "|", "&&", "delete", "$(",
    ")", "<(", "'", '"', "{", "<<E", "\n", "E", "timeout", "if", "then", "fi", "A=1", "ü"])))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_any_words_can_be_read(words: list[str]) -> None:
    for command in read(" ".join(words)).commands:
        effect_of(command)


@pytest.mark.slow
def test_a_script_as_deep_or_as_long_as_nobody_writes_is_read() -> None:
    deep = read("$(" * 5000 + "a" + ")" * 5000)
    assert [command.program for command in deep.commands][-1] == "a"
    piped = read("a | " * 5000 + "b")
    assert piped.commands[-1].fed_by[-1] == "a"


def test_a_script_longer_than_anybody_writes_is_not_read() -> None:
    assert not read("true\n" * LONGEST).whole


def test_words_are_those_of_bash() -> None:
    script = "sudo -u root kubectl -n \"a b\" delete pod x'y' -- z"
    [command] = read(script).commands
    assert [word.text for word in command.words] == [
        "kubectl", "-n", "a b", "delete", "pod", "x'y'", "--", "z",
    ]  # fmt: skip
    said = subprocess.run(
        ["bash", "-c", f"sudo() {{ shift 2; printf '%s\\n' \"$@\"; }}; {script}"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert [word.text.replace("'", "") for word in command.words] == said
