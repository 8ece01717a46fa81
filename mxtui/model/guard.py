"""When a flush would do harm: a rule over what is known of the primaries."""

from collections.abc import Mapping
from dataclasses import replace

from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.next_hop import parse_next_hop
from mxtui.model.plan import Caution, Plan

Known = Mapping[str, tuple[Primary | None, Health]]
"""What is known of primaries, by domain."""


def unwell(known: Known) -> str:
    """Why not to flush these domains now, in a sentence; empty when nothing speaks against it.

    Unknown is no reason: a probe may be blocked where mail is not.
    """
    down = _down(known)
    if not down:
        return ""
    domain, primary, health = down[0]
    more = f", and {len(down) - 1} more" if len(down) > 1 else ""
    return f"the primary of {domain} is down: {primary.host}:{primary.port} {health.rung} {health.detail}{more}"


def warned(plan: Plan, known: Known) -> Plan:
    """A plan to flush, with a caution first where a primary that it concerns is down."""
    concerned = {domain for target in plan.targets for domain in target.domains}
    sick = unwell({domain: known[domain] for domain in concerned if domain in known})
    if not sick:
        return plan
    caution = Caution("Primary down", f"{sick}. What waits for it will be deferred again, with a longer pause")
    return replace(plan, cautions=(caution, *plan.cautions))


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
    """A plan to end a hold, with a caution first where its mail had better wait."""
    why = not_yet(hold, known) if hold.kind == "migrate" else ""
    return replace(plan, cautions=(Caution("Not yet", why), *plan.cautions)) if why else plan


def _down(known: Known) -> list[tuple[str, Primary, Health]]:
    found = (
        (domain, primary, health)
        for domain, (primary, health) in known.items()
        if primary is not None and health.state == "down"
    )
    return sorted(found, key=lambda item: item[0])
