"""What a verb may touch, and what an operator should think about first: rules only."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from mxtui.model.message import Identity, QueuedMessage, State
from mxtui.model.plan import Caution, Plan, Result, Target
from mxtui.model.quarantine import UNNAMED, named_in_quarantine
from mxtui.model.redirect import Redirect
from mxtui.model.source import Verb

RENEW_WITHIN: Final = 600.0
"""Seconds. Released mail with less than this to live would bounce at its first failed try."""

HOLD_HORIZON: Final = 86400.0
"""Seconds. Mail that expires sooner than this after being held is worth a word: the clock goes on."""

BACKSCATTER_MESSAGES: Final = 10
BACKSCATTER_SHARE: Final = 0.5
"""So many messages from so many different senders are a campaign with forged addresses rather than a mailing list. So
many from one sender are a list, or a campaign in one stranger's name, who would get all the notices."""

ACTS_ON: Final[Mapping[Verb, frozenset[State]]] = {
    Verb.HOLD: frozenset({"incoming", "deferred"}),
    Verb.RELEASE: frozenset({"hold", "quarantine", "failed"}),
    Verb.REJECT: frozenset({"incoming", "deferred", "hold", "failed"}),
    Verb.DELETE: frozenset({"incoming", "deferred", "hold", "quarantine", "failed"}),
    Verb.FLUSH: frozenset({"incoming", "deferred", "active"}),
    Verb.REDIRECT: frozenset({"deferred", "hold", "failed"}),
    Verb.RENEW: frozenset({"incoming", "deferred", "hold"}),
    Verb.QUARANTINE: frozenset({"incoming", "deferred", "hold", "failed"}),
    Verb.UNQUARANTINE: frozenset({"quarantine"}),
}

IN_DELIVERY: Final = "in delivery now"
"""Never touched: what is taken away from qmgr while it delivers is lost or sent twice (queue_file, qmgr(8))."""

REFUSALS: Final[Mapping[tuple[Verb, State], str]] = {
    (Verb.HOLD, "hold"): "already held",
    (Verb.HOLD, "quarantine"): "in quarantine already",
    (Verb.HOLD, "failed"): "given up: nothing tries it until it is released",
    (Verb.REJECT, "quarantine"): "suspected spam: its sender is likely forged, and a stranger would get the notice",
    (Verb.FLUSH, "hold"): "held: release it first",
    (Verb.FLUSH, "quarantine"): "in quarantine: release it first",
    (Verb.FLUSH, "failed"): "given up: release it first",
    (Verb.REDIRECT, "quarantine"): "in quarantine: release it first",
    (Verb.RENEW, "quarantine"): "in quarantine: nothing expires there",
    (Verb.RENEW, "failed"): "given up: a release renews it",
    (Verb.QUARANTINE, "quarantine"): "in quarantine already",
}

STATE_REFUSALS: Final[Mapping[State, str]] = {
    "active": IN_DELIVERY,
    "maildrop": "handed in here and not yet queued",
    "corrupt": "corrupt: out of the mail system's reach",
}

_UNMOVED: Final[Mapping[Verb, str]] = {Verb.RELEASE: "not held", Verb.UNQUARANTINE: "not in quarantine"}
"""Said of mail that is not where a verb brings mail back from."""

DAMAGED: Final = "damaged: no notice can be made of it"

REVERSIBLE: Final = frozenset({Verb.HOLD, Verb.RELEASE, Verb.REDIRECT, Verb.QUARANTINE, Verb.UNQUARANTINE})
"""And a deletion of which copies are kept."""


def refusal(verb: Verb, state: State) -> str:
    """Why `verb` leaves a message in `state` alone; empty when it does not.

    >>> refusal(Verb.HOLD, "active")
    'in delivery now'
    """
    if verb is Verb.RESTORE or state in ACTS_ON[verb]:
        return ""
    if verb in _UNMOVED and state not in STATE_REFUSALS:
        return _UNMOVED[verb]
    return REFUSALS.get((verb, state)) or STATE_REFUSALS.get(state) or f"in {state}"


def target_of(message: QueuedMessage) -> Target:
    """What a plan has to know of a message."""
    domains = tuple(sorted({recipient.domain for recipient in message.recipients}))
    return Target(
        message.identity,
        message.state,
        message.size,
        message.sender,
        domains,
        len(message.recipients),
        message.expires,
        message.forced_expire,
        message.fault is not None,
    )


ARRIVAL_TOLERANCE: Final = 1.0
"""Seconds; some roads to a queue tell arrival in whole ones."""


def same_arrival(one: float, other: float) -> bool:
    """Whether two times of arrival, perhaps in whole seconds, can be the same."""
    return abs(one - other) < ARRIVAL_TOLERANCE


def same_message(one: Identity, other: Identity) -> bool:
    """Whether two identities, perhaps told by different roads to the queue, mean one message.

    >>> same_message(Identity("A1B2C3D4", 77, 1000.25), Identity("A1B2C3D4", 0, 1000.0))
    True
    >>> same_message(Identity("A1B2C3D4", 77, 1000.25), Identity("A1B2C3D4", 78, 1000.25))
    False
    """
    inodes_agree = one.inode == other.inode or not one.inode or not other.inode
    return one.queue_id == other.queue_id and inodes_agree and same_arrival(one.arrival, other.arrival)


def make_plan(
    verb: Verb,
    targets: Iterable[Target],
    selection: str,
    now: float,
    *,
    keep_copy: bool = True,
    forced: bool = False,
    where: Redirect | None = None,
    admitted: Callable[[Target], bool] = lambda _: False,
) -> Plan:
    """The plan for `targets` but for its steps. Without `keep_copy` a deletion cannot be undone.

    Those `admitted` may be acted on whatever state they are in.
    """
    chosen: dict[str, Target] = {}
    excluded: list[Result] = []
    targets = tuple(targets)
    named = named_in_quarantine(selection, targets) if verb is Verb.RELEASE else frozenset()
    for target in targets:
        why = "" if admitted(target) else refusal(verb, target.state)
        if not why and verb is Verb.RELEASE and target.state == "quarantine" and target.queue_id not in named:
            why = UNNAMED
        if why := why or (DAMAGED if target.damaged and verb is Verb.REJECT else ""):
            excluded.append(Result(target.queue_id, verb, "refused", why))
        else:
            chosen[target.queue_id] = target
    plan_targets = tuple(chosen.values())
    reversible = verb in REVERSIBLE or (verb is Verb.DELETE and keep_copy)
    return Plan(
        verb,
        plan_targets,
        now,
        selection,
        cautions=tuple(cautions(verb, plan_targets, selection, now, reversible=reversible, where=where)),
        excluded=tuple(excluded),
        reversible=reversible,
        forced=forced,
        where=where,
    )


def needs_renewal(target: Target, now: float) -> bool:
    """Released as it is, the message would be returned at its first failed try."""
    return target.expires is not None and target.expires <= now + RENEW_WITHIN


def cautions(
    verb: Verb,
    targets: Sequence[Target],
    selection: str,
    now: float,
    *,
    reversible: bool,
    where: Redirect | None = None,
) -> Iterable[Caution]:
    """What to think about before confirming, gravest first."""
    match verb:
        case Verb.REJECT:
            yield from _about_rejecting(targets)
        case Verb.DELETE:
            if not reversible:
                yield Caution("No copy", "no copy is kept: this cannot be undone", safer=Verb.HOLD)
            elif damaged := sum(target.damaged for target in targets):
                yield Caution("Damaged", f"{_messages(damaged)} damaged: a copy is kept, but cannot be put back")
        case Verb.RELEASE:
            if returned := sum(target.forced_expire and not needs_renewal(target, now) for target in targets):
                yield Caution(
                    "Returned",
                    f"{_messages(returned)} marked to be returned (forced expiry): released, they go back to their "
                    "senders at once",
                )
            if suspected := sum(target.state == "quarantine" for target in targets):
                yield Caution("Suspected spam", f"{_messages(suspected)} in quarantine: released, they are delivered")
            if refused := sum(target.state == "failed" for target in targets):
                yield Caution(
                    "Refused before",
                    f"{_messages(refused)} given up: what the primary refused for good it will refuse again, "
                    "unless something was changed there",
                )
            if renewed := sum(needs_renewal(target, now) for target in targets):
                yield Caution(
                    "Renewed",
                    f"{_messages(renewed)} would expire at once: given a new lifetime, by Postfix under a new ID, "
                    "which the kept queue ID does not survive",
                )
        case Verb.RESTORE:
            if suspected := sum(target.state == "quarantine" for target in targets):
                yield Caution(
                    "Suspected spam",
                    f"{_messages(suspected)} in quarantine when deleted: a spool has them there again, Postfix "
                    "delivers what is put back",
                )
        case Verb.RENEW:
            if targets:
                yield Caution(
                    "New lifetime",
                    f"{_messages(len(targets))} waited once, and may wait as long again; by Postfix under a new ID, "
                    "which the kept queue ID does not survive, and tried at once",
                )
            if held := sum(target.state == "hold" for target in targets):
                yield Caution(
                    "Held", f"{_messages(held)} in hold: Postfix lets go of what it renews; in a spool it stays held"
                )
        case Verb.HOLD:
            if ageing := sum(t.expires is not None and t.expires <= now + HOLD_HORIZON for t in targets):
                yield Caution(
                    "Lifetime",
                    f"{_messages(ageing)} expire within 24 h: a hold does not stop the clock, a release renews",
                )
        case Verb.REDIRECT if where is not None and where.address and not where.only:
            if several := sum(target.recipients > 1 for target in targets):
                yield Caution(
                    "Several recipients",
                    f"{_messages(several)} wait for more than one recipient: {where.address} gets them in place of all "
                    "of those",
                )
        case _:
            pass
    if verb is not Verb.RESTORE and (domains := selected_domains(selection)):
        yield from _about_other_domains(verb, targets, domains)


def _about_rejecting(targets: Sequence[Target]) -> Iterable[Caution]:
    senders = Counter(target.sender for target in targets if target.sender)
    null = sum(target.null_sender for target in targets)
    notices = len(targets) - null
    if notices >= BACKSCATTER_MESSAGES and len(senders) >= notices * BACKSCATTER_SHARE:
        yield Caution(
            "Backscatter",
            f"notices go to {len(senders):,} different senders: where those are forged, strangers get them, "
            "and this server's reputation suffers",
            safer=Verb.DELETE,
        )
    elif senders and (most := senders.most_common(1)[0])[1] >= BACKSCATTER_MESSAGES:
        yield Caution(
            "Backscatter",
            f"{most[1]:,} notices go to {most[0]}: where that address is forged, a stranger gets them all",
            safer=Verb.DELETE,
        )
    if null:
        yield Caution(
            "No notice", f"{_messages(null)} with the null sender ({null / len(targets):.0%}) vanish: nobody is told"
        )


def _about_other_domains(verb: Verb, targets: Sequence[Target], domains: Sequence[str]) -> Iterable[Caution]:
    others: set[str] = set()
    shared = 0
    for target in targets:
        outside = [domain for domain in target.domains if not any(fnmatchcase(domain, wanted) for wanted in domains)]
        shared += bool(outside)
        others.update(outside)
    if shared:
        named = ", ".join(sorted(others)[:3]) + (" …" if len(others) > 3 else "")
        yield Caution(
            "Whole messages",
            f"{_messages(shared)} also {'has' if shared == 1 else 'have'} recipients in {named}: "
            f"{verb} concerns those as well",
        )


DOMAIN_WORD: Final = re.compile(r"(?<![\w:-])domain:\"?([^\s()\"]+)", re.IGNORECASE)


def selected_domains(selection: str) -> list[str]:
    """The domains that a filter names outright; a negated one does not count.

    >>> selected_domains('domain:example.org age>2h -domain:b.example')
    ['example.org']
    """
    return [domain.lower() for domain in DOMAIN_WORD.findall(selection)]


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"
