"""Holds as they stand now: an access table may be wired in after a hold began, or be taken out under it."""

from collections.abc import Mapping
from dataclasses import replace

from mxtui.errors import MxtuiError
from mxtui.holds import Holds
from mxtui.model.holds import DomainHold
from mxtui.queues.catch import Catch


def holds_now(holds: Holds, catch: Catch) -> Mapping[str, DomainHold]:
    """By domain; `caught_since` is None where new mail is not caught now. Raises as `Holds.all` does."""
    found = holds.all()
    try:
        return {domain: _seen(hold, catch) for domain, hold in found.items()}
    except MxtuiError:
        return found  # what is on record is all that is known then


def _seen(hold: DomainHold, catch: Catch) -> DomainHold:
    if hold.kind == "suspend":
        return hold  # nobody asks
    standing = catch.standing()
    if not standing.works:
        return replace(hold, caught_since=None)
    if hold.caught_since is None:
        return replace(hold, caught_since=max(hold.since, standing.since))
    return hold
