"""What a command probably does to a platform, told by its verb. Pure; advice, never a permission."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.model.commands import Command
from runbook.model.document import Effect

ORDER: tuple[Effect, ...] = ("read", "change", "destroy")


@dataclass(frozen=True, slots=True)
class Guess:
    """`sure` is false where nothing is known of the program or its verb."""

    effect: Effect
    sure: bool = True


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KUBECTL_READ = words_of(
    "get describe logs wait top version cluster-info explain api-resources api-versions diff events "
    "kustomize completion options help"
)
_KUBECTL_CHANGE = words_of(
    "apply create patch label annotate scale set edit cp exec run expose taint cordon uncordon "
    "autoscale attach debug port-forward proxy replace certificate"
)
_KUBECTL_NESTED = {
    "rollout": frozenset({"status", "history"}),
    "auth": frozenset({"can-i", "whoami"}),
    "config": frozenset({"view", "current-context", "get-contexts", "get-clusters", "get-users"}),
}
"""Second words that only read."""
_VERBS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "helm": (
        words_of("list ls status get history template search show version lint"),
        frozenset({"uninstall", "delete", "del", "un"}),
    ),
    "argo": (
        words_of("list get logs wait watch version lint"),
        frozenset({"delete"}),
    ),
    "terraform": (
        words_of("plan show output validate version state"),
        frozenset({"destroy"}),
    ),
    "velero": (words_of("get describe version"), frozenset({"delete"})),
    "git": (words_of("status log diff show"), frozenset()),
    "systemctl": (words_of("status is-active is-enabled show list-units"), frozenset()),
    "docker": (words_of("ps logs inspect images info version"), frozenset({"rm", "rmi"})),
}
"""Program: the verbs that read, the verbs that destroy; all others change."""
_OBJECT_STORES = frozenset({"aws", "gsutil", "mc", "s3cmd", "rclone", "gcloud"})
_STORE_DESTROYS = words_of("rm rb del purge delete delete-bucket delete-object")
_STORE_READS = words_of("ls stat cat du info size describe list tree")
_READERS = words_of(
    "ls cat grep egrep head tail echo printf dig nslookup host ping jq yq awk sort uniq wc test true "
    "false date df du ps which find diff sha256sum md5sum cd pwd read sleep cut tr base64 openssl "
    "nc column env id whoami hostname uname seq basename dirname set exit : local"
)
_DROPPED = re.compile(
    r"""finalizers["']?\s*:\s*(null|~|\[\s*\])                  # a merge patch
    | ["']?op["']?\s*:\s*["']?(remove|replace)\b.*/finalizers  # a JSON patch, in either order
    | /finalizers\b.*["']?op["']?\s*:\s*["']?(remove|replace)\b
    """,
    re.VERBOSE | re.DOTALL,
)
_FINALIZE = re.compile(r"/namespaces/[^/\s]+/finalize\b")
"""Where a namespace is declared empty, whatever is in it."""
_FLAG_VALUE = re.compile(r"^--?[A-Za-z][\w-]*$")
_KUBECTL_VALUES = frozenset({"-n", "--namespace", "--context", "--kubeconfig", "-l", "-s", "--as"})


def effect_of(command: Command) -> Guess:
    """The effect of one command."""
    program, words = command.program, list(command.arguments)
    if program in ("kubectl", "oc", "k"):
        inner = command.words[len(words) + 2 :]
        if _first(words) == "exec" and inner:
            return effect_of(Command(inner))
        return _kubectl(words)
    if program in _VERBS:
        reads, destroys = _VERBS[program]
        verb = _first(words)
        return _by(verb, reads, destroys)
    if program in _OBJECT_STORES:
        given = {word for word in words if not word.startswith("-")}
        if given & _STORE_DESTROYS:
            return Guess("destroy")
        return Guess("read" if given & _STORE_READS else "change", bool(given & _STORE_READS))
    match program:
        case "curl":
            return _curl(words)
        case "sed":
            changes = any(word.startswith(("-i", "--in-place")) for word in words)
            return Guess("change" if changes else "read")
        case "rm":
            deep = any(re.fullmatch(r"-\w*[rR]\w*|--recursive", word) for word in words)
            return Guess("destroy" if deep else "change", deep)
        case "runbook":
            return _runbook(words)
        case "dropdb" | "mkfs" | "shred" | "wipefs":
            return Guess("destroy")
    return Guess("read") if program in _READERS else Guess("change", sure=False)


def drops_finalizers(command: Command) -> bool:
    """Whether a command takes finalizers off by hand."""
    return command.program in ("kubectl", "oc", "k") and _drops_finalizers(list(command.arguments))


def _drops_finalizers(words: list[str]) -> bool:
    verb, text = _first(words), " ".join(words)
    if verb == "patch":
        return _DROPPED.search(text) is not None
    return verb == "replace" and _FINALIZE.search(text) is not None


def most(guesses: list[Guess]) -> Guess:
    """What commands do together: the worst of them, sure only when nothing unknown could be worse."""
    if not guesses:
        return Guess("change", sure=False)
    worst = max(guesses, key=lambda guess: ORDER.index(guess.effect)).effect
    return Guess(worst, all(guess.sure for guess in guesses) or worst == "destroy")


def _by(verb: str, reads: frozenset[str], destroys: frozenset[str]) -> Guess:
    if verb in destroys:
        return Guess("destroy")
    return Guess("read") if verb in reads else Guess("change", bool(verb))


def verbs(words: list[str]) -> list[str]:
    """The words of a kubectl command that are no flags and no values of the usual ones."""
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif _FLAG_VALUE.match(word):
            skip = word in _KUBECTL_VALUES
        elif not word.startswith("-"):
            found.append(word)
    return found


def _first(words: list[str]) -> str:
    return next(iter(verbs(words)), "")


def _kubectl(words: list[str]) -> Guess:
    if any(word.startswith("--dry-run") and word != "--dry-run=none" for word in words):
        return Guess("read")
    said = verbs(words)
    verb = said[0] if said else ""
    if verb in _KUBECTL_NESTED:
        reads = len(said) > 1 and said[1] in _KUBECTL_NESTED[verb]
        return Guess("read" if reads else "change")
    if verb in ("delete", "drain") or (verb == "replace" and "--force" in words):
        return Guess("destroy")
    if _drops_finalizers(words):
        return Guess("destroy")
    if verb == "scale" and "--replicas=0" in words:
        return Guess("change")
    if verb in _KUBECTL_READ:
        return Guess("read")
    return Guess("change", verb in _KUBECTL_CHANGE)


def _runbook(words: list[str]) -> Guess:
    """Of this program's own sub-commands one changes a cluster."""
    if _first(words) == "release-finalizers":
        return Guess("read" if "--dry-run" in words else "destroy")
    return Guess("change", sure=False)


def _curl(words: list[str]) -> Guess:
    text = " ".join(words)
    method = re.search(r"(?:-X|--request)[ =]?(\w+)", text)
    if method and method[1].upper() == "DELETE":
        return Guess("destroy")
    sends = re.search(r"(?:^| )(?:-d|--data\S*|-T|--upload-file|-F|--form|--json)\b", text)
    if method and method[1].upper() not in ("GET", "HEAD"):
        return Guess("change")
    return Guess("change" if sends and not method else "read")
