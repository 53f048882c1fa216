"""The differences between practice and a real control plane that are meant, each with its reason.

`scenario` is a test's name for what it compares, `place` a pattern over `N METHOD path: field`. An entry
that no longer applies fails the test of its scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Reason:
    """One meant difference."""

    scenario: str
    place: str
    why: str

    def covers(self, place: str) -> bool:
        return fnmatchcase(place.replace("[", "(").replace("]", ")"), self.place)


REASONS: tuple[Reason, ...] = (
    Reason(
        "defaults/node",
        "*body.spec.taints*",
        "practice makes its own nodes and they are ready; nothing would remove the taint of a new one",
    ),
    *(
        Reason(
            scenario,
            "*columnDefinitions(*).description",
            "upstream's whole API documentation; no client shows it in a table",
        )
        for scenario in (
            "forms/application/json;as=Table;v=v1;g=meta.k8s.io",
            "forms/application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            "forms/application/json;as=Table;v=v1beta1;g=meta.k8s.io",
            *("forms/custom", "forms/columns", "watch/forms", "watch/lists"),
        )
    ),
    Reason(
        "apply/odd",
        "1[567] PATCH *: body.message",
        "what was found instead is shown by upstream's own YAML and value types",
    ),
    *(
        Reason(f"immutable/{kind}", "*message", "upstream shows its own structs, or a diff of them")
        for kind in ("claim", "volume", "job")
    ),
    Reason("patch/kind", "*", "a patch that changes the kind is refused, in practice with 400"),
    Reason(
        "json-patch/kind", "*", "a patch that changes the kind is refused, in practice with 400"
    ),
    Reason(
        "json-patch/copy-missing",
        "*data*",
        "Go reads a null in a map of texts as an empty text; practice drops every null",
    ),
    Reason("json-patch/no-value", "*", "as above"),
    *(
        Reason(f"invalid/{scenario}", "*", "practice has no rules of its own for this kind")
        for scenario in (
            *("quota-odd", "limits-odd", "endpoints-odd", "slice-odd"),
            *("policy-odd", "policy-cidr", "crd-empty", "crd-storage"),
            "crd-schema",
        )
    ),
    Reason(
        "invalid/pod-pull-secrets",
        "*",
        "a secret without a name: no warning, and no key in its path",
    ),
    Reason(
        "patch/media",
        "* PATCH *managedFields*",
        "upstream tracks an object from its creation or never; practice starts with any person's write, "
        "because what its own controllers make is not tracked",
    ),
    Reason("invalid/metadata-shape", "*message", "the kind is not known yet where this is read"),
    Reason("invalid/model-types", "*", "upstream lists the fields of a schema in a random order"),
    *(
        Reason(scenario, place, "the whole patch or object in the message, in Go's order and words")
        for scenario, place in (
            ("patch/wrong-type", "* PATCH *message"),
            ("patch/wrong-list", "* PATCH *message"),
            ("json-patch/number", "* PATCH *message"),
            ("patch/media", "22 PATCH *message"),
            *(
                (f"scale/{kind}", "16 PATCH *message")
                for kind in (
                    *("deployment", "deployment-mixed", "replicaset", "statefulset"),
                    *("controller", "model"),
                )
            ),
        )
    ),
    Reason(
        "delete/odd",
        "9 DELETE *: body.message",
        "where a JSON text breaks is said in Python's words, not in Go's",
    ),
    Reason(
        "watch/lists",
        "5 WATCH *rows(0).cells*",
        "no client draws the row of a bookmark; upstream prints an object without a name there",
    ),
    Reason(
        "lists/odd",
        "* continue=*: body.message",
        "a token is opaque: what is wrong with one that no list gave is said less exactly",
    ),
    Reason("forms/application/yaml", "*", "practice answers in JSON only; clients ask for that"),
    Reason(
        "forms/application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "*apiVersion",
        "the old name of the same form, for clients before 1.15",
    ),
    Reason(
        "discovery/roots",
        "10 GET /apis: *",
        "the platform is Kubernetes 1.32, which still serves the older form of the same document",
    ),
    Reason("watch/there", "3 WATCH *", "the path /api/v1/watch is deprecated since 1.11"),
    Reason(
        "watch/odd",
        "1 WATCH *",
        "practice forgets nothing this early, so its very first version is not too old",
    ),
    *(
        Reason("rules/functions", place, "what a parser of Go's library says, in its own words")
        for place in (
            *("*IP Address * parse error*", "*network address parse error*"),
            *("*Illegal regex*", "*'abc'.substring(7)*"),
        )
    ),
    *(
        Reason(f"rules/compiled {text}", "*", why)
        for text, why in (
            *(
                (text, "where an operand of && or of a macro has a wrong type, the whole is named")
                for text in ("self.on && self.s", "self.l.all(x, x)")
            ),
            ("cel.bind(x, self.n, x > 2)", "which part of an unknown macro is named first"),
            (
                "'%d'.format(['a']) == ''",
                "what a format is given is looked at when the rule is evaluated, and refused then",
            ),
            ("[1, 'x'].size() == 1", "a list of several types has a type here: any"),
            *(
                (text, "refused in practice with the reason: what its library does not evaluate")
                for text in ("self.m.all(k, v, v == 'v')", "self.l.first() == optional.of('a')")
            ),
        )
    ),
)
