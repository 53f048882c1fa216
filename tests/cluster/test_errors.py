"""What the server refuses, and the words in which it does."""

from __future__ import annotations

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

NS = "/api/v1/namespaces/{ns}"
APPS = "/apis/apps/v1/namespaces/{ns}"
BATCH = "/apis/batch/v1/namespaces/{ns}"
NET = "/apis/networking.k8s.io/v1/namespaces/{ns}"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SELDON = "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
T = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: nginx}]}}"
S = "{matchLabels: {app: a}}"
META = "metadata: {name: a}"
MODEL = "apiVersion: mlops.seldon.io/v1alpha1, kind: Model"


def _pod(spec: str) -> tuple[str, str]:
    return f"{NS}/pods", "{" + META + ", spec: {" + spec + "}}"


def _deployment(spec: str) -> tuple[str, str]:
    return f"{APPS}/deployments", "{" + META + ", spec: {" + spec + "}}"


def _of(path: str, rest: str) -> tuple[str, str]:
    return path, "{" + META + (", " + rest if rest else "") + "}"


# test -> (collection, object)
INVALID: dict[str, tuple[str, str]] = {
    "name-upper": (f"{NS}/configmaps", "{metadata: {name: A_b}}"),
    "name-long": (f"{NS}/configmaps", "{metadata: {name: " + "a" * 254 + "}}"),
    "name-none": (f"{NS}/configmaps", "{metadata: {}}"),
    "name-service": (f"{NS}/services", "{metadata: {name: 1a}, spec: {ports: [{port: 80}]}}"),
    "name-service-long": (
        f"{NS}/services",
        "{metadata: {name: " + "a" * 64 + "}, spec: {ports: [{port: 80}]}}",
    ),
    "name-namespace": ("/api/v1/namespaces", "{metadata: {name: A.b}}"),
    "name-role": (f"{RBAC}/namespaces/{{ns}}/roles", "{metadata: {name: a/b}}"),
    "namespace-other": (f"{NS}/configmaps", "{metadata: {name: a, namespace: default}}"),
    "namespace-none": ("/api/v1/namespaces/nope/configmaps", "{metadata: {name: a}}"),
    "version-given": (f"{NS}/configmaps", "{metadata: {name: a, resourceVersion: '5'}}"),
    "kind-other": (f"{NS}/configmaps", "{kind: Secret, apiVersion: v1, metadata: {name: a}}"),
    "version-other": (f"{NS}/configmaps", "{kind: ConfigMap, apiVersion: v2, metadata: {name: a}}"),
    "group-other": (
        f"{APPS}/deployments",
        "{kind: Deployment, apiVersion: extensions/v1beta1, metadata: {name: a}}",
    ),
    "label-key": (f"{NS}/configmaps", "{metadata: {name: a, labels: {'a b': c}}}"),
    "label-value": (f"{NS}/configmaps", "{metadata: {name: a, labels: {a: 'c d'}}}"),
    "label-long": (f"{NS}/configmaps", "{metadata: {name: a, labels: {x: '" + "y" * 64 + "'}}}"),
    "label-no-name": (f"{NS}/configmaps", "{metadata: {name: a, labels: {'A/': z}}}"),
    "label-prefix": (f"{NS}/configmaps", "{metadata: {name: a, labels: {'-/b': z}}}"),
    "labels-shape": (f"{NS}/configmaps", "{metadata: {name: a, labels: [a]}}"),
    "labels-number": (f"{NS}/configmaps", "{metadata: {name: a, labels: {a: 5}}}"),
    "annotations": (f"{NS}/configmaps", "{metadata: {name: a, annotations: {'a b': c}}}"),
    "annotations-number": (f"{NS}/configmaps", "{metadata: {name: a, annotations: {a: true}}}"),
    "finalizers": (f"{NS}/configmaps", "{metadata: {name: a, finalizers: ['a b', c]}}"),
    "owners": (
        f"{NS}/configmaps",
        "{metadata: {name: a, ownerReferences: [{kind: A}, {kind: B, name: b, uid: u, apiVersion: v1, controller: true}, {kind: C, name: c, uid: v, apiVersion: v1, controller: true}]}}",
    ),
    "metadata-shape": (f"{NS}/configmaps", "{metadata: [a]}"),
    "name-number": (f"{NS}/configmaps", "{metadata: {name: 5}}"),
    "configmap-key": _of(f"{NS}/configmaps", "data: {'a b': c}, binaryData: {'': YQ==}"),
    "configmap-both": _of(f"{NS}/configmaps", "data: {a: c}, binaryData: {a: YQ==}"),
    "configmap-number": _of(f"{NS}/configmaps", "data: {a: 5}"),
    "configmap-data-list": _of(f"{NS}/configmaps", "data: [a]"),
    "configmap-binary": _of(f"{NS}/configmaps", "binaryData: {a: '%%%'}"),
    "secret-key": _of(f"{NS}/secrets", "data: {'a b': YQ==}"),
    "secret-base64": _of(f"{NS}/secrets", "data: {a: '!!'}"),
    "secret-tls": _of(f"{NS}/secrets", "type: kubernetes.io/tls, data: {a: YQ==}"),
    "secret-docker": _of(
        f"{NS}/secrets", "type: kubernetes.io/dockerconfigjson, data: {.dockerconfigjson: YQ==}"
    ),
    "secret-docker-missing": _of(f"{NS}/secrets", "type: kubernetes.io/dockerconfigjson"),
    "secret-basic": _of(f"{NS}/secrets", "type: kubernetes.io/basic-auth"),
    "secret-ssh": _of(f"{NS}/secrets", "type: kubernetes.io/ssh-auth"),
    "secret-token": _of(f"{NS}/secrets", "type: kubernetes.io/service-account-token"),
    "pod-empty": _of(f"{NS}/pods", ""),
    "pod-no-containers": _pod("containers: []"),
    "pod-container-empty": _pod("containers: [{}]"),
    "pod-container-names": _pod(
        "containers: [{name: A_b, image: x}, {name: a, image: x}, {name: a, image: ' x'}]"
    ),
    "pod-restart": _pod("restartPolicy: Maybe, containers: [{name: a, image: x}]"),
    "pod-pull": _pod("containers: [{name: a, image: x, imagePullPolicy: Maybe}]"),
    "pod-dns": _pod("dnsPolicy: Maybe, containers: [{name: a, image: x}]"),
    "pod-ports": _pod(
        "containers: [{name: a, image: x, ports: [{containerPort: 0}, {containerPort: 70000, protocol: X, name: A_B}, {}, {containerPort: 5, name: toolongtoolongtoolong}]}]"
    ),
    "pod-ports-twice": _pod(
        "containers: [{name: a, image: x, ports: [{containerPort: 80, name: a}, {containerPort: 81, name: a}]}]"
    ),
    "pod-env": _pod(
        "containers: [{name: a, image: x, env: [{name: ''}, {name: 'a=b'}, {name: c, value: d, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: e, valueFrom: {}}, {name: f, valueFrom: {fieldRef: {fieldPath: spec.nope}}}, {name: g, valueFrom: {secretKeyRef: {name: a}}}]}]"
    ),
    "pod-mounts": _pod(
        "containers: [{name: a, image: x, volumeMounts: [{name: v, mountPath: /a}, {name: w, mountPath: ''}, {name: v, mountPath: /a}]}], volumes: [{name: v, emptyDir: {}}]"
    ),
    "pod-volumes": _pod(
        "containers: [{name: a, image: x}], volumes: [{name: A_}, {name: a, emptyDir: {}, hostPath: {path: /}}, {name: a}, {emptyDir: {}}, {name: c, configMap: {}}, {name: s, secret: {}}, {name: p, persistentVolumeClaim: {}}, {name: n, nfs: {server: '', path: a}}]"
    ),
    # One at a time: Go goes through the two in whichever order.
    "pod-quantity-cpu": _pod(
        "containers: [{name: a, image: x, resources: {requests: {cpu: 2, memory: 1Mi}, limits: {cpu: 1, memory: 1Mi}}}]"
    ),
    "pod-quantity-memory": _pod(
        "containers: [{name: a, image: x, resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Mi}}}]"
    ),
    "pod-quantity-negative": _pod(
        "containers: [{name: a, image: x, resources: {requests: {cpu: -2}}}]"
    ),
    "pod-quantity-odd": _pod("containers: [{name: a, image: x, resources: {requests: {cpu: 1x}}}]"),
    "pod-quantity-name": _pod(
        "containers: [{name: a, image: x, resources: {requests: {nope: 1}}}]"
    ),
    "pod-probe": _pod(
        "containers: [{name: a, image: x, livenessProbe: {}, readinessProbe: {exec: {}, tcpSocket: {port: 1}}, startupProbe: {tcpSocket: {port: 0}, periodSeconds: -1}}]"
    ),
    "pod-probe-success": _pod(
        "containers: [{name: a, image: x, livenessProbe: {successThreshold: 2, httpGet: {port: 80, path: ''}}}]"
    ),
    "pod-grace": _pod(
        "terminationGracePeriodSeconds: -1, activeDeadlineSeconds: 0, containers: [{name: a, image: x}]"
    ),
    "pod-node-selector": _pod("nodeSelector: {'a b': c}, containers: [{name: a, image: x}]"),
    "pod-tolerations": _pod(
        "tolerations: [{key: a, operator: X}, {key: b, effect: Y}, {operator: Equal}, {key: c, operator: Exists, value: d}], containers: [{name: a, image: x}]"
    ),
    "pod-account": _pod("serviceAccountName: nope, containers: [{name: a, image: x}]"),
    "pod-priority": _pod("priorityClassName: nope, containers: [{name: a, image: x}]"),
    "pod-host-port": _pod(
        "hostNetwork: true, containers: [{name: a, image: x, ports: [{containerPort: 80, hostPort: 81}]}]"
    ),
    "pod-pull-secrets": _pod("imagePullSecrets: [{}], containers: [{name: a, image: x}]"),
    "pod-type-list": _pod("containers: {name: a}"),
    "pod-type-string": _pod("containers: a"),
    "pod-type-int": _pod("containers: [{name: 5, image: x}]"),
    "pod-type-bool": _pod("hostNetwork: 'yes', containers: [{name: a, image: x}]"),
    "pod-affinity": _pod(
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}, containers: [{name: a, image: x}]"
    ),
    "pod-security": _pod(
        "securityContext: {runAsUser: -1}, containers: [{name: a, image: x, securityContext: {privileged: true, allowPrivilegeEscalation: false}}]"
    ),
    "pod-init": _pod(
        "initContainers: [{name: a}, {name: b, image: x, restartPolicy: Never}], containers: [{name: a, image: x}]"
    ),
    "pod-spread": _pod(
        "topologySpreadConstraints: [{maxSkew: 0, topologyKey: '', whenUnsatisfiable: X}], containers: [{name: a, image: x}]"
    ),
    "deployment-empty": _of(f"{APPS}/deployments", ""),
    "deployment-selector": _deployment(f"selector: {{matchLabels: {{app: b}}}}, template: {T}"),
    "deployment-no-selector": _deployment(f"template: {T}"),
    "deployment-empty-selector": _deployment(f"selector: {{}}, template: {T}"),
    "deployment-expression": _deployment(
        f"selector: {{matchExpressions: [{{key: app, operator: X}}, {{key: app, operator: In}}, {{key: app, operator: Exists, values: [a]}}]}}, template: {T}"
    ),
    "deployment-replicas": _deployment(
        f"replicas: -1, revisionHistoryLimit: -1, minReadySeconds: -1, progressDeadlineSeconds: -1, selector: {S}, template: {T}"
    ),
    "deployment-deadline": _deployment(f"minReadySeconds: 700, selector: {S}, template: {T}"),
    "deployment-replicas-text": _deployment(f"replicas: two, selector: {S}, template: {T}"),
    "deployment-replicas-float": _deployment(f"replicas: 1.5, selector: {S}, template: {T}"),
    "deployment-restart": _deployment(
        f"selector: {S}, template: {{metadata: {{labels: {{app: a}}}}, spec: {{restartPolicy: Never, containers: [{{name: a, image: x}}]}}}}"
    ),
    "deployment-strategy": _deployment(f"strategy: {{type: X}}, selector: {S}, template: {T}"),
    "deployment-strategy-both": _deployment(
        f"strategy: {{type: Recreate, rollingUpdate: {{maxSurge: 1}}}}, selector: {S}, template: {T}"
    ),
    "deployment-surge": _deployment(
        f"strategy: {{rollingUpdate: {{maxSurge: 0, maxUnavailable: 0}}}}, selector: {S}, template: {T}"
    ),
    "deployment-surge-odd": _deployment(
        f"strategy: {{rollingUpdate: {{maxSurge: a, maxUnavailable: 200%}}}}, selector: {S}, template: {T}"
    ),
    "deployment-template": _deployment(
        f"selector: {S}, template: {{metadata: {{labels: {{app: a}}}}}}"
    ),
    "deployment-strict": _deployment(
        f"replcas: 1, selector: {S}, template: {{spec: {{a: b, containers: [{{name: a, image: x, b: c}}]}}, metadata: {{labels: {{app: a}}}}}}"
    ),
    "replicaset-empty": _of(f"{APPS}/replicasets", "spec: {}"),
    "replicaset-labels": _of(
        f"{APPS}/replicasets",
        f"spec: {{replicas: -1, selector: {{matchLabels: {{app: b}}}}, template: {T}}}",
    ),
    "statefulset-empty": _of(f"{APPS}/statefulsets", "spec: {}"),
    "statefulset-odd": _of(
        f"{APPS}/statefulsets",
        f"spec: {{replicas: -1, podManagementPolicy: X, updateStrategy: {{type: X}}, selector: {S}, template: {T}}}",
    ),
    "statefulset-on-delete": _of(
        f"{APPS}/statefulsets",
        f"spec: {{updateStrategy: {{type: OnDelete, rollingUpdate: {{partition: 1}}}}, selector: {S}, template: {T}}}",
    ),
    "statefulset-claim": _of(
        f"{APPS}/statefulsets",
        f"spec: {{selector: {S}, template: {T}, volumeClaimTemplates: [{{metadata: {{name: d}}, spec: {{}}}}]}}",
    ),
    "daemonset-empty": _of(f"{APPS}/daemonsets", "spec: {}"),
    "daemonset-odd": _of(
        f"{APPS}/daemonsets", f"spec: {{updateStrategy: {{type: X}}, selector: {S}, template: {T}}}"
    ),
    "daemonset-both-zero": _of(
        f"{APPS}/daemonsets",
        f"spec: {{updateStrategy: {{rollingUpdate: {{maxUnavailable: 0}}}}, selector: {S}, template: {T}}}",
    ),
    "job-empty": _of(f"{BATCH}/jobs", "spec: {}"),
    "job-restart": _of(f"{BATCH}/jobs", f"spec: {{template: {T}}}"),
    "job-negative": _of(
        f"{BATCH}/jobs",
        "spec: {parallelism: -1, completions: -1, backoffLimit: -1, activeDeadlineSeconds: -1, ttlSecondsAfterFinished: -1, template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}",
    ),
    "job-mode": _of(
        f"{BATCH}/jobs",
        "spec: {completionMode: X, template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}",
    ),
    "job-indexed": _of(
        f"{BATCH}/jobs",
        "spec: {completionMode: Indexed, template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}, parallelism: 2}",
    ),
    "job-selector": _of(
        f"{BATCH}/jobs",
        f"spec: {{selector: {S}, template: {{metadata: {{labels: {{app: a}}}}, spec: {{restartPolicy: Never, containers: [{{name: a, image: x}}]}}}}}}",
    ),
    "job-name-long": (
        f"{BATCH}/jobs",
        "{metadata: {name: "
        + "a" * 64
        + "}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}",
    ),
    "cronjob-empty": _of(f"{BATCH}/cronjobs", "spec: {}"),
    "cronjob-schedule": _of(
        f"{BATCH}/cronjobs",
        "spec: {schedule: nope, concurrencyPolicy: X, successfulJobsHistoryLimit: -1, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}}",
    ),
    "cronjob-schedule-range": _of(
        f"{BATCH}/cronjobs",
        "spec: {schedule: '61 * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}}",
    ),
    "cronjob-zone": _of(
        f"{BATCH}/cronjobs",
        "spec: {schedule: '* * * * *', timeZone: Nope, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}}",
    ),
    "cronjob-name-long": (
        f"{BATCH}/cronjobs",
        "{metadata: {name: "
        + "a" * 53
        + "}, spec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x}]}}}}}}",
    ),
    "service-empty": _of(f"{NS}/services", "spec: {}"),
    "service-none": _of(f"{NS}/services", ""),
    "service-type": _of(f"{NS}/services", "spec: {type: X, ports: [{port: 80}]}"),
    "service-ports": _of(
        f"{NS}/services",
        "spec: {ports: [{port: 0}, {port: 70000, protocol: X, name: A_}, {port: 5, name: a, targetPort: ''}, {port: 5, name: a, targetPort: 0}]}",
    ),
    "service-twice": _of(
        f"{NS}/services", "spec: {ports: [{port: 80, name: a}, {port: 80, name: b}]}"
    ),
    "service-names": _of(f"{NS}/services", "spec: {ports: [{port: 80}, {port: 81}]}"),
    "service-external": _of(f"{NS}/services", "spec: {type: ExternalName}"),
    "service-external-odd": _of(
        f"{NS}/services", "spec: {type: ExternalName, externalName: 'A b'}"
    ),
    "service-affinity": _of(f"{NS}/services", "spec: {sessionAffinity: X, ports: [{port: 80}]}"),
    "service-selector": _of(f"{NS}/services", "spec: {selector: {'a b': c}, ports: [{port: 80}]}"),
    "service-ip": _of(f"{NS}/services", "spec: {clusterIP: a, ports: [{port: 80}]}"),
    "service-ip-outside": _of(f"{NS}/services", "spec: {clusterIP: 1.2.3.4, ports: [{port: 80}]}"),
    "service-node-port": _of(
        f"{NS}/services", "spec: {type: NodePort, ports: [{port: 80, nodePort: 80}]}"
    ),
    "service-node-port-type": _of(f"{NS}/services", "spec: {ports: [{port: 80, nodePort: 30080}]}"),
    "claim-empty": _of(f"{NS}/persistentvolumeclaims", "spec: {}"),
    "claim-mode": _of(
        f"{NS}/persistentvolumeclaims",
        "spec: {accessModes: [X], volumeMode: Y, resources: {requests: {storage: 1Gi}}}",
    ),
    "claim-zero": _of(
        f"{NS}/persistentvolumeclaims",
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 0}}}",
    ),
    "claim-class": _of(
        f"{NS}/persistentvolumeclaims",
        "spec: {storageClassName: A_b, accessModes: [ReadWriteOnce, ReadWriteOncePod], resources: {requests: {storage: 1Gi}}}",
    ),
    "volume-empty": ("/api/v1/persistentvolumes", "{metadata: {name: '{ns}'}, spec: {}}"),
    "volume-odd": (
        "/api/v1/persistentvolumes",
        "{metadata: {name: '{ns}'}, spec: {accessModes: [X], capacity: {storage: 0, cpu: 1}, persistentVolumeReclaimPolicy: X, hostPath: {path: ''}, nfs: {server: a, path: b}}}",
    ),
    "quota-odd": _of(
        f"{NS}/resourcequotas",
        "spec: {hard: {'a b': 1, pods: -1, requests.cpu: 1, nope: 1}, scopes: [X]}",
    ),
    "limits-odd": _of(
        f"{NS}/limitranges",
        "spec: {limits: [{type: Container, max: {cpu: 1}, min: {cpu: 2}, default: {cpu: 5}}]}",
    ),
    "event-odd": _of(f"{NS}/events", "involvedObject: {namespace: other}"),
    "account-odd": _of(f"{NS}/serviceaccounts", "secrets: a"),
    "endpoints-odd": _of(f"{NS}/endpoints", "subsets: [{}, {addresses: [{ip: a}], ports: [{}]}]"),
    "autoscaler-empty": _of(
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers", "spec: {}"
    ),
    "autoscaler-odd": _of(
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        "spec: {minReplicas: 0, maxReplicas: -1, scaleTargetRef: {kind: A, name: ''}}",
    ),
    "autoscaler-min": _of(
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        "spec: {minReplicas: 5, maxReplicas: 2, scaleTargetRef: {kind: A, name: b}}",
    ),
    "ingress-empty": _of(f"{NET}/ingresses", "spec: {}"),
    "ingress-paths": _of(
        f"{NET}/ingresses",
        "spec: {rules: [{host: 'A b', http: {paths: [{path: a, pathType: Prefix, backend: {}}, {path: /, pathType: X, backend: {service: {name: '', port: {}}}}, {pathType: Exact, backend: {service: {name: a, port: {number: 1, name: b}}}}, {path: '/', backend: {service: {name: a, port: {number: 80}}}}]}}]}",
    ),
    "ingress-class": _of(
        f"{NET}/ingresses",
        "spec: {ingressClassName: A_b, defaultBackend: {service: {name: a, port: {number: 80}}}, tls: [{hosts: ['a b']}]}",
    ),
    "policy-odd": _of(
        f"{NET}/networkpolicies",
        "spec: {podSelector: {}, policyTypes: [X], ingress: [{from: [{}], ports: [{protocol: X, port: 0}]}]}",
    ),
    "policy-cidr": _of(
        f"{NET}/networkpolicies",
        "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: a}}, {ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}]}",
    ),
    "budget-both": _of(
        "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
        "spec: {minAvailable: 1, maxUnavailable: 1}",
    ),
    "budget-negative": _of(
        "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets", "spec: {minAvailable: -1}"
    ),
    "role-odd": _of(
        f"{RBAC}/namespaces/{{ns}}/roles",
        "rules: [{}, {verbs: [get]}, {verbs: [get], nonResourceURLs: [/a]}]",
    ),
    "clusterrole-odd": (
        f"{RBAC}/clusterroles",
        "{metadata: {name: '{ns}'}, rules: [{verbs: [get], nonResourceURLs: [/a], resources: [b]}]}",
    ),
    "binding-empty": _of(f"{RBAC}/namespaces/{{ns}}/rolebindings", ""),
    "binding-odd": _of(
        f"{RBAC}/namespaces/{{ns}}/rolebindings",
        "roleRef: {kind: X, name: '', apiGroup: a}, subjects: [{kind: X, name: ''}, {kind: ServiceAccount, name: A_}, {kind: User, name: '', apiGroup: b}]",
    ),
    "class-empty": ("/apis/storage.k8s.io/v1/storageclasses", "{metadata: {name: '{ns}'}}"),
    "class-odd": (
        "/apis/storage.k8s.io/v1/storageclasses",
        "{metadata: {name: '{ns}'}, provisioner: 'A b', reclaimPolicy: X, volumeBindingMode: Y}",
    ),
    "priority-high": (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "{metadata: {name: '{ns}'}, value: 2000000000, preemptionPolicy: X}",
    ),
    "priority-system": (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "{metadata: {name: 'system-a'}, value: 5}",
    ),
    "lease-odd": _of(
        "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
        "spec: {leaseDurationSeconds: 0, leaseTransitions: -1}",
    ),
    "slice-odd": _of(
        "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
        "addressType: X, endpoints: [{addresses: []}], ports: [{port: 0}]",
    ),
    "webhook-odd": (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "{metadata: {name: '{ns}'}, webhooks: [{name: a, clientConfig: {}}]}",
    ),
    "crd-name": (
        CRDS,
        "{metadata: {name: '{ns}'}, spec: {group: '{ns}.io', scope: Namespaced, names: {plural: things, kind: Thing}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}}",
    ),
    "crd-empty": (CRDS, "{metadata: {name: 'a.{ns}.io'}, spec: {}}"),
    "crd-no-schema": (
        CRDS,
        "{metadata: {name: 'things.{ns}.io'}, spec: {group: '{ns}.io', scope: Namespaced, names: {plural: things, kind: Thing}, versions: [{name: v1, served: true, storage: true}]}}",
    ),
    "crd-storage": (
        CRDS,
        "{metadata: {name: 'things.{ns}.io'}, spec: {group: '{ns}.io', scope: Nope, names: {plural: things, kind: Thing}, versions: [{name: v1, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}]}}",
    ),
    "crd-schema": (
        CRDS,
        "{metadata: {name: 'things.{ns}.io'}, spec: {group: '{ns}.io', scope: Namespaced, names: {plural: things, kind: Thing}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {properties: {a: {}}}}}]}}",
    ),
    "model-no-kind": (f"{SELDON}/models", "{metadata: {name: a}, spec: {storageUri: a}}"),
    "model-kind": (
        f"{SELDON}/models",
        "{apiVersion: mlops.seldon.io/v1alpha1, kind: Experiment, metadata: {name: a}}",
    ),
    "model-version": (
        f"{SELDON}/models",
        "{apiVersion: mlops.seldon.io/v1, kind: Model, metadata: {name: a}}",
    ),
    "model-empty": (f"{SELDON}/models", "{" + MODEL + ", metadata: {name: a}, spec: {}}"),
    "model-types": (
        f"{SELDON}/models",
        "{"
        + MODEL
        + ", metadata: {name: a}, spec: {storageUri: 5, requirements: a, replicas: b, memory: [c]}}",
    ),
    "model-strict": (
        f"{SELDON}/models",
        "{"
        + MODEL
        + ", metadata: {name: a, x: y}, spec: {storageUri: a, requirments: [a], zzz: 1}}",
    ),
    "model-name": (
        f"{SELDON}/models",
        "{" + MODEL + ", metadata: {name: A_b}, spec: {storageUri: a}}",
    ),
    "model-labels": (
        f"{SELDON}/models",
        "{" + MODEL + ", metadata: {name: a, labels: {a: 5}}, spec: {storageUri: a}}",
    ),
    "experiment-empty": (
        f"{SELDON}/experiments",
        "{apiVersion: mlops.seldon.io/v1alpha1, kind: Experiment, metadata: {name: a}, spec: {}}",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_object_is_refused_alike(name: str, real: Side, practice: Side) -> None:
    path, body = INVALID[name]

    def scenario(talk: Talk) -> None:
        talk.until_there("/api/v1/namespaces/{ns}/serviceaccounts/default")
        made = talk.post(path, body, fieldValidation="Strict")
        if made["kind"] != "Status":
            talk.delete(f"{path}/{made['metadata']['name']}", quiet=True)

    compare(f"invalid/{name}", scenario, real, practice)


def test_what_is_too_large(real: Side, practice: Side) -> None:
    """Three MiB are read, and no byte more; a ConfigMap may hold one of them."""
    limit = 3 * 1024 * 1024

    def of_size(size: int) -> bytes:
        head, tail = b'{"metadata": {"name": "a"}, "nope": "', b'"}'
        return head + b"x" * (size - len(head) - len(tail)) + tail

    def scenario(talk: Talk) -> None:
        maps = f"{NS}/configmaps"
        talk.post(maps, of_size(limit), dryRun="All")
        talk.post(maps, of_size(limit + 1), dryRun="All")
        talk.put(f"{maps}/a", of_size(limit + 1), dryRun="All")
        talk.merge(f"{maps}/kube-root-ca.crt", of_size(limit + 1), dryRun="All")
        talk.apply(f"{maps}/a", of_size(limit + 1), dryRun="All")
        talk.delete(f"{maps}/a", of_size(limit + 1))

    compare("errors/too-large", scenario, real, practice)
