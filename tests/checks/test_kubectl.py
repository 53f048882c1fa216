from __future__ import annotations

import pytest

from runbook.checks.kubectl import Ask, Rendered, Untold, asked_by, asks
from runbook.model.commands import read


def told(script: str) -> list[str]:
    (command,) = (one for one in read(script).commands if one.program == "kubectl")
    found = []
    for ask in asks(command):
        if isinstance(ask, Rendered):
            found.append(f"{'/'.join(ask.verbs)} of {ask.path} {ask.kustomize}")
        else:
            sub = f"/{ask.subresource}" if ask.subresource else ""
            found.append(f"{ask.verb} {ask.resource}{sub} {ask.namespace}:{ask.name}")
    return found


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("kubectl get pods -n a", ["list pods a:"]),
        ("kubectl -n a get pod x -o yaml", ["get pod a:x"]),
        (
            "kubectl get models.mlops.seldon.io,po -n=a",
            ["list models.mlops.seldon.io a:", "list po a:"],
        ),
        ("kubectl get pods --namespace=a -w", ["list pods a:", "watch pods a:"]),
        ("kubectl delete ns x y --wait=false", ["delete ns :x", "delete ns :y"]),
        ("kubectl delete wf --all -n a --wait=false", ["list wf a:", "delete wf a:"]),
        ("kubectl delete pod/x -n a", ["delete pod a:x", "list pod a:x", "watch pod a:x"]),
        ("kubectl delete -k k8s/base --wait=false", ["delete of k8s/base True"]),
        ("kubectl apply -f k8s/secrets/", ["get/create/patch of k8s/secrets/ False"]),
        ("kubectl patch model x -n a --type=merge -p '{}'", ["get model a:x", "patch model a:x"]),
        ("kubectl label secret x -n a k=v", ["get secret a:x", "patch secret a:x"]),
        (
            "kubectl scale deployment/x -n a --replicas=0",
            ["get deployment a:x", "patch deployment/scale a:x"],
        ),
        ("kubectl rollout restart deploy/x -n a", ["get deploy a:x", "patch deploy a:x"]),
        ("kubectl logs x -n a -c main", ["get pods a:", "get pods/log a:"]),
        ("kubectl exec x -n a -- rm y -n b", ["get pods a:", "create pods/exec a:"]),
        ("kubectl version -o yaml", []),
        ("kubectl create --dry-run=client -f x.yaml", []),
        ("kubectl get pods -n ${{ 'a' }}", ["list pods a:"]),
        ("kubectl get po -na -lapp=x -ojson", ["list po a:"]),
        ("kubectl logs -f deploy/x -n a", ["get pods a:", "get pods/log a:"]),
        ("kubectl logs -n a -fp x", ["get pods a:", "get pods/log a:"]),
        ("kubectl exec -it x -na -- sh", ["get pods a:", "create pods/exec a:"]),
        ("kubectl delete -f x -f y,z --wait=false", [f"delete of {one} False" for one in "xyz"]),
        ("kubectl replace -fx.yaml", ["get/update of x.yaml False"]),
        ("kubectl replace -Rf=x", ["get/update of x False"]),
    ],
)
def test_the_words_of_a_command_tell_what_it_asks(script: str, wanted: list[str]) -> None:
    assert told(script) == wanted


@pytest.mark.parametrize(
    "script",
    [
        'kubectl get "$kind" -n a',
        "kubectl delete pod ${{ secrets.x }} -n a",
        "kubectl delete pod $(cat name) -n a",
        "kubectl apply -f -",
        "kubectl apply -f https://example.org/x.yaml",
        "kubectl drain node-1",
        "kubectl rollout undo deploy/x",
        "kubectl create configmap x -n a",
        "kubectl get --raw /healthz",
        "kubectl get --raw=/healthz",
        "kubectl apply -f <(cat x)",
        "kubectl apply -f ~/x.yaml",
        "kubectl apply -f 'x'/*.yaml",
        "kubectl apply -k github.com/x/y?ref=z",
        "kubectl apply -k git@example.org:x/y",
    ],
)
def test_what_words_do_not_tell_is_not_guessed(script: str) -> None:
    with pytest.raises(Untold):
        told(script)


@pytest.mark.parametrize(
    ("script", "paths", "whole"),
    [
        ("kubectl apply -f a; kubectl apply -k b", ["a", "b"], True),
        ("kubectl apply -f a; cd x; kubectl apply -f b -f /c; kubectl get po", ["a", "/c"], False),
        ("kubectl apply -f -; kubectl apply -f a", ["a"], False),
        ("runbook show; kubectl apply -f a", ["a"], True),
    ],
)
def test_where_a_script_has_gone_its_files_are_not_guessed(
    script: str, paths: list[str], whole: bool
) -> None:
    asked = asked_by(script)
    found = [one.path for one in asked.asks if isinstance(one, Rendered)]
    assert (found, asked.whole) == (paths, whole)


@pytest.mark.parametrize(
    ("flag", "tried"), [("", False), ("--dry-run=none", False), ("--dry-run=server", True)]
)
def test_what_is_only_tried_is_told_apart(flag: str, tried: bool) -> None:
    asked = asked_by(f"kubectl delete ns x {flag}; kubectl apply -f a {flag}").asks
    assert {type(one) for one in asked} == {Ask, Rendered}
    assert {one.tried for one in asked} == {tried}
    assert not asked_by("kubectl apply -f a --dry-run").asks
