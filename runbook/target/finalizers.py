"""Whether the finalizer of an object that hangs may be taken off by hand now. Pure.

A Seldon finalizer waits for one answer: the scheduler has unloaded this, or knows nothing of it.
Without that answer it is safe to release only where nobody remembers or serves the object: in a namespace
that is itself being deleted, once its scheduler, the scheduler's volume and all model servers are
going too. Nothing new can be made in such a namespace, so a yes stays a yes until it is acted on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Remover:
    """Who takes a finalizer off, and the pod in the object's namespace it cannot do without."""

    who: str
    needs_pod: str = ""


SCHEDULER = "seldon-scheduler"
"""Seldon's name for the StatefulSet, the Service, and the label value of the scheduler's pods."""

REMOVERS = {
    "seldon.experiment.finalizer": Remover(
        "the Seldon operator, once seldon-scheduler says the experiment is stopped", SCHEDULER
    ),
    "seldon.pipeline.finalizer": Remover(
        "the Seldon operator, once seldon-scheduler says the pipeline is gone", SCHEDULER
    ),
    "seldon.model.finalizer": Remover(
        "the Seldon operator, once seldon-scheduler says the model is unloaded", SCHEDULER
    ),
    "seldon.runtime.finalizer": Remover(
        "the Seldon operator, once no Server is left in the namespace"
    ),
    "kubernetes.io/pvc-protection": Remover("Kubernetes, once no pod uses the claim"),
    "kubernetes.io/pv-protection": Remover("Kubernetes, once the volume is not bound"),
    "service.kubernetes.io/load-balancer-cleanup": Remover("the load balancer's controller"),
    "foregroundDeletion": Remover("Kubernetes, once the objects it owns are gone"),
    "customresourcecleanup.apiextensions.k8s.io": Remover(
        "Kubernetes, once no object of that kind is left"
    ),
    "resources-finalizer.argocd.argoproj.io": Remover(
        "Argo CD, once the application's objects are gone"
    ),
    "kubernetes": Remover("Kubernetes, once the namespace is empty"),
}
ORDER = {
    "seldon.experiment.finalizer": "Experiment",
    "seldon.pipeline.finalizer": "Pipeline",
    "seldon.model.finalizer": "Model",
    "seldon.runtime.finalizer": "SeldonRuntime",
}
"""The finalizers that may be released, in the order in which they must go, with their kinds."""
_TURNS = {finalizer: turn for turn, finalizer in enumerate(ORDER)}
RUNTIME = "seldon.runtime.finalizer"
NAMESPACE = "the namespace"
ELSEWHERE = "schedulers of other namespaces"
"""The entry of `unread` that matters only where a namespace shows no scheduler of its own."""


class Verdict(StrEnum):
    """The worse come first."""

    NEVER = "never"
    """Not by this tool: it is somebody else's, or what it guards stays."""
    UNKNOWN = "cannot tell"
    """What must be known cannot be read."""
    WAIT = "not yet"
    """Whoever should do it lives, or is still on its way out."""
    RELEASE = "safe"


SAFE = Verdict.RELEASE


@dataclass(frozen=True, slots=True)
class Decision:
    verdict: Verdict
    reasons: tuple[str, ...]
    """What the verdict rests on, the worst first."""
    next: str
    """What the operator does now."""

    @property
    def words(self) -> str:
        return _VERDICTS[self.verdict]

    def __str__(self) -> str:
        if self.verdict is SAFE:
            gone = "scheduler, its volume and all model servers have gone"
            return f"{self.words}: {gone}; runbook release-finalizers"
        more = len(self.reasons) - 1
        rest = f" (and {more} more)" if more else ""
        return f"{self.words}: {self.reasons[0]}{rest}; {self.next}"

    def masked(self, mask: Callable[[str], str]) -> Decision:
        """The same with what a server wrote in it masked."""
        return replace(self, reasons=tuple(map(mask, self.reasons)), next=mask(self.next))


_VERDICTS = {
    Verdict.RELEASE: "safe to release now",
    Verdict.WAIT: "not safe to release yet",
    Verdict.UNKNOWN: "cannot tell whether releasing is safe",
    Verdict.NEVER: "not to be released",
}


@dataclass(frozen=True, slots=True)
class Held:
    """An object with finalizers, as it was read."""

    resource: str
    """`models.mlops.seldon.io`"""
    kind: str
    namespace: str
    name: str
    uid: str
    version: str
    """Its resourceVersion."""
    deleting_since: datetime | None
    finalizers: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Leaving:
    """A pod or a volume claim. `deleting` is the end of its grace period once it is being deleted."""

    name: str
    deleting: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a namespace: everything that the decisions about its objects rest on."""

    namespace: str
    now: datetime
    """By the server's clock, as all moments here."""
    exists: bool = True
    deleting_since: datetime | None = None
    """Since when the namespace itself is being deleted."""
    held: tuple[Held, ...] = ()
    schedulers: tuple[Leaving, ...] = ()
    """The scheduler's pods in the namespace that may still run something; of servers likewise."""
    server_pods: tuple[Leaving, ...] = ()
    claims: tuple[Leaving, ...] = ()
    """The volume claims in which the scheduler keeps what it knows."""
    servers: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    """SeldonRuntimes that are not being deleted."""
    has_own: bool = False
    """Whether a pod or a volume shows that the namespace has a scheduler of its own. A SeldonRuntime
    does not: it may have none, and leave its models to a central one."""
    alias: str = ""
    """The host of another place that the name of the scheduler leads to."""
    elsewhere: tuple[str, ...] = ()
    """Other namespaces with a scheduler or a SeldonRuntime."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """What could not be read, and why."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be done about one finalizer of one object."""

    held: Held
    finalizer: str
    decision: Decision


_Finding = tuple[Verdict, str, str]


def decide_all(
    sight: Sight, *, only: Collection[tuple[str, str]] = (), vouched: bool = False
) -> Iterator[Decided]:
    """A decision for each finalizer of each object that is being deleted, or will be with its namespace,
    in the order in which they go. What is safe to release counts as released for those after it.

    `only`: resource and name of those that are to be released, when not all are; the others stay.
    `vouched`: a person says that no scheduler of another namespace serves this one.
    """
    before: list[str] = []
    by_turn = sorted(sight.held, key=lambda held: (_turn(held), held.kind, held.name))
    for _, turn in groupby(by_turn, key=_turn):
        stay: list[str] = []
        for held in turn:
            found = [
                Decided(held, one, decide(held, one, sight, before=before, vouched=vouched))
                for one in held.finalizers
            ]
            meant = not only or (held.resource, held.name) in only
            safe = all(f.decision.verdict is SAFE for f in found if f.finalizer in ORDER)
            if not (meant and safe):
                stay.append(held.title)
            if meant and (held.deleting_since or sight.deleting_since) is not None:
                yield from found
        before += stay


def decide(
    held: Held, finalizer: str, sight: Sight, *, before: Sequence[str] = (), vouched: bool = False
) -> Decision:
    """Whether this finalizer of this object may be released now. `before`: objects that go first."""
    if held.deleting_since is None and sight.deleting_since is not None:
        return Decision(
            Verdict.WAIT, ("the namespace's deletion has not reached it yet",), "wait until it has"
        )
    if held.deleting_since is None:
        return Decision(
            Verdict.NEVER, ("it is not being deleted",), "leave it alone: nothing hangs here"
        )
    if not finalizer:
        return Decision(
            Verdict.NEVER, ("no finalizer holds it, its own shutdown is running",), "wait"
        )
    if finalizer not in ORDER:
        known = REMOVERS.get(finalizer)
        who = known.who if known else "the controller that put it there"
        return Decision(
            Verdict.NEVER,
            (f"{finalizer} is taken off by {who}",),
            "find out why that does not happen: releasing it loses what it guards",
        )
    found = [
        *_namespace(sight),
        *_unread(sight),
        *_alive(sight),
        *_volumes(sight),
        *_loaded(sight),
        *_others(sight, vouched=vouched),
        *_earlier(finalizer, sight, before),
    ]
    if not found:
        return Decision(SAFE, tuple(_safe(sight, vouched=vouched)), "release it")
    order = list(Verdict)
    found.sort(key=lambda one: order.index(one[0]))  # stable: else in the order above
    verdict, _, what_next = found[0]
    return Decision(verdict, tuple(reason for _, reason, _ in found), what_next)


def _turn(held: Held) -> int:
    turns = [_TURNS[finalizer] for finalizer in held.finalizers if finalizer in _TURNS]
    return min(turns, default=len(_TURNS))


def _namespace(sight: Sight) -> Iterator[_Finding]:
    if sight.deleting_since is None and NAMESPACE not in sight.unread:
        yield (
            Verdict.NEVER,
            f"namespace {sight.namespace} is not being deleted, so its platform can come back",
            "bring operator and scheduler back, and they finish the deletion",
        )


def _unread(sight: Sight) -> Iterator[_Finding]:
    for what, why in sight.unread.items():
        if what != ELSEWHERE:
            yield (
                Verdict.UNKNOWN,
                f"cannot read {what}: {why}",
                f"get the right to read {what}, then ask again",
            )


def _alive(sight: Sight) -> Iterator[_Finding]:
    for pod in sight.schedulers:
        if pod.deleting is None:
            yield (
                Verdict.WAIT,
                f"{pod.name} is there and may still do it",
                "wait; if that lasts, read the log of seldon-v2-controller-manager",
            )
        elif pod.deleting > sight.now:
            left = int((pod.deleting - sight.now).total_seconds()) + 1
            yield (Verdict.WAIT, f"{pod.name} has up to {left}s more to answer", "wait")
    for name in sight.runtimes:
        yield (
            Verdict.WAIT,
            f"SeldonRuntime {name} is not being deleted and keeps a scheduler",
            "wait until the namespace's deletion reaches it",
        )


def _volumes(sight: Sight) -> Iterator[_Finding]:
    for claim in sight.claims:
        if claim.deleting is None:
            yield (
                Verdict.WAIT,
                f"volume claim {claim.name} stays, and a rebuilt scheduler would remember this",
                f"delete the claim {claim.name}, or wait until the namespace's deletion reaches it",
            )


def _loaded(sight: Sight) -> Iterator[_Finding]:
    for pod in sight.server_pods:
        if pod.deleting is None:
            yield (
                Verdict.WAIT,
                f"model server {pod.name} runs and may hold models",
                "wait until its pod is gone",
            )
        elif pod.deleting > sight.now:
            yield (
                Verdict.WAIT,
                f"model server {pod.name} is shutting down and may hold models",
                "wait until its pod is gone, two minutes at most",
            )
        else:
            yield (
                Verdict.WAIT,
                f"model server {pod.name} should have ended and its node does not say that it has",
                "look at its node: only when that is dead, delete the pod with --force",
            )


def _others(sight: Sight, *, vouched: bool) -> Iterator[_Finding]:
    there = ", ".join(sight.elsewhere)
    if sight.alias:
        yield (
            Verdict.WAIT,
            f"the name {SCHEDULER} leads to {sight.alias}, so that scheduler serves this namespace",
            "let the operator unload it there, or correct the Service",
        )
    elif sight.has_own or vouched:
        return
    elif ELSEWHERE in sight.unread:
        yield (
            Verdict.UNKNOWN,
            f"cannot see schedulers of other namespaces: {sight.unread[ELSEWHERE]}",
            "make sure that none of them serves this one, then say --no-other-scheduler",
        )
    elif sight.elsewhere:
        yield (
            Verdict.UNKNOWN,
            f"a scheduler runs in {there}, and nothing here shows that this one had its own",
            f"make sure that the one in {there} does not serve it, then say --no-other-scheduler",
        )


def _earlier(finalizer: str, sight: Sight, before: Sequence[str]) -> Iterator[_Finding]:
    """Experiments use models, models lie on servers, the runtime carries them all."""
    if before:
        yield (Verdict.WAIT, f"{_few(before)} must go first", "see to that first")
    if finalizer == RUNTIME and sight.servers:
        yield (
            Verdict.WAIT,
            f"the runtime waits for its Servers: {_few(sight.servers)}",
            "wait until they are gone, or delete them",
        )


def _safe(sight: Sight, *, vouched: bool) -> Iterator[str]:
    yield f"namespace {sight.namespace} is being deleted"
    going = [f"{pod.name} is past its end" for pod in sight.schedulers]
    yield from going or ["no scheduler is left in it"]
    claims = [f"its volume claim {claim.name} is being deleted" for claim in sight.claims]
    yield from claims or ["no volume of a scheduler is left"]
    yield "no model server is left"
    if sight.has_own and not sight.elsewhere:
        yield "the scheduler was its own"
    elif sight.has_own:
        yield f"the scheduler was its own, not that of {', '.join(sight.elsewhere)}"
    elif vouched:
        yield "the operator says that no other scheduler serves it"
    else:
        yield "no other namespace has a scheduler"


def _few(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
