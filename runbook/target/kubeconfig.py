"""Kubeconfig files: which contexts there are, and a private file that holds only the chosen one.

A run never uses the operator's own kubeconfig: whatever is switched or edited there later cannot move
a running command to another cluster. Several files are merged as kubectl merges them: for each name
the first file wins, and a missing file is passed over. Relative file names count from the file that
holds them.

Says nothing about whether a cluster answers; that is `runbook.target.identity`.
"""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runbook.errors import UsageError

JSON = dict[str, Any]

_FILES_OF_CLUSTER = ("certificate-authority",)
_FILES_OF_USER = ("client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged content of one or more kubeconfig files; file names in it are absolute."""

    files: tuple[Path, ...]
    current: str | None
    contexts: Mapping[str, JSON]
    clusters: Mapping[str, JSON]
    users: Mapping[str, JSON]

    def server(self, context: str) -> str:
        """The API server's address that a context leads to, as written."""
        return str(self._part("cluster", self.clusters, self._context(context)).get("server", ""))

    def only(self, context: str) -> JSON:
        """A kubeconfig that holds this context, its cluster and its user, and nothing else."""
        chosen = self._context(context)
        cluster = self._part("cluster", self.clusters, chosen)
        if not cluster.get("server"):
            raise UsageError(
                f"cluster {chosen['cluster']!r} of context {context!r} has no server",
                where=self._where(),
            )
        user = chosen.get("user")
        if not user:
            raise UsageError(f"context {context!r} names no user", where=self._where())
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "preferences": {},
            "current-context": context,
            "contexts": [{"name": context, "context": chosen}],
            "clusters": [{"name": chosen["cluster"], "cluster": cluster}],
            "users": [{"name": user, "user": self._part("user", self.users, chosen)}],
        }

    def _context(self, name: str) -> JSON:
        if name in self.contexts:
            return self.contexts[name]
        known = ", ".join(self.contexts) or "none"
        nearest = difflib.get_close_matches(name, list(self.contexts), n=1)
        raise UsageError(
            f"no context {name!r}; contexts there: {known}",
            where=self._where(),
            hint=f"did you mean {nearest[0]}?" if nearest else "kubectl config get-contexts",
        )

    def _part(self, kind: str, parts: Mapping[str, JSON], context: JSON) -> JSON:
        name = str(context.get(kind, ""))
        if name in parts:
            return parts[name]
        known = ", ".join(parts) or "none"
        raise UsageError(
            f"the context names {kind} {name!r}, which is not defined; {kind}s there: {known}",
            where=self._where(),
        )

    def _where(self) -> str:
        return os.pathsep.join(str(file) for file in self.files)


def default_paths(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """The files kubectl would read: those of KUBECONFIG, else ~/.kube/config."""
    listed = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return tuple(Path(part).expanduser() for part in listed) or (home / ".kube" / "config",)


def read(paths: Iterable[Path]) -> Kubeconfig:
    """Merge kubeconfig files. Raises `UsageError` when none exists or one cannot be understood."""
    wanted = tuple(paths)
    present = tuple(path for path in wanted if path.exists())
    if not present:
        names = ", ".join(str(path) for path in wanted)
        raise UsageError(
            f"no kubeconfig: {names} does not exist",
            hint="set KUBECONFIG or give --kubeconfig; practice mode needs none",
        )
    current: str | None = None
    contexts: dict[str, JSON] = {}
    clusters: dict[str, JSON] = {}
    users: dict[str, JSON] = {}
    for path in present:
        document = _load(path)
        current = current or document.get("current-context") or None
        base = path.absolute().parent  # of the name it was given, as kubectl does, link or not
        for name, context in _named(document, "context", path):
            contexts.setdefault(name, context)
        for name, cluster in _named(document, "cluster", path):
            clusters.setdefault(name, _absolute(cluster, _FILES_OF_CLUSTER, base))
        for name, user in _named(document, "user", path):
            users.setdefault(name, _absolute_command(_absolute(user, _FILES_OF_USER, base), base))
    return Kubeconfig(present, current, contexts, clusters, users)


def write_private(config: Kubeconfig, context: str, path: Path) -> None:
    """Write what a context needs, readable by this user only, in one step."""
    _write(path, config.only(context))


def _write(path: Path, content: JSON) -> None:
    draft = path.with_name(path.name + ".new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(content, file, sort_keys=False)
    draft.replace(path)


def renew(paths: Iterable[Path], context: str, path: Path) -> bool:
    """Take newer credentials over from the operator's files into what `write_private` wrote.

    The cluster stays the one that was pinned: where the operator's context now leads to another,
    nothing is taken over. Nor is it while a file cannot be read, which may be about to change.
    """
    try:
        now, held = read(paths).only(context), _load(path)
    except UsageError:
        return False
    if now["clusters"][0]["cluster"] != held["clusters"][0]["cluster"]:
        return False
    if now["users"][0]["user"] == held["users"][0]["user"]:
        return False
    name = held["users"][0]["name"]
    _write(path, {**held, "users": [{"name": name, "user": now["users"][0]["user"]}]})
    return True


def _load(path: Path) -> JSON:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"cannot read the kubeconfig: {reason}", where=str(path)) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise UsageError("a kubeconfig is a mapping with contexts and clusters", where=str(path))
    return document


def _named(document: JSON, kind: str, path: Path) -> list[tuple[str, JSON]]:
    entries = document.get(f"{kind}s") or []
    try:
        return [(str(entry["name"]), dict(entry.get(kind) or {})) for entry in entries]
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        message = f"every entry of {kind}s needs a name and a {kind}"
        raise UsageError(message, where=str(path)) from error


def _absolute(part: JSON, keys: tuple[str, ...], base: Path) -> JSON:
    return {
        key: str(base / value) if key in keys and value else value for key, value in part.items()
    }


def _absolute_command(user: JSON, base: Path) -> JSON:
    """A credential plugin is looked up in PATH unless its name holds a slash."""
    plugin = user.get("exec") or {}
    command = str(plugin.get("command", ""))
    if os.sep not in command or Path(command).is_absolute():
        return user
    return {**user, "exec": {**plugin, "command": str(base / command)}}
