"""What a command prints teaches its secrets before anybody sees them."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from runbook.redact import learning
from runbook.redact.learning import Learner


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SECRET = {
    "apiVersion": "v1",
    "data": {"password": b64("hunter22-long"), "username": b64("someone")},
    "kind": "Secret",
    "metadata": {"name": "db"},
}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
LIST = {"apiVersion": "v1", "items": [POD, SECRET], "kind": "List", "metadata": {}}
LEARNED = {"db.password": ["hunter22-long", b64("hunter22-long")], "db.username": [b64("someone")]}


class School:
    def __init__(self) -> None:
        self.learned: dict[str, list[str]] = {}
        self.learner = Learner(self.learn, "step")

    def learn(self, name: str, value: str) -> None:
        self.learned.setdefault(name, []).append(value)


DOCUMENTS = {
    "yaml": yaml.safe_dump(SECRET),
    "json": json.dumps(SECRET, indent=4) + "\n",
    "json in one line": json.dumps(SECRET) + "\n",
    "list, yaml": yaml.safe_dump(LIST),
    "list, json": json.dumps(LIST, indent=4) + "\n",
    "SecretList": json.dumps({"kind": "SecretList", "items": [{**SECRET, "kind": ""}]}) + "\n",
    "documents": yaml.safe_dump_all([POD, SECRET]),
    "after other output": "getting it\n" + json.dumps(SECRET, indent=2) + "\n",
    "before other output": yaml.safe_dump(SECRET) + "that was it, all of it\n",
    "text right behind it": json.dumps(SECRET, indent=4) + "and this\n",
    "no line feed at the end": json.dumps(SECRET, indent=4),
}


@pytest.mark.parametrize("form", DOCUMENTS)
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_values_of_a_secret_are_learned_before_any_of_it_passes(form: str, size: int) -> None:
    school = School()
    data = DOCUMENTS[form].encode()
    done = b""
    for at in range(0, len(data), size):
        done += school.learner.feed(data[at : at + size])
        if b64("hunter22-long").encode() in done:
            assert school.learned == LEARNED
    assert done + school.learner.flush() == data
    assert school.learned == LEARNED


def test_string_data_and_what_json_values_hold_are_learned() -> None:
    school = School()
    rclone = json.dumps({"name": "s3", "parameters": {"secret_access_key": "abcdefgh"}})
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"rclone.conf": rclone}}
    school.learner.feed(json.dumps(secret).encode() + b"\n")
    assert school.learned == {
        "s.rclone.conf": [rclone],
        "s.rclone.conf.secret_access_key": ["abcdefgh"],
    }


def test_a_command_teaches_a_value_by_a_line_of_its_own() -> None:
    school = School()
    assert school.learner.feed(b"ok\n##runbook[ma") == b"ok\n"
    assert school.learner.feed(b"sk]made-just-now") == b""
    assert school.learned == {}
    assert school.learner.feed(b"\nnext") == b"##runbook[mask]made-just-now\nnext"
    assert school.learned == {"step": ["made-just-now"]}


@pytest.mark.parametrize(
    "text",
    [
        yaml.safe_dump(POD),
        "kind: Secret\ndata: [unclosed\n",
        "{\n not json, but kind: Secret\n}\n",
        '{"kind": "Secret", "data": {"a": 1, "b": "%%%"}}\n',
        '{"kind": "Secret", "data": null}\n',
        "NAME   READY\nminio  1/1\n",
        "{}\n[]\n",
    ],
)
def test_what_teaches_nothing_passes_unchanged(text: str) -> None:
    school = School()
    assert school.learner.feed(text.encode()) + school.learner.flush() == text.encode()
    assert school.learned == {}


def test_other_lines_pass_as_they_come() -> None:
    school = School()
    assert school.learner.feed(b"50%") == b"50%"
    assert school.learner.feed(b" done\rnow") == b" done\rnow"
    assert school.learner.feed(b"\nNAME  RE") == b"\nNAME  RE"


def test_a_document_too_large_to_be_looked_through_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "LARGEST", 1000)
    school = School()
    done = school.learner.feed(b"{\n" + b'  "a": "b",\n' * 200 + b"}\nafter\n")
    assert done == b"[2404 bytes left out: too large to be looked through for Secrets]\nafter\n"


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        ('{"kind": "SecretList", "items": [', '{"data": {"p": "aHVzaC1odXNo"}}]}\n'),
        ("kind: Secret\ndata: {a: ", "/aHVzaC1odXNo}\nmetadata: {}\n---\n"),
        ('{\n"kind": "Secret", "data": {', '"p": "aHVzaC1odXNo"}\n}\n'),
    ],
    ids=["line", "yaml", "json"],
)
def test_a_line_too_long_to_be_held_is_left_out_to_its_end(
    monkeypatch: pytest.MonkeyPatch, begins: str, ends: str
) -> None:
    monkeypatch.setattr(learning, "LARGEST", 1000)
    school = School()
    pieces = (begins, "x" * 1000, "x" * 10, ends, "after: all\n")
    done = b"".join(school.learner.feed(piece.encode()) for piece in pieces)
    done += school.learner.flush()
    assert done.startswith(b"[1")
    assert b" bytes left out" in done
    assert b"aHVzaC1odXNo" not in done
    assert done.endswith(b"after: all\n")


def test_of_a_long_line_that_teaches_nothing_nothing_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "LARGEST", 1000)
    school = School()
    pieces = (b" " * 1500, b"and so on\n", b"after\n")
    assert b"".join(map(school.learner.feed, pieces)) == b"".join(pieces)


def test_every_document_of_a_line_is_read() -> None:
    school = School()
    line = b'{"kind": "ConfigMap"} {"kind": "Secret", "stringData": {"k": "hush-hush"}}\n'
    assert school.learner.feed(line) == line
    assert school.learned == {"secret.k": ["hush-hush"]}


def test_what_is_nested_beyond_measure_teaches_nothing_and_passes() -> None:
    school = School()
    line = b'{"kind": "Secret", "data": ' + b"[" * 100_000 + b"\n"
    assert school.learner.feed(line) == line
