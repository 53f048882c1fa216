"""Runbook + inputs -> Plan: every value bound, every part put in its place, all of it in order. Pure.

A part (`uses:`) is planned by itself, with the values of its own inputs and its own constants; then its
steps take the place of the step that uses it, under that step's name: step `gone` of the part that step
`teardown` uses is `teardown.gone`, and so are the secrets and outputs that only it knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from runbook.errors import UsageError
from runbook.model import binding, expressions
from runbook.model.checks import HealthCheck, NamedCheck, RunCheck
from runbook.model.document import (
    CheckStep,
    CommandSecret,
    Goto,
    Input,
    Runbook,
    RunStep,
    SecretSource,
    Step,
    UsesStep,
    WrittenStep,
    step_kind,
)
from runbook.model.inputs import read_input
from runbook.model.parts import Composed
from runbook.plan import (
    ALWAYS,
    PREFLIGHT,
    ROLLBACK,
    Plan,
    PlannedPhase,
    PlannedStep,
    Scalar,
    TargetFacts,
    undoing,
)

OWN = ("secrets", "steps", "registered")
"""Rooms of names that a part has for itself."""


@dataclass(frozen=True)
class _Surroundings:
    """What all parts of a plan share."""

    target: TargetFacts
    mode: str
    environment: Mapping[str, str]


def make_plan(
    composed: Composed | Runbook,
    *,
    inputs: Mapping[str, Scalar],
    target: TargetFacts,
    mode: str,
    environment: Mapping[str, str],
    source_digest: str = "",
) -> Plan:
    """Bind a runbook. `inputs` are the texts the operator gave, or a run's own values; every value that does not fit is an
    error naming the input, what it was and what is allowed.
    """
    if isinstance(composed, Runbook):
        composed = Composed(composed, b"")
    plan = _plan(composed, inputs, _Surroundings(target, mode, environment))
    return replace(plan, source_digest=source_digest or composed.digest)


def _plan(composed: Composed, inputs: Mapping[str, Scalar], around: _Surroundings) -> Plan:
    runbook = composed.runbook
    values = bind_inputs(runbook.inputs, inputs)
    target, mode = around.target, around.mode

    def lookup(name: str) -> Scalar:
        room, _, rest = name.partition(".")
        match room:
            case "inputs":
                return values[rest]
            case "vars":
                return runbook.vars[rest]
            case "env":
                return around.environment.get(rest, "")
            case "target":
                facts = {"context": target.context, "server": target.server, "mode": mode}
                return facts[rest]
            case "run":
                return {"mode": mode}[rest]
        raise expressions.Unbound(name)

    bound = binding.bind(runbook, lookup)
    used = {
        step.id: _plan(composed.parts[step.uses], _given(step), around)
        for step in _written(bound)
        if isinstance(step, UsesStep)
    }
    known = {**bound.health, **_brought_health(used)}
    phases = tuple(_phases(bound, used, known))
    asked = bound.objectives.recovered_when
    return Plan(
        name=bound.name,
        title=bound.title or bound.name,
        mode=mode,
        target=target,
        inputs=values,
        phases=phases,
        rollback=tuple(_rollback(phases)),
        health={**bound.health, **{name: known[name] for name in asked}},
        known_health=known,
        objectives=bound.objectives,
        env=bound.env,
        secrets={
            **bound.secrets,
            **{
                f"{name}.{s}": _with_known_env(source, p.env)
                for name, p in used.items()
                for s, source in p.secrets.items()
            },
        },
        namespaces=_together(bound.target.namespaces, *(p.namespaces for p in used.values())),
        watch=_together(bound.target.watch, *(p.watch for p in used.values())),
        source_digest="",
        description=bound.description,
        owner=bound.owner,
        notify=tuple(bound.notify),
        parts={key: _sha256(source) for key, source in composed.files().items()},
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _given(step: UsesStep) -> dict[str, Scalar]:
    return {name: expressions.as_text(value) for name, value in step.with_.items()}


def _together(*lists: Sequence[str]) -> tuple[str, ...]:
    """Everything in several lists, once, in the order of its first place."""
    return tuple(dict.fromkeys(item for some in lists for item in some))


def _written(runbook: Runbook) -> Iterator[WrittenStep]:
    yield from runbook.preflight
    for phase in runbook.phases:
        yield from phase.steps
    yield from runbook.always


def _brought_health(used: Mapping[str, Plan]) -> dict[str, NamedCheck]:
    """The health checks of parts, as they are called from here."""
    return {
        f"{name}.{check}": binding.rename(named, _moved(name))
        for name, plan in used.items()
        for check, named in plan.known_health.items()
    }


def _moved(name: str) -> Callable[[str], str]:
    """How what a part has for itself is called from outside of it."""

    def moved(reference: str) -> str:
        room, _, rest = reference.partition(".")
        return f"{room}.{name}.{rest}" if room in OWN else reference

    return moved


def _phases(
    runbook: Runbook, used: Mapping[str, Plan], health: Mapping[str, NamedCheck]
) -> Iterator[PlannedPhase]:
    """Preflight is phase 0; what is always done comes last, that of parts after its own."""
    if runbook.preflight:
        steps = _placed(runbook.preflight, PREFLIGHT, 0, health, used)
        yield PlannedPhase(PREFLIGHT, "Preflight", None, tuple(steps))
    for number, phase in enumerate(runbook.phases, 1):
        steps = _placed(phase.steps, phase.id, number, health, used)
        yield PlannedPhase(phase.id, phase.title or phase.id, phase.budget, tuple(steps))
    last = len(runbook.phases) + 1
    own = [replace(s, part="always") for s in _placed(runbook.always, ALWAYS, last, health, used)]
    brought = [
        replace(_under(step, name), phase=ALWAYS)
        for name, plan in used.items()
        for step in plan.steps
        if step.part == "always"
    ]
    steps = (
        replace(step, number=f"{last}.{index}") for index, step in enumerate([*own, *brought], 1)
    )
    if always := tuple(steps):
        yield PlannedPhase(ALWAYS, "Always, at the end", None, always)


def _placed(
    written: Sequence[WrittenStep],
    phase: str,
    number: int,
    health: Mapping[str, NamedCheck],
    used: Mapping[str, Plan],
) -> Iterator[PlannedStep]:
    """Steps with their numbers; those of a part in the place of the step that uses it."""
    for index, step in enumerate(written, 1):
        here = f"{number}.{index}"
        if isinstance(step, UsesStep):
            inner = [s for s in used[step.id].steps if s.part != "always"]
            for place, planned in enumerate(inner, 1):
                moved = _under(_with_env(planned, used[step.id].env), step.id)
                moved = replace(moved, step=_also_when(_titled(moved, step.title), step.when))
                yield replace(moved, phase=phase, number=f"{here}.{place}")
            continue
        kind = step_kind(step)
        assert kind is not None  # the format has no step without one
        own = _resolve(step, health, used)
        yield PlannedStep(own.id, phase, here, kind, own)  # type: ignore[arg-type]  # STEP_KINDS are the literals


def _under(planned: PlannedStep, name: str) -> PlannedStep:
    """A step of a part, with everything it calls by a name put under the name of what uses it."""

    def moved(there: str) -> str:
        return f"{name}.{there}"

    step = binding.rename(planned.step, _moved(name))
    changes: dict[str, object] = {"id": moved(step.id)}
    if isinstance(step.on_failure, Goto):
        changes["on_failure"] = Goto.model_construct(goto=moved(step.on_failure.goto))
    if step.parallel is not None:
        changes["parallel"] = moved(step.parallel)
    if isinstance(step, RunStep) and step.register_ is not None:
        changes["register_"] = moved(step.register_)
    return replace(planned, id=moved(planned.id), step=step.model_copy(update=changes))


def _with_env(planned: PlannedStep, env: Mapping[str, str]) -> PlannedStep:
    """A part's own variables reach its own commands only."""
    step = planned.step
    if env and isinstance(step, RunStep):
        step = step.model_copy(update={"env": {**env, **step.env}})
    elif env and isinstance(step, CheckStep) and isinstance(step.check, RunCheck):
        check = step.check.model_copy(update={"env": {**env, **step.check.env}})
        step = step.model_copy(update={"check": check})
    return replace(planned, step=step)


def _with_known_env(source: SecretSource, env: Mapping[str, str]) -> SecretSource:
    """A part's own variables reach its secrets' commands too, as far as the plan knows their values."""
    if not isinstance(source, CommandSecret):
        return source
    known = {name: text for name, text in env.items() if "${{" not in text}
    return source.model_copy(update={"env": {**known, **source.env}})


def _titled(planned: PlannedStep, title: str) -> Step:
    """A step of a part, with what its user calls the whole before its own title."""
    if not title:
        return planned.step
    return planned.step.model_copy(update={"title": f"{title}: {planned.title}"})


def _also_when(step: Step, condition: str | None) -> Step:
    """A step of a part is performed when both it and what uses it are to be."""
    if condition is None:
        return step
    both = condition if step.when is None else expressions.both(condition, step.when)
    return step.model_copy(update={"when": both})


def _resolve(step: Step, health: Mapping[str, NamedCheck], used: Mapping[str, Plan]) -> Step:
    """A step that names a health check gets that check itself; a way into a part, its first step."""
    if isinstance(step.on_failure, Goto) and step.on_failure.goto in used:
        first = used[step.on_failure.goto].steps[0].id
        goto = Goto.model_construct(goto=f"{step.on_failure.goto}.{first}")
        step = step.model_copy(update={"on_failure": goto})
    if isinstance(step, CheckStep) and isinstance(step.check, HealthCheck):
        named = health[step.check.health]
        return step.model_copy(
            update={"check": named.check, "title": step.title or named.title or step.check.health}
        )
    return step


def _rollback(phases: Sequence[PlannedPhase]) -> Iterator[PlannedStep]:
    """A command for each step that says how it is undone, run as the step's own command would be."""
    for planned in (step for phase in phases for step in phase.steps):
        script = getattr(planned.step, "rollback", None)
        if script is None:
            continue
        own = planned.step if isinstance(planned.step, RunStep) else None
        undo = RunStep(id="rollback", title=f"Undo: {planned.title}", run=script).model_copy(
            update={
                "id": undoing(planned.id),
                "timeout": planned.step.timeout,
                "shell": own.shell if own else None,
                "env": own.env if own else {},
                "working_directory": own.working_directory if own else None,
            }
        )
        number = f"-{planned.number}"
        yield PlannedStep(undo.id, ROLLBACK, number, "run", undo, "rollback", planned.id)


def bind_inputs(declared: Mapping[str, Input], given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The value of every input: as given, else the default. Raises UsageError naming all faults."""
    faults = [
        f"there is no input {name!r}; the runbook has: {', '.join(declared) or 'none'}"
        for name in given
        if name not in declared
    ]
    values: dict[str, Scalar] = {}
    for name, spec in declared.items():
        try:
            values[name] = read_input(name, spec, given.get(name))
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        raise UsageError("; ".join(faults), hint="give inputs as --input name=value")
    return values
