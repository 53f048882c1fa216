"""Argo Workflows put together: the controller, the executor beside the kubelet, and the jobs' data."""

from __future__ import annotations

from collections.abc import Callable

from runbook.practice.cluster import Cluster
from runbook.practice.controllers.argo.controller import WorkflowController
from runbook.practice.controllers.argo.executor import Executor
from runbook.practice.controllers.argo.jobs import JobTable, Trainer
from runbook.practice.controllers.argo.names import WORKFLOW_LABEL
from runbook.practice.controllers.argo.programs import programs
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
        jobs = JobTable(programs(trainer))
        executor = Executor(cluster, jobs, self.volumes, logs=logs, look_again=look_again)
        behaviours.register({WORKFLOW_LABEL: ""}, executor)
        self.controller = WorkflowController(
            cluster, controllers, events=events, logs=logs, results=executor.results
        )
        controllers.add(executor)
        controllers.add(self.controller)
