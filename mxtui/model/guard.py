"""When a flush would do harm: rules over what is known of the primaries, and of domains that are to be left alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.holds import DomainHold, in_force, within, words
from mxtui.model.next_hop import parse_next_hop
from mxtui.model.overview import DomainStatus
from mxtui.model.plan import Caution, Plan, Result, Target
from mxtui.model.source import Verb

Known = Mapping[str, tuple[Primary | None, Health]]
"""What is known of primaries, by domain."""

Troubles = Mapping[str, str]
"""By domain, why its mail had better not go now; may quote a server."""

NONE: Final[Troubles] = {}

KEPT_BACK: Final = "Kept back"
"""The title of a caution: an operator has said that this mail is to wait."""


def known_of(rows: Iterable[DomainStatus]) -> Known:
    """As an overview has it."""
    return {row.domain: (row.primary, row.health or UNKNOWN) for row in rows}


def down(known: Known) -> Troubles:
    """The domains whose primary is down. Unknown is no trouble: a probe may be blocked where mail is not."""
    return {
        domain: f"the primary of {domain} is down: {primary.host}:{primary.port} {health.rung} {health.detail}"
        for domain, (primary, health) in known.items()
        if primary is not None and health.state == "down"
    }


def kept_back(domains: Iterable[str], holds: Iterable[DomainHold], now: float) -> Troubles:
    """Of these domains those that an operator keeps back, themselves or one above them."""
    domains = tuple(domains)
    return {
        domain: f"{domain} is {words(hold, now)} (mxtui {hold.ended_by})"
        for hold in in_force(holds, now).values()
        for domain in domains
        if within(domain, hold.domain)
    }


def seen(rows: Sequence[DomainStatus], now: float) -> tuple[Troubles, Troubles]:
    """What an overview says of its domains, for `guarded`: which primaries are down, and whose mail is kept back."""
    holds = [row.hold for row in rows if row.hold is not None]
    return down(known_of(rows)), kept_back([row.domain for row in rows], holds, now)


def unwell(known: Known) -> str:
    """Why not to flush these domains now, in a sentence; empty when nothing speaks against it."""
    return in_a_sentence(down(known))


def in_a_sentence(troubles: Troubles) -> str:
    """The first of them, and how many more; empty when there are none."""
    if not troubles:
        return ""
    more = f", and {len(troubles) - 1} more" if len(troubles) > 1 else ""
    return f"{troubles[min(troubles)]}{more}"


def apart(targets: Iterable[Target], troubles: Troubles) -> tuple[list[Target], list[Result]]:
    """Those that may go, and a result for each that may not: all that is left of it is for domains in trouble.

    A message that others may have goes: whoever cannot be reached of its recipients waits on, as before.
    """
    going: list[Target] = []
    left_out: list[Result] = []
    for target in targets:
        if target.domains and all(domain in troubles for domain in target.domains):
            left_out.append(Result(target.queue_id, Verb.FLUSH, "refused", troubles[target.domains[0]]))
        else:
            going.append(target)
    return going, left_out


def guarded(plan: Plan, sick: Troubles, held: Troubles = NONE) -> Plan:
    """A plan to flush without what is in trouble, for a primary's sake or as an operator `held` it. Where nothing would
    be left, the plan as it is, which then is one that goes past a safeguard, and says so.
    """
    troubles = {**sick, **held}
    going, left_out = apart(plan.targets, troubles)
    if not left_out:
        return plan
    if going:
        return replace(plan, targets=tuple(going), excluded=(*plan.excluded, *left_out))
    concerned = {domain: troubles[domain] for target in plan.targets for domain in target.domains}
    if held.keys().isdisjoint(concerned):
        then = "What waits for it will be deferred again, with a longer pause"
        caution = Caution("Primary down", f"{in_a_sentence(concerned)}. {then}")
    else:
        kept = {domain: held[domain] for domain in concerned.keys() & held.keys()}
        caution = Caution(KEPT_BACK, f"{in_a_sentence(kept)}. End that first: else nothing of it may go")
    return replace(plan, cautions=(caution, *plan.cautions), forced=True)


def not_yet(hold: DomainHold, known: Known) -> str:
    """Why what a migration held had better not go now: to the old primary, or to one that is down; empty if it may."""
    primary, _ = known.get(hold.domain, (None, UNKNOWN))
    if hold.to:
        wanted = parse_next_hop(hold.to)
        if primary is None or (primary.host.lower(), primary.port) != (wanted.host.lower(), wanted.port):
            now = f"{primary.host}:{primary.port}" if primary is not None else "nowhere"
            return f"mail for {hold.domain} goes to {now}, not to the new primary {wanted.host}:{wanted.port}"
    return unwell({hold.domain: known[hold.domain]}) if hold.domain in known else ""


def advised(plan: Plan, hold: DomainHold, known: Known) -> Plan:
    """A plan to end a hold; where its mail had better wait, with a caution first, and past a safeguard."""
    why = not_yet(hold, known) if hold.kind == "migrate" else ""
    return replace(plan, cautions=(Caution("Not yet", why), *plan.cautions), forced=True) if why else plan
