"""Validation of built-in and custom resources, in the server's words."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import pytest

from runbook.practice.apiserver import schema
from runbook.practice.apiserver.registry import Registry, Resource

JSON = dict[str, Any]

REGISTRY = Registry()


def builtin(name: str) -> Resource:
    found = REGISTRY.named(name)
    assert found is not None
    return found


def custom(spec: JSON | None = None, **root: Any) -> Resource:
    """A custom resource whose spec has this schema."""
    body = {"type": "object", "properties": {"spec": spec or {"type": "object"}}, **root}
    version = {"name": "v1", "schema": {"openAPIV3Schema": body}}
    crd = {
        "metadata": {"name": "gadgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [version],
        },
    }
    registry = Registry()
    registry.put_crd(crd)
    found = registry.named("gadgets.example.com")
    assert found is not None
    return found


def gadget(**spec: Any) -> JSON:
    metadata = {"name": "g"}
    return {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": metadata, "spec": spec}


def deployment(container: JSON | None = None, **spec: Any) -> JSON:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [container or {"name": "a", "image": "b"}]},
            },
            **spec,
        },
    }


def complaints(resource: Resource, obj: JSON) -> list[str]:
    return [f"{one.path}: {one.message}" for one in schema.inspect(resource, obj).invalid]


def undecodable(resource: Resource, obj: JSON) -> list[str]:
    return [one.message(resource.kind) for one in schema.inspect(resource, obj).mistyped]


# ---- built-in kinds


def test_a_good_deployment_has_nothing_wrong() -> None:
    container = {
        "name": "a",
        "image": "b",
        "ports": [{"containerPort": 80}],
        "resources": {"limits": {"cpu": 2, "memory": "1Gi"}, "requests": {"cpu": "100m"}},
        "livenessProbe": {"httpGet": {"port": "http", "path": "/"}},
        "readinessProbe": {"httpGet": {"port": 80}},
    }
    obj = deployment(container, replicas=2, strategy={"rollingUpdate": {"maxSurge": "25%"}})
    assert schema.inspect(builtin("deployments.apps"), obj) == schema.Findings()


def test_unknown_fields_are_found_at_every_depth() -> None:
    obj = deployment({"name": "a", "image": "b", "imagee": 1}, replcas=1)
    obj["metadata"]["lables"] = {}
    assert schema.inspect(builtin("deployments.apps"), obj).unknown == (
        "metadata.lables",
        "spec.template.spec.containers[0].imagee",
        "spec.replcas",
    )


def test_pythons_spelling_of_a_field_is_unknown() -> None:
    found = schema.inspect(builtin("deployments.apps"), deployment(min_ready_seconds=1))
    assert found.unknown == ("spec.min_ready_seconds",)


@pytest.mark.parametrize(
    ("obj", "complaint"),
    [
        (
            deployment(replicas="two"),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas "
            "of type int32",
        ),
        (
            deployment({"name": "a", "env": [{"name": "N", "value": 5}]}),
            "json: cannot unmarshal number into Go struct field "
            "EnvVar.spec.template.spec.containers.env.value of type string",
        ),
        (
            deployment(replicas=1.5),
            "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas "
            "of type int32",
        ),
        (
            deployment({"name": "a", "command": "sleep"}),
            "json: cannot unmarshal string into Go struct field "
            "Container.spec.template.spec.containers.command of type []string",
        ),
        (
            {**deployment(), "spec": "none"},
            "json: cannot unmarshal string into Go struct field Deployment.spec "
            "of type v1.DeploymentSpec",
        ),
        (
            {**deployment(), "metadata": {"name": "x", "labels": {"a": True}}},
            "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels "
            "of type string",
        ),
        (
            deployment({"name": "a", "resources": {"limits": {"memory": "1 Gi"}}}),
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_what_go_cannot_decode_is_reported_in_its_words(obj: JSON, complaint: str) -> None:
    assert undecodable(builtin("deployments.apps"), obj) == [complaint]


def test_secret_data_must_be_base64() -> None:
    obj = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"good": "YQ==", "bad": "a b"}}
    assert undecodable(builtin("secrets"), obj) == ["illegal base64 data at input byte 1"]


def test_required_fields_are_named_as_the_server_names_them() -> None:
    assert complaints(builtin("deployments.apps"), {"metadata": {"name": "x"}, "spec": {}}) == [
        "spec.selector: Required value",
        "spec.template.spec.containers: Required value",
    ]
    assert complaints(builtin("deployments.apps"), deployment({"image": "b"})) == [
        "spec.template.spec.containers[0].name: Required value"
    ]


def test_a_status_may_be_incomplete() -> None:
    obj = {"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "a"}]}}
    assert schema.inspect(builtin("pods"), obj) == schema.Findings()


def test_enumerations_name_what_is_supported() -> None:
    container = {"name": "a", "imagePullPolicy": "Sometimes"}
    assert complaints(builtin("deployments.apps"), deployment(container)) == [
        'spec.template.spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": '
        'supported values: "Always", "IfNotPresent", "Never"'
    ]


def test_nulls_are_absent() -> None:
    obj = deployment(replicas=None)
    obj["metadata"]["creationTimestamp"] = None
    assert schema.inspect(builtin("deployments.apps"), obj) == schema.Findings()


def test_every_built_in_kind_has_its_types() -> None:
    for resource in REGISTRY.all():
        found = schema.inspect(resource, {"metadata": {"name": "x"}, "surprise": 1})
        assert found.unknown == ("surprise",), resource.name


def test_warming_in_a_thread_changes_no_answer() -> None:
    thread = threading.Thread(target=schema.warm, args=(REGISTRY.all(),))
    thread.start()
    found = schema.inspect(builtin("deployments.apps"), deployment(replcas=1))
    thread.join()
    assert found.unknown == ("spec.replcas",)


def test_a_crd_is_judged_as_the_built_in_kind_it_is() -> None:
    crd = copy.deepcopy(custom().crd)
    assert crd is not None
    resource = builtin("customresourcedefinitions.apiextensions.k8s.io")
    assert schema.inspect(resource, crd) == schema.Findings()
    del crd["spec"]["names"]["plural"]
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["typo"] = 1
    found = schema.inspect(resource, crd)
    assert [one.path for one in found.invalid] == ["spec.names.plural"]
    assert found.unknown == ("spec.versions[0].schema.openAPIV3Schema.typo",)


# ---- custom resources


TYPES: list[tuple[JSON, Any, list[str]]] = [
    (
        {"type": "string"},
        5,
        ['Invalid value: "integer": spec.x in body must be of type string: "integer"'],
    ),
    (
        {"type": "integer"},
        "5",
        ['Invalid value: "string": spec.x in body must be of type integer: "string"'],
    ),
    ({"type": "integer"}, 5.0, []),
    ({"type": "number"}, 5, []),
    (
        {"type": "boolean"},
        1,
        ['Invalid value: "integer": spec.x in body must be of type boolean: "integer"'],
    ),
    (
        {"type": "array"},
        {},
        ['Invalid value: "object": spec.x in body must be of type array: "object"'],
    ),
    (
        {"type": "object"},
        [],
        ['Invalid value: "array": spec.x in body must be of type object: "array"'],
    ),
    ({"type": "string", "nullable": True}, None, []),
    (
        {"type": "string"},
        None,
        ['Invalid value: "null": spec.x in body must be of type string: "null"'],
    ),
    (
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "5%",
        [],
    ),
    (
        {"x-kubernetes-int-or-string": True},
        True,
        ['Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"'],
    ),
    (
        {"type": "string", "enum": ["a", "b"]},
        "c",
        ['Unsupported value: "c": supported values: "a", "b"'],
    ),
    (
        {"type": "integer", "minimum": 0},
        -1,
        ["Invalid value: -1: spec.x in body should be greater than or equal to 0"],
    ),
    (
        {"type": "integer", "maximum": 9, "exclusiveMaximum": True},
        9,
        ["Invalid value: 9: spec.x in body should be less than 9"],
    ),
    (
        {"type": "integer", "multipleOf": 5},
        7,
        ["Invalid value: 7: spec.x in body should be a multiple of 5"],
    ),
    (
        {"type": "string", "pattern": "^a+$"},
        "b",
        ["Invalid value: \"b\": spec.x in body should match '^a+$'"],
    ),
    (
        {"type": "string", "minLength": 1},
        "",
        ['Invalid value: "": spec.x in body should be at least 1 chars long'],
    ),
    ({"type": "string", "maxLength": 1}, "ab", ["Too long: may not be more than 1 bytes"]),
    (
        {"type": "array", "minItems": 1},
        [],
        ["Invalid value: 0: spec.x in body should have at least 1 items"],
    ),
    ({"type": "array", "maxItems": 1}, [1, 2], ["Too many: 2: must have at most 1 items"]),
    (
        {"type": "string", "format": "date-time"},
        "today",
        ['Invalid value: "today": spec.x in body must be of type date-time: "today"'],
    ),
    ({"type": "string", "format": "date-time"}, "2026-01-01T00:00:00Z", []),
    ({"type": "string", "not": {"enum": ["a"]}}, "b", []),
]


@pytest.mark.parametrize(("rule", "value", "expected"), TYPES)
def test_values_are_judged_by_the_crds_schema(rule: JSON, value: Any, expected: list[str]) -> None:
    resource = custom({"type": "object", "properties": {"x": rule}})
    assert complaints(resource, gadget(x=value)) == [f"spec.x: {one}" for one in expected]


def test_required_fields_of_a_custom_resource_are_named() -> None:
    spec = {"type": "object", "required": ["uri"], "properties": {"uri": {"type": "string"}}}
    assert complaints(custom(spec), gadget()) == ["spec.uri: Required value"]
    assert complaints(custom(spec, required=["spec"]), {"metadata": {"name": "g"}}) == [
        "spec: Required value"
    ]


def test_duplicates_in_sets_and_keyed_lists_are_found() -> None:
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}
    properties = {
        "set": {"type": "array", "x-kubernetes-list-type": "set"},
        "map": {"type": "array", **keyed},
    }
    resource = custom({"type": "object", "properties": properties})
    found = complaints(resource, gadget(set=["a", "a"], map=[{"id": 1}, {"id": 2}, {"id": 1}]))
    assert found == [
        'spec.set[1]: Duplicate value: "a"',
        'spec.map[2]: Duplicate value: {"id":1}',
    ]


def test_alternatives_are_reported_without_a_field() -> None:
    spec = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert complaints(custom(spec), gadget(a="x")) == []
    assert complaints(custom(spec), gadget(a="x", b="y")) == [
        '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). '
        "Found 2 valid alternatives"
    ]
    assert complaints(custom(spec), gadget())[0] == (
        '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). '
        "Found none valid"
    )
    any_of = {**spec, "anyOf": spec["oneOf"]}
    del any_of["oneOf"]
    assert complaints(custom(any_of), gadget(a="x", b="y")) == []
    assert complaints(custom(any_of), gadget())[0] == (
        '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)'
    )


def test_fields_that_a_schema_does_not_specify_are_unknown() -> None:
    spec = {
        "type": "object",
        "properties": {
            "known": {"type": "object", "properties": {"a": {"type": "string"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "list": {"type": "array", "items": {"type": "object", "properties": {}}},
        },
    }
    obj = gadget(
        known={"a": "x", "b": 1},
        free={"any": {"thing": 1}},
        labels={"x": "y"},
        list=[{}, {"c": 1}],
        typo=1,
    )
    obj["surprise"] = 1
    obj["metadata"]["nmae"] = "x"
    assert schema.inspect(custom(spec), obj).unknown == (
        "metadata.nmae",
        "spec.known.b",
        "spec.list[1].c",
        "spec.typo",
        "surprise",
    )


def test_metadata_of_a_custom_resource_is_object_meta() -> None:
    obj = gadget()
    obj["metadata"]["labels"] = {"a": 1}
    assert undecodable(custom(), obj) == [
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"
    ]


def test_a_crd_without_a_schema_takes_anything() -> None:
    resource = custom()
    version = resource.crd_version
    assert version is not None
    del version["schema"]
    assert schema.inspect(resource, gadget(anything={"at": ["all"]})) == schema.Findings()


def test_pruning_removes_exactly_what_was_unknown_and_leaves_the_object_alone() -> None:
    obj = deployment({"name": "a", "imagee": 1}, replcas=1)
    obj["metadata"] |= {"annotations": {"example.com/spec.replcas": "kept"}, "a.b": {"c[0]": 1}}
    before = copy.deepcopy(obj)
    resource = builtin("deployments.apps")
    pruned = schema.prune(obj, schema.inspect(resource, obj).unknown)
    assert obj == before
    assert schema.inspect(resource, pruned).unknown == ()
    assert pruned["metadata"]["annotations"] == {"example.com/spec.replcas": "kept"}
    assert pruned["spec"]["template"]["spec"]["containers"] == [{"name": "a"}]


def test_pruning_finds_keys_that_hold_dots_and_indexes() -> None:
    obj = {"a": {"b.c": {"d": 1, "keep": 2}, "list": [[{"x": 1}, {"y": 2}]]}}
    assert schema.prune(obj, ["a.b.c.d", "a.list[0][1].y"]) == {
        "a": {"b.c": {"keep": 2}, "list": [[{"x": 1}, {}]]}
    }


def test_defaults_fill_what_is_absent_at_every_depth() -> None:
    item = {"type": "object", "properties": {"port": {"type": "integer", "default": 80}}}
    spec = {
        "type": "object",
        "properties": {
            "replicas": {"type": "integer", "default": 1},
            "kept": {"type": "string", "default": "x"},
            "nested": {"type": "object", "default": {}, "properties": {"a": {"default": [1]}}},
            "ports": {"type": "array", "items": item},
            "byName": {"type": "object", "additionalProperties": item},
            "null": {"type": "string", "nullable": True, "default": "x"},
        },
    }
    obj = gadget(kept="y", ports=[{}, {"port": 1}], byName={"a": {}}, null=None)
    before = copy.deepcopy(obj)
    filled = schema.apply_defaults(custom(spec), obj)
    assert obj == before
    assert filled["spec"] == {
        "replicas": 1,
        "kept": "y",
        "nested": {"a": [1]},
        "ports": [{"port": 80}, {"port": 1}],
        "byName": {"a": {"port": 80}},
        "null": None,
    }


def test_defaults_are_not_shared_between_objects() -> None:
    spec = {"type": "object", "properties": {"list": {"type": "array", "default": [1]}}}
    resource = custom(spec)
    first = schema.apply_defaults(resource, gadget())
    first["spec"]["list"].append(2)
    assert schema.apply_defaults(resource, gadget())["spec"]["list"] == [1]


def test_built_in_kinds_get_no_schema_defaults() -> None:
    obj = deployment()
    assert schema.apply_defaults(builtin("deployments.apps"), obj) is obj


def test_importing_the_schema_does_not_import_the_kubernetes_client() -> None:
    import subprocess
    import sys

    code = (
        "import sys, runbook.practice.apiserver.schema, runbook.practice.apiserver.openapi;"
        "sys.exit(any(name.startswith('kubernetes') for name in sys.modules))"
    )
    root = Path(schema.__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_a_zero_that_go_cannot_tell_from_nothing_is_not_kept() -> None:
    deployments = Registry().find("apps", "v1", "deployments")
    assert deployments is not None
    mount = {"name": "", "mountPath": "", "readOnly": False}
    context = {"privileged": False, "runAsUser": 0}  # pointers: false and 0 are said
    container = {"name": "c", "tty": False, "securityContext": context, "volumeMounts": [mount]}
    pod = {"hostNetwork": False, "terminationGracePeriodSeconds": 0, "containers": [container]}
    spec = {"replicas": 0, "paused": False, "selector": {}, "template": {"spec": pod}}
    kept = schema.canonical(deployments, {"metadata": {"name": "d"}, "spec": spec})["spec"]
    assert "paused" not in kept
    assert kept["replicas"] == 0
    assert kept["template"]["spec"] == {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "c",
                "securityContext": context,
                "volumeMounts": [{"name": "", "mountPath": ""}],
            }
        ],
    }


def test_an_embedded_object_is_one() -> None:
    inside = {"type": "object", "properties": {"n": {"type": "integer"}}}
    job = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "properties": {"spec": inside},
    }
    gadget = custom({"type": "object", "properties": {"job": job}})

    found = schema.inspect(gadget, {"spec": {"job": {"metadata": {"name": "a"}}}})
    assert [cause.path for cause in found.invalid] == ["spec.job.apiVersion", "spec.job.kind"]

    meta = {"name": "a", "bogus": 1}
    whole = {"apiVersion": "v1", "kind": "Job", "metadata": meta, "spec": {"n": 1}}
    found = schema.inspect(gadget, {"spec": {"job": whole}})
    assert found.unknown == ("spec.job.metadata.bogus",)
    assert not found.invalid


def test_formats_are_said_where_they_are_broken() -> None:
    fields = {
        "wait": {"type": "string", "format": "duration"},
        "small": {"type": "integer", "format": "int32"},
    }
    gadget = custom({"type": "object", "properties": fields})
    found = schema.inspect(gadget, {"spec": {"wait": "soon", "small": 2**31}})
    assert [cause.message for cause in found.invalid] == [
        'Invalid value: "soon": spec.wait in body must be of type duration: "soon"',
        'Invalid value: "": Checked value must be of type integer with format int32 in spec.small',
    ]
