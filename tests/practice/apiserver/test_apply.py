"""Field ownership and server-side apply."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, strategies as st

from runbook.practice.apiserver import apply
from runbook.practice.apiserver.fields import from_fields_v1, to_fields_v1

JSON = dict[str, Any]

T1, T2 = "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"


def deployment(*containers: JSON, replicas: int | None = None, **metadata: Any) -> JSON:
    spec: JSON = {"template": {"spec": {"containers": list(containers)}}}
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", **metadata},
        "spec": spec,
    }


def containers(obj: JSON) -> list[JSON]:
    found: list[JSON] = obj["spec"]["template"]["spec"]["containers"]
    return found


def applied(
    live: JSON | None, config: JSON, manager: str = "a", *, force: bool = False, time: str = T1
) -> apply.Applied:
    return apply.apply(
        live,
        config,
        kind=config["kind"],
        api_version=config["apiVersion"],
        manager=manager,
        force=force,
        time=time,
    )


def stored(result: apply.Applied) -> JSON:
    """The object as the server would keep it."""
    assert result.conflicts == ()
    metadata = {**result.object["metadata"], "managedFields": result.managed_fields}
    return {**result.object, "metadata": metadata}


def updated(old: JSON | None, new: JSON, manager: str = "editor", subresource: str = "") -> JSON:
    fields = apply.track_update(
        old,
        new,
        kind=new["kind"],
        api_version=new["apiVersion"],
        manager=manager,
        time=T2,
        subresource=subresource,
    )
    return {**new, "metadata": {**new["metadata"], "managedFields": fields}}


def texts(result: apply.Applied) -> list[tuple[str, str]]:
    return [(apply.owner_text(one.manager), apply.dotted(one.path)) for one in result.conflicts]


def owned_by(obj: JSON, manager: str) -> set[str]:
    return {
        apply.dotted(path)
        for entry in obj["metadata"]["managedFields"]
        if entry["manager"] == manager
        for path in from_fields_v1(entry["fieldsV1"])
    }


def test_the_first_apply_owns_what_it_names() -> None:
    config = deployment({"name": "a", "image": "1"}, replicas=2)
    entry = applied(None, config).managed_fields[0]
    assert entry == {
        "manager": "a",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "time": T1,
        "fieldsType": "FieldsV1",
        "fieldsV1": {
            "f:spec": {
                "f:replicas": {},
                "f:template": {
                    "f:spec": {
                        "f:containers": {'k:{"name":"a"}': {".": {}, "f:image": {}, "f:name": {}}}
                    }
                },
            }
        },
    }


def test_applied_fields_are_those_of_a_first_apply() -> None:
    config = deployment({"name": "a"})
    expected = applied(None, config).managed_fields
    found = apply.applied_fields(
        config, kind="Deployment", api_version="apps/v1", manager="a", time=T1
    )
    assert found == expected


def test_another_value_of_an_owned_field_is_a_conflict_and_changes_nothing() -> None:
    live = stored(applied(None, deployment({"name": "a", "image": "1"}, replicas=2)))
    result = applied(live, deployment({"name": "a", "image": "2"}), "b")
    path = '.spec.template.spec.containers[name="a"].image'
    assert texts(result) == [('"a"', path)]
    assert result.object == live
    assert result.managed_fields == live["metadata"]["managedFields"]


def test_the_same_value_is_shared() -> None:
    live = stored(applied(None, deployment({"name": "a", "image": "1"}, replicas=2)))
    both = stored(applied(live, deployment({"name": "a", "image": "1"}), "b"))
    assert ".spec.replicas" not in owned_by(both, "b")
    assert '.spec.template.spec.containers[name="a"].image' in owned_by(both, "a")
    assert '.spec.template.spec.containers[name="a"].image' in owned_by(both, "b")


def test_force_takes_the_field_from_its_owner() -> None:
    live = stored(applied(None, deployment({"name": "a", "image": "1"}, replicas=2)))
    forced = stored(applied(live, deployment({"name": "a", "image": "2"}), "b", force=True))
    assert containers(forced) == [{"name": "a", "image": "2"}]
    assert '.spec.template.spec.containers[name="a"].image' not in owned_by(forced, "a")
    assert ".spec.replicas" in owned_by(forced, "a")


def test_a_field_no_longer_named_is_removed() -> None:
    live = stored(applied(None, deployment({"name": "a"}, replicas=2, labels={"x": "1"})))
    again = stored(applied(live, deployment({"name": "a"})))
    assert "replicas" not in again["spec"]
    assert "labels" not in again["metadata"]


def test_a_field_that_another_owns_too_is_kept() -> None:
    live = stored(applied(None, deployment({"name": "a"}, replicas=2)))
    both = stored(applied(live, deployment({"name": "a"}, replicas=2), "b"))
    left = stored(applied(both, deployment({"name": "a"})))
    assert left["spec"]["replicas"] == 2
    assert ".spec.replicas" not in owned_by(left, "a")


def test_a_container_given_up_goes_with_what_the_server_filled_in() -> None:
    live = stored(applied(None, deployment({"name": "a"}, {"name": "b"})))
    for container in containers(live):
        container["imagePullPolicy"] = "Always"
    left = stored(applied(live, deployment({"name": "a"})))
    assert containers(left) == [{"name": "a", "imagePullPolicy": "Always"}]


def test_a_container_stays_while_another_owns_a_part_of_it() -> None:
    live = stored(applied(None, deployment({"name": "a"}, {"name": "b", "image": "1"})))
    both = stored(applied(live, deployment({"name": "b", "tty": True}), "other"))
    left = stored(applied(both, deployment({"name": "a"})))
    assert containers(left) == [{"name": "a"}, {"name": "b", "tty": True}]


def test_defaults_of_the_server_are_owned_by_nobody_and_survive() -> None:
    live = stored(applied(None, deployment({"name": "a"})))
    live["spec"]["progressDeadlineSeconds"] = 600
    assert (
        stored(applied(live, deployment({"name": "a"})))["spec"]["progressDeadlineSeconds"] == 600
    )


def test_a_newcomer_who_changes_nothing_has_no_time() -> None:
    live = applied(None, deployment({"name": "a"}, replicas=1)).object
    same = applied(live, deployment({"name": "a"}, replicas=1), "b", time=T2)
    (newcomer,) = [one for one in same.managed_fields if one["manager"] == "b"]
    assert "time" not in newcomer


def test_applying_the_same_again_keeps_the_time() -> None:
    live = stored(applied(None, deployment({"name": "a"}, replicas=1)))
    again = applied(live, deployment({"name": "a"}, replicas=1), time=T2)
    assert again.managed_fields == live["metadata"]["managedFields"]


def test_new_items_keep_the_order_of_the_configuration() -> None:
    live = deployment({"name": "a"}, {"name": "x"}, {"name": "c"})
    live["metadata"]["managedFields"] = []
    merged = applied(live, deployment({"name": "a"}, {"name": "b"}, {"name": "c"})).object
    assert [one["name"] for one in containers(merged)] == ["a", "x", "b", "c"]


def test_ports_are_told_apart_by_protocol() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]
    live = stored(applied(None, deployment({"name": "a", "ports": ports})))
    left = stored(applied(live, deployment({"name": "a", "ports": ports[1:]})))
    assert containers(left)[0]["ports"] == [{"containerPort": 53}]


def test_finalizers_are_a_set() -> None:
    live = stored(applied(None, deployment({"name": "a"}, finalizers=["x"])))
    both = stored(applied(live, deployment({"name": "a"}, finalizers=["y"]), "b"))
    assert both["metadata"]["finalizers"] == ["x", "y"]
    left = stored(applied(both, deployment({"name": "a"})))
    assert left["metadata"]["finalizers"] == ["y"]


def test_a_selector_is_one_piece() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"selector": {"a": "1"}},
    }
    live = stored(applied(None, service))
    other = {**service, "spec": {"selector": {"b": "2"}}}
    assert texts(applied(live, other, "b")) == [('"a"', ".spec.selector")]
    assert applied(live, other, "b", force=True).object["spec"] == {"selector": {"b": "2"}}


def model(**spec: Any) -> JSON:
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": "m"},
        "spec": spec,
    }


def test_lists_of_custom_resources_are_one_piece() -> None:
    live = stored(applied(None, model(requirements=["x"], replicas=1), "kubectl"))
    result = applied(live, model(requirements=["y"]), "other")
    assert texts(result) == [('"kubectl"', ".spec.requirements")]


def test_lists_of_custom_resources_merge_where_the_schema_says_so() -> None:
    items = {"type": "object"}
    rules = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}
    spec = {"type": "object", "properties": {"rules": {"type": "array", "items": items, **rules}}}
    schema = {"type": "object", "properties": {"spec": spec}}

    def by_schema(live: JSON | None, config: JSON, manager: str) -> apply.Applied:
        return apply.apply(
            live,
            config,
            kind="Model",
            api_version="mlops.seldon.io/v1alpha1",
            manager=manager,
            force=False,
            time=T1,
            schema=schema,
        )

    live = stored(by_schema(None, model(rules=[{"id": 1}]), "a"))
    both = by_schema(live, model(rules=[{"id": 2}]), "b")
    assert both.object["spec"]["rules"] == [{"id": 1}, {"id": 2}]


def test_a_kind_that_is_only_named_like_a_built_in_is_none() -> None:
    knative = {
        **model(ports=[{"port": 1}]),
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
    }
    live = stored(applied(None, knative))
    other = {**knative, "spec": {"ports": [{"port": 2}]}}
    assert texts(applied(live, other, "b")) == [('"a"', ".spec.ports")]


def test_an_update_owns_what_it_changed_and_only_that() -> None:
    created = updated(None, deployment({"name": "a", "image": "1"}, replicas=1), "creator")
    assert ".spec.replicas" in owned_by(created, "creator")
    changed = copy.deepcopy(created)
    changed["spec"]["replicas"] = 5
    scaled = updated(created, changed, "scaler")
    assert owned_by(scaled, "scaler") == {".spec.replicas"}
    assert ".spec.replicas" not in owned_by(scaled, "creator")


def test_an_update_takes_fields_from_an_applier_too_and_then_conflicts() -> None:
    live = stored(applied(None, deployment({"name": "a"}, replicas=1)))
    changed = copy.deepcopy(live)
    changed["spec"]["replicas"] = 5
    scaled = updated(live, changed, "kubectl-scale")
    result = applied(scaled, deployment({"name": "a"}, replicas=1), time=T2)
    assert texts(result) == [('"kubectl-scale" using apps/v1', ".spec.replicas")]


def test_a_removed_field_leaves_every_owner() -> None:
    live = stored(applied(None, deployment({"name": "a"}, replicas=1, labels={"x": "1"})))
    changed = copy.deepcopy(live)
    del changed["metadata"]["labels"]
    assert ".metadata.labels.x" not in owned_by(updated(live, changed), "a")


def test_a_status_write_is_recorded_with_its_subresource() -> None:
    live = updated(None, deployment({"name": "a"}), "creator")
    changed = {**live, "status": {"conditions": [{"type": "Available", "status": "True"}]}}
    entries = updated(live, changed, "controller", subresource="status")["metadata"]
    entry = next(one for one in entries["managedFields"] if one["manager"] == "controller")
    assert entry["subresource"] == "status"
    item: JSON = {".": {}, "f:status": {}, "f:type": {}}
    conditions = {".": {}, 'k:{"type":"Available"}': item}
    assert entry["fieldsV1"] == {"f:status": {"f:conditions": conditions}}


def test_a_write_that_changes_nothing_changes_no_entry() -> None:
    live = updated(None, deployment({"name": "a"}), "creator")
    assert updated(live, copy.deepcopy(live), "creator") == live
    assert updated(live, copy.deepcopy(live), "another") == live


def test_identity_and_bookkeeping_are_owned_by_nobody() -> None:
    live = deployment({"name": "a"}, uid="u", resourceVersion="5", creationTimestamp=T1)
    assert not any(path.startswith(".metadata") for path in owned_by(updated(None, live), "editor"))


def test_the_first_server_side_apply_inherits_from_client_side_apply() -> None:
    config = deployment({"name": "a", "image": "1"})
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(config)}
    live = updated(
        None,
        deployment({"name": "a", "image": "1"}, annotations=annotations),
        "kubectl-client-side-apply",
    )
    changed = deployment({"name": "a", "image": "2"})
    assert applied(live, changed, "other").conflicts
    migrated = applied(live, changed, "kubectl")
    assert migrated.conflicts == ()
    assert containers(migrated.object)[0]["image"] == "2"


def test_a_field_changed_behind_client_side_apply_still_conflicts() -> None:
    config = deployment({"name": "a", "image": "1"})
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(config)}
    live = updated(None, deployment({"name": "a", "image": "1"}, annotations=annotations), "csa")
    edited = copy.deepcopy(live)
    containers(edited)[0]["image"] = "edited"
    live = updated(live, edited, "kubectl-edit")
    result = applied(live, deployment({"name": "a", "image": "2"}), "kubectl")
    path = '.spec.template.spec.containers[name="a"].image'
    assert texts(result) == [('"kubectl-edit" using apps/v1', path)]


def test_a_manager_of_a_subresource_is_named_so() -> None:
    entry = {"manager": "m", "operation": "Update", "apiVersion": "v1", "subresource": "status"}
    assert apply.owner_text(entry) == '"m" with subresource "status" using v1'


NAMES = st.sampled_from(["a", "b", "c"])
IMAGES = st.sampled_from(["1", "2"])
CONTAINERS = st.dictionaries(
    NAMES, st.fixed_dictionaries({}, optional={"image": IMAGES, "tty": st.booleans()})
)
CONFIGS = st.tuples(CONTAINERS, st.none() | st.integers(0, 2), st.dictionaries(NAMES, IMAGES))


def config_of(parts: tuple[JSON, int | None, JSON]) -> JSON:
    named, replicas, labels = parts
    found = [{"name": name, **rest} for name, rest in named.items()]
    metadata = {"labels": labels} if labels else {}
    return deployment(*found, replicas=replicas, **metadata)


@given(st.lists(st.tuples(st.sampled_from(["m1", "m2"]), CONFIGS), min_size=1, max_size=6))
def test_after_a_forced_apply_the_object_says_what_its_manager_says(
    script: list[tuple[str, tuple[JSON, int | None, JSON]]],
) -> None:
    live: JSON | None = None
    for manager, parts in script:
        config = config_of(parts)
        before = copy.deepcopy((live, config))
        result = applied(live, config, manager, force=True)
        assert (live, config) == before
        live = stored(result)
        repeated = applied(live, config, manager, time=T2)
        assert repeated.conflicts == ()
        assert stored(repeated) == live
        mine = {one["name"]: one for one in containers(live)}
        for one in containers(config):
            assert one.items() <= mine[one["name"]].items()
        assert config["metadata"].get("labels", {}).items() <= (
            live["metadata"].get("labels", {}).items()
        )
    assert live is not None
    last = deployment()
    for manager in ("m1", "m2"):
        live = stored(applied(live, last, manager, force=True))
    assert (containers(live), live["spec"].get("replicas")) == ([], None)


PATHS = st.sets(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":1}', 'v:"x"']), min_size=1, max_size=4).map(
        tuple
    )
)


@given(PATHS)
def test_a_set_of_fields_survives_its_written_form(paths: set[tuple[str, ...]]) -> None:
    assert from_fields_v1(json.loads(json.dumps(to_fields_v1(paths)))) == paths
