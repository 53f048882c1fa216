"""The names Seldon Core 2.9.1 goes by: resources, finalizers, labels, hosts, ports. Facts only."""

from __future__ import annotations

from typing import Final

MODELS: Final = "models.mlops.seldon.io"
EXPERIMENTS: Final = "experiments.mlops.seldon.io"
SERVERS: Final = "servers.mlops.seldon.io"
RUNTIMES: Final = "seldonruntimes.mlops.seldon.io"
SERVER_CONFIGS: Final = "serverconfigs.mlops.seldon.io"
SELDON_CONFIGS: Final = "seldonconfigs.mlops.seldon.io"

MODEL_FINALIZER: Final = "seldon.model.finalizer"
EXPERIMENT_FINALIZER: Final = "seldon.experiment.finalizer"
RUNTIME_FINALIZER: Final = "seldon.runtime.finalizer"

OPERATOR_NAMESPACE: Final = "seldon-system"  # ServerConfigs and SeldonConfigs are read only here
OPERATOR_DEPLOYMENT: Final = "seldon-v2-controller-manager"
OPERATOR_CONTAINER: Final = "manager"

SCHEDULER: Final = "seldon-scheduler"  # StatefulSet, Service and the host agents dial
SCHEDULER_POD: Final = "seldon-scheduler-0"
SCHEDULER_CONTAINER: Final = "scheduler"
SCHEDULER_STATE_CLAIM: Final = "scheduler-state"
SCHEDULER_GRACE: Final = 5
OPERATOR_PORT: Final = 9004  # where the scheduler listens for the operator
XDS_PORT: Final = 9002  # where it listens for envoy
AGENT_PORT: Final = 9005  # where it listens for agents
ENVOY: Final = "seldon-envoy"
MESH: Final = "seldon-mesh"

SERVER_LABEL: Final = "seldon-server-name"  # on the pods of a Server
NAME_LABEL: Final = "app.kubernetes.io/name"
SERVER_POD_NAME: Final = "seldon-server"  # value of the name label on those pods
RCLONE, AGENT, MLSERVER = "rclone", "agent", "mlserver"
SERVER_GRACE: Final = 120

AGENT_CONFIG: Final = "seldon-agent"  # ConfigMap
AGENT_CONFIG_KEY: Final = "agent.yaml"
DEFAULT_RCLONE_SECRET: Final = "seldon-rclone-gs-public"  # noqa: S105 - a name, not a secret
CAPABILITIES_VARIABLE: Final = "SELDON_SERVER_CAPABILITIES"
SCHEDULER_HOST_VARIABLE: Final = "SELDON_SCHEDULER_HOST"
MEMORY_VARIABLE: Final = "MEMORY_REQUEST"
DEFAULT_CAPABILITIES: Final = (
    "mlserver",
    "alibi-detect",
    "alibi-explain",
    "huggingface",
    "lightgbm",
    "mlflow",
    "python",
    "sklearn",
    "spark-mlib",
    "xgboost",
)
