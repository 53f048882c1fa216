"""Seldon Core put together: operator, schedulers, agents, and what other parts may read of them.

Rule: each part knows the others only through what is handed to it here, so any of them can be stopped
by stopping its pod, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from runbook.practice.cluster import Cluster
from runbook.practice.controllers.behaviours import PodBehaviours
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers
from runbook.practice.controllers.seldon.agent import Agents
from runbook.practice.controllers.seldon.envoys import Envoys
from runbook.practice.controllers.seldon.experiments import ExperimentController
from runbook.practice.controllers.seldon.loading import ListObjects, Loading
from runbook.practice.controllers.seldon.models import ModelController
from runbook.practice.controllers.seldon.names import NAME_LABEL, SCHEDULER, SERVER_POD_NAME
from runbook.practice.controllers.seldon.operator import Operator
from runbook.practice.controllers.seldon.pods import SchedulerPods, ServerPods
from runbook.practice.controllers.seldon.processes import Schedulers
from runbook.practice.controllers.seldon.runtime import RuntimeController
from runbook.practice.controllers.seldon.servers import ServerController


class SeldonCore:
    """Construct it once the kubelet exists; it registers its controllers and pod behaviours."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        behaviours: PodBehaviours,
        *,
        events: EventRecorder,
        logs: PodLogs,
        list_objects: ListObjects,
        look_again: Callable[[str, str], None],
    ) -> None:
        self.schedulers = Schedulers(cluster, logs)
        self.envoys = Envoys(cluster, controllers, self.schedulers)
        self.operator = Operator(cluster, self.schedulers, logs)
        loading = Loading(cluster, list_objects)
        self.agents = Agents(
            cluster, controllers, self.schedulers, loading=loading, logs=logs, look_again=look_again
        )
        behaviours.register({NAME_LABEL: SERVER_POD_NAME}, ServerPods(cluster, self.agents))
        behaviours.register({NAME_LABEL: SCHEDULER}, SchedulerPods(cluster))
        servers = ServerController(cluster, controllers, self.operator, events)
        experiments = ExperimentController(cluster, controllers, self.operator)
        models = ModelController(cluster, controllers, self.operator, events)
        runtimes = RuntimeController(cluster, controllers, self.operator, events)
        for part in (runtimes, servers, experiments, models):
            self.operator.add(part)
        for controller in (self.schedulers, self.agents, runtimes, servers, experiments, models):
            controllers.add(controller)
        controllers.add(self.envoys)
        controllers.add(self.operator)
