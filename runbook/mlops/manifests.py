"""`storageUri` of Models in a YAML file, changed byte by byte: whatever else stands there stays as it is.

A value is written only where it stands in the file as a plain text of its own. Everything else (an alias, a
merged key, a template, a patch) is refused with its reason: to write there would change something else too.
Afterwards the file is read again, and exactly the wanted values must have changed.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runbook.errors import RunbookError

KIND, GROUP = "Model", "mlops.seldon.io"
LARGEST = 200_000
"""Values of a file when its aliases are followed; more is none that a person wrote."""


class CannotEdit(RunbookError):
    """A manifest that cannot be changed without changing more than was asked for."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One `storageUri`: where its scalar stands, in characters of the text, and how it is quoted."""

    name: str
    namespace: str
    value: str
    line: int
    start: int
    end: int
    quote: str


def read(content: bytes, where: str) -> dict[str, Spot]:
    """Every Model of a file, by its name. Raises CannotEdit for one that could not be written."""
    text = _text(content, where)
    documents = _documents(text, where)
    scalars = {
        token.start_mark.index: token
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken)
    }
    found: dict[str, Spot] = {}
    for model in (m for document in documents for m in _models(document, where)):
        spot = _spot(model, scalars, where)
        if spot.name in found:
            raise CannotEdit(
                f"two Models are called {spot.name!r}",
                where=f"{where}:{spot.line}",
                hint="keep one of them in this file, or name another file",
            )
        found[spot.name] = spot
    return found


def edited(content: bytes, changes: Mapping[str, str], where: str) -> bytes:
    """The file with new values of some Models. The same bytes when nothing changes. Raises CannotEdit."""
    spots = read(content, where)
    text = _text(content, where)
    for name in changes:
        if name not in spots:
            there = ", ".join(sorted(spots)) or "none"
            raise CannotEdit(f"there is no Model {name!r}; Models there: {there}", where=where)
    for name in sorted(changes, key=lambda name: spots[name].start, reverse=True):
        spot, new = spots[name], changes[name]
        if spot.value != new:
            text = f"{text[: spot.start]}{_quoted(new, spot, where)}{text[spot.end :]}"
    made = text.encode()
    _prove(content, made, changes, where)
    return made


def write(path: Path, content: bytes) -> None:
    """Replace a file's content at once or not at all; its mode stays, and a link stays a link."""
    target = path.resolve()
    handle, fresh = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).chmod(stat.S_IMODE(target.stat().st_mode))
        Path(fresh).replace(target)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise CannotEdit(f"byte {fault.start} is no UTF-8", where=where) from fault


def _documents(text: str, where: str) -> list[yaml.Node]:
    try:
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        said = f"not YAML: {fault.problem or fault.context}"
        raise CannotEdit(said, where=where + place, hint=_if_template(text)) from fault
    except (yaml.YAMLError, RecursionError) as fault:
        raise CannotEdit(f"not YAML: {fault}".splitlines()[0], where=where) from fault


def _if_template(text: str) -> str:
    return "it looks like a template: render it first, or change its values" if "{{" in text else ""


def _models(node: yaml.Node, where: str) -> Iterator[yaml.MappingNode]:
    """Models of one document: itself, or those of a `List`. A patch that would change one is refused."""
    if not isinstance(node, yaml.MappingNode):
        if isinstance(node, yaml.SequenceNode) and _has(node, "storageUri"):
            raise CannotEdit(
                "a list of patches changes storageUri",
                where=_at(node, where),
                hint="write the value into the manifest that is patched",
            )
        return
    kind = _scalar(node, "kind")
    if kind == KIND and _scalar(node, "apiVersion").startswith(f"{GROUP}/"):
        yield node
    elif kind == "List" and isinstance(items := _value(node, "items"), yaml.SequenceNode):
        for item in items.value:
            yield from _models(item, where)
    elif kind == "Kustomization":
        for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
            patches = _value(node, key)
            if patches is not None and _has(patches, "storageUri"):
                raise CannotEdit(
                    f"`{key}` of this kustomization changes storageUri",
                    where=_at(patches, where),
                    hint="an overlay decides the value: write it into a file of its own",
                )


def _spot(model: yaml.MappingNode, scalars: Mapping[int, Any], where: str) -> Spot:
    metadata = _value(model, "metadata")
    name = _scalar(metadata, "name")
    if not name:
        raise CannotEdit("a Model without a name", where=_at(model, where))
    spec = _own(model, "spec", name, where)
    key, value = _pair(spec, "storageUri", name, where)
    if not isinstance(value, yaml.ScalarNode) or value.tag != "tag:yaml.org,2002:str":
        raise CannotEdit(
            f"storageUri of Model {name!r} is no text",
            where=_at(value, where),
            hint="is this a template? render it first, or change its values",
        )
    # A node begins at its anchor or tag; what is written is the scalar after them.
    starts = sorted(at for at in scalars if value.start_mark.index <= at < value.end_mark.index)
    if value.start_mark.index < key.start_mark.index or not starts:
        raise CannotEdit(
            f"storageUri of Model {name!r} is an alias",
            where=_at(key, where),
            hint="write the text itself there: the anchor's other users would change with it",
        )
    token = scalars[starts[0]]
    if token.style in ("|", ">"):
        raise CannotEdit(
            f"storageUri of Model {name!r} is a block of lines",
            where=_at(value, where),
            hint="write it on one line",
        )
    return Spot(
        name=name,
        namespace=_scalar(metadata, "namespace"),
        value=value.value,
        line=token.start_mark.line + 1,
        start=token.start_mark.index,
        end=token.end_mark.index,
        quote=token.style or "",
    )


def _own(model: yaml.MappingNode, key: str, name: str, where: str) -> yaml.MappingNode:
    """A mapping that stands in the Model itself."""
    at, value = _pair(model, key, name, where)
    if not isinstance(value, yaml.MappingNode):
        raise CannotEdit(f"{key} of Model {name!r} is no mapping", where=_at(value, where))
    if value.start_mark.index < at.start_mark.index:
        raise CannotEdit(
            f"{key} of Model {name!r} is an alias",
            where=_at(at, where),
            hint="write it out there: what else uses the anchor would change with it",
        )
    return value


def _pair(
    node: yaml.MappingNode, key: str, name: str, where: str
) -> tuple[yaml.ScalarNode, yaml.Node]:
    pairs = [(k, v) for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == key]
    if len(pairs) == 1:
        return pairs[0]
    if pairs:
        raise CannotEdit(
            f"key {key!r} of Model {name!r} stands there twice", where=_at(pairs[1][0], where)
        )
    merged = any(k.tag == "tag:yaml.org,2002:merge" for k, _ in node.value)
    why = f"Model {name!r} has no {key} of its own" + (", it is merged in by <<" if merged else "")
    raise CannotEdit(why, where=_at(node, where), hint="write it there")


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = (v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == key)
    return next(found, None)


def _scalar(node: yaml.Node | None, key: str) -> str:
    value = _value(node, key)
    return value.value if isinstance(value, yaml.ScalarNode) else ""


def _has(node: yaml.Node, text: str) -> bool:
    """Whether a text stands somewhere in a node; each node is looked at once."""
    waiting, seen = [node], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.ScalarNode) and text in one.value:
            return True
        if isinstance(one, yaml.SequenceNode):
            waiting += one.value
        elif isinstance(one, yaml.MappingNode):
            waiting += [part for pair in one.value for part in pair]
    return False


def _quoted(new: str, spot: Spot, where: str) -> str:
    """The new value as the old one was written. What the place makes of it is proven afterwards."""
    made = f"{spot.quote}{new}{spot.quote}"
    try:
        fits = new.isprintable() and yaml.safe_load(made) == new
    except yaml.YAMLError:
        fits = False
    if not fits:
        raise CannotEdit(f"{new!r} cannot be written there", where=f"{where}:{spot.line}")
    return made


def _prove(before: bytes, after: bytes, changes: Mapping[str, str], where: str) -> None:
    """Read both again: the wanted values have changed, and nothing else has."""
    wanted = _values(before, where)
    for model in (m for document in wanted for m in _plain_models(document)):
        name = model["metadata"]["name"]
        if name in changes:
            model["spec"]["storageUri"] = changes[name]
    if _values(after, where) != wanted:
        raise CannotEdit(
            "another value would change with it: an anchor is used elsewhere",
            where=where,
            hint="write the text itself at each place that uses the anchor",
        )


def _values(content: bytes, where: str) -> list[Any]:
    """What a file says, every alias written out."""
    count = 0

    def plain(node: yaml.Node) -> Any:
        nonlocal count
        count += 1
        if count > LARGEST:
            raise CannotEdit(
                f"more than {LARGEST} values when its aliases are followed", where=where
            )
        if isinstance(node, yaml.MappingNode):
            return {str(plain(key)): plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [plain(item) for item in node.value]
        return node.value

    try:
        return [plain(node) for node in _documents(_text(content, where), where)]
    except RecursionError as fault:
        raise CannotEdit("an alias contains itself, or too much is nested", where=where) from fault


def _plain_models(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict):
        return
    if document.get("kind") == KIND and str(document.get("apiVersion")).startswith(f"{GROUP}/"):
        yield document
    elif document.get("kind") == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _plain_models(item)


def _at(node: yaml.Node, where: str) -> str:
    return f"{where}:{node.start_mark.line + 1}"
