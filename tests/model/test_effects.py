"""What a command does, by its words."""

from __future__ import annotations

import pytest

from runbook.model.commands import read
from runbook.model.effects import effect_of, most


@pytest.mark.parametrize(
    ("script", "effect", "sure"),
    [
        ("kubectl get pods", "read", True),
        ("kubectl delete ns x", "destroy", True),
        ("mc ls store/bucket", "read", True),
        ("mc rm --recursive store/bucket", "destroy", True),
        ("mc cp a store/bucket", "change", False),
        ("aws s3 ls s3://bucket", "read", True),
        ("aws s3 rm s3://bucket/key", "destroy", True),
        ("curl https://x", "read", True),
        ("curl -X DELETE https://x", "destroy", True),
        ("curl -X PUT https://x", "change", True),
        ("curl -d a=b https://x", "change", True),
        ("sed -i s/a/b/ f", "change", True),
        ("sed s/a/b/ f", "read", True),
        ("rm f", "change", False),
        ("rm -rf d", "destroy", True),
        ("dropdb x", "destroy", True),
        ("ls", "read", True),
        ("./own-script", "change", False),
        ("sudo timeout 5 rm -rf d", "destroy", True),
        ("timeout 5", "change", False),
        ("runbook release-finalizers -n x", "destroy", True),
        ("runbook release-finalizers -n x --dry-run", "read", True),
        ("runbook verify", "change", False),
        ("env A=b kubectl delete ns x", "destroy", True),
    ],
)
def test_a_command_has_an_effect(script: str, effect: str, sure: bool) -> None:
    guess = most([effect_of(command) for command in read(script).commands])
    assert (guess.effect, guess.sure) == (effect, sure)


def test_a_script_is_read_although_an_expression_in_it_is_broken() -> None:
    assert [c.program for c in read("echo ${{ ; kubectl get x").commands][:1] == ["echo"]


def test_what_only_sends_output_somewhere_is_no_command() -> None:
    assert read("> file").commands == ()


def test_variables_are_those_that_are_given_a_value() -> None:
    reading = read("A=1\nexport B=2 C\nexport $D\na[0]=1\n")
    assert [name for name, _ in reading.exported] == ["A", "B", "a[0]"]
