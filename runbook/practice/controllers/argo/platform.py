"""Argo Workflows put together: the controller, the executor beside the kubelet, and the jobs' data."""

from __future__ import annotations

from collections.abc import Callable

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.argo.controller import WorkflowController
from runbook.practice.controllers.argo.executor import Executor
from runbook.practice.controllers.argo.jobs import JobRun, JobTable, Trainer, command_line
from runbook.practice.controllers.argo.names import MAIN, WORKFLOW_LABEL, WORKFLOW_TEMPLATES
from runbook.practice.controllers.argo.parameters import substitute, values
from runbook.practice.controllers.argo.programs import PREPARING, programs
from runbook.practice.controllers.argo.volumes_data import VolumesData
from runbook.practice.controllers.behaviours import PodBehaviours
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers


class ArgoWorkflows:
    """Construct it once the kubelet exists; it registers its controllers and the pods' behaviour."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        behaviours: PodBehaviours,
        *,
        events: EventRecorder,
        logs: PodLogs,
        trainer: Trainer,
        look_again: Callable[[str, str], None],
    ) -> None:
        self.volumes = VolumesData()
        self._cluster = cluster
        self._jobs = jobs = JobTable(programs(trainer))
        executor = Executor(cluster, jobs, self.volumes, logs=logs, look_again=look_again)
        behaviours.register({WORKFLOW_LABEL: ""}, executor)
        self.controller = WorkflowController(
            cluster,
            controllers,
            events=events,
            logs=logs,
            results=executor.results,
            terminate=executor.terminate,
        )
        controllers.add(executor)
        controllers.add(self.controller)

    def remember(self) -> None:
        """Leave on the volumes what the last run of the data pipeline left there."""
        for template in self._cluster.select(WORKFLOW_TEMPLATES):
            spec = substitute(template["spec"], _arguments(template))
            for step in spec.get("templates") or []:
                pod = _pod_of(template, spec, step)
                if pod is not None and set(PREPARING) & {
                    word.rpartition("/")[2] for word in command_line(pod)
                }:
                    run = JobRun(self._cluster, self.volumes, pod, print=_nobody)
                    for _ in self._jobs.of(pod)(run):
                        pass  # days ago: nobody waits for it


def _arguments(template: JSON) -> dict[str, str]:
    given = values(template["spec"].get("arguments"))
    return {f"workflow.parameters.{name}": value for name, value in given.items()}


def _pod_of(template: JSON, spec: JSON, step: JSON) -> JSON | None:
    if "container" not in step:
        return None
    metadata = {"name": str(step["name"]), "namespace": template["metadata"]["namespace"]}
    main = {**step["container"], "name": MAIN}
    return {"metadata": metadata, "spec": {"containers": [main], "volumes": spec.get("volumes")}}


def _nobody(line: str) -> None:
    """Who read the output has long gone."""
