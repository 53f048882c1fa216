"""What a runbook of a thousand steps costs: to load, plan, hash and lint it, and to decide each step.

    .venv/bin/python tests/bench/bench_large.py

Seconds of processor time, since nothing here waits: other programs on the machine do not count.
"""

from __future__ import annotations

import time

import yaml

from runbook.model.lint import lint
from runbook.model.loader import load
from runbook.plan import TargetFacts
from runbook.planning import make_plan
from runbook.run.machine import pending
from tests.run.driving import Drive, plan_of

PHASES = 10
FACTS = TargetFacts("ctx", "https://127.0.0.1:1", "uid")


def text_of(steps: int) -> str:
    """A runbook in which every step names an input, an earlier step and a way out."""
    phases = [
        {
            "id": f"p{phase}",
            "steps": [
                {
                    "id": f"s{phase}-{number}",
                    "run": "echo ${{ inputs.x }}",
                    "register": f"r{phase}-{number}",
                    "when": f"steps.s{phase}-{number - 1}.status == 'passed'" if number else "true",
                    "on_failure": {"goto": f"s{phase}-0"} if number else "stop",
                }
                for number in range(steps // PHASES)
            ],
        }
        for phase in range(PHASES)
    ]
    document = {"apiVersion": "runbook/v1", "name": "large", "inputs": {"x": {"default": "a"}}}
    return yaml.safe_dump({**document, "phases": phases})


def on_paper(steps: int) -> dict[str, float]:
    """Seconds for everything that happens before a run."""
    text, took = text_of(steps), {}
    began = time.process_time()
    composed = load(text, "large.yaml", lambda key: b"")
    took["load"] = time.process_time() - began
    began = time.process_time()
    plan = make_plan(composed, inputs={}, target=FACTS, mode="practice", environment={})
    assert len(plan.digest) == 64
    took["plan"] = time.process_time() - began
    began = time.process_time()
    lint(composed, "large.yaml")
    took["lint"] = time.process_time() - began
    return took


def decided(steps: int) -> float:
    """Seconds in which the machine goes through all steps, asked after each what is to be done."""
    plan = plan_of(*({"id": f"s{number}", "run": ":"} for number in range(steps)))
    began = time.process_time()
    run = Drive(plan)
    for step in plan.steps:
        assert pending(plan, run.state)
        run.ends(step.id)
    assert run.result == "recovered"
    return time.process_time() - began


def main() -> None:
    for steps in (250, 500, 1000):
        took = on_paper(steps)
        parts = "  ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in took.items())
        machine = decided(steps) / steps * 1e6
        total = sum(took.values()) * 1000
        print(
            f"{steps:5} steps: {parts}  together {total:.0f} ms; deciding {machine:.0f} µs a step"
        )


if __name__ == "__main__":
    main()
