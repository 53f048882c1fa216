"""JSON patch, merge patch and strategic merge patch; the last one against the real kubectl's own code."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runbook.practice.apiserver import patch

JSON = dict[str, Any]


def deployment(**spec: Any) -> JSON:
    return {"kind": "Deployment", "spec": {"template": {"spec": spec}}}


def strategic(target: JSON, change: JSON) -> JSON:
    return patch.strategic_merge_patch(target, change, target.get("kind", "Deployment"))


def test_merge_patch_removes_nulls_and_merges_objects() -> None:
    target = {"a": 1, "b": {"c": 2, "d": [1, 2]}}
    change = {"a": None, "b": {"d": [3], "e": {"f": None, "g": 1}}}
    assert patch.merge_patch(target, change) == {"b": {"c": 2, "d": [3], "e": {"g": 1}}}


def test_merge_patch_does_not_touch_its_arguments() -> None:
    target, change = {"a": {"b": 1}}, {"a": {"b": None, "c": {"d": 2}}}
    before = copy.deepcopy((target, change))
    patch.merge_patch(target, change)
    assert (target, change) == before


def test_json_patch_applies_operations_in_order() -> None:
    operations: list[JSON] = [
        {"op": "test", "path": "/a", "value": 1},
        {"op": "add", "path": "/b/-", "value": 3},
        {"op": "remove", "path": "/a"},
    ]
    assert patch.json_patch({"a": 1, "b": [2]}, operations) == {"b": [2, 3]}


def test_json_patch_that_fails_its_test_does_not_apply() -> None:
    with pytest.raises(patch.PatchDoesNotApply):
        patch.json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])


def test_json_patch_adds_what_it_was_to_replace_and_did_not_find() -> None:
    assert patch.json_patch({"a": {}}, [{"op": "replace", "path": "/a/b", "value": 1}]) == {
        "a": {"b": 1}
    }


@pytest.mark.parametrize("operation", [{"op": "nope", "path": "/a"}, {"path": "/a"}])
def test_json_patch_of_an_unknown_operation_does_not_apply(operation: JSON) -> None:
    with pytest.raises(patch.PatchDoesNotApply):
        patch.json_patch({"a": 1}, [operation])


def test_json_patch_of_a_missing_path_does_not_apply() -> None:
    with pytest.raises(patch.PatchDoesNotApply):
        patch.json_patch({"a": 1}, [{"op": "remove", "path": "/metadata/finalizers"}])


@pytest.mark.parametrize("operations", ["x", {"op": "add"}])
def test_a_json_patch_that_is_no_list_is_malformed(operations: Any) -> None:
    with pytest.raises(patch.MalformedPatch):
        patch.json_patch({"a": 1}, operations)


@pytest.mark.parametrize("operations", [[{"op": "nope", "path": "/a"}], [{"path": "/a"}], ["x"]])
def test_json_patch_that_makes_no_sense_does_not_apply(operations: list[Any]) -> None:
    with pytest.raises(patch.PatchDoesNotApply):
        patch.json_patch({"a": 1}, operations)


def test_json_patch_that_is_no_list_is_malformed() -> None:
    with pytest.raises(patch.MalformedPatch, match="cannot unmarshal object"):
        patch.json_patch({"a": 1}, {"op": "remove", "path": "/a"})


def test_json_patch_replaces_what_is_not_there() -> None:
    operations = [{"op": "replace", "path": "/data/b", "value": 2}]
    assert patch.json_patch({"data": {"a": 1}}, operations) == {"data": {"a": 1, "b": 2}}


def test_strategic_merge_finds_a_container_by_its_name() -> None:
    target = deployment(containers=[{"name": "a", "image": "1"}, {"name": "b", "image": "2"}])
    merged = strategic(target, deployment(containers=[{"name": "b", "image": "3"}]))
    assert merged["spec"]["template"]["spec"]["containers"] == [
        {"name": "a", "image": "1"},
        {"name": "b", "image": "3"},
    ]


def test_strategic_merge_deletes_an_item_and_follows_the_given_order() -> None:
    target = deployment(containers=[{"name": n} for n in "abc"])
    change = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
        "containers": [{"$patch": "delete", "name": "b"}],
    }
    merged = strategic(target, deployment(**change))
    assert merged["spec"]["template"]["spec"]["containers"] == [{"name": "c"}, {"name": "a"}]


def test_strategic_merge_retains_only_the_named_keys() -> None:
    target = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    change = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategic(target, change) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_strategic_merge_deletes_single_finalizers() -> None:
    target = {"metadata": {"finalizers": ["a", "b"]}}
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic(target, change) == {"metadata": {"finalizers": ["b"]}}


def test_strategic_merge_writes_no_empty_list() -> None:
    target = {"metadata": {"name": "x", "finalizers": ["a"]}}
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}
    assert strategic(target, change) == {"metadata": {"name": "x"}}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (deployment(containers=[{"image": "1"}]), "does not contain declared merge key: name"),
        ({"spec": {"$patch": "explode"}}, "unknown patch type: explode"),
        ({"spec": {"strategy": {"$retainKeys": [], "type": "x"}}}, "retainKeys"),
    ],
)
def test_strategic_merge_refuses_a_malformed_patch(change: JSON, complaint: str) -> None:
    target = {**deployment(containers=[{"name": "a"}]), "kind": "Deployment"}
    target["spec"]["strategy"] = {"type": "Recreate"}
    with pytest.raises(patch.MalformedPatch, match=complaint):
        strategic(target, change)


@pytest.mark.parametrize(
    ("kind", "parent", "field", "key"),
    [
        ("Deployment", "spec", "containers", "name"),
        ("Pod", "containers", "ports", "containerPort"),
        ("Service", "spec", "ports", "port"),
        ("Pod", "spec", "tolerations", None),
        ("Pod", "metadata", "finalizers", ""),
        ("Namespace", "status", "conditions", "type"),
        ("CustomResourceDefinition", "status", "conditions", None),
        ("ServiceAccount", None, "secrets", "name"),
        ("ServiceAccount", None, "imagePullSecrets", None),
    ],
)
def test_merge_keys_are_the_real_ones(
    kind: str, parent: str | None, field: str, key: str | None
) -> None:
    assert patch.merge_key(kind, parent, field) == key


# ---- against the upstream implementation inside kubectl

CASES = int(os.environ.get("RUNBOOK_FUZZ_CASES", "15"))


def kubectl() -> str:
    beside = str(Path(sys.executable).parent)
    found = shutil.which("kubectl", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    assert found, "no kubectl: install the test dependencies"
    return found


class Fuzz:
    """Random deployments and random strategic patches of them, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def names(self, most: int, of: str = "abcde") -> list[str]:
        return self.random.sample(of, self.random.randint(0, most))

    def maybe(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    def container(self, name: str) -> JSON:
        made: JSON = {"name": name, "image": f"i{self.random.randint(1, 3)}"}
        if self.maybe():
            made["env"] = [
                {"name": n, "value": str(self.random.randint(1, 3))} for n in self.names(4)
            ]
        if self.maybe():
            made["ports"] = [
                {"containerPort": p, "protocol": "TCP"}
                for p in self.random.sample(range(80, 84), 2)
            ]
        if self.maybe():
            made["args"] = self.names(3)
        if self.maybe(0.3):
            made["volumeMounts"] = [{"mountPath": f"/{n}", "name": n} for n in self.names(3)]
        return made

    def target(self, name: str) -> JSON:
        pod: JSON = {"containers": [self.container(n) for n in self.names(4) or ["a"]]}
        if self.maybe():
            pod["volumes"] = [{"name": n, "emptyDir": {}} for n in self.names(3)]
        if self.maybe():
            pod["tolerations"] = [{"key": n} for n in self.names(3)]
        metadata: JSON = {"name": name, "labels": dict.fromkeys(self.names(3), "1")}
        if self.maybe():
            metadata["finalizers"] = [f"x/{n}" for n in self.names(4) or ["a"]]
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": pod},
            },
        }

    def keyed(self, field: str, items: list[JSON], key: str, holder: JSON) -> None:
        """Put a patch of a keyed list into `holder`: items, deletions, replacement, order."""
        for item in items:
            if self.maybe(0.25):
                kept = item[key]
                item.clear()
                item.update({"$patch": "delete", key: kept})
        if self.maybe(0.1):
            items.append({"$patch": "replace"})
        if not items:
            return  # upstream fails on two empty lists, whatever the patch says
        holder[field] = items
        if self.maybe() and not any(item.get("$patch") == "replace" for item in items):
            named = [item[key] for item in items if "$patch" not in item]
            others = [n for n in self.names(4) if n not in named] if field != "ports" else []
            for extra in others:
                named.insert(self.random.randint(0, len(named)), extra)
            deleted = {item[key] for item in items if "$patch" in item}
            holder[f"$setElementOrder/{field}"] = [{key: n} for n in named if n not in deleted]

    def container_patch(self, name: str) -> JSON:
        made: JSON = {"name": name}
        if self.maybe():
            made["image"] = self.random.choice(["i9", None])
        if self.maybe():
            self.keyed("env", [{"name": n, "value": "9"} for n in self.names(3)], "name", made)
        if self.maybe(0.3):
            ports = [{"containerPort": p} for p in self.random.sample(range(80, 86), 2)]
            self.keyed("ports", ports, "containerPort", made)
        if self.maybe(0.3):
            made["args"] = self.random.choice([None, ["z"]])
        return made

    def change(self) -> JSON:
        pod: JSON = {}
        self.keyed("containers", [self.container_patch(n) for n in self.names(3)], "name", pod)
        if self.maybe(0.3):
            volumes = [{"name": n, "emptyDir": {"medium": "Memory"}} for n in self.names(2)]
            self.keyed("volumes", volumes, "name", pod)
        if self.maybe(0.3):
            pod["tolerations"] = [{"key": "z"}]
        change: JSON = {"spec": {"template": {"spec": pod}}}
        if self.maybe(0.3):
            change["metadata"] = {"$deleteFromPrimitiveList/finalizers": ["x/a", "x/c"]}
            if self.maybe():
                change["metadata"]["$setElementOrder/finalizers"] = ["x/d", "x/b"]
        elif self.maybe(0.3):
            change["metadata"] = {"finalizers": [f"x/{n}" for n in self.names(3)]}
        if self.maybe(0.2):
            change["spec"]["strategy"] = {
                "$retainKeys": ["type"],
                "type": "Recreate",
            }
        return change


def by_kubectl(targets: list[JSON], change: JSON, folder: Path) -> list[JSON]:
    """What kubectl makes of the patch, one object each."""
    file = folder / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": targets}))
    command = [kubectl(), "patch", "--local", "--type=strategic", "-o", "json", "-f", str(file)]
    done = subprocess.run(
        [*command, "-p", json.dumps(change)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": str(folder / "none"), "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    decoder, text, found = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:].lstrip()
    return found


def comparable(value: Any) -> Any:
    """As Go would write it: without directives, nulls, empty lists, maps and structs."""
    if isinstance(value, dict):
        kept = {k: comparable(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if k[0] != "$" and v not in (None, [], {}, "")}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return value


@pytest.mark.parametrize("seed", range(CASES))
def test_strategic_merge_does_what_kubectl_does(seed: int, tmp_path: Path) -> None:
    fuzz = Fuzz(seed)
    targets, change = [fuzz.target(f"t{n}") for n in range(6)], fuzz.change()
    expected = by_kubectl(targets, change, tmp_path)
    before = copy.deepcopy((targets, change))
    merged = [comparable(strategic(target, change)) for target in targets]
    assert merged == comparable(expected)
    assert (targets, change) == before
