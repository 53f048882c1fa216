"""Workflows as a person sees them: phases, nodes, messages, pods, events."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.argo import names
from tests.practice.controllers.argo.stage import NS, Stage


def run(name: str, *script: str, **fields: Any) -> dict[str, Any]:
    command = ["sh", "-c", "; ".join(script) or "echo hello"]
    return {"name": name, "container": {"image": "app:1", "command": command}, **fields}


def steps(name: str, *groups: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"name": name, "steps": list(groups), **fields}


def dag(name: str, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": name, "dag": {"tasks": list(tasks), **fields}}


async def test_a_single_container_is_one_pod_named_like_the_workflow(stage: Stage) -> None:
    await stage.workflow("hello", run("say", "echo hello world"))
    await stage.run(1)
    workflow = stage.get(names.WORKFLOWS, "hello")
    assert workflow["status"]["phase"] == "Running"
    assert workflow["metadata"]["labels"] == {
        names.PHASE_LABEL: "Running",
        names.COMPLETED_LABEL: "false",
    }
    assert workflow["metadata"]["annotations"][names.POD_NAME_FORMAT] == "v2"
    status = await stage.done("hello")
    assert (status["phase"], status["progress"]) == ("Succeeded", "1/1")
    assert status["conditions"] == [
        {"type": "PodRunning", "status": "False"},
        {"type": "Completed", "status": "True"},
    ]
    node = status["nodes"]["hello"]
    assert (node["id"], node["name"], node["type"]) == ("hello", "hello", "Pod")
    assert (node["templateName"], node["hostNodeName"]) == ("say", "practice-node-1")
    assert stage.lines("hello") == ["hello world"]
    assert stage.events("hello")[0][0] in {"WorkflowRunning", "Scheduled"}
    assert ("WorkflowSucceeded", "Workflow completed") in stage.events("hello")
    pod = stage.get("pods", "hello")
    assert [c["name"] for c in pod["spec"]["containers"]] == ["wait", "main"]
    assert [c["name"] for c in pod["spec"]["initContainers"]] == ["init"]
    assert pod["metadata"]["annotations"][names.DEFAULT_CONTAINER] == "main"
    assert pod["metadata"]["labels"][names.COMPLETED_LABEL] == "true"


async def test_steps_run_group_after_group_and_hand_results_on(stage: Stage) -> None:
    await stage.workflow(
        "chain",
        steps(
            "main",
            [{"name": "first", "template": "ask"}, {"name": "beside", "template": "ask"}],
            [
                {
                    "name": "second",
                    "template": "tell",
                    "arguments": {
                        "parameters": [{"name": "word", "value": "{{steps.first.outputs.result}}"}]
                    },
                }
            ],
        ),
        run("ask", "echo forty-two"),
        run(
            "tell",
            "echo got {{inputs.parameters.word}}",
            inputs={"parameters": [{"name": "word"}]},
        ),
    )
    status = await stage.done("chain")
    assert (status["phase"], status["progress"]) == ("Succeeded", "3/3")
    nodes = stage.nodes("chain")
    assert (nodes["[0]"]["type"], nodes["chain"]["type"]) == ("StepGroup", "Steps")
    assert nodes["second"]["inputs"]["parameters"] == [{"name": "word", "value": "forty-two"}]
    assert nodes["[0]"]["children"] == [nodes["first"]["id"], nodes["beside"]["id"]]
    pod = next(pod for pod in stage.pods("chain") if "-tell-" in pod)
    assert stage.lines(pod) == ["got forty-two"]
    assert pod == f"chain-tell-{nodes['second']['id'].rpartition('-')[2]}"


async def test_a_failing_step_fails_the_group_and_the_workflow_names_the_child(
    stage: Stage,
) -> None:
    await stage.workflow(
        "broken",
        steps("main", [{"name": "bad", "template": "bad"}], [{"name": "never", "template": "bad"}]),
        run("bad", "exit 3"),
    )
    status = await stage.done("broken")
    nodes = stage.nodes("broken")
    assert nodes["bad"]["message"] == "Error (exit code 3)"
    assert nodes["[0]"]["message"] == f"child '{nodes['bad']['id']}' failed"
    assert (status["phase"], status["message"]) == (
        "Failed",
        f"child '{nodes['bad']['id']}' failed",
    )
    assert "never" not in nodes


async def test_a_condition_decides_whether_a_step_runs(stage: Stage) -> None:
    await stage.workflow(
        "choose",
        steps(
            "main",
            [
                {"name": "yes", "template": "say", "when": "{{workflow.parameters.v}} == a"},
                {"name": "no", "template": "say", "when": "{{workflow.parameters.v}} == b"},
            ],
        ),
        run("say"),
        arguments={"parameters": [{"name": "v", "value": "a"}]},
    )
    status = await stage.done("choose")
    nodes = stage.nodes("choose")
    assert status["phase"] == "Succeeded"
    assert (nodes["yes"]["phase"], nodes["no"]["phase"]) == ("Succeeded", "Skipped")
    assert nodes["no"]["message"] == "when 'a == b' evaluated false"


async def test_a_failed_task_omits_what_depends_on_it_and_fails_the_dag_without_words(
    stage: Stage,
) -> None:
    await stage.workflow(
        "graph",
        dag(
            "main",
            {"name": "a", "template": "bad"},
            {"name": "b", "template": "good", "depends": "a"},
            {"name": "c", "template": "good", "depends": "a.Failed"},
        ),
        run("bad", "exit 1"),
        run("good"),
    )
    status = await stage.done("graph")
    assert stage.phases("graph") == {
        "graph": "Failed",
        "a": "Failed",
        "b": "Omitted",
        "c": "Succeeded",
    }
    assert status["phase"] == "Failed"
    assert "message" not in status


async def test_what_runs_is_not_stopped_by_a_task_that_failed(stage: Stage) -> None:
    await stage.workflow(
        "graph",
        dag(
            "main",
            {"name": "a", "template": "bad"},
            {"name": "c", "template": "good"},
            {"name": "d", "template": "good", "dependencies": ["c"]},
        ),
        run("bad", "exit 1"),
        run("good", "sleep 20"),
    )
    assert (await stage.done("graph"))["progress"] == "2/3"
    assert stage.phases("graph")["d"] == "Succeeded"


async def test_a_task_that_may_fail_keeps_nothing_from_running(stage: Stage) -> None:
    await stage.workflow(
        "graph",
        dag(
            "main",
            {"name": "a", "template": "bad", "continueOn": {"failed": True}},
            {"name": "b", "template": "good", "dependencies": ["a"]},
        ),
        run("bad", "exit 1"),
        run("good"),
    )
    assert (await stage.done("graph"))["phase"] == "Succeeded"


async def test_a_script_prints_for_those_who_ask_only(stage: Stage) -> None:
    await stage.workflow("alone", run("ask", "echo forty-two"))
    assert "result" not in (await stage.done("alone"))["nodes"]["alone"]["outputs"]


async def test_retries_are_counted_out(stage: Stage) -> None:
    flaky = run("flaky", "exit {{retries}}", retryStrategy={"limit": "2"})
    await stage.workflow("hopeless", run("bad", "exit 1", retryStrategy={"limit": "1"}))
    await stage.workflow("lucky", flaky)
    status = await stage.done("hopeless")
    assert (status["phase"], status["message"]) == ("Failed", "No more retries left")
    assert stage.phases("hopeless") == {
        "hopeless": "Failed",
        "hopeless(0)": "Failed",
        "hopeless(1)": "Failed",
    }
    assert (await stage.done("lucky"))["phase"] == "Succeeded"


async def test_an_approval_waits_until_its_node_is_set_succeeded(stage: Stage) -> None:
    await stage.workflow(
        "gate",
        steps(
            "main", [{"name": "approve", "template": "approve"}], [{"name": "go", "template": "go"}]
        ),
        {"name": "approve", "suspend": {}},
        run("go"),
    )
    await stage.run(200)
    node = stage.nodes("gate")["approve"]
    assert (node["type"], node["phase"]) == ("Suspend", "Running")
    approved = {"phase": "Succeeded", "finishedAt": stage.timeline.stamp()}
    await stage.patch(names.WORKFLOWS, "gate", {"status": {"nodes": {node["id"]: approved}}})
    assert (await stage.done("gate"))["phase"] == "Succeeded"


async def test_a_suspension_with_a_duration_ends_by_itself(stage: Stage) -> None:
    await stage.workflow("pause", {"name": "wait", "suspend": {"duration": "30"}})
    await stage.done("pause", within=40)
    assert stage.timeline.elapsed() >= 60
    assert stage.status("pause")["phase"] == "Succeeded"


async def test_a_suspended_workflow_starts_nothing_until_it_is_resumed(stage: Stage) -> None:
    await stage.workflow("held", run("say"), suspend=True)
    await stage.run(60)
    assert stage.status("held")["phase"] == "Running"
    assert stage.pods("held") == []
    await stage.patch(names.WORKFLOWS, "held", {"spec": {"suspend": None}})
    assert (await stage.done("held"))["phase"] == "Succeeded"


@pytest.mark.parametrize("strategy", ["Stop", "Terminate"])
async def test_a_shutdown_ends_what_runs_and_only_stop_runs_the_exit_handler(
    stage: Stage, strategy: str
) -> None:
    await stage.workflow(
        "long", run("sleepy", "sleep 500"), run("tidy", "echo tidied"), onExit="tidy"
    )
    await stage.until(lambda: stage.phases("long").get("long") == "Running")
    await stage.patch(names.WORKFLOWS, "long", {"spec": {"shutdown": strategy}})
    status = await stage.done("long")
    assert (status["phase"], status["message"]) == ("Failed", f"Stopped with strategy '{strategy}'")
    assert ("long.onExit" in stage.phases("long")) is (strategy == "Stop")
    stopped = f"workflow shutdown with strategy:  {strategy}"
    assert stage.nodes("long")["long"]["message"] == stopped
    await stage.run(60)
    assert stage.get("pods", "long")["status"]["phase"] == "Failed"


async def test_an_exit_handler_knows_how_it_went(stage: Stage) -> None:
    await stage.workflow(
        "after", run("bad", "exit 1"), run("tell", "echo it {{workflow.status}}"), onExit="tell"
    )
    status = await stage.done("after")
    assert status["phase"] == "Failed"
    pod = next(pod for pod in stage.pods("after") if "tell" in pod)
    assert stage.lines(pod) == ["it Failed"]


async def test_a_deadline_ends_the_workflow(stage: Stage) -> None:
    await stage.workflow("late", run("sleepy", "sleep 500"), activeDeadlineSeconds=30)
    status = await stage.done("late", within=60)
    assert (status["phase"], status["message"]) == ("Failed", "Step exceeded its deadline")
    assert ("WorkflowFailed", "Step exceeded its deadline") in stage.events("late")


async def test_a_templates_own_deadline_counts_from_its_node(stage: Stage) -> None:
    await stage.workflow("slow", run("sleepy", "sleep 500", activeDeadlineSeconds=20))
    status = await stage.done("slow", within=60)
    assert (status["phase"], status["message"]) == ("Failed", "Step exceeded its deadline")


async def test_parallelism_holds_pods_back(stage: Stage) -> None:
    tasks = [{"name": name, "template": "work"} for name in ("a", "b", "c")]
    await stage.workflow("narrow", dag("main", *tasks), run("work", "sleep 10"), parallelism=1)
    await stage.run(5)
    assert len(stage.pods("narrow")) == 1
    assert (await stage.done("narrow"))["progress"] == "3/3"


async def test_what_is_for_a_controller_with_an_id_is_left_to_it(stage: Stage) -> None:
    metadata = {"name": "theirs", "namespace": NS, "labels": {names.INSTANCE_ID: "other"}}
    spec = {"entrypoint": "main", "templates": [run("main")]}
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    await stage.server.create(names.WORKFLOWS, {**kind, "metadata": metadata, "spec": spec})
    await stage.run(30)
    assert stage.pods("theirs") == []
    left = stage.server.get(names.WORKFLOWS, NS, "theirs")
    assert left is not None
    assert "status" not in left


async def test_a_pod_removed_by_hand_is_an_error(stage: Stage) -> None:
    await stage.workflow("gone", run("sleepy", "sleep 500"))
    await stage.until(lambda: stage.has("pods", "gone"))
    await stage.run(20)
    await stage.server.delete("pods", "mlops", "gone")
    status = await stage.done("gone")
    assert (status["phase"], status["message"]) == ("Error", "pod deleted")


async def test_a_pod_removed_from_a_young_node_is_made_again(stage: Stage) -> None:
    await stage.workflow("again", run("work", "sleep 5"))
    await stage.until(lambda: stage.phases("again").get("again") == "Running")
    before = stage.get("pods", "again")["metadata"]["uid"]
    await stage.server.delete("pods", "mlops", "again")
    status = await stage.done("again")
    assert status["phase"] == "Succeeded"
    assert stage.get("pods", "again")["metadata"]["uid"] != before


async def test_a_retried_pod_that_is_refused_is_not_asked_for_for_ever(stage: Stage) -> None:
    quota = {"metadata": {"name": "q", "namespace": "mlops"}, "spec": {"hard": {"limits.cpu": "4"}}}
    await stage.server.create("resourcequotas", quota)
    await stage.run(5)
    await stage.workflow("refused", run("work", retryStrategy={"limit": "2"}))
    status = await stage.done("refused", within=5)
    assert status["phase"] == "Error"
    assert status["message"].startswith("error in entry template execution: pods")
    assert status["nodes"]["refused"]["message"] == "Workflow operation error"


async def test_a_missing_secret_keeps_the_node_pending_and_says_which(stage: Stage) -> None:
    key = {"secretKeyRef": {"name": "ml-platform", "key": "USER"}}
    template = run("say")
    template["container"]["env"] = [{"name": "USER", "valueFrom": key}]
    await stage.workflow("poor", template)
    await stage.run(60)
    node = stage.nodes("poor")["poor"]
    assert node["phase"] == "Pending"
    assert node["message"] == 'CreateContainerConfigError: secret "ml-platform" not found'
    metadata = {"name": "ml-platform", "namespace": "mlops"}
    await stage.server.create("secrets", {"metadata": metadata, "data": {"USER": "eA=="}})
    assert (await stage.done("poor"))["phase"] == "Succeeded"


# -- refused pods --------------------------------------------------------------------------------


async def quota(stage: Stage, **hard: str) -> None:
    spec = {"hard": {key.replace("_", "."): value for key, value in hard.items()}}
    metadata = {"name": "training-quota", "namespace": "mlops"}
    await stage.server.create("resourcequotas", {"metadata": metadata, "spec": spec})
    await stage.run(2)


RESOURCES = {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}
PATCH = """
initContainers:
- name: init
  resources: {limits: {memory: 128Mi}}
containers:
- name: wait
  resources: {limits: {memory: 128Mi}}
- name: main
  resources: {limits: {memory: 1Gi}}
"""


async def test_a_quota_that_wants_limits_is_an_error_without_a_pod(stage: Stage) -> None:
    await quota(stage, limits_memory="8Gi")
    await stage.workflow("single", run("say"))
    await stage.workflow("graph", dag("main", {"name": "a", "template": "say"}), run("say"))
    status = await stage.done("single")
    assert status["phase"] == "Error"
    assert status["message"].startswith("error in entry template execution:")
    assert (
        "failed quota: training-quota: must specify limits.memory for: init,main,wait"
        in (status["message"])
    )
    status = await stage.done("graph")
    node = stage.nodes("graph")["a"]
    assert (status["phase"], node["phase"]) == ("Error", "Error")
    assert node["message"].startswith("task 'graph.a' errored: pods ")
    assert stage.pods("single") == stage.pods("graph") == []


async def test_a_pod_spec_patch_gives_argos_own_containers_their_limits(stage: Stage) -> None:
    await quota(stage, limits_memory="8Gi")
    await stage.workflow("patched", run("say"), podSpecPatch=PATCH)
    assert (await stage.done("patched"))["phase"] == "Succeeded"


async def test_a_full_quota_is_waited_for(stage: Stage) -> None:
    await quota(stage, limits_memory="2Gi")
    await stage.workflow("first", run("work", "sleep 60"), podSpecPatch=PATCH)
    await stage.run(5)
    await stage.workflow("second", run("work"), podSpecPatch=PATCH)
    await stage.run(5)
    node = stage.nodes("second")["second"]
    assert node["phase"] == "Pending"
    assert "exceeded quota: training-quota" in node["message"]
    assert (await stage.done("second"))["phase"] == "Succeeded"


# -- refused workflows ---------------------------------------------------------------------------


async def test_an_invalid_workflow_fails_before_anything_runs(stage: Stage) -> None:
    await stage.workflow("wrong", steps("main", [{"name": "a", "template": "nowhere"}]))
    status = await stage.done("wrong", within=5)
    assert status["phase"] == "Failed"
    assert status["message"] == (
        "invalid spec: templates.main.steps[0].a template name 'nowhere' undefined"
    )
    assert stage.pods("wrong") == []


async def test_a_template_that_is_not_there_is_an_error(stage: Stage) -> None:
    await stage.submit("orphan", "no-such-template")
    status = await stage.done("orphan", within=5)
    assert status["phase"] == "Error"
    assert status["message"] == 'workflowtemplates.argoproj.io "no-such-template" not found'


async def test_a_template_that_vanishes_is_not_missed_by_what_runs(stage: Stage) -> None:
    await stage.template("fleeting", entrypoint="a", templates=[run("a", "sleep 60")])
    await stage.submit("orphan", "fleeting")
    await stage.run(20)
    await stage.server.delete(names.WORKFLOW_TEMPLATES, "mlops", "fleeting")
    status = await stage.done("orphan")
    assert status["phase"] == "Succeeded"


async def test_an_unknown_parameter_is_accepted_and_a_needed_one_is_not_optional(
    stage: Stage,
) -> None:
    needs = run("say", "echo {{inputs.parameters.v}}", inputs={"parameters": [{"name": "v"}]})
    await stage.template("asks", entrypoint="say", templates=[needs])
    await stage.submit("good", "asks", v="1", unheard_of="2")
    await stage.submit("bad", "asks")
    assert (await stage.done("good"))["phase"] == "Succeeded"
    status = await stage.done("bad")
    assert status["message"] == "invalid spec: templates.say inputs.parameters.v was not supplied"


async def test_an_undeclared_workflow_parameter_does_not_resolve(stage: Stage) -> None:
    await stage.template(
        "update", entrypoint="say", templates=[run("say", "echo {{workflow.parameters.variant}}")]
    )
    await stage.submit("without", "update")
    await stage.submit("with", "update", variant="baseline")
    status = await stage.done("without")
    assert status["phase"] == "Failed"
    assert "failed to resolve {{workflow.parameters.variant}}" in status["message"]
    assert (await stage.done("with"))["phase"] == "Succeeded"


# -- the controller itself ---------------------------------------------------------------------


async def test_without_the_controller_a_workflow_has_no_phase(stage: Stage) -> None:
    place = (names.CONTROLLER_DEPLOYMENT, {"spec": {"replicas": 0}}, names.CONTROLLER_NAMESPACE)
    await stage.patch("deployments.apps", *place)
    await stage.run(30)
    await stage.workflow("waiting", run("say"))
    await stage.run(120)
    assert stage.status("waiting") == {}
    back = (names.CONTROLLER_DEPLOYMENT, {"spec": {"replicas": 1}}, names.CONTROLLER_NAMESPACE)
    await stage.patch("deployments.apps", *back)
    assert (await stage.done("waiting"))["phase"] == "Succeeded"


async def test_it_prints_what_it_did(stage: Stage) -> None:
    await stage.workflow("hello", run("say"))
    await stage.done("hello")
    pod = stage.server.select("pods", names.CONTROLLER_NAMESPACE)[0]["metadata"]["name"]
    read = stage.plane.logs.read(names.CONTROLLER_NAMESPACE, pod, names.CONTROLLER_CONTAINER)
    log = "\n".join(line for _, line in read)
    for words in (
        "Processing workflow",
        "Created pod: hello (hello)",
        "Marking workflow completed",
    ):
        assert words in log


async def test_a_completed_workflow_is_not_written_again(stage: Stage) -> None:
    await stage.workflow("hello", run("say"))
    await stage.done("hello")
    await stage.run(20)
    before = stage.get(names.WORKFLOWS, "hello")["metadata"]["resourceVersion"]
    await stage.run(600)
    assert stage.get(names.WORKFLOWS, "hello")["metadata"]["resourceVersion"] == before


# -- afterwards --------------------------------------------------------------------------------


async def test_pods_of_a_template_that_wants_it_go_seconds_after_success(stage: Stage) -> None:
    policy = {"strategy": "OnPodSuccess"}
    await stage.workflow("tidy", run("say"), podGC=policy)
    await stage.workflow("bad", run("fail", "exit 1"), podGC=policy)
    await stage.done("tidy")
    await stage.done("bad")
    assert stage.pods("tidy") == ["tidy"]
    await stage.run(8)
    assert stage.pods("tidy") == []
    assert stage.pods("bad") == ["bad"]
    assert stage.status("tidy")["phase"] == "Succeeded"


async def test_a_workflow_goes_when_its_time_is_over_and_takes_its_pods(stage: Stage) -> None:
    ttl = {"secondsAfterSuccess": 60, "secondsAfterFailure": 600}
    await stage.workflow("brief", run("say"), ttlStrategy=ttl)
    await stage.done("brief")
    await stage.run(50)
    assert stage.has(names.WORKFLOWS, "brief")
    await stage.run(20)
    assert not stage.has(names.WORKFLOWS, "brief")
    assert not stage.has("pods", "brief")


async def test_an_executor_that_may_not_reach_the_api_server_errs_after_its_work(
    stage: Stage,
) -> None:
    closed = {
        "metadata": {"name": "closed", "namespace": NS},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": []},
    }
    await stage.server.create("networkpolicies.networking.k8s.io", closed)
    await stage.workflow("hello", run("say", "echo hello"))
    status = await stage.done("hello")
    assert status["phase"] == "Error"
    said = status["nodes"]["hello"]["message"]
    assert said.startswith('Error (exit code 64): Post "https://')
    assert said.endswith(":443: i/o timeout")


@pytest.mark.parametrize(
    ("granted", "refused"),
    [
        (["patch"], 'workflowtaskresults.argoproj.io is forbidden: User "{}" cannot create '),
        (
            ["create"],
            'workflowtaskresults.argoproj.io "hello" is forbidden: User "{}" cannot patch ',
        ),
    ],
)
async def test_an_executor_that_may_not_write_results_errs_after_its_work(
    stage: Stage, granted: list[str], refused: str
) -> None:
    await stage.may_report(*granted)
    await stage.workflow("hello", run("say", "echo hello"))
    status = await stage.done("hello")
    assert status["phase"] == "Error"
    said = refused.format(f"system:serviceaccount:{NS}:default")
    assert status["nodes"]["hello"]["message"].startswith(f"Error (exit code 64): {said}")
