"""CEL rules of definitions: which are refused, and what the others say about objects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.compare import compare
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.cluster.talk import Talk

JSON = dict[str, Any]
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
TEXT: JSON = {"type": "string", "maxLength": 20}
SPEC: JSON = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "f": {"type": "number"},
        "s": TEXT,
        "a-b": TEXT,
        "namespace": TEXT,
        "l": {"type": "array", "maxItems": 5, "items": TEXT},
        "k": {
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": TEXT, "v": {"type": "integer"}},
            },
        },
        "m": {"type": "object", "maxProperties": 5, "additionalProperties": TEXT},
        "when": {"type": "string", "format": "date-time"},
        "span": {"type": "string", "format": "duration"},
        "data": {"type": "string", "format": "byte", "maxLength": 20},
        "io": {"x-kubernetes-int-or-string": True, "maxLength": 20},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "on": {"type": "boolean"},
    },
}


def _with(schema: JSON, place: str, *rules: JSON) -> JSON:
    """The schema with rules at a place such as `l.items`; the schema itself at ""."""
    head, _, rest = place.partition(".")
    if not head:
        return {**schema, "x-kubernetes-validations": list(rules)}
    if head in {"items", "additionalProperties"}:
        return {**schema, head: _with(schema[head], rest, *rules)}
    inner = _with(schema["properties"][head], rest, *rules)
    return {**schema, "properties": {**schema["properties"], head: inner}}


def _definition(schema: JSON, namespace: str) -> JSON:
    group = f"{namespace}.example.com"
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [version],
        },
    }


def _whole(spec: JSON) -> JSON:
    status = {"type": "object", "properties": {"p": TEXT, "q": {"type": "integer"}}}
    return {"type": "object", "properties": {"spec": spec, "status": status}}


REFUSED = (
    *(
        "self.nope",
        "self.n + 1",
        "self.n == 'x'",
        "self.n +",
        "foo(self.n)",
        "",
        " ",
        "has(self.x)",
    ),
    *(
        "self.n > 1\n && true",
        "self.n.foo",
        "self.any.x == 1",
        "self.l.all(x, x == 1)",
        "oldSelf.n",
    ),
    *("self.s.matches('(')", "self.when > timestamp('x')", "duration('zz') > self.span"),
    *(
        "self.s.bar()",
        "quantity(self.n).isInteger()",
        "self == 1",
        "self.io",
        "'abc",
        "self.n =! 1",
    ),
    *("1 == 1 ? 'a' : 2", "self.metadata.name == 'x'", "self.l[0] > 5 && self.nope2 > 1"),
    *("self.k.all(x, x.w > 1)", "self.k[0].name > 1", "self.m.all(k, k > 1)", "self.when > 1"),
    *("size(self.n) > 1", "self.n in self.l", "self.on && self.s", "!self.n", "-self.s == 1"),
    *(
        "ip(self.s) == 1",
        "self.span + 1 > self.span",
        "[1] == ['a']",
        "self.f == 1",
        "self.s == null",
    ),
    *("cel.bind(x, self.n, x > 2)", "math.greatest(1, 2) == 2", "'ab'.reverse() == 'ba'"),
    *("self.l.all(x, x)", "self.s.startsWith(1)", "self.s.split(1) == []", "self.f + 1 == 2.0"),
    *("optional.of(self.n).value() == 'x'", "self.?s.orValue(1) == 's'", "self.data == 'x'"),
)
TAKEN = (
    *("self.f > 1", "self.n < 1.5", "self.io == 1 || self.io == 'x'", "has(self.s)", "self.on"),
    *("self.__namespace__ == 'x'", "self.a__dash__b == 'x'", "'x' in self.l", "'x' in self.m"),
    *("self.l.exists(x, x.startsWith('a'))", "self.m.all(k, self.m[k] != '')", "oldSelf.n == self.n"),
    *("self.?s.orValue('') == ''", "self.s.matches('^a')", "self.when < timestamp('2020-01-01T00:00:00Z')"),
    *("self.span > duration('1h')", "self.data == b'x'", "self.k.map(x, x.v).sum() > 1"),
    *("self.l.isSorted()", "ip.isCanonical(self.s)", "cidr('10.0.0.0/8').containsIP(self.s)"),
    *("url(self.s).getScheme() == 'https'", "quantity(self.s).isLessThan(quantity('1Gi'))"),
    *("self.s.find('[0-9]+') != ''", "sets.contains(self.l, ['a'])", "self.s.lowerAscii() == self.s"),
)  # fmt: skip


# What only one of the two refuses.
ONE_SIDED = (
    "self.m.all(k, v, v == 'v')",
    "[1, 'x'].size() == 1",
    "self.l.first() == optional.of('a')",
)


@pytest.mark.parametrize("text", [*REFUSED, *TAKEN, *ONE_SIDED])
def test_compiled(text: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        schema = _whole(_with(SPEC, "", {"rule": text}))
        found = talk.post(CRDS, _definition(schema, talk.namespace), dryRun="All", quiet=True)
        shown = found if found["kind"] == "Status" else {"kind": found["kind"]}
        talk.note("definition", shown)
        assert text in ONE_SIDED or (found["kind"] == "Status") == (text in REFUSED), found

    compare(f"rules/compiled {text}", scenario, real, practice)


# test -> what a rule says besides `self.n > 1`
SAID: dict[str, JSON] = {
    "message-blank": {"message": " "},
    "message-lines": {"message": "a\nb"},
    "expression-blank": {"messageExpression": " "},
    "expression-number": {"messageExpression": "1"},
    "expression-unknown": {"messageExpression": "self.zz"},
    "expression": {"messageExpression": "'n is %d'.format([self.n])"},
    "reason": {"reason": "Foo"},
    "path-unknown": {"fieldPath": ".zz"},
    "path-blank": {"fieldPath": " "},
    "path-form": {"fieldPath": "n"},
    "path-index": {"fieldPath": ".l[0]"},
    "path-key": {"fieldPath": ".m['a']"},
    "optional": {"optionalOldSelf": True},
    "optional-not": {"optionalOldSelf": False},
    "all": {"reason": "FieldValueForbidden", "fieldPath": ".n", "message": "no"},
}


@pytest.mark.parametrize("name", SAID)
def test_said(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        schema = _whole(_with(SPEC, "", {"rule": "self.n > 1", **SAID[name]}))
        found = talk.post(CRDS, _definition(schema, talk.namespace), dryRun="All", quiet=True)
        talk.note("definition", found if found["kind"] == "Status" else {"kind": found["kind"]})

    compare(f"rules/said-{name}", scenario, real, practice)


# test -> (where the rules stand, the rules)
PLACES: dict[str, tuple[str, list[JSON]]] = {
    "root": ("", [{"rule": "self.metadata.name == 'x'"}, {"rule": "self.metadata.labels == 'x'"}]),
    "old-in-list": ("spec.l.items", [{"rule": "self == oldSelf"}, {"rule": "self == 'a'"}]),
    "old-in-keyed": ("spec.k.items.v", [{"rule": "self == oldSelf"}]),
    "no-type": ("spec.io", [{"rule": "self == 1"}]),
    "value": ("spec.m.additionalProperties", [{"rule": "self.size() > 1"}, {"rule": "self > 1"}]),
}


@pytest.mark.parametrize("name", PLACES)
def test_placed(name: str, real: Side, practice: Side) -> None:
    place, rules = PLACES[name]

    def scenario(talk: Talk) -> None:
        schema = _with(_whole(SPEC), place, *rules)
        found = talk.post(CRDS, _definition(schema, talk.namespace), dryRun="All", quiet=True)
        talk.note("definition", found if found["kind"] == "Status" else {"kind": found["kind"]})

    compare(f"rules/placed-{name}", scenario, real, practice)


FAILS: list[JSON] = [
    {"rule": "self.n > 1"},
    {"rule": "self.n > 2", "message": " more "},
    {"rule": "self.n > 3", "messageExpression": "'n is %d'.format([self.n])", "message": "m"},
    {"rule": "self.n > 4", "messageExpression": "self.s", "message": "fallback"},
    {"rule": "self.n > 5", "messageExpression": "self.l[7]"},
    {"rule": "self.n > 6", "reason": "FieldValueForbidden", "fieldPath": ".n"},
    {"rule": "self.n > 7", "reason": "FieldValueRequired", "fieldPath": ".m['a']", "message": "x"},
    {"rule": "self.n > 8", "reason": "FieldValueDuplicate", "fieldPath": ".s"},
    {"rule": "self.n > 9", "reason": "FieldValueInvalid", "fieldPath": "['a-b']"},
    {"rule": "self.io > 'x'"},
    {"rule": "self.l[7] == 'x'"},
    {"rule": "self.m['zz'] == 'x'"},
    {"rule": "self.n / 0 == 1", "message": "divided"},
    {"rule": "quantity(self.s).isInteger()"},
    {"rule": "int(self.s) > 1"},
]
GOOD: JSON = {
    "n": 1,
    "s": "",
    "io": 1,
    "l": ["b", "a"],
    "m": {"a": "1", "b.c/d": ""},
    "k": [{"name": "a", "v": 1}, {"name": "b", "v": 2}],
}

# test -> place -> rules
OBJECTS: dict[str, dict[str, list[JSON]]] = {
    "fails": {"spec": FAILS},
    "root": {"": [{"rule": "self.metadata.name == 'b'"}, {"rule": "self.kind == 'X'", "fieldPath": ".spec.n"}]},
    "values": {
        "spec.n": [{"rule": "self > 1"}, {"rule": "self > 2", "reason": "FieldValueDuplicate"}],
        "spec.s": [{"rule": "self != ''", "message": "empty"}],
        "spec.l": [{"rule": "self.isSorted()"}],
        "spec.l.items": [{"rule": "self == 'a'"}],
        "spec.m": [{"rule": "self.size() < 2"}],
        "spec.m.additionalProperties": [{"rule": "self != ''"}],
        "spec.k.items": [{"rule": "self.v > 1"}],
        "spec.k.items.v": [{"rule": "self > 1", "reason": "FieldValueForbidden"}],
    },
    "changes": {
        "spec": [{"rule": "self.n >= oldSelf.n", "message": "only up"}],
        "spec.n": [
            {"rule": "self != 3"},
            {"rule": "self == oldSelf", "message": "immutable"},
            {"rule": "oldSelf.hasValue() || self == 1", "optionalOldSelf": True},
        ],
        "spec.k.items.v": [{"rule": "self >= oldSelf"}],
    },
    "status": {
        "status": [{"rule": "self.q > 1", "message": "low"}],
        "": [{"rule": "!has(self.status) || self.status.q > self.spec.n"}],
    },
}  # fmt: skip


def _define(talk: Talk, rules: dict[str, list[JSON]]) -> str:
    """Make the definition; the path of its objects, once they are served."""
    schema = _whole(SPEC)
    for place, found in rules.items():
        schema = _with(schema, place, *found)
    body = _definition(schema, talk.namespace)
    path = f"/apis/{body['spec']['group']}/v1/namespaces/{talk.namespace}/things"
    known = talk.ask("GET", f"{CRDS}/{body['metadata']['name']}", quiet=True)
    if known["kind"] == "Status":
        made = talk.post(CRDS, body, quiet=True)
    else:
        made = talk.put(
            f"{CRDS}/{body['metadata']['name']}", {**known, "spec": body["spec"]}, quiet=True
        )
    assert made["kind"] != "Status", made
    talk.until_there(path)
    return path


def _remove(talk: Talk) -> None:
    talk.delete(f"{CRDS}/things.{talk.namespace}.example.com", quiet=True)


def _object(talk: Talk, spec: JSON, **more: Any) -> JSON:
    identity = {"apiVersion": f"{talk.namespace}.example.com/v1", "kind": "Thing"}
    return {**identity, "metadata": {"name": "a"}, "spec": spec, **more}


def _note(talk: Talk, answer: JSON) -> None:
    """An answer whose causes are in an order that upstream leaves to chance."""
    details = answer.get("details") or {}
    if "causes" in details:
        details["causes"].sort(key=lambda one: (one["field"], one["message"]))
        answer["message"] = sorted(answer["message"])
    talk.note("object", answer)


@pytest.mark.parametrize("name", ["fails", "root", "values"])
def test_objects(name: str, real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        try:
            path = _define(talk, OBJECTS[name])
            for spec in (
                GOOD,
                {**GOOD, "n": 20, "s": "x", "io": "y"},
                {**GOOD, "n": "x"},
                {"n": 5},
                {"n": 5, "k": [{"name": "a"}]},
            ):
                _note(talk, talk.post(path, _object(talk, spec), dryRun="All", quiet=True))
            empty = _object(talk, {})
            del empty["spec"]
            _note(talk, talk.post(path, empty, quiet=True))
        finally:
            _remove(talk)

    compare(f"rules/{name}", scenario, real, practice)


# Each is said of an object, and so is its opposite: both clusters must agree which of the two holds.
FUNCTIONS = (
    *("quantity('1Gi') == quantity('1024Mi')", "quantity('1.5').add(quantity('500m')) == quantity('2')"),
    *("quantity('2k').sub(1).asInteger() == 1999", "sign(quantity('1')) == 1", "isQuantity('1 Gi')"),
    *("quantity('50k').asApproximateFloat() == 50000.0", "quantity('0.5').isInteger()"),
    *("sign(quantity('xx')) == 1", "quantity('1.5').asInteger() == 1", "sign(quantity('')) == 0"),
    *("ip('10.0.0.1').family() == 4", "ip('::1').isLoopback()", "isIP('1.2.3')", "ip('1.2.3') == ip('::')"),
    *("ip('224.0.0.5').isLinkLocalMulticast()", "ip('255.255.255.255').isGlobalUnicast()"),
    *("ip('10.0.0.1').isGlobalUnicast()", "ip.isCanonical('2001:DB8::1')", "ip('0.0.0.0').isUnspecified()"),
    *("cidr('10.0.0.1/8').ip() == ip('10.0.0.1')", "cidr('10.0.0.1/8').masked() == cidr('10.0.0.0/8')"),
    *("cidr('10.0.0.0/8').prefixLength() == 8", "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')"),
    *("cidr('10.0.0.0/8').containsCIDR(cidr('::/0'))", "isCIDR('10.0.0.0')", "cidr('x').prefixLength() == 1"),
    *("cidr('10.0.0.0/8').containsIP('::1')", "cidr('10.0.0.0/8').containsIP(ip('10.9.9.9'))"),
    *("url('https://u@a.b:80/c%20d?e=f&e=g').getHost() == 'a.b:80'", "isURL('../x')", "isURL('/x')"),
    *("url('https://[::1]:80/').getHostname() == '::1'", "url('https://a/').getPort() == ''"),
    *("url('https://a/b%20c').getEscapedPath() == '/b%20c'", "url('https://a/?b=c&b=d').getQuery()['b'] == ['c', 'd']"),
    *("url('x y').getHost() == ''", "isURL('https://a:b/')", "isURL('')", "url('HTTP://a').getScheme() == 'http'"),
    *("'a1b22'.find('[0-9]+') == '1'", "'a1b22'.findAll('[0-9]+') == ['1', '22']", "'abc'.find('x') == ''"),
    *("'a1b22'.findAll('[0-9]+', 1) == ['1']", "self.s.find('(' + self.s) == ''", "'abc'.matches('b')"),
    *("[1, 2].sum() == 3", "[1.5, 2.0].sum() == 3.5", "[3, 1].min() == 1", "self.l.max() == 'b'"),
    *("[1].filter(x, x > 1).min() == 1", "self.l.isSorted()", "[2, 1].isSorted()"),
    *("[1, 2, 1].lastIndexOf(1) == 2", "[1].indexOf(3) == -1", "[3, 1].sort() == [1, 3]"),
    *("[1, 2, 3].slice(1, 2) == [2]", "[1, 2].slice(1, 5) == [2]", "[1, 1].distinct() == [1]"),
    *("[[1], [2]].flatten() == [1, 2]", "lists.range(2) == [0, 1]", "sets.contains([1, 2], [1])"),
    *("sets.equivalent([1, 1], [1])", "sets.intersects([1], [2])", "'a,b'.split(',') == ['a', 'b']"),
    *("self.l.join('-') == 'b-a'", "'abc'.substring(1, 2) == 'b'", "'abc'.substring(7) == ''"),
    *("'abc'.charAt(1) == 'b'", "' a '.trim() == 'a'", "'abc'.replace('b', 'x') == 'axc'", "'ABC'.lowerAscii() == 'abc'"),
    *("'%s|%d|%.2f|%s'.format(['a', 1, 1.5, [1]]) == 'a|1|1.50|[1]'", "'%x %b %e'.format([255, 5, 1.0]) == ''"),
    *("'%s %s %s'.format([true, null, 1.0]) == 'true null 1'", "'a%%b'.format([]) == 'a%b'"),
    *("string(1) == '1'", "string(1.5) == '1.5'", "string(true) == 'true'", "int('5') == 5", "int(self.s) == 5"),
    *("double('1.5') > 1.0", "string(duration('90s')) == '90s'", "string(timestamp('2020-01-02T03:04:05Z')) == ''"),
    *("timestamp('2020-01-02T03:04:05Z').getHours() == 3", "timestamp('2020-01-02T03:04:05Z').getMonth() == 0"),
    "timestamp('2020-01-02T03:04:05Z') - timestamp('2020-01-01T03:04:05Z') == duration('24h')",
    *("duration('90m').getHours() == 1", "duration('1h30m').getMinutes() == 90", "1 / (self.n - 1) == 1"),
    *("5 % 0 == 1", "9223372036854775807 + self.n > 0", "-5 / 2 == -2", "5u > 3u", "size('äö') == 2", "b'ab'.size() == 2"),
    *("self.l[5] == 'a'", "self.m['zz'] == ''", "self.?s.orValue('x') == ''", "self.m[?'zz'].hasValue()"),
    *("self.?f.hasValue()", "optional.none().value() == 1", "self.l[?0].orValue('') == 'b'", "has(self.f)"),
    *("self.f == 1.0", "self.io == 1", "self.io == '1'", "self.io > 'x'", "type(self.io) == int", "type(self.n) == string"),
    *("self.m.exists_one(k, k == 'a')", "self.m.map(k, k).size() == 2", "self.k.filter(x, x.v > 1)[0].name == 'b'"),
    *("self.l == ['b', 'a']", "self.l + ['c'] == ['b', 'a', 'c']", "self.k[0] == self.k[0]", "self.m == {'a': '1', 'b.c/d': ''}"),
    *("self.s.contains('')", "'abc'.endsWith('c')", "'hello'.indexOf('l', 3) == 3"),
    *("self.n > 0.5", "1.0 <= self.n", "[1, 2].reverse() == [2, 1]"),
)  # fmt: skip


def test_functions(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        rules = [
            {"rule": rule, "message": rule} for text in FUNCTIONS for rule in (text, f"!({text})")
        ]
        try:
            path = _define(talk, {"spec": rules})
            found = talk.post(path, _object(talk, GOOD), dryRun="All", quiet=True)
            for cause in found["details"]["causes"]:
                talk.note(f"{cause['field']} {cause['message']}", {"reason": cause["reason"]})
        finally:
            _remove(talk)

    compare("rules/functions", scenario, real, practice)


def test_changes(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        try:
            path = _define(talk, OBJECTS["changes"])
            talk.post(path, _object(talk, {**GOOD, "n": 2}))
            talk.post(path, _object(talk, GOOD))
            talk.merge(f"{path}/a", "{spec: {n: 3}}")
            talk.merge(f"{path}/a", "{spec: {n: 0}}")
            talk.merge(f"{path}/a", "{metadata: {labels: {a: b}}}")
            talk.json_patch(f"{path}/a", [{"op": "replace", "path": "/spec/k/0/v", "value": 0}])
            talk.json_patch(f"{path}/a", [{"op": "remove", "path": "/spec/k/0"}])
            talk.apply(f"{path}/a", _object(talk, {"n": 4}), force="true")
            talk.merge(f"{path}/a", "{spec: {n: null}}")
            talk.merge(f"{path}/a", "{spec: {n: 7}}")
        finally:
            _remove(talk)

    compare("rules/changes", scenario, real, practice)


RATCHETED: dict[str, list[JSON]] = {
    "spec": [{"rule": "self.s != 'bad'", "message": "bad s"}],
    "spec.s": [{"rule": "self != 'bad'", "reason": "FieldValueForbidden"}],
    "spec.l.items": [{"rule": "self != 'bad'"}],
    "spec.k.items": [{"rule": "self.name != 'bad'"}],
}


@pytest.mark.parametrize("place", RATCHETED)
def test_ratcheted(place: str, real: Side, practice: Side) -> None:
    """What was wrong before the rule came may stay as long as it is not touched."""

    def scenario(talk: Talk) -> None:
        try:
            path = _define(talk, {})
            bad = {"n": 1, "s": "bad", "l": ["bad", "b"], "k": [{"name": "bad", "v": 1}]}
            talk.post(path, _object(talk, bad))
            _define(talk, {place: RATCHETED[place]})

            def acts() -> bool:
                found = talk.post(
                    path,
                    {**_object(talk, bad), "metadata": {"name": "b"}},
                    dryRun="All",
                    quiet=True,
                )
                return bool(found["kind"] == "Status")

            wait_until(acts, 30, "the rules hold")
            talk.merge(f"{path}/a", "{metadata: {labels: {a: b}}}")
            talk.merge(f"{path}/a", "{spec: {f: 1.5}}")
            talk.merge(f"{path}/a", "{spec: {l: [bad, b, c]}}")
            talk.json_patch(
                f"{path}/a", [{"op": "add", "path": "/spec/k/1", "value": {"name": "c", "v": 2}}]
            )
            talk.json_patch(f"{path}/a", [{"op": "replace", "path": "/spec/k/0/v", "value": 5}])
            talk.merge(f"{path}/a", "{spec: {s: good}}")
        finally:
            _remove(talk)

    compare(f"rules/ratcheted-{place}", scenario, real, practice)


def test_status(real: Side, practice: Side) -> None:
    def scenario(talk: Talk) -> None:
        try:
            path = _define(talk, OBJECTS["status"])
            talk.post(path, _object(talk, {"n": 3}))
            talk.merge(f"{path}/a/status", "{status: {q: 1}}")
            talk.merge(f"{path}/a/status", "{status: {q: 2}}")
            talk.merge(f"{path}/a/status", "{status: {q: 5}}")
            talk.merge(f"{path}/a", "{spec: {n: 9}}")
            talk.merge(f"{path}/a/status", "{status: {q: x}}")
        finally:
            _remove(talk)

    compare("rules/status", scenario, real, practice)
