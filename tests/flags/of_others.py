"""The flags of what looks at runbooks and kept runs, and of practice clusters."""

from __future__ import annotations

import psutil

from tests.flags.cases import code, is_json, says, shows, typing
from tests.flags.of_run import CONTEXT, HOME, KUBECONFIG, MODE, NAMED, book
from tests.flags.world import TARGET, Left

RELEASE = "cli/test_release_finalizers.py::"
ELSEWHERE: dict[str, str] = {
    "resume --as-started": "cli/test_resume.py::"
    "test_a_changed_runbook_is_shown_and_gone_on_with_only_as_it_was_started",
    "health --watch": "cli/test_health.py::test_watching_tells_each_new_verdict_until_it_is_ended",
    "probe --timeout": "cli/test_probe.py::test_a_silent_mesh_is_left_in_time",
    "release-finalizers --dry-run": RELEASE + "test_a_dry_run_says_the_same_and_changes_nothing",
    "release-finalizers --wait": RELEASE
    + "test_what_hangs_is_released_in_order_and_a_second_time_finds_nothing",
    "release-finalizers --no-other-scheduler": RELEASE
    + "test_another_scheduler_is_vouched_for_or_nothing_is_released",
}
"""Flags whose difference a test of another room shows."""

# -- plan and show

shows("plan --mode", "drill", words=book("plain", *NAMED), look=code, wants=0)
shows(
    "plan --context",
    "other",
    words=book("plain", MODE, "drill", *KUBECONFIG),
    without=("--context", "practice"),
    look=says("other"),
)
shows(
    "plan --kubeconfig",
    KUBECONFIG[1],
    words=book("plain", MODE, "drill", *CONTEXT),
    look=code,
    wants=0,
)
shows("plan --input", "word=bye", words=book("plain"), look=says("bye"))
shows("plan --offline", words=book("plain", *TARGET), look=says("which was not asked"))
shows("plan --format", "json", words=book("plain"), look=is_json)
shows("show --format", "mermaid", words=book("plain"), look=lambda r: r.out.startswith("flowchart"))
shows("show --input", "word=bye", words=book("plain"), look=says("bye"))

# -- runs: one is finished, one died


def ids(left: Left) -> bool:
    return left.out.split() == [run.name for run in reversed(left.runs)]


def kept(left: Left) -> int:
    return len(left.runs)


for listing in ("runs", "runs list"):
    shows(f"{listing} --ids", look=ids)
    shows(f"{listing} --json", look=is_json)
shows("runs prune --keep", "0", words=("--held",), call=typing("2\n"), look=kept, wants=0)
shows(
    "runs prune --older-than",
    "1d",
    words=("--keep", "0", "--held"),
    call=typing("2\n"),
    look=kept,
    wants=2,
)
shows("runs prune --held", words=("--keep", "0"), call=typing("2\n"), look=kept, wants=0)
shows(
    "runs prune --dry-run", words=("--keep", "0", "--held"), call=typing("2\n"), look=kept, wants=2
)
shows("report --format", "json", look=is_json)
shows("report --into", f"{HOME}/elsewhere", look=lambda r: (r.home / "elsewhere").is_dir())

# -- files

POOR = (f"{HOME}/poor.yaml",)
shows("validate --format", "json", words=POOR, look=is_json)
shows("lint --format", "json", words=POOR, look=is_json)
shows("lint --rules", words=POOR, look=says("# "))
shows("new --name", "other", words=("-",), look=says("name: other\n"))
shows(
    "import --output",
    f"{HOME}/made.yaml",
    words=(f"{HOME}/page.md",),
    look=lambda r: (r.home / "made.yaml").is_file(),
)
shows(
    "approve --key",
    f"{HOME}/keys/bob",
    words=("{request}",),
    call=typing("yes\n"),
    look=code,
    wants=0,
)

# -- health and preflight

for looking in ("health", "preflight"):
    shows(f"{looking} --context", "practice", words=book("seen", *KUBECONFIG), look=code, wants=0)
    shows(
        f"{looking} --kubeconfig", KUBECONFIG[1], words=book("seen", *CONTEXT), look=code, wants=0
    )
    shows(f"{looking} --input", "space=nowhere", words=book("seen", *NAMED), look=code, wants=1)
    shows(f"{looking} --json", words=book("seen", *NAMED), look=is_json)
shows("health --check", "second", words=book("seen", *NAMED), look=says("first"), wants=False)
shows("health --checklist", words=book("seen", *NAMED), look=says("listed"))
shows("preflight --mode", "recovery", words=book("seen", *NAMED), look=says("only"))
shows("preflight --verbose", words=book("seen", *NAMED), look=says("as expected"))

# -- probe: an experiment that the cluster's own mesh answers for

AB = ("financial-ab-test-experiment", "--namespace", "financial-inference")
SURE = ("--confidence", "99.99")  # chance may not make it red
FEW = (*AB, *NAMED, "--requests", "20")
TENSORS = '[{"name": "x", "datatype": "FP32", "shape": [1, 2]}]'
shows("probe --namespace", AB[2], words=(AB[0], *NAMED, *SURE), look=code, wants=0)
shows("probe --context", "practice", words=(*AB, *KUBECONFIG, *SURE), look=code, wants=0)
shows("probe --kubeconfig", KUBECONFIG[1], words=(*AB, *CONTEXT, *SURE), look=code, wants=0)
shows("probe --requests", "20", words=(*AB, *NAMED), look=says("too few answers"))
shows("probe --at-once", "3", words=FEW, look=says("3 at once"))
shows("probe --endpoint", "http://127.0.0.1:1", words=FEW, look=says("does not answer"))
shows("probe --inputs", "-", words=FEW, call=typing(TENSORS), look=says("HTTP 400"))
shows(
    "probe --weight",
    "baseline-predictor=1",
    "--weight",
    "enhanced-predictor=1",
    words=(*AB, *NAMED, *SURE),
    look=code,
    wants=1,
)
shows("probe --confidence", "50", words=FEW, look=says("intervals, 50%"))
shows("probe --progress", words=(*AB, *NAMED), look=says("100 requests answered"))
shows("probe --json", words=FEW, look=is_json)

# -- release-finalizers: nothing hangs on the cluster that is named

SPACE = ("--namespace", "default")
shows(
    "release-finalizers --namespace",
    "nowhere",
    words=NAMED,
    without=SPACE,
    look=says("there is no namespace nowhere"),
)
shows(
    "release-finalizers --context",
    "practice",
    words=(*SPACE, *KUBECONFIG),
    look=code,
    wants=0,
)
shows(
    "release-finalizers --kubeconfig",
    KUBECONFIG[1],
    words=(*SPACE, *CONTEXT),
    look=code,
    wants=0,
)
shows("release-finalizers --json", words=(*SPACE, *NAMED), look=is_json)

# -- practice

START = (("practice", "start"),)
INJECTED = (*START, ("practice", "inject", "finalizers-stuck"))


def exit_after(left: Left) -> str:
    running = left.cluster()
    assert running is not None
    words = psutil.Process(running.pid).cmdline()
    return words[words.index("--idle-exit") + 1]


def speed(left: Left) -> float:
    running = left.cluster()
    assert running is not None
    return running.speed


shows("practice start --name", "mine", look=lambda r: r.cluster("mine") is not None)
shows("practice start --speed", "33", look=speed, wants=33)
shows("practice start --idle-exit", "77", look=exit_after, wants="77")
shows("practice stop --name", "nobody", look=says("'nobody'"))
for action in ("status", "faults", "inject", "hint", "reset"):
    fault = ("finalizers-stuck",) if action == "inject" else ()
    shows(f"practice {action} --name", "nobody", words=fault, look=says("'nobody'"))
    shows(f"practice {action} --run", "nobody", words=fault, look=says("'nobody'"))
    shows(
        f"practice {action} --json",
        words=fault,
        before=INJECTED if action == "hint" else START,
        look=is_json,
    )
