"""The controllers that every Kubernetes cluster has, put together; and the Sealed Secrets controller.

    plane = ControlPlane(cluster, seed=7, root_certificate=pem)
    server.set_log_source(plane.logs.read)
    server.add_admission(plane.quota_admission.admit, last=True)

Platforms on top register how their pods behave with `plane.behaviours` and add their controllers to
`plane.controllers`. The seed decides every name and duration that is left to chance.
"""

from __future__ import annotations

from runbook.practice.cluster import Cluster
from runbook.practice.controllers.api_services import START, ApiServices
from runbook.practice.controllers.autoscalers import SYNC_EVERY, Autoscalers
from runbook.practice.controllers.behaviours import PodBehaviours
from runbook.practice.controllers.crds import CustomResourceDefinitions
from runbook.practice.controllers.daemonsets import DaemonSets
from runbook.practice.controllers.deployments import Deployments
from runbook.practice.controllers.disruptions import Disruptions
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.flow_control import FlowControl
from runbook.practice.controllers.garbage import GarbageCollector
from runbook.practice.controllers.jobs import Jobs
from runbook.practice.controllers.kubelet import Kubelet
from runbook.practice.controllers.load_balancers import LoadBalancers
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers
from runbook.practice.controllers.namespaces import Namespaces
from runbook.practice.controllers.quota import QuotaAdmission, Quotas
from runbook.practice.controllers.replicasets import REPLICATION_CONTROLLERS, ReplicaSets
from runbook.practice.controllers.scheduler import Scheduler
from runbook.practice.controllers.sealed_secrets import SealedSecrets
from runbook.practice.controllers.service_accounts import ServiceAccountAdmission
from runbook.practice.controllers.services import Endpoints
from runbook.practice.controllers.statefulsets import StatefulSets
from runbook.practice.controllers.volumes import PersistentVolumes
from runbook.sealing import KEY_BITS

BATCH = 0.1  # seconds; what counts many objects takes their changes together


class ControlPlane:
    """Construct it on a cluster and its controllers run, driven by the cluster's timeline."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        seed: int = 0,
        root_certificate: str,
        key_bits: int = KEY_BITS,
    ) -> None:
        self.controllers = Controllers(cluster)
        self.events = EventRecorder(cluster, seed=seed)
        self.logs = PodLogs(cluster.timeline)
        self.behaviours = PodBehaviours()
        self.kubelet = Kubelet(
            cluster, self.controllers, self.events, self.logs, self.behaviours, seed=seed
        )
        self.sealed_secrets = SealedSecrets(
            cluster, self.controllers, self.events, self.logs, seed=seed, key_bits=key_bits
        )
        self.quota_admission = QuotaAdmission(cluster)
        self.service_account_admission = ServiceAccountAdmission(cluster, seed=seed)
        api_services = ApiServices(cluster)
        for controller in (
            api_services,
            Namespaces(cluster, root_certificate=root_certificate),
            CustomResourceDefinitions(cluster),
            FlowControl(cluster),
            GarbageCollector(cluster),
            PersistentVolumes(cluster, self.events),
            Scheduler(cluster, self.events),
            self.kubelet,
            LoadBalancers(cluster, self.events),
            self.sealed_secrets,
        ):
            self.controllers.add(controller)
        for counting in (
            Quotas(cluster),
            Deployments(cluster, self.events),
            Disruptions(cluster),
            ReplicaSets(cluster, self.events, seed=seed),
            ReplicaSets(cluster, self.events, REPLICATION_CONTROLLERS, seed=seed),
            StatefulSets(cluster, self.events),
            DaemonSets(cluster, self.events, seed=seed),
            Jobs(cluster, self.events, seed=seed),
            Endpoints(cluster, seed=seed),
        ):
            self.controllers.add(counting, at_most_every=BATCH)
        self.controllers.add(Autoscalers(cluster, self.events), at_most_every=SYNC_EVERY)
        self.controllers.queue(api_services, START)
