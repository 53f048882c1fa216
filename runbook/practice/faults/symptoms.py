"""What several faults look like. A symptom is named once, with the command that shows it."""

from __future__ import annotations

from runbook.practice.faults.fault import Symptom
from runbook.practice.faults.places import (
    EXPERIMENT,
    INFERENCE,
    OPERATOR,
    RCLONE_SECRET,
    SERVER_POD,
    TRAINING,
)

EXPERIMENT_UP = Symptom(f"kubectl get experiment {EXPERIMENT} -n {INFERENCE}", "True")
EXPERIMENT_DOWN = Symptom(f"kubectl get experiment {EXPERIMENT} -n {INFERENCE}", "False")
MODELS_UP = Symptom(f"kubectl get models -n {INFERENCE}", "True")
MODELS_DOWN = Symptom(f"kubectl get models -n {INFERENCE}", "False")

SERVER_WHOLE = Symptom(f"kubectl get pod {SERVER_POD} -n {INFERENCE}", "3/3")
AGENT_CUT_OFF = Symptom(f"kubectl get pod {SERVER_POD} -n {INFERENCE}", "2/3")
AGENT_CRASHES = Symptom(f"kubectl get pod {SERVER_POD} -n {INFERENCE}", "CrashLoopBackOff")
RCLONE_SECRET_OPEN = Symptom(f"kubectl get sealedsecret {RCLONE_SECRET} -n {INFERENCE}", "True")


def model_down(name: str) -> Symptom:
    return Symptom(f"kubectl get model {name} -n {INFERENCE}", "False")


def model_says(name: str, text: str) -> Symptom:
    """Anything in the Model's spec or conditions."""
    return Symptom(f"kubectl get model {name} -n {INFERENCE} -o yaml", text)


def no_server_fits(name: str) -> Symptom:
    return model_says(name, "no matching servers are available")


def copy_failed(name: str) -> Symptom:
    return model_says(name, "Failed to sync/copy s3://")


def nothing_to_download(name: str) -> Symptom:
    return model_says(name, "any files")


def log_of(container: str, text: str) -> Symptom:
    """In the log of a container of the model server's pod."""
    return Symptom(f"kubectl logs {SERVER_POD} -n {INFERENCE} -c {container}", text)


def last_words_of_agent(text: str) -> Symptom:
    return Symptom(f"kubectl logs {SERVER_POD} -n {INFERENCE} -c agent --previous", text)


def operator_log(text: str) -> Symptom:
    return Symptom(f"kubectl logs deployment/{OPERATOR[1]} -n {OPERATOR[0]}", text)


def not_unsealed(namespace: str, name: str) -> tuple[Symptom, Symptom]:
    """No key of the controller opens it."""
    looked = f"kubectl get sealedsecret {name} -n {namespace}"
    return Symptom(looked, "False"), Symptom(looked, "no key could decrypt secret")


def workflows(phase: str) -> Symptom:
    return Symptom(f"kubectl get workflows -n {TRAINING}", phase)


def workflow_says(text: str) -> Symptom:
    """Anything in the spec or status of a workflow, its nodes included."""
    return Symptom(f"kubectl get workflows -n {TRAINING} -o yaml", text)
