"""The stories themselves, by topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from tests.cluster.argo_stories import (
    FULL,
    JSON,
    LIMITED,
    LONG,
    Act,
    Look,
    Story,
    call,
    dag,
    from_template,
    given,
    run,
    steps,
    wanting,
    workflow,
)
from tests.cluster.sides import ROOT

OK, BAD = run("ok"), run("bad", code=1)
LASTING = run("lasting", lasts=LONG)


def templates() -> Sequence[JSON]:
    """WorkflowTemplates that stories are made from."""
    say = run("say", inputs=wanting(word="hello"))
    need = run("say", inputs=wanting("word"))
    return (
        _template("greeting", workflow(say, arguments=given(word="declared"))),
        _template("needy", workflow(need)),
        _template("collected", workflow(run("say"), podGC={"strategy": "OnPodCompletion"})),
        _template("broken", {"templates": [run("say")]}),
        _lasting_pair("changing", "two"),
        _lasting_pair("doomed", "two"),
    )


def applications() -> Sequence[JSON]:
    """The application's own WorkflowTemplates, and what their pods ask for."""
    files = [ROOT / "k8s" / "base" / f"{name}-pipeline.yaml" for name in ("data", "training")]
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]
    for template in found:
        del template["metadata"]["namespace"]
        for one in template["spec"]["templates"]:
            container = one.get("container", {})
            if container.get("command") == ["runbook"]:
                # It would act on Models and MLflow, which are not here; what Argo makes of it is compared.
                container["command"] = ["sh", "-c", "true"]
                del container["args"]
    return found


def belongings() -> Sequence[tuple[str, JSON]]:
    """By the name of their resource in the API."""
    keys = ("USERNAME", "PASSWORD", "URI")
    values = {f"MLFLOW_TRACKING_{key}": "none" for key in keys[:2]}
    values["MLFLOW_TRACKING_URI"] = "http://mlflow.mlflow.svc.cluster.local:5000"
    names = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values |= dict.fromkeys(names, "none")
    claim = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "nfs-shared",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return (
        ("serviceaccounts", {"metadata": {"name": "argo-workflow-sa"}}),
        ("secrets", {"metadata": {"name": "ml-platform"}, "stringData": values}),
        *(
            ("persistentvolumeclaims", {"metadata": {"name": f"shared-{it}-pvc"}, "spec": claim})
            for it in ("data", "artifacts")
        ),
    )


def rights() -> Sequence[tuple[str, JSON]]:
    """What executors need to report, by the path where it is made."""
    group = "rbac.authorization.k8s.io"
    root, metadata = f"/apis/{group}/v1", {"metadata": {"name": "workflow-executors"}}
    rule = {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    }
    role = {"apiGroup": group, "kind": "ClusterRole", "name": "workflow-executors"}
    accounts = {"apiGroup": group, "kind": "Group", "name": "system:serviceaccounts"}
    return (
        (f"{root}/clusterroles", {**metadata, "rules": [rule]}),
        (f"{root}/clusterrolebindings", {**metadata, "roleRef": role, "subjects": [accounts]}),
    )


def _lasting_pair(name: str, then: str) -> JSON:
    """One pod that lasts, and another one after it."""
    main = steps("main", [call("one")], [call(then, "ok")])
    return _template(name, workflow(main, run("one", lasts=6), OK))


def _template(name: str, spec: JSON) -> JSON:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": name},
        "spec": spec,
    }


def _when(*displays: str) -> Any:
    return lambda look: look.runs(*displays)


def _at(*displays: str) -> Any:
    return lambda look: all(look.node(d).get("phase") == "Running" for d in displays)


def _beside_a_finished_one(look: Look) -> bool:
    return look.runs("p") and look.node("q").get("phase") == "Succeeded"


def _old(display: str) -> Any:
    """A missing pod of a node younger than 10 s is made again."""
    return lambda look: look.runs(display) and look.age(display) > 12


def _change_template(look: Look) -> None:
    doing_other_things = _lasting_pair("changing", "none")["spec"]
    look.patch_template("changing", {"spec": doing_other_things})


def _delete_template(look: Look) -> None:
    look.delete_template("doomed")


def _shutdown(how: str) -> Any:
    return lambda look: look.patch({"spec": {"shutdown": how}})


def _resume(look: Look) -> None:
    """As `argo resume` does it."""
    node = look.node("approve")
    ended = {**node, "phase": "Succeeded", "finishedAt": node["startedAt"]}
    look.patch({"status": {"nodes": {node["id"]: ended}}})


def _reject(look: Look) -> None:
    node = look.node("approve")
    ended = {"phase": "Failed", "message": "not today", "finishedAt": node["startedAt"]}
    look.patch({"status": {"nodes": {node["id"]: ended}}})


def _delete(display: str) -> Any:
    return lambda look: look.delete_pod(display)


def _patch(change: JSON) -> Any:
    return lambda look: look.patch(change)


def _pods(count: int) -> Any:
    return lambda look: look.done and len(look.pods) == count


def _gone(look: Look) -> bool:
    return look.workflow is None


def _waits(display: str) -> Any:
    return lambda look: bool(look.node(display).get("message"))


def warm_up() -> Sequence[Story]:
    return (Story("warm-up", workflow(OK)),)


def hasty_stories() -> Sequence[Story]:
    """What is done to these must be done within seconds of life."""
    short = run("short", lasts=6)
    return (
        Story(
            "pod-made-again",
            workflow(short),
            ((_when("pod-made-again"), _delete("pod-made-again")),),
        ),
        Story(
            "pod-of-task-made-again",
            workflow(dag("main", call("p", "short")), short),
            ((_when("p"), _delete("p")),),
        ),
        Story("template-changed", from_template("changing"), ((_when("one"), _change_template),)),
        Story("template-deleted", from_template("doomed"), ((_when("one"), _delete_template),)),
    )


def stories() -> Sequence[Story]:
    return (
        *_plain(),
        *_conditions(),
        *_failures(),
        *_retries(),
        *_waiting(),
        *_ended_from_outside(),
        *_retention(),
        *_refused(),
        *_invalid(),
        *_templated(),
    )


def _plain() -> Sequence[Story]:
    ask = run("ask", printed="forty-two")
    tell = run("tell", inputs=wanting("word"))
    word = given(word="{{steps.first.outputs.result}}")
    of_task = given(word="{{tasks.a.outputs.result}}")
    script = {"script": {"image": "app:1", "command": ["sh"], "source": "echo unheard"}}
    plain = {"name": "plain", "container": {"image": "app:1", "command": ["true"]}}
    return (
        Story("hello", workflow(OK)),
        Story("script", workflow({"name": "ask", **script})),
        Story(
            "chain",
            workflow(
                steps(
                    "main",
                    [call("first", "ask"), call("beside", "ok")],
                    [call("second", "tell", arguments=word)],
                ),
                ask,
                tell,
                OK,
            ),
        ),
        Story(
            "diamond",
            workflow(
                dag(
                    "main",
                    call("a", "ask"),
                    call("b", "tell", dependencies=["a"], arguments=of_task),
                    call("c", "ok", dependencies=["a"]),
                    call("d", "ok", dependencies=["b", "c"]),
                ),
                ask,
                tell,
                OK,
            ),
        ),
        Story(
            "nested",
            workflow(
                steps("main", [call("inner")], [call("after", "ok")]),
                dag("inner", call("x", "deep"), call("y", "ok", depends="x")),
                steps("deep", [call("z", "ok")]),
                OK,
            ),
        ),
        Story(
            "parameters",
            workflow(
                steps("main", [call("one", "tell", arguments=given(word="{{workflow.name}}"))]),
                tell,
                arguments=given(word="unused"),
            ),
        ),
        Story(
            "labelled",
            workflow(plain, podMetadata={"labels": {"a": "b"}, "annotations": {"c": "d"}}),
            metadata={"labels": {"own": "label"}, "annotations": {"own": "note"}},
        ),
        Story(
            "parallelism",
            workflow(
                steps("main", [call("p", "ok"), call("q", "ok"), call("r", "ok")]),
                OK,
                parallelism=1,
            ),
        ),
        Story("exit-handler", workflow(OK, run("bye"), onExit="bye")),
        Story("bad-exit-handler", workflow(OK, BAD, onExit="bad")),
        Story("exit-handler-of-a-failure", workflow(BAD, run("bye"), onExit="bye")),
        Story(
            "exit-handler-of-steps",
            workflow(steps("main", [call("one", "ok")]), OK, steps("bye", [call("last", "ok")]))
            | {"onExit": "bye"},
        ),
    )


def _conditions() -> Sequence[Story]:
    def when(name: str, *conditions: str) -> Story:
        calls = [call(f"s{i}", "ok", when=text) for i, text in enumerate(conditions)]
        return Story(name, workflow(steps("main", calls), OK))

    return (
        when("when", "1 == 1", "1 == 2", "a == b && 1 < 2", "a == a || 1 > 2", "!(a == a)"),
        when("when-broken", "1 == "),
        Story("when-broken-of-task", workflow(dag("main", call("a", "ok", when="1 == ")), OK)),
        when("when-no-boolean", "1 + 1"),
        Story(
            "when-all-skipped",
            workflow(steps("main", [call("s", "ok", when="1 == 2")], [call("t", "ok")]), OK),
        ),
        Story(
            "when-of-task",
            workflow(
                dag(
                    "main",
                    call("a", "ok", when="1 == 2"),
                    call("b", "ok", depends="a"),
                    call("c", "ok", depends="a.Succeeded"),
                    call("d", "ok", depends="a.Skipped"),
                ),
                OK,
            ),
        ),
        Story(
            "depends",
            workflow(
                dag(
                    "main",
                    call("a", "bad"),
                    call("b", "ok"),
                    call("c", "ok", depends="a.Failed && b.Succeeded"),
                    call("d", "ok", depends="a.Succeeded || b.Failed"),
                    call("e", "ok", depends="(a.Failed || a.Errored) && !b.Failed"),
                ),
                OK,
                BAD,
            ),
        ),
    )


def _failures() -> Sequence[Story]:
    return (
        Story("fails", workflow(BAD)),
        Story("exit-3", workflow(run("three", code=3))),
        Story("exit-137", workflow(run("killed", code=137))),
        Story(
            "step-fails",
            workflow(
                steps("main", [call("p", "ok"), call("q", "bad")], [call("never", "ok")]), OK, BAD
            ),
        ),
        Story(
            "step-continues",
            workflow(
                steps(
                    "main", [call("q", "bad", continueOn={"failed": True})], [call("next", "ok")]
                ),
                OK,
                BAD,
            ),
        ),
        Story(
            "task-fails",
            workflow(
                dag(
                    "main",
                    call("a", "bad"),
                    call("b", "ok", dependencies=["a"]),
                    call("c", "ok"),
                    call("d", "ok", dependencies=["c"]),
                ),
                OK,
                BAD,
            ),
        ),
        Story(
            "task-fails-slowly",
            workflow(
                {
                    "name": "main",
                    "dag": {
                        "failFast": False,
                        "tasks": [
                            call("a", "bad"),
                            call("b", "ok", dependencies=["a"]),
                            call("c", "ok"),
                            call("d", "ok", dependencies=["c"]),
                        ],
                    },
                },
                OK,
                BAD,
            ),
        ),
        Story(
            "task-continues",
            workflow(
                dag(
                    "main",
                    call("a", "bad", continueOn={"failed": True}),
                    call("b", "ok", dependencies=["a"]),
                ),
                OK,
                BAD,
            ),
        ),
        Story(
            "nested-fails",
            workflow(
                steps("main", [call("outer")]),
                dag("outer", call("x", "inner")),
                steps("inner", [call("y", "bad")]),
                BAD,
            ),
        ),
    )


def _retries() -> Sequence[Story]:
    def retried(**strategy: Any) -> JSON:
        return {**BAD, "retryStrategy": strategy}

    return (
        Story("retry", workflow(retried(limit="2"))),
        Story("retry-number", workflow(retried(limit=1))),
        Story("retry-never-needed", workflow({**OK, "retryStrategy": {"limit": "2"}})),
        Story("retry-on-error", workflow(retried(limit="2", retryPolicy="OnError"))),
        Story("retry-always", workflow(retried(limit="1", retryPolicy="Always"))),
        Story("retry-no-times", workflow(retried(limit="0"))),
        Story(
            "retry-in-steps",
            workflow(steps("main", [call("again", "bad")]), retried(limit="1")),
        ),
        Story(
            "retry-in-dag",
            workflow(
                dag("main", call("again", "bad"), call("then", "ok", dependencies=["again"])),
                retried(limit="1"),
                OK,
            ),
        ),
        Story(
            "retry-of-steps",
            workflow(steps("main", [call("s", "bad")], retryStrategy={"limit": "1"}), BAD),
        ),
    )


def _waiting() -> Sequence[Story]:
    late = _patch({"spec": {"activeDeadlineSeconds": 1}})
    approval = workflow(
        steps("main", [call("approve")], [call("after", "ok")]),
        {"name": "approve", "suspend": {}},
        OK,
    )
    resumed: Sequence[Act] = ((_at("approve"), _resume),)
    waits: Sequence[Act] = (
        (
            lambda look: look.status.get("phase") == "Running",
            _patch({"spec": {"suspend": None}}),
        ),
    )
    return (
        Story("approval", approval, over=_at("approve")),
        Story("approved", approval, resumed),
        Story("rejected", approval, ((_at("approve"), _reject),)),
        Story("pause", workflow({"name": "pause", "suspend": {"duration": "1"}})),
        Story("pause-with-unit", workflow({"name": "pause", "suspend": {"duration": "1s"}})),
        Story("suspended", workflow(OK, suspend=True), over=lambda look: bool(look.status)),
        Story("resumed", workflow(OK, suspend=True), waits),
        Story("deadline", workflow(LASTING), ((_when("deadline"), late),)),
        Story(
            "deadline-of-steps",
            workflow(
                steps("main", [call("one", "lasting")], [call("two", "ok")]),
                LASTING,
                OK,
            ),
            ((_when("one"), late),),
        ),
        Story(
            "deadline-of-dag",
            workflow(
                dag("main", call("one", "lasting"), call("two", "ok", dependencies=["one"])),
                LASTING,
                OK,
            ),
            ((_when("one"), late),),
        ),
        Story(
            "deadline-of-approval",
            workflow(
                steps("main", [call("approve")]),
                {"name": "approve", "suspend": {}},
                activeDeadlineSeconds=2,
            ),
        ),
        Story(
            "unschedulable",
            workflow({**OK, "nodeSelector": {"no": "such-node"}}),
            over=_waits("unschedulable"),
        ),
    )


def _ended_from_outside() -> Sequence[Story]:
    in_steps = workflow(
        steps("main", [call("p", "lasting"), call("q", "ok")], [call("never", "ok")]), LASTING, OK
    )
    in_dag = workflow(
        dag("main", call("p", "lasting"), call("never", "ok", dependencies=["p"])), LASTING, OK
    )
    handled = {"onExit": "bye"}
    found = [
        Story("pod-deleted", workflow(LASTING), ((_old("pod-deleted"), _delete("pod-deleted")),)),
        Story("pod-of-step-deleted", in_steps, ((_old("p"), _delete("p")),)),
        Story("pod-of-task-deleted", in_dag, ((_old("p"), _delete("p")),)),
        Story(
            "pod-of-retry-deleted",
            workflow({**LASTING, "retryStrategy": {"limit": "0"}}),
            ((_old("pod-of-retry-deleted(0)"), _delete("pod-of-retry-deleted(0)")),),
        ),
    ]
    for how in ("Stop", "Terminate"):
        name = how.lower()
        with_handler = workflow(LASTING, run("bye"), **handled)
        approval = workflow(steps("main", [call("approve")]), {"name": "approve", "suspend": {}})
        found += [
            Story(f"{name}-pod", with_handler, ((_when(f"{name}-pod"), _shutdown(how)),)),
            Story(f"{name}-steps", in_steps, ((_beside_a_finished_one, _shutdown(how)),)),
            Story(f"{name}-dag", in_dag, ((_when("p"), _shutdown(how)),)),
            Story(f"{name}-approval", approval, ((_at("approve"), _shutdown(how)),)),
        ]
    return found


def _retention() -> Sequence[Story]:
    both = steps("main", [call("good", "ok", continueOn={}), call("q", "bad")])
    good = steps("main", [call("good", "ok")])

    def gc(strategy: str) -> JSON:
        return {"podGC": {"strategy": strategy, "deleteDelayDuration": "1s"}}

    return (
        Story(
            "gc-on-pod-completion", workflow(both, OK, BAD) | gc("OnPodCompletion"), over=_pods(0)
        ),
        Story("gc-on-pod-success", workflow(both, OK, BAD) | gc("OnPodSuccess"), over=_pods(1)),
        Story(
            "gc-on-workflow-completion",
            workflow(both, OK, BAD) | gc("OnWorkflowCompletion"),
            over=_pods(0),
        ),
        Story(
            "gc-on-workflow-success", workflow(good, OK) | gc("OnWorkflowSuccess"), over=_pods(0)
        ),
        Story("gc-on-workflow-success-fails", workflow(both, OK, BAD) | gc("OnWorkflowSuccess")),
        Story("ttl", workflow(OK, ttlStrategy={"secondsAfterCompletion": 1}), over=_gone),
        Story("ttl-success", workflow(OK, ttlStrategy={"secondsAfterSuccess": 1}), over=_gone),
        Story("ttl-failure", workflow(BAD, ttlStrategy={"secondsAfterFailure": 1}), over=_gone),
        Story("ttl-other", workflow(BAD, ttlStrategy={"secondsAfterSuccess": 0})),
    )


def _refused() -> Sequence[Story]:
    return (
        Story("limits-pod", workflow(OK), namespace=LIMITED),
        Story("limits-steps", workflow(steps("main", [call("p", "ok")]), OK), namespace=LIMITED),
        Story("limits-dag", workflow(dag("main", call("p", "ok")), OK), namespace=LIMITED),
        Story("limits-retry", workflow({**OK, "retryStrategy": {"limit": "1"}}), namespace=LIMITED),
        Story(
            "limits-retry-dag",
            workflow(dag("main", call("p", "ok")), {**OK, "retryStrategy": {"limit": "1"}}),
            namespace=LIMITED,
        ),
        Story("full-pod", workflow(OK), over=_waits("full-pod"), namespace=FULL),
        Story(
            "full-dag",
            workflow(dag("main", call("p", "ok")), OK),
            over=_waits("p"),
            namespace=FULL,
        ),
        Story("bad-patch", workflow(OK, podSpecPatch="not: [a patch")),
        Story(
            "bad-patch-of-task",
            workflow(dag("main", call("p", "ok")), {**OK, "podSpecPatch": "nonsense"}),
        ),
    )


def _invalid() -> Sequence[Story]:
    twice = {**OK, "suspend": {}}
    cycle = dag("main", call("a", "ok", dependencies=["b"]), call("b", "ok", dependencies=["a"]))
    unknown = run("ok", "echo {{workflow.parameters.nowhere}}")
    needing = run("ok", inputs=wanting("word"))
    specs: dict[str, JSON] = {
        "no-entrypoint": {"templates": [OK]},
        "no-templates": {"entrypoint": "ok"},
        "other-entrypoint": workflow(OK) | {"entrypoint": "other"},
        "undefined-step": workflow(steps("main", [call("s", "other")])),
        "undefined-task": workflow(dag("main", call("s", "other"))),
        "undefined-exit-handler": workflow(OK, onExit="other"),
        "unresolved": workflow(unknown),
        "unresolved-input": workflow(run("ok", "echo {{inputs.parameters.nowhere}}")),
        "unresolved-argument": workflow(
            steps("main", [call("s", "ok", arguments=given(word="{{workflow.parameters.no}}"))]),
            needing,
        ),
        "unresolved-in-step": workflow(steps("main", [call("s", "ok")]), unknown),
        "unresolved-step-output": workflow(
            steps("main", [call("s", "ok", arguments=given(word="{{steps.no.outputs.result}}"))]),
            needing,
        ),
        "argument-without-value": workflow(OK, arguments={"parameters": [{"name": "word"}]}),
        "input-not-given": workflow(needing),
        "input-not-given-by-step": workflow(steps("main", [call("s", "ok")]), needing),
        "input-not-given-by-task": workflow(dag("main", call("s", "ok")), needing),
        "nameless-template": workflow(OK) | {"templates": [OK, {"container": {"image": "a"}}]},
        "nameless-step": workflow(steps("main", [{"template": "ok"}]), OK),
        "nameless-task": workflow(dag("main", {"template": "ok"}), OK),
        "same-template-twice": workflow(OK, OK),
        "same-step-twice": workflow(steps("main", [call("s", "ok"), call("s", "ok")]), OK),
        "same-task-twice": workflow(dag("main", call("s", "ok"), call("s", "ok")), OK),
        "cycle": workflow(cycle, OK),
        "unknown-dependency": workflow(dag("main", call("a", "ok", dependencies=["z"])), OK),
        "broken-depends": workflow(
            dag("main", call("a", "ok"), call("b", "ok", depends="a &&")), OK
        ),
        "unknown-in-depends": workflow(dag("main", call("b", "ok", depends="z.Succeeded")), OK),
        "both-kinds-of-dependency": workflow(
            dag("main", call("a", "ok"), call("b", "ok", depends="a", dependencies=["a"])), OK
        ),
        "continue-on-with-depends": workflow(
            dag("main", call("a", "ok", continueOn={"failed": True}), call("b", "ok", depends="a")),
            OK,
        ),
        "no-tasks": workflow({"name": "main", "dag": {"tasks": []}}),
        "output-of-other-task": workflow(
            dag("main", call("a", "ok", arguments=given(word="{{tasks.b.outputs.result}}"))),
            needing,
        ),
        "unreached-template": workflow(OK, steps("other", [call("s", "nowhere")])),
        "foreign-tag": workflow(run("ok", "echo {{nobody.knows}}")),
        "no-kind": workflow({"name": "empty"}),
        "two-kinds": workflow(twice),
        "unknown-pod-gc": workflow(OK, podGC={"strategy": "Sometimes"}),
        "bad-template-name": workflow(run("not_a name")),
        "bad-step-name": workflow(steps("main", [call("not a name", "ok")]), OK),
        "no-image": workflow({"name": "ok", "container": {"command": ["true"]}}),
        "missing-reference": workflow(
            steps("main", [{"name": "s", "templateRef": {"name": "nowhere", "template": "t"}}])
        ),
        "missing-template-of-reference": workflow(
            steps("main", [{"name": "s", "templateRef": {"name": "greeting", "template": "t"}}])
        ),
    }
    return [Story(name, spec) for name, spec in specs.items()]


def _templated() -> Sequence[Story]:
    data, training = (template["metadata"]["name"] for template in applications())
    enhanced = {"model_variant": "enhanced"}
    remote = {"name": "s", "templateRef": {"name": "greeting", "template": "say"}}
    return (
        Story("from-template", from_template("greeting")),
        Story("from-template-with-words", from_template("greeting", {"word": "given"})),
        Story("from-template-unknown-word", from_template("greeting", {"other": "given"})),
        Story("from-template-lacking", from_template("needy")),
        Story("from-template-fed", from_template("needy", {"word": "given"})),
        Story("from-missing-template", from_template("nowhere")),
        Story(
            "from-missing-cluster-template",
            {"workflowTemplateRef": {"name": "nowhere", "clusterScope": True}},
        ),
        Story("from-broken-template", from_template("broken")),
        Story("from-template-other-entry", from_template("greeting", entrypoint="nowhere")),
        Story("from-collected-template", from_template("collected"), over=_pods(0)),
        Story("data-pipeline", from_template(data, {"tickers": "IBM"})),
        Story("training", from_template(training, enhanced), after="data-pipeline"),
        Story("by-reference", workflow(steps("main", [remote]))),
    )
