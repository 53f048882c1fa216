"""Expressions in scripts: a variable, quoted for its place. Real bash proves it in tests/executors."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings, strategies as st

from runbook.model.expressions import ExpressionError
from runbook.model.shell import bind_script


@pytest.mark.parametrize(
    ("script", "bound"),
    [
        ("get ${{ a.b }}", 'get "${RUNBOOK_VALUE_1}"'),
        ('echo "is ${{ a.b }}"', 'echo "is ${RUNBOOK_VALUE_1}"'),
        ("echo 'is ${{ a.b }}'", "echo 'is '\"${RUNBOOK_VALUE_1}\"''"),
        ('echo "it\'s ${{ a.b }}"', 'echo "it\'s ${RUNBOOK_VALUE_1}"'),
        ("echo \\' ${{ a.b }}", "echo \\' \"${RUNBOOK_VALUE_1}\""),
        ('x="$(get ${{ a.b }})"', 'x="$(get "${RUNBOOK_VALUE_1}")"'),
        ('x="$(get "${{ a.b }}") ${{ a.b }}"', 'x="$(get "${RUNBOOK_VALUE_1}") ${RUNBOOK_VALUE_2}"'),
        ("# about ${{ a.b }}\nget ${{ a.b }}", '# about RUNBOOK_VALUE_1\nget "${RUNBOOK_VALUE_2}"'),
        ("cat <<< ${{ a.b }}\nget ${{ a.b }}", 'cat <<< "${RUNBOOK_VALUE_1}"\nget "${RUNBOOK_VALUE_2}"'),
        ("cat <<E\nx\nE\nget ${{ a.b }}", 'cat <<E\nx\nE\nget "${RUNBOOK_VALUE_1}"'),
        ("echo $${{ x }}", "echo ${{ x }}"),
    ],
)  # fmt: skip
def test_a_reference_is_written_for_its_place(script: str, bound: str) -> None:
    assert bind_script(script).text == bound


def test_brackets_within_a_substitution_end_where_they_began() -> None:
    bound = bind_script('echo "$( ( a ${{ inputs.x }} ) )" ${{ inputs.x }}', None).text
    assert bound == 'echo "$( ( a "${RUNBOOK_VALUE_1}" ) )" "${RUNBOOK_VALUE_2}"'


@pytest.mark.parametrize(
    "script",
    ["cat <<END\n${{ a.b }}\nEND", "cat <<-'END'\n\t${{ a.b }}\nEND", "x=`get ${{ a.b }}`", "x=$'${{ a.b }}'"],
)  # fmt: skip
def test_where_no_quoting_is_safe_the_author_is_asked_to_use_env(script: str) -> None:
    with pytest.raises(ExpressionError, match="`env:`"):
        bind_script(script)


def test_another_shell_gets_its_values_by_env_only() -> None:
    assert bind_script("print(1)", "python3 -").text == "print(1)"
    assert bind_script("echo ${{ a.b }}", "/bin/sh -e").variables
    with pytest.raises(ExpressionError, match="python3 script"):
        bind_script("print(${{ a.b }})", "python3 -")


PIECES = st.sampled_from(["'", '"', " ", "a", "\\", "\n", "$(", ")", ";", "#", "|", "(", "<", "`"])


@pytest.mark.slow
@given(st.lists(PIECES, max_size=8), st.lists(PIECES, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_surrounds_it_a_value_never_becomes_a_command(
    before: list[str], after: list[str]
) -> None:
    script = "".join(before) + "${{ a.b }}" + "".join(after)
    try:
        bound = bind_script(script)
    except ExpressionError:
        return
    value = "x; printf 'BRO''KEN' >&3; $(printf 'BRO''KEN' >&3) `printf 'BRO''KEN' >&3`"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f"exec 3>&1; PATH=; {bound.text}"],
        env={"RUNBOOK_VALUE_1": value},
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=10,
    )
    assert b"BROKEN" not in done.stdout + done.stderr
