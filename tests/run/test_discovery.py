"""A value that becomes known as a secret later: what is stored is replaced, what is recorded is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from runbook.redact import Redactor
from runbook.run.discovery import US, Discovery
from runbook.run.events import CommandFinished, Event, NoteAdded, Record, StepPassed, TaskConfirmed
from runbook.run.masking import masked
from runbook.run.outputs import last_output, replacements
from runbook.run.readings import LONGEST, fails, holds, short, unknown
from runbook.run.record_events import OutputPurged, SecretExposed
from tests.run.driving import BUILD, T0, opened, plan_of

VALUE = "swordfish-12345"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Stored:
    """Outputs by their digests, as a run keeps them."""

    def __init__(self, *contents: bytes) -> None:
        self.kept = {digest(content): content for content in contents}

    def cleaned(self, mask: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        pairs = [(old, mask(c)) for old, c in self.kept.items() if mask(c) != c]
        self.kept |= {digest(new): new for _, new in pairs}
        return [(old, digest(new)) for old, new in pairs]

    def remove(self, digests: Iterable[str]) -> None:
        for one in digests:
            self.kept.pop(one, None)


def recorded(*events: Event) -> list[Record]:
    return [Record(number, T0, event) for number, event in enumerate(events, 1)]


def finished(step: str, content: bytes) -> CommandFinished:
    kept = digest(content) if content else ""
    return CommandFinished(step=step, attempt=1, exit=0, duration=0, output=kept)


def test_what_was_stored_is_replaced_and_only_then_removed() -> None:
    redactor, stored = Redactor(), Stored(VALUE.encode(), b"harmless")
    finding = Discovery(redactor, stored)
    records = recorded(
        finished("a", VALUE.encode()), finished("b", b"harmless"), finished("c", b"")
    )
    assert not finding.due
    redactor.register("pw", VALUE)
    assert finding.due
    (purged,) = finding.facts(records)
    assert isinstance(purged, OutputPurged)
    assert (purged.step, purged.old) == ("a", digest(VALUE.encode()))
    assert purged.old in stored.kept
    finding.finish()
    assert sorted(stored.kept.values()) == [b"[REDACTED:pw]", b"harmless"]
    assert not finding.due
    assert finding.facts(records) == []


def test_evidence_that_was_handed_in_and_an_output_that_was_replaced_before_have_a_step() -> None:
    first = VALUE.encode()
    redactor, stored = Redactor(), Stored(first, b"x other-secret-9")
    old = digest(b"gone")
    records = recorded(
        TaskConfirmed(step="hand", by="ann", evidence="a", output=digest(first)),
        finished("b", b"gone"),
        OutputPurged(step="b", old=old, new=digest(b"x other-secret-9"), reason="late"),
    )
    finding = Discovery(redactor, stored)
    redactor.register("pw", VALUE)
    redactor.register("other", "other-secret-9")
    steps = [e.step for e in finding.facts(records) if isinstance(e, OutputPurged)]
    assert sorted(steps) == ["b", "hand"]
    assert replacements(records) == {old: digest(b"x other-secret-9")}


def test_a_chain_of_replacements_leads_to_what_is_stored_now() -> None:
    records = recorded(
        OutputPurged(step="s", old="1", new="2", reason="late"),
        NoteAdded(by="ann", text="between"),
        OutputPurged(step="s", old="2", new="3", reason="later"),
    )
    assert replacements(records) == {"1": "3", "2": "3"}


def test_the_last_command_of_a_step_counts_as_its_output_is_stored_now() -> None:
    first, second, other = (digest(content) for content in (b"first", b"second", b"other"))
    records = recorded(
        finished("a", b"first"),
        finished("b", b"other"),
        finished("a", b"second"),
        OutputPurged(step="a", old=second, new="masked", reason="late"),
        NoteAdded(by="ann", text="after"),
    )
    assert [last_output(records, step) for step in ("a", "b", "c")] == ["masked", other, ""]
    assert last_output(records[:2], "a") == first


def test_records_that_hold_it_are_named_once() -> None:
    redactor = Redactor()
    finding = Discovery(redactor, Stored())
    plan = plan_of(BUILD)
    records = recorded(
        opened(plan, inputs={"who": VALUE, "n": 3}), NoteAdded(by="ann", text=f"it is {VALUE}")
    )
    redactor.register("pw", VALUE)
    (exposed,) = finding.facts(records)
    assert exposed == SecretExposed(records=(1, 2))
    redactor.register("again", "another-secret-1")
    assert finding.facts([*records, Record(3, T0, exposed)]) == []


def test_a_value_that_cannot_be_masked_is_noted_once() -> None:
    redactor = Redactor()
    finding = Discovery(redactor, Stored())
    redactor.register("pin", "12")
    (note,) = finding.facts([])
    assert isinstance(note, NoteAdded)
    assert note.by == US
    assert "secret pin has fewer than" in note.text
    assert finding.facts([]) == []


def test_names_of_our_own_stay_and_every_other_text_is_masked() -> None:
    def hide(text: str) -> str:
        return text.replace("s3", "***")

    event = CommandFinished(step="s3", attempt=1, exit=0, duration=0, output="s3", signal="s3")
    assert masked(event, hide).signal == "***"
    assert masked(event, hide).step == masked(event, hide).output == "s3"
    asked = opened(plan_of(BUILD), title="s3")
    assert masked(asked, hide) is asked
    passed = StepPassed(step="s", outputs={"s3": "an s3 value"})
    assert masked(passed, hide).outputs == {"s3": "an *** value"}
    listed = SecretExposed(records=(1,))
    assert masked(listed, hide) is listed


def test_a_reading_is_short_enough_for_a_record() -> None:
    assert short("x" * LONGEST) == "x" * LONGEST
    assert short("x" * (LONGEST + 3)).endswith("… (3 characters left out)")
    for judge, verdict in ((holds, "holds"), (fails, "fails"), (unknown, "unknown")):
        reading = judge("up", "y" * 3000)
        assert (reading.verdict, reading.expected) == (verdict, "up")
        assert len(reading.observed) < 2100
