"""What the server makes of the smallest object of each kind: its defaults, its first status."""

from __future__ import annotations

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

POD = "spec: {containers: [{name: a, image: nginx}]}"
LABELLED = f"metadata: {{labels: {{app: a}}}}, {POD}".replace("spec: {", "spec: {")
TEMPLATE = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: nginx}]}}"
SELECTOR = "{matchLabels: {app: a}}"
ONCE = "{spec: {restartPolicy: Never, containers: [{name: a, image: 'busybox:1'}]}}"

# test -> (collection, object)
SMALLEST: dict[str, tuple[str, str]] = {
    "pod": ("/api/v1/namespaces/{ns}/pods", "{metadata: {name: a}, " + POD + "}"),
    "pod-with-everything": (
        "/api/v1/namespaces/{ns}/pods",
        """
        metadata: {name: a}
        spec:
          hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]
          initContainers:
          - {name: i, image: 'busybox:1.36', command: [a]}
          - {name: s, image: 'busybox', restartPolicy: Always}
          containers:
          - name: a
            image: registry:5000/nginx
            ports: [{containerPort: 80}, {containerPort: 81, protocol: UDP, name: u}]
            env:
            - {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: B, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
            - {name: C, valueFrom: {secretKeyRef: {name: s, key: k}}}
            - {name: D}
            envFrom: [{configMapRef: {name: c}}]
            resources: {limits: {cpu: 1000m, memory: 1024Mi}, requests: {cpu: 0.5}}
            livenessProbe: {httpGet: {port: 80}}
            readinessProbe: {tcpSocket: {port: u}}
            startupProbe: {exec: {command: [a]}}
            lifecycle: {preStop: {httpGet: {port: 80}}, postStart: {exec: {command: [a]}}}
            volumeMounts: [{name: c, mountPath: /c}]
            securityContext: {capabilities: {add: [A]}, privileged: true}
          - name: b
            image: a@sha256:0123456789012345678901234567890123456789012345678901234567890123
            livenessProbe: {grpc: {port: 5}}
          volumes:
          - {name: e}
          - {name: e2, emptyDir: {}}
          - {name: c, configMap: {name: c}}
          - {name: s, secret: {secretName: s, items: [{key: a, path: b}]}}
          - {name: h, hostPath: {path: /h}}
          - {name: n, nfs: {server: s, path: /p}}
          - {name: p, persistentVolumeClaim: {claimName: c}}
          - {name: d, downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}
          - name: j
            projected:
              sources:
              - serviceAccountToken: {path: t}
              - configMap: {name: c}
              - downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}
          - {name: i, iscsi: {targetPortal: a, iqn: 'iqn.2001-04.com.example:s', lun: 0}}
          - {name: eph, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce],
              resources: {requests: {storage: 1Gi}}}}}}
          topologySpreadConstraints:
          - {maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}
          tolerations: [{key: a, operator: Exists}]
          securityContext: {runAsUser: 5}
        """,
    ),
    "pod-guaranteed": (
        "/api/v1/namespaces/{ns}/pods",
        """
        metadata: {generateName: a-}
        spec: {automountServiceAccountToken: false, hostNetwork: true, containers: [{name: a,
          image: 'a:latest', ports: [{containerPort: 80}],
          resources: {limits: {cpu: 1, memory: 1Gi}}}]}
        """,
    ),
    "namespace": ("/api/v1/namespaces", "{metadata: {name: '{ns}-b'}}"),
    "service": (
        "/api/v1/namespaces/{ns}/services",
        "{metadata: {name: a}, spec: {ports: [{port: 80}]}}",
    ),
    "service-headless": (
        "/api/v1/namespaces/{ns}/services",
        "{metadata: {name: a}, spec: {clusterIP: None, selector: {a: b}}}",
    ),
    "service-node-port": (
        "/api/v1/namespaces/{ns}/services",
        "{metadata: {name: a}, spec: {type: NodePort, ports: [{port: 80, targetPort: web}]}}",
    ),
    "service-balancer": (
        "/api/v1/namespaces/{ns}/services",
        "{metadata: {name: a}, spec: {type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 80}]}}",
    ),
    "service-external": (
        "/api/v1/namespaces/{ns}/services",
        "{metadata: {name: a}, spec: {type: ExternalName, externalName: a.b, ports: [{port: 80}]}}",
    ),
    "configmap": (
        "/api/v1/namespaces/{ns}/configmaps",
        "{metadata: {name: a}, data: {a: b}, binaryData: {c: YQ==}}",
    ),
    "configmap-empty": ("/api/v1/namespaces/{ns}/configmaps", "{metadata: {name: a}}"),
    "secret": (
        "/api/v1/namespaces/{ns}/secrets",
        "{metadata: {name: a}, stringData: {a: b}, data: {a: YQ==, b: YQ==}}",
    ),
    "secret-typed": (
        "/api/v1/namespaces/{ns}/secrets",
        "{metadata: {name: a}, type: kubernetes.io/basic-auth, stringData: {username: b}}",
    ),
    "serviceaccount": ("/api/v1/namespaces/{ns}/serviceaccounts", "{metadata: {name: a}}"),
    "claim": (
        "/api/v1/namespaces/{ns}/persistentvolumeclaims",
        "{metadata: {name: a}, spec: {accessModes: [ReadWriteOnce], storageClassName: x, resources: {requests: {storage: 1024Mi}}}}",
    ),
    "volume": (
        "/api/v1/persistentvolumes",
        "{metadata: {name: '{ns}'}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], hostPath: {path: /x}}}",
    ),
    "quota": (
        "/api/v1/namespaces/{ns}/resourcequotas",
        "{metadata: {name: a}, spec: {hard: {pods: 5, requests.cpu: 1000m}}}",
    ),
    "limits": (
        "/api/v1/namespaces/{ns}/limitranges",
        "{metadata: {name: a}, spec: {limits: [{type: Container, max: {cpu: 2}, min: {cpu: 1}}]}}",
    ),
    "event": (
        "/api/v1/namespaces/{ns}/events",
        "{metadata: {name: a, namespace: '{ns}'}, involvedObject: {kind: Pod, name: a, namespace: '{ns}'}, reason: R, message: m, type: Normal}",
    ),
    "endpoints": (
        "/api/v1/namespaces/{ns}/endpoints",
        "{metadata: {name: a}, subsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 80}]}]}",
    ),
    "podtemplate": (
        "/api/v1/namespaces/{ns}/podtemplates",
        "{metadata: {name: a}, template: " + TEMPLATE + "}",
    ),
    "replicationcontroller": (
        "/api/v1/namespaces/{ns}/replicationcontrollers",
        "{metadata: {name: a}, spec: {replicas: 0, template: " + TEMPLATE + "}}",
    ),
    "deployment": (
        "/apis/apps/v1/namespaces/{ns}/deployments",
        "{metadata: {name: a}, spec: {selector: " + SELECTOR + ", template: " + TEMPLATE + "}}",
    ),
    "deployment-recreate": (
        "/apis/apps/v1/namespaces/{ns}/deployments",
        "{metadata: {name: a}, spec: {replicas: 0, strategy: {type: Recreate}, selector: "
        + SELECTOR
        + ", template: "
        + TEMPLATE
        + "}}",
    ),
    "replicaset": (
        "/apis/apps/v1/namespaces/{ns}/replicasets",
        "{metadata: {name: a}, spec: {selector: " + SELECTOR + ", template: " + TEMPLATE + "}}",
    ),
    "statefulset": (
        "/apis/apps/v1/namespaces/{ns}/statefulsets",
        "{metadata: {name: a}, spec: {serviceName: a, selector: "
        + SELECTOR
        + ", template: "
        + TEMPLATE
        + ", volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}",
    ),
    "daemonset": (
        "/apis/apps/v1/namespaces/{ns}/daemonsets",
        "{metadata: {name: a}, spec: {selector: " + SELECTOR + ", template: " + TEMPLATE + "}}",
    ),
    "controllerrevision": (
        "/apis/apps/v1/namespaces/{ns}/controllerrevisions",
        "{metadata: {name: a}, revision: 1, data: {a: b}}",
    ),
    "job": (
        "/apis/batch/v1/namespaces/{ns}/jobs",
        "{metadata: {name: a}, spec: {template: " + ONCE + "}}",
    ),
    "job-parallel": (
        "/apis/batch/v1/namespaces/{ns}/jobs",
        "{metadata: {generateName: a-}, spec: {suspend: true, parallelism: 2, completionMode: Indexed, completions: 3, template: "
        + ONCE
        + "}}",
    ),
    "cronjob": (
        "/apis/batch/v1/namespaces/{ns}/cronjobs",
        "{metadata: {name: a}, spec: {schedule: '0 0 1 1 *', jobTemplate: {spec: {template: "
        + ONCE
        + "}}}}",
    ),
    "autoscaler": (
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        "{metadata: {name: a}, spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}}}",
    ),
    "autoscaler-behaviour": (
        "/apis/autoscaling/v2/namespaces/{ns}/horizontalpodautoscalers",
        "{metadata: {name: a}, spec: {maxReplicas: 3, behavior: {scaleDown: {}}, scaleTargetRef: {kind: Deployment, name: a, apiVersion: apps/v1}}}",
    ),
    "ingress": (
        "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses",
        "{metadata: {name: a}, spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {number: 80}}}}]}}]}}",
    ),
    "ingressclass": (
        "/apis/networking.k8s.io/v1/ingressclasses",
        "{metadata: {name: '{ns}'}, spec: {controller: a.b/c}}",
    ),
    "ingressclass-parameters": (
        "/apis/networking.k8s.io/v1/ingressclasses",
        "{metadata: {name: '{ns}'}, spec: {controller: a.b/c, parameters: {kind: A, name: b}}}",
    ),
    "networkpolicy": (
        "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies",
        "{metadata: {name: a}, spec: {podSelector: {}, egress: [{ports: [{port: 80}]}]}}",
    ),
    "networkpolicy-empty": (
        "/apis/networking.k8s.io/v1/namespaces/{ns}/networkpolicies",
        "{metadata: {name: a}, spec: {podSelector: {}}}",
    ),
    "budget": (
        "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
        "{metadata: {name: a}, spec: {minAvailable: 1, selector: " + SELECTOR + "}}",
    ),
    "role": (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
        "{metadata: {name: a}, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}",
    ),
    "role-empty": (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/roles",
        "{metadata: {name: a}}",
    ),
    "rolebinding": (
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}/rolebindings",
        "{metadata: {name: a}, roleRef: {kind: Role, name: a}, subjects: [{kind: ServiceAccount, name: a}, {kind: User, name: b}]}",
    ),
    "clusterrole": (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "{metadata: {name: '{ns}'}, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}}",
    ),
    "clusterrolebinding": (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "{metadata: {name: '{ns}'}, roleRef: {kind: ClusterRole, name: a}, subjects: [{kind: Group, name: b}]}",
    ),
    "storageclass": (
        "/apis/storage.k8s.io/v1/storageclasses",
        "{metadata: {name: '{ns}'}, provisioner: a.b/c}",
    ),
    "lease": (
        "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
        "{metadata: {name: a}, spec: {holderIdentity: a, renewTime: '2026-01-01T00:00:00.000000Z'}}",
    ),
    "endpointslice": (
        "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
        "{metadata: {name: a}, addressType: IPv4, endpoints: [{addresses: [10.0.0.1]}], ports: [{port: 80}]}",
    ),
    "priorityclass": (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "{metadata: {name: '{ns}'}, value: 5}",
    ),
    "validating-webhook": (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        """
        metadata: {name: '{ns}'}
        webhooks: [{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {service: {name: a, namespace: b}},
          rules: [{apiGroups: [nope.io], apiVersions: [v1], resources: [nopes], operations: [CREATE]}]}]
        """,
    ),
    "mutating-webhook": (
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        """
        metadata: {name: '{ns}'}
        webhooks: [{name: a.b.c, sideEffects: None, admissionReviewVersions: [v1], clientConfig: {service: {name: a, namespace: b}},
          rules: [{apiGroups: [nope.io], apiVersions: [v1], resources: [nopes], operations: [CREATE]}]}]
        """,
    ),
    "crd": (
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        """
        metadata: {name: 'things.{ns}.io'}
        spec: {group: '{ns}.io', scope: Namespaced, names: {plural: things, kind: Thing},
          versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}
        """,
    ),
    "node": ("/api/v1/nodes", "{metadata: {name: '{ns}'}, spec: {unschedulable: true}}"),
    "model": (
        "/apis/mlops.seldon.io/v1alpha1/namespaces/{ns}/models",
        "{apiVersion: mlops.seldon.io/v1alpha1, kind: Model, metadata: {name: a}, spec: {storageUri: 's3://a', requirements: [a]}}",
    ),
    "workflow": (
        "/apis/argoproj.io/v1alpha1/namespaces/{ns}/workflowtemplates",
        "{apiVersion: argoproj.io/v1alpha1, kind: WorkflowTemplate, metadata: {name: a}, spec: {templates: [{name: a, container: {image: a}}]}}",
    ),
}
CLUSTER = {
    "namespace",
    "volume",
    "ingressclass",
    "ingressclass-parameters",
    "clusterrole",
    "clusterrolebinding",
    "storageclass",
    "priorityclass",
    "validating-webhook",
    "mutating-webhook",
    "crd",
    "node",
}


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_object_is_completed_alike(name: str, real: Side, practice: Side) -> None:
    path, body = SMALLEST[name]

    def scenario(talk: Talk) -> None:
        talk.until_there("/api/v1/namespaces/{ns}/serviceaccounts/default")
        made = talk.post(path, body)
        if "metadata" in made and "name" in made["metadata"]:
            talk.delete(f"{path}/{made['metadata']['name']}", quiet=True)

    compare(f"defaults/{name}", scenario, real, practice)
