"""The rules of `runbook lint`, once: the command, its formats and docs/lint.md are made from this table.

A rule's id is for good: runbooks name it in `x-lint-ignore`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    level: Level
    title: str
    why: str
    do: str


RULES = (
    Rule("destroy-without-gate", "error", "a step destroys and no gate stands before it",
         "One key too many deletes a platform. A gate that is skipped by its own `when` stops nobody.",
         "put an `approve` step before it, with the same `when` or none"),
    Rule("destroy-continues", "error", "a step that destroys goes on when it has failed",
         "What was half deleted is unknown, and the steps after it take it for gone.",
         "`on_failure: ask` or `stop`, and a check that what was deleted is gone"),
    Rule("destroy-without-rollback", "warning", "a step destroys and says no way back",
         "An operator who stops in the middle is asked what to undo, and finds nothing.",
         "write `rollback`, or say in `x-lint-ignore` what brings it back"),
    Rule("effect-understated", "warning", "a command does more than `effect` says",
         "`destroy` starts the recovery clock and has the cluster asked who it is; what is called less gets neither.",
         "say the effect that the command has"),
    Rule("own-cluster", "error", "a command chooses a cluster by itself",
         "A run is pinned to one cluster, and commands see a kubeconfig that holds only that one; a context or kubeconfig of its own leads past it.",
         "leave the flag out; say `${{ target.context }}` where a name is needed"),
    Rule("secret-in-arguments", "warning", "a secret stands among the arguments of a program",
         "Arguments are seen by everybody on the machine (`ps`), and kept by audit logs.",
         'give it through `env:` and have the program read its variable, or through standard input: `<<< "${{ secrets.x }}"`'),
    Rule("pipe-to-shell", "error", "what is fetched is run unseen",
         "Whoever answers at that address runs commands with the operator's rights, and a torn download runs in half.",
         "fetch a file, check its digest, run it"),
    Rule("sleep-in-script", "warning", "a script sleeps",
         "A pause is too short on a bad day and too long on all others, and nobody sees what it waits for.",
         "a `check` with `until` and `every`; a `wait` step where nothing can be asked"),
    Rule("delete-waits", "warning", "`kubectl delete` may wait for ever",
         "It waits until finalizers are done, without an end of its own; when whoever takes them off is gone, the step hangs.",
         "`--wait=false` and a check with `absent: true`; or `timeout` on the step"),
    Rule("finalizers-by-hand", "warning", "a command takes finalizers off by itself",
         "Whoever the finalizer waits for may live, and what it guards stays loaded, remembered or allocated; with all of them go those of others.",
         "`runbook release-finalizers -n NAMESPACE` decides for each object, says why, and releases what is safe"),
    Rule("check-without-proof", "note", "nothing shows that a check can fail",
         "A check that has only ever been green may be green by itself.",
         "name the practice faults that must turn it red in `proves_against`"),
    Rule("unknown-fault", "error", "`proves_against` names a practice fault that does not exist",
         "What cannot be injected proves nothing.",
         "`runbook practice faults` lists them"),
    Rule("phase-without-budget", "warning", "a phase has no budget",
         "Without one nobody sees in time that it takes too long.",
         "`budget: 10m`, or what the last drill took"),
    Rule("no-objective", "warning", "something is destroyed and there is no recovery time objective",
         "The recovery clock runs, and nothing says what would be late.",
         "`objectives: {rto: 45m}`"),
    Rule("recovery-unproved", "warning", "nothing says when the platform has recovered",
         "A run is then recovered when its last step has ended, whether anything answers or not.",
         "`objectives: {recovered_when: [...]}` with checks under `health`"),
    Rule("uses-unpinned", "warning", "a used file is not pinned",
         "What was reviewed and what is performed may differ.",
         "`./x.yaml@sha256:...`; `sha256sum` tells it"),
    Rule("retries-without-delay", "warning", "retries follow each other at once",
         "What failed a moment ago fails again, and the retries are used up.",
         "`delay: 10s`"),
    Rule("gate-without-timeout", "warning", "a gate waits for ever",
         "A question from yesterday is answered by somebody who no longer knows what it was about.",
         "`approve: {timeout: 15m}`; expiry is a refusal"),
    Rule("unused-input", "warning", "an input is used nowhere",
         "The operator is asked for something that changes nothing.", "use it, or take it out"),
    Rule("unused-var", "warning", "a constant is used nowhere",
         "The next author changes it and wonders.", "use it, or take it out"),
    Rule("unused-secret", "warning", "a secret is used nowhere",
         "A right that nobody needs is asked for.", "use it, or take it out"),
    Rule("unused-health", "note", "a health check is neither in a step nor in `recovered_when`",
         "It is shown while the run goes on, and nothing depends on it.",
         "`check: {health: NAME}` or `recovered_when`, or leave it as a light"),
    Rule("unused-register", "note", "a registered output is used nowhere",
         "Whoever reads the step looks for where it goes.", "use `${{ registered.NAME }}`, or take it out"),
    Rule("untitled", "note", "something has no title",
         "At 3 a.m. an id is a riddle; reports are read by people who have not written the file.",
         "`title:` in the words of a checklist"),
    Rule("ignore-without-reason", "warning", "an `x-lint-ignore` gives no reason",
         "The next author cannot tell whether it still holds.",
         "`x-lint-ignore: [{RULE: why it is right here}]`"),
    Rule("ignore-unknown", "error", "an `x-lint-ignore` names no rule",
         "It silences nothing, and looks as if it did.", "`runbook lint --rules` lists them"),
    Rule("ignore-unused", "warning", "an `x-lint-ignore` silences nothing",
         "What it was for is gone; left there it hides the next one.", "take it out"),
)  # fmt: skip
BY_ID = {rule.id: rule for rule in RULES}


def as_markdown() -> str:
    """The table as docs/lint.md holds it."""
    parts = [
        f"### `{rule.id}`\n\n{rule.level}: {rule.title}\n\n{rule.why} What to do: {rule.do}.\n"
        for rule in RULES
    ]
    return "\n".join(parts)
