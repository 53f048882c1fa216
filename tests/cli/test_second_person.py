"""Four eyes: what the second person is shown, signs and sends back, and what is no answer."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from runbook.cli import approve, preauthorised
from runbook.cli.exit_codes import Exit
from runbook.cli.preauthorised import read_preauthorised
from runbook.cli.requests import keep_request
from runbook.cli.run_directory import RunDirectory
from runbook.cli.second_person import check_countersignatures, countersigner, keep_signers
from runbook.errors import RunbookError, UsageError
from runbook.journal import signing
from runbook.plan import Plan
from runbook.run.countersigning import NAMESPACE, packed, request_text, unpacked
from runbook.run.events import ApprovalGranted, ApprovalRequested, Record
from runbook.run.refusals import refusal
from runbook.run.signals import Countersign, Jump
from runbook.run.terms import Mode
from tests.journal.test_signing import allow, make_key
from tests.run.driving import BUILD, DELETE, T0, Drive, plan_of

GATE = {
    "id": "go",
    "approve": {
        "message": "Delete\nall of it?",
        "approvers": ["leads"],
        "confirm_text": "ctx",
        "timeout": "15m",
    },
}
STEPS = (BUILD, GATE, DELETE)


class Scene:
    """A drill that waits at its gate, and two people with keys."""

    def __init__(self, folder: Path) -> None:
        self.bob, self.ann = make_key(folder, "bob"), make_key(folder, "ann")
        self.eve = make_key(folder, "eve")
        self.directory = RunDirectory(folder / "run")
        (self.directory.path / "plan").mkdir(parents=True)
        allowed = allow(folder, bob_leads=self.bob, ann_leads=self.ann)
        plan = drill()
        digest = keep_signers(plan, allowed, folder, self.directory)
        self.run = Drive(plan, mode=Mode.DRILL, allowed_signers=digest, run="r1")
        self.run.ends("build")
        self.countersigned = countersigner(self.directory, lambda: self.run.now)

    @property
    def asked(self) -> ApprovalRequested:
        request = self.run.state.step("go").request
        assert isinstance(request, ApprovalRequested)
        return request

    @property
    def text(self) -> str:
        assert self.run.state.opened is not None
        return request_text(self.run.state.opened, self.asked)

    def answered(self, answer: str) -> list[str]:
        """What an answer leads to; raises when it is nobody's."""
        return self.run.send(self.countersigned(self.run.state, Countersign("go", answer)))


def drill(*steps: dict[str, Any]) -> Plan:
    return replace(plan_of(*(steps or STEPS)), mode="drill")


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_second_person_sees_everything_that_is_signed(scene: Scene) -> None:
    text = unpacked(packed(scene.text))
    assert text == scene.text
    for line in (
        "run: r1",
        "step: 1.2 go",
        "asks: Delete all of it?",
        "mode: drill",
        "cluster: ctx, https://127.0.0.1:1",
        "kube-system-uid: uid",
        "operator: ann",
        "typed: ctx",
        "not-after: 2026-01-01T00:15:00Z",
    ):
        assert f"{line}\n" in text


def test_their_answer_opens_the_gate(scene: Scene) -> None:
    answer = signing.sign(scene.text, scene.bob, NAMESPACE)
    assert scene.answered(f" {answer[:40]}\n{answer[40:]} ") == ["approval.granted", "step.started"]
    granted: Any = scene.run.records[-2].event
    assert (granted.by, granted.how, granted.signature) == ("bob", "countersigned", answer)


def test_the_operators_own_answer_does_not(scene: Scene) -> None:
    own = Countersign("go", signing.sign(scene.text, scene.ann, NAMESPACE))
    approval = scene.countersigned(scene.run.state, own)
    assert "ann started this run" in refusal(scene.run.plan, scene.run.state, approval)
    assert scene.run.send(approval) == []


def test_a_strangers_answer_does_not(scene: Scene) -> None:
    with pytest.raises(RunbookError, match="not signed by"):
        scene.answered(signing.sign(scene.text, scene.eve, NAMESPACE))


def test_an_answer_fits_once(scene: Scene) -> None:
    answer = signing.sign(scene.text, scene.bob, NAMESPACE)
    scene.answered(answer)
    scene.run.ends("delete", reason="x")
    other = Scene.__new__(Scene)
    other.__dict__ |= scene.__dict__
    opened = scene.run.state.opened
    assert opened is not None
    signers = opened.allowed_signers
    other.run = Drive(drill(), mode=Mode.DRILL, run="r2", allowed_signers=signers)
    other.run.ends("build")
    with pytest.raises(RunbookError, match="not over this request"):
        other.answered(answer)


def test_an_answer_to_a_request_that_was_asked_anew_is_none(scene: Scene) -> None:
    answer = signing.sign(scene.text, scene.bob, NAMESPACE)
    scene.run.now += timedelta(seconds=5)
    scene.run.send(Jump("build", "ann", "look again"))
    scene.run.ends("build")
    with pytest.raises(RunbookError, match="not over this request"):
        scene.answered(answer)


def test_an_answer_that_comes_late_is_an_expiry(scene: Scene) -> None:
    answer = signing.sign(scene.text, scene.bob, NAMESPACE)
    scene.run.now += timedelta(minutes=15)
    assert scene.answered(answer) == ["approval.expired", "run.finished"]


def test_a_changed_list_of_signers_is_noticed(scene: Scene) -> None:
    answer = signing.sign(scene.text, scene.bob, NAMESPACE)
    scene.directory.allowed_signers.write_text("eve ssh-ed25519 AAAA", encoding="utf-8")
    with pytest.raises(RunbookError, match="was changed"):
        scene.answered(answer)
    scene.directory.allowed_signers.unlink()
    with pytest.raises(RunbookError, match="knows no second person"):
        scene.answered(answer)


def test_the_request_is_kept_for_terminals_without_a_clipboard(scene: Scene) -> None:
    keep_request(scene.directory, scene.run.state, scene.asked)
    word = scene.directory.request("go").read_text(encoding="utf-8")
    assert unpacked(word) == scene.text


def test_the_record_proves_it_again_and_a_changed_one_does_not(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert str(check_countersignatures(scene.directory, scene.run.records)) == (
        "none by a second person"
    )
    scene.answered(signing.sign(scene.text, scene.bob, NAMESPACE))
    records = scene.run.records
    assert str(check_countersignatures(scene.directory, records)) == "1 by a second person's key"

    def changed(**what: Any) -> list[Record]:
        return [
            replace(r, event=replace(r.event, **what))
            if isinstance(r.event, ApprovalGranted)
            else r
            for r in records
        ]

    for forged in (changed(by="ann"), changed(signature="AAAA")):
        assert len(check_countersignatures(scene.directory, forged).faults) == 1
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        assert "not looked at" in str(check_countersignatures(scene.directory, records))
    scene.directory.allowed_signers.write_text("bob ssh-ed25519 AAAA", encoding="utf-8")
    assert "changed" in check_countersignatures(scene.directory, records).faults[0]


def test_a_run_whose_gate_nobody_could_open_is_not_begun(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    (tmp_path / "plan").mkdir()
    with pytest.raises(UsageError, match="no file of allowed signers"):
        keep_signers(drill(), None, tmp_path, directory)
    allow(tmp_path, eve=make_key(tmp_path, "eve"))
    with pytest.raises(UsageError, match="no key is known of leads"):
        keep_signers(drill(), None, tmp_path, directory)
    assert keep_signers(drill(BUILD), None, tmp_path, directory) == ""
    assert keep_signers(plan_of(*STEPS), None, tmp_path, directory) == ""


def answered_at_the_terminal(
    monkeypatch: pytest.MonkeyPatch, typed: str, request: str | None, key: Path | None
) -> int:
    import argparse

    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return approve.main(argparse.Namespace(request=request, key=key))


def test_approving_prints_the_answer_and_nothing_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    word = packed(scene.text)
    assert answered_at_the_terminal(monkeypatch, f"{word}\nctx\n", None, scene.bob) == Exit.OK
    out, err = capsys.readouterr()
    assert "Delete all of it?" in err
    assert scene.answered(out) == ["approval.granted", "step.started"]


@pytest.mark.parametrize("typed", ["no\n", "CTX\n", ""])
def test_anything_else_and_the_end_of_input_are_a_refusal(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
) -> None:
    word = packed(scene.text)
    assert answered_at_the_terminal(monkeypatch, typed, word, scene.bob) == Exit.ABORTED
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "word", ["", "x", "AAAA", packed("hello"), packed(f"{NAMESPACE}/v1\n\x1b[2J")]
)
def test_what_is_no_request_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    with pytest.raises(UsageError, match="request"):
        answered_at_the_terminal(monkeypatch, "\n", word or None, tmp_path)


def test_a_request_that_unpacks_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no request"):
        unpacked(packed(f"{NAMESPACE}/v1\n" + "x" * 10_000_000))


class TestPreauthorised:
    PLAIN: ClassVar = {"id": "soft", "approve": {"message": "?"}}

    def written(self, folder: Path, plan: Plan, **changes: Any) -> Path:
        import yaml

        entry = {"step": "soft", "by": "bob", "reason": "CHG-1", "expires": "2026-01-01T06:00Z"}
        document = {"plan": plan.digest, "gates": [{**entry, **changes}]}
        path = folder / "given.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    def read(self, path: Path, plan: Plan, allowed: Path | None = None) -> Any:
        return read_preauthorised(path, plan, allowed or path.parent / "none", T0)

    def test_it_opens_the_gate_it_names(self, tmp_path: Path) -> None:
        plan = drill(self.PLAIN, DELETE)
        (given,) = self.read(self.written(tmp_path, plan), plan)
        run = Drive(plan, attended=False, mode=Mode.DRILL, preauthorised=(given,))
        granted: Any = run.records[2].event
        assert (granted.how, granted.by, granted.reason) == ("pre-authorised", "bob", "CHG-1")

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"step": "*"}, "there is no gate"),
            ({"step": "delete"}, "there is no gate"),
            ({"expires": "2025-12-31T00:00Z"}, "it expired"),
            ({"expires": "2026-03-01"}, "no time zone"),
            ({"expires": "tomorrow"}, "is no time"),
            ({"reason": " "}, "`reason` says who, or why"),
            ({"by": 7}, "`by` says who"),
            ({"more": 1}, "exactly the keys"),
        ],
    )
    def test_whatever_is_not_as_it_must_be_opens_nothing(
        self, tmp_path: Path, changes: dict[str, Any], why: str
    ) -> None:
        plan = drill(self.PLAIN, DELETE)
        with pytest.raises(UsageError, match=why.replace("*", r"\*")):
            self.read(self.written(tmp_path, plan, **changes), plan)

    def test_it_is_for_one_plan_alone(self, tmp_path: Path) -> None:
        path = self.written(tmp_path, drill(self.PLAIN, DELETE))
        with pytest.raises(UsageError, match="it is for plan"):
            self.read(path, drill(self.PLAIN, BUILD))

    @pytest.mark.parametrize("text", ["- 1", "plan: x", "gates: []", "a: [", "plan: 1\ngates: 2"])
    def test_a_file_that_is_none_is_said_to_be_none(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "given.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError):
            self.read(path, drill(self.PLAIN))

    def test_a_gate_for_a_second_person_wants_their_signature(self, tmp_path: Path) -> None:
        plan = drill()
        bob, eve = make_key(tmp_path, "bob"), make_key(tmp_path, "eve")
        allowed = allow(tmp_path, bob_leads=bob, eve=eve)
        path = self.written(tmp_path, plan, step="go")
        with pytest.raises(UsageError, match="must be signed"):
            self.read(path, plan, allowed)
        signature = path.with_name("given.yaml.sig")
        for key, name in ((eve, "eve"), (bob, "carol")):
            path = self.written(tmp_path, plan, step="go", by=name)
            signature.write_text(signing.sign(path.read_text(), key, preauthorised.NAMESPACE))
            with pytest.raises(UsageError, match="did not sign"):
                self.read(path, plan, allowed)
        path = self.written(tmp_path, plan, step="go")
        signature.write_text(signing.sign(path.read_text(), bob, preauthorised.NAMESPACE))
        assert self.read(path, plan, allowed)[0].by == "bob"
        path.write_text(path.read_text() + "\n")
        with pytest.raises(UsageError, match="not over this request"):
            self.read(path, plan, allowed)
