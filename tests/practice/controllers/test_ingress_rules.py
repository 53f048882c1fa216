"""Which Service a request reaches through ingress-nginx."""

from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.ingress_rules import PREFIX, Destination, destination


def backend(service: str, port: JSON | None = None) -> JSON:
    return {"service": {"name": service, "port": port or {"number": 80}}}


def path(wanted: str, service: str, kind: str = "Prefix") -> JSON:
    return {"path": wanted, "pathType": kind, "backend": backend(service)}


def ingress(*rules: tuple[str, list[JSON]], default: str = "", **annotations: str) -> JSON:
    marks = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    written = [
        {**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in rules
    ]
    spec = {"rules": written, **({"defaultBackend": backend(default)} if default else {})}
    return {"metadata": {"name": "i", "namespace": "ns", "annotations": marks}, "spec": spec}


def service(found: Destination | None) -> str:
    return "" if found is None else found.service


@pytest.mark.parametrize(
    ("asked", "reached"),
    [
        ("/v2", "mesh"),
        ("/v2/models/a", "mesh"),
        ("/v2x", ""),
        ("/v2/models/exact", "one"),
        ("/v2/models/exact/ready", "mesh"),
        ("/v2/health/live", "health"),
        ("/loose-ends", "loose"),
        ("/", ""),
    ],
)
def test_the_exact_path_comes_first_then_the_longest(asked: str, reached: str) -> None:
    paths = [
        path("/v2", "mesh"),
        path("/v2/health/", "health"),
        path("/v2/models/exact", "one", "Exact"),
        path("/loose", "loose", "ImplementationSpecific"),
    ]
    assert service(destination([ingress(("", paths))], "any.host", asked)) == reached


@pytest.mark.parametrize(
    ("host", "asked", "reached"),
    [
        ("a.example.org", "/here", "exact"),
        ("a.example.org", "/other", ""),
        ("b.example.org", "/here", "wild"),
        ("b.c.example.org", "/here", "any"),
        ("elsewhere", "/here", "any"),
    ],
)
def test_the_nearest_host_decides_even_if_it_does_not_know_the_path(
    host: str, asked: str, reached: str
) -> None:
    served = [
        ingress(("", [path("/", "any")])),
        ingress(("*.example.org", [path("/", "wild")])),
        ingress(("a.example.org", [path("/here", "exact")])),
    ]
    assert service(destination(served, host, asked)) == reached


def test_a_default_backend_takes_what_no_path_takes() -> None:
    own = ingress(("a.org", [path("/here", "mesh")]), default="own")
    alone = ingress(default="alone")
    found = [
        service(destination([own, alone], *asked))
        for asked in (("a.org", "/here"), ("a.org", "/there"), ("b.org", "/here"))
    ]
    assert found == ["mesh", "own", "alone"]
    assert destination([own], "b.org", "/here") is None


def test_a_rewrite_puts_groups_into_the_path_that_goes_on() -> None:
    paths = [path("/inference(/|$)(.*)", "mesh", "ImplementationSpecific")]
    served = [ingress(("", paths), rewrite_target="/$2")]
    assert destination(served, "h", "/Inference/v2/models/a") == Destination(
        "ns", "mesh", "80", "/v2/models/a"
    )
    assert destination(served, "h", "/elsewhere") is None
    unknown = [ingress(("", paths), rewrite_target="/$7")]
    assert destination(unknown, "h", "/inference/v2") == Destination("ns", "mesh", "80", "/")


def test_a_path_is_an_expression_only_when_the_ingress_says_so() -> None:
    paths = [path("/v[0-9]/m", "mesh", "ImplementationSpecific"), path("/(", "broken")]
    assert destination([ingress(("", paths))], "h", "/v2/m") is None
    matched = destination([ingress(("", paths), use_regex="true")], "h", "/v2/m/a")
    assert matched == Destination("ns", "mesh", "80", "/v2/m/a")
