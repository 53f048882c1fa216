"""The keys of steps: those of every kind, by kind, and each kind's own."""

from __future__ import annotations

from typing import Any

from runbook.cli.reports import facts_of
from runbook.report import html
from runbook.run.events import TargetVerified
from runbook.run.machine import WakeAt, front, pending
from runbook.run.refusals import refusal
from runbook.run.signals import Ending, Skip
from tests.keys.cases import driven, on_the_card, performed, planned, shows
from tests.keys.world import WORKFLOWS, Operator, Performed, World, book
from tests.run.driving import Drive

Body = dict[str, Any]
ANN, SILENT = Operator(), Operator(answers=False)

KINDS: dict[str, tuple[Body, Body]] = {
    "RunStep": ({"run": "true"}, {"run": "false"}),
    "CheckStep": (
        {"check": {"run": "true"}},
        {"check": {"run": "false"}, "until": "1ms", "every": "1ms"},
    ),
    "ApproveStep": ({"approve": {"message": "?"}}, {}),
    "ManualStep": ({"manual": {"instructions": "do it"}}, {}),
    "WaitStep": ({"wait": "1ms"}, {"wait": "300d", "timeout": "1ms"}),
    "WorkflowStep": (
        {"workflow": {"namespace": "a", "template": "t"}},
        {"workflow": {"namespace": "a", "template": "bad"}},
    ),
}
"""By kind: a step that passes, and one that fails without anybody's doing."""

LONG: dict[str, Body] = {
    "RunStep": {"run": "sleep 30"},
    "CheckStep": {"check": {"run": "sleep 30"}, "until": "300d"},
    "ApproveStep": {"approve": {"message": "?"}},
    "ManualStep": {"manual": {"instructions": "do it"}},
    "WaitStep": {"wait": "300d"},
    "WorkflowStep": {"workflow": {"namespace": "a", "template": "slow"}},
}
FAILING_TASK = {"manual": {"instructions": "do it"}, "timeout": "1m"}


def step(body: Body, **more: Any) -> Body:
    return {"id": "s", **body, **more}


def skip_refused(run: Drive) -> str:
    return refusal(run.plan, run.state, Skip("s", "ann", "not needed"))


def started(run: Performed) -> tuple[bool, bool]:
    """Whether the recovery clock was, and whether the cluster was asked before who it is."""
    asked = any(isinstance(record.event, TargetVerified) for record in run.records)
    return run.state.clock.started is not None, asked


for name, (good, bad) in KINDS.items():
    base = step(good)
    shows(
        f"{name}.id",
        performed(lambda run: sorted(run.state.steps)),
        book({**base, "id": "s"}),
        book({**base, "id": "t"}),
        ["s"],
    )
    shows(
        f"{name}.title",
        performed(lambda run: run.records[0].event.outline.steps[0].title),  # type: ignore[union-attr]  # of RunOpened
        book(step(good, title="Do it")),
        book(base),
        "Do it",
    )
    shows(
        f"{name}.when",
        performed(lambda run: run.status()),
        book(step(good, when="false")),
        book(base),
        "skipped",
    )
    long = LONG[name]
    shows(
        f"{name}.timeout",
        # Nobody answers: what has no time of its own would wait for ever, and is held at once.
        driven(lambda run: str(run.plan.step("s").step.timeout) + str(_wakes(run)))
        if name in ("ApproveStep", "ManualStep")
        else performed(lambda run: run.status()),
        book(step(long, timeout="50ms")),
        book(base),
        "0.05True" if name in ("ApproveStep", "ManualStep") else "timed_out",
    )
    for key, label in (("hint", "try again"), ("doc", "https://example.com/more")):
        shows(
            f"{name}.{key}",
            driven(lambda run, label=label: label in on_the_card(run)),  # type: ignore[misc]  # bound in the loop
            book(step(long, **{key: label})),
            book(step(long)),
            True,
        )
    if name == "ApproveStep":
        continue
    failing = FAILING_TASK if name == "ManualStep" else bad
    operator = SILENT if name == "ManualStep" else ANN
    shows(
        f"{name}.on_failure",
        performed(lambda run: run.result, operator),
        book(step(failing, on_failure="continue")),
        book(step(failing)),
        "recovered",
    )
    shows(
        f"{name}.skippable",
        driven(lambda run: skip_refused(run) if "Task" in _asked(run) else _held_skip(run)),
        book(step(good, skippable=False)),
        book(base),
        "the runbook does not allow this step to be skipped",
    )
    shows(
        f"{name}.effect",
        performed(started),
        book(step(good, effect="destroy")),
        book(base),
        (True, name != "ManualStep"),  # what a person does is done to whatever that person sees
    )
    if name != "ManualStep":
        shows(
            f"{name}.parallel",
            driven(lambda run: [s.id for s in front(run.plan, run.state)]),
            book(step(good, parallel="g"), {"id": "t", "run": "true", "parallel": "g"}),
            book(base, {"id": "t", "run": "true"}),
            ["s", "t"],
        )


def _asked(run: Drive) -> str:
    return type(run.state.step("s").request).__name__


def _held_skip(run: Drive) -> str:
    """The step runs; once its outcome is unknown, a person would skip it."""
    run.ends("s", Ending.INTERRUPTED, "?")
    return skip_refused(run)


def _wakes(run: Drive) -> bool:
    return any(isinstance(effect, WakeAt) for effect in pending(run.plan, run.state))


# -- run

shows(
    "RunStep.run",
    performed(lambda r: r.output),
    book(step({"run": "echo a"})),
    book(step({"run": "echo b"})),
    "a\n",
)
shows(
    "RunStep.shell",
    performed(lambda r: r.output),
    book(step({"run": "print(6 * 7)", "shell": "python3 -"})),
    book(step({"run": "echo print"})),
    "42\n",
)
shows(
    "RunStep.env",
    performed(lambda r: r.output),
    book(step({"run": "echo ${A-none}", "env": {"A": "b"}})),
    book(step({"run": "echo ${A-none}"})),
    "b\n",
)
shows(
    "RunStep.working-directory",
    performed(lambda r: r.output),
    book(step({"run": "pwd", "working-directory": "/"})),
    book(step({"run": "pwd"})),
    "/\n",
)
shows(
    "RunStep.expect",
    performed(lambda r: r.status()),
    book(step({"run": "exit 3", "expect": {"exit": 3}})),
    book(step({"run": "exit 3"})),
    "passed",
)
shows(
    "RunStep.retries",
    performed(lambda r: r.state.step("s").attempt),
    book(step({"run": "false", "retries": 2})),
    book(step({"run": "false"})),
    3,
)
shows(
    "RunStep.delay",
    performed(lambda r: r.seconds >= 86400),
    book(step({"run": "false", "retries": 1, "delay": "1d"})),
    book(step({"run": "false", "retries": 1})),
    True,
)
shows(
    "RunStep.register",
    performed(lambda r: dict(r.state.outputs)),
    book(step({"run": "echo a", "register": "kept"})),
    book(step({"run": "echo a"})),
    {"registered.kept": "a"},
)
shows(
    "RunStep.sensitive",
    performed(lambda r: (r.output, _stored(r))),
    book(step({"run": "echo a", "sensitive": True})),
    book(step({"run": "echo a"})),
    ("", b""),
)


def _stored(run: Performed) -> bytes:
    return b"".join(path.read_bytes() for path in (run.directory / "outputs").rglob("*.out"))


UNDOES = Operator(rolls_back=True)
FAILS = {"id": "t", "run": "false"}
for name in ("RunStep", "ManualStep", "WorkflowStep"):
    good = KINDS[name][0]
    shows(
        f"{name}.rollback",
        performed(lambda r: r.output.endswith("undone\n"), UNDOES),
        book(step(good, rollback="echo undone"), FAILS),
        book(step(good), FAILS),
        True,
    )

# -- check

RED = {"run": "false"}
shows(
    "CheckStep.check",
    performed(lambda r: r.status()),
    book(step({"check": {"run": "true"}})),
    book(step({"check": RED, "until": "1ms", "every": "1ms"})),
    "passed",
)
shows(
    "CheckStep.until",
    performed(lambda r: r.seconds >= 86400),
    book(step({"check": RED, "until": "1d", "every": "8h"})),
    book(step({"check": RED, "until": "8h", "every": "8h"})),
    True,
)
shows(
    "CheckStep.every",
    performed(lambda r: len(r.seen)),
    book(step({"check": RED, "until": "20h", "every": "10h"})),
    book(step({"check": RED, "until": "20h", "every": "20h"})),
    3,
)
shows(
    "CheckStep.proves_against",
    performed(lambda r: "finalizers-stuck" in _report(r)),
    book(step({"check": {"run": "true"}, "proves_against": ["finalizers-stuck"]})),
    book(step({"check": {"run": "true"}})),
    True,
)


def _report(run: Performed) -> str:
    return html.render(facts_of(run.records))


# -- approve, manual, wait, workflow, uses, goto

ASKED = performed(
    lambda r: next(x.event.message for x in r.records if x.event.kind == "approval.requested")
)
GATE = {"message": "delete?"}
shows(
    "ApproveStep.approve",
    performed(lambda r: "approval.granted" in r.kinds()),
    book(step({"approve": GATE})),
    book(step({"run": "true"})),
    True,
)
shows(
    "Gate.message",
    ASKED,
    book(step({"approve": GATE})),
    book(step({"approve": {"message": "?"}})),
    "delete?",
)
shows(
    "Gate.confirm_text",
    performed(lambda r: r.refusals),
    book(step({"approve": {**GATE, "confirm_text": "yes"}})),
    book(step({"approve": GATE})),
    ["type yes to approve"],
)
shows(
    "Gate.approvers",
    performed(lambda r: next(x.event.how for x in r.records if x.event.kind == "approval.granted")),
    book(step({"approve": {**GATE, "approvers": ["bob"]}})),
    book(step({"approve": GATE})),
    "practice",
)
shows(
    "Gate.timeout",
    driven(_wakes),
    book(step({"approve": {**GATE, "timeout": "5m"}})),
    book(step({"approve": GATE})),
    True,
)
TASK = {"instructions": "do it"}
shows(
    "ManualStep.manual",
    performed(lambda r: "task.confirmed" in r.kinds()),
    book(step({"manual": TASK})),
    book(step({"run": "true"})),
    True,
)
shows(
    "Task.instructions",
    performed(
        lambda r: next(x.event.instructions for x in r.records if x.event.kind == "task.requested")
    ),
    book(step({"manual": TASK})),
    book(step({"manual": {"instructions": "?"}})),
    "do it",
)
shows(
    "Task.evidence",
    performed(lambda r: r.refusals, Operator(evidence="")),
    book(step({"manual": {**TASK, "evidence": "text"}})),
    book(step({"manual": TASK})),
    ["this task asks for evidence: say what you saw"],
)
shows(
    "WaitStep.wait",
    performed(lambda r: r.seconds >= 86400),
    book(step({"wait": "1d"})),
    book(step({"wait": "1s"})),
    True,
)
FLOW = {"namespace": "a", "template": "t"}


def submitted(run: Performed) -> tuple[str, ...]:
    return tuple(x.event.script for x in run.records if x.event.kind == "command.starting")


def where(run: Performed) -> str:
    return submitted(run)[0].rpartition(" ")[2]


shows(
    "WorkflowStep.workflow",
    performed(lambda r: "workflow.progressed" in r.kinds()),
    book(step({"workflow": FLOW})),
    book(step({"run": "true"})),
    True,
)
shows(
    "WorkflowStep.retries",
    performed(lambda r: r.state.step("s").attempt),
    book(step({"workflow": {**FLOW, "template": "bad"}, "retries": 1})),
    book(step({"workflow": {**FLOW, "template": "bad"}})),
    2,
)
shows(
    "WorkflowStep.delay",
    performed(lambda r: r.seconds >= 86400),
    book(step({"workflow": {**FLOW, "template": "bad"}, "retries": 1, "delay": "1d"})),
    book(step({"workflow": {**FLOW, "template": "bad"}, "retries": 1})),
    True,
)
shows(
    "Submission.namespace",
    performed(where),
    book(step({"workflow": {**FLOW, "namespace": "b"}})),
    book(step({"workflow": FLOW})),
    "b",
)
shows(
    "Submission.template",
    performed(lambda r: r.status()),
    book(step({"workflow": {**FLOW, "template": "bad"}})),
    book(step({"workflow": FLOW})),
    "failed",
)


async def parameters_of(world: World, document: Any) -> object:
    """What the Workflow was submitted with."""
    run = await world.perform(document)
    made = world.cluster.api.get(WORKFLOWS, "a", f"s-{run.directory.name[-5:]}-1")
    assert made is not None
    return made["spec"].get("arguments")


PAGE = "https://argo.example"
shows(
    "Submission.ui",
    performed(lambda r: r.state.outputs.get("steps.s.outputs.ui", "").startswith(PAGE)),
    book(step({"workflow": {**FLOW, "ui": PAGE}})),
    book(step({"workflow": FLOW})),
    True,
)
shows(
    "Submission.parameters",
    parameters_of,
    book(step({"workflow": {**FLOW, "parameters": {"p": "v"}}})),
    book(step({"workflow": FLOW})),
    {"parameters": [{"name": "p", "value": "v"}]},
)

PART = """\
apiVersion: runbook/v1
name: part
inputs: {word: {default: none}}
phases: [{id: only, steps: [{id: say, run: "echo ${{ inputs.word }}"}]}]
"""
FILES = {"part.yaml": PART, "other.yaml": PART.replace("id: say", "id: tell")}


def composed(**more: Any) -> Body:
    return book({"id": "u", "uses": "./part.yaml", **more}, **{"x-files": FILES})


shows(
    "UsesStep.id",
    performed(lambda r: list(r.state.steps)),
    composed(id="u"),
    composed(id="v"),
    ["u.say"],
)
shows(
    "UsesStep.uses",
    performed(lambda r: list(r.state.steps)),
    composed(),
    composed(uses="./other.yaml"),
    ["u.say"],
)
shows(
    "UsesStep.when",
    performed(lambda r: r.status("u.say")),
    composed(when="false"),
    composed(),
    "skipped",
)
shows(
    "UsesStep.with",
    performed(lambda r: r.output),
    composed(**{"with": {"word": "hello"}}),
    composed(),
    "hello\n",
)
shows(
    "UsesStep.title",
    planned(lambda p: p.step("u.say").title),
    composed(title="Greet"),
    composed(),
    "Greet: u.say",
)
shows(
    "Goto.goto",
    performed(lambda r: [r.status("b"), r.status("c")]),
    book(
        {"id": "a", "run": "false", "on_failure": {"goto": "c"}},
        {"id": "b", "run": "true"},
        {"id": "c", "run": "true"},
    ),
    book(
        {"id": "a", "run": "false", "on_failure": {"goto": "b"}},
        {"id": "b", "run": "true"},
        {"id": "c", "run": "true"},
    ),
    ["skipped", "passed"],
)
