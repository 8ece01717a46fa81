"""Domains that an operator keeps mail back for: what is queued for them waits, and what comes meanwhile waits too.

A *suspension* lasts for a while and ends by itself. A *migration* lasts until somebody ends it: mail that went to a
primary that is half moved is lost, so past its time it only becomes a louder alert.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mxtui.model.plan import Caution, Result, Target
from mxtui.model.words import clock, counted, duration

HoldKind = Literal["suspend", "migrate"]

SUSPENDED_FOR: Final = 3600.0
"""Seconds that a suspension lasts where nothing else is said."""

REASON_LENGTH: Final = 200

DOMAIN: Final = re.compile(r"(?![.-])[\w.-]{1,253}(?<!\.)")
"""What can be the name of a file, and a key of an access table, without any quoting."""


@dataclass(frozen=True, slots=True)
class DomainHold:
    """One domain's mail is kept back. Times are seconds since the epoch."""

    domain: str
    kind: HoldKind
    reason: str
    owner: str
    """Who began it, as the audit names operators."""
    since: float
    until: float
    to: str = ""
    """A migration's new primary, as `model.next_hop` writes it; empty where it was not told."""
    caught_since: float | None = None
    """From when on new mail was caught as it came in; None where that was never so."""
    ending: bool = False
    """Nothing is caught any more, and what is held is being released: an end that was cut short, if nobody is at it."""

    def over(self, now: float) -> bool:
        """Whether its time is up."""
        return now >= self.until

    def in_force(self, now: float) -> bool:
        """Whether the domain's mail has to wait."""
        return not self.ending and (self.kind == "migrate" or not self.over(now))

    @property
    def note(self) -> str:
        """What a message that it caught says of itself, and what the mail log says of it."""
        return f"{self.mark}: {self.reason}"

    @property
    def mark(self) -> str:
        """The beginning of its notes, by which they are told from those of other domains."""
        return f"{self.noun} of {self.domain}"

    @property
    def badge(self) -> str:
        """The word over an alert about it."""
        return "MIGRATING" if self.kind == "migrate" else "SUSPENDED"

    @property
    def ended_by(self) -> str:
        """The command that ends it, without the program's name."""
        return f"{'migrate end' if self.kind == 'migrate' else 'resume'} {self.domain}"

    @property
    def noun(self) -> str:
        """What it is."""
        return "migration" if self.kind == "migrate" else "suspension"

    @property
    def selection(self) -> str:
        """How its acts are named in plans and in the audit; a filter's word, so that other domains are told of."""
        return f"{self.kind} domain:{self.domain}"


class Catching(NamedTuple):
    """Whether new mail is caught as it comes in."""

    works: bool
    why_not: str = ""
    """A sentence without its full stop."""
    lines: tuple[str, ...] = ()
    """The very commands that would have it caught."""
    since: float = 0.0
    """From when on at the latest; 0 is ever since. Seconds since the epoch."""
    wiring: bool = False
    """Those commands have a table asked that has to be there first."""
    defers_all: bool = False
    """What is asked is not there, so that nobody's mail is taken."""


def domain_of(text: str) -> str:
    """A domain as it is kept: lower case, without a dot at its end. Raises ValueError.

    >>> domain_of("Example.ORG.")
    'example.org'
    """
    domain = text.strip().lower().removesuffix(".")
    if not DOMAIN.fullmatch(domain) or ".." in domain:
        raise ValueError(f"not a domain: {text}")
    return domain


def within(domain: str, held: str) -> bool:
    """Whether a domain is the held one, or one below it.

    >>> within("lists.example.org", "example.org"), within("badexample.org", "example.org")
    (True, False)
    """
    return domain == held or domain.endswith(f".{held}")


def in_force(holds: Iterable[DomainHold], now: float) -> dict[str, DomainHold]:
    """Those whose mail has to wait, by domain."""
    return {hold.domain: hold for hold in holds if hold.in_force(now)}


def words(hold: DomainHold, now: float) -> str:
    """How it stands, as short as a column.

    >>> words(DomainHold("example.org", "migrate", "new host", "anna", 0.0, 7200.0), 300.0)
    'migrating, 1h 55m left'
    """
    if hold.ending:
        return "ending"
    name = "migrating" if hold.kind == "migrate" else "suspended"
    return f"{name}, {duration(now - hold.until)} overdue" if hold.over(now) else f"{name}, {left(hold, now)} left"


def left(hold: DomainHold, now: float) -> str:
    """Time until its end."""
    return duration(hold.until - now)


def start_cautions(catching: Catching, *, moves: bool) -> list[Caution]:
    """What to think about before it begins. `moves`: its messages are put into hold, rather than left alone."""
    found = []
    if not catching.works:
        found.append(
            Caution(
                "New mail",
                f"what comes from now on is tried as ever: {catching.why_not} (mxtui migrate status: what to do)",
            )
        )
    elif moves:
        found.append(
            Caution("New mail", "is held as it comes; what has recipients in other domains too is held for all of them")
        )
    return found


def holding(domains: Iterable[str], holds: Iterable[DomainHold]) -> DomainHold | None:
    """The hold that a message for these domains has to wait for, if any."""
    return next((hold for hold in holds if any(within(domain, hold.domain) for domain in domains)), None)


def release_cautions(targets: Iterable[Target], holds: Mapping[str, DomainHold], now: float) -> list[Caution]:
    """What to think about before mail is released that a domain's hold keeps back: Postfix tries it at once."""
    found = Counter(hold.domain for target in targets if (hold := holding(target.domains, holds.values())) is not None)
    cautions = []
    for domain, number in found.items():
        hold = holds[domain]
        until = f"until {clock(hold.until, now)} ({hold.owner}: {hold.reason})"
        text = f"{counted(number, 'message')} for {domain}, {until}: what is released is tried at once"
        cautions.append(Caution(hold.badge.capitalize(), text))
    return cautions


def held_for(excluded: Iterable[Result], targets: Iterable[Target], holds: Mapping[str, DomainHold]) -> list[Result]:
    """Results of messages left out, where they are in hold for a domain's sake with the command that ends that."""
    excluded = list(excluded)
    out = {result.queue_id for result in excluded}
    why = {}
    for target in targets:
        if target.queue_id in out and target.state == "hold" and (hold := holding(target.domains, holds.values())):
            why[target.queue_id] = f"held for the {hold.mark}: mxtui {hold.ended_by} lets it go"
    return [each._replace(detail=why.get(each.queue_id, each.detail)) for each in excluded]


def may_start(hold: DomainHold, before: DomainHold | None) -> str:
    """Why a hold cannot begin where another is; empty when it can. A migration takes a suspension over."""
    if before is None or before.kind == hold.kind:
        return ""
    if hold.kind == "suspend":
        return f"{hold.domain} is being migrated: nothing is tried there anyway"
    return ""


def names_a_hold(selection: str) -> bool:
    """Whether an act on record was of a hold, which is ended rather than undone.

    >>> names_a_hold("migrate domain:example.org"), names_a_hold("domain:example.org")
    (True, False)
    """
    return selection.partition(" ")[0] in ("suspend", "migrate") and " domain:" in selection


def held_for_others(domains: Iterable[str], others: Mapping[str, DomainHold]) -> DomainHold | None:
    """Another hold that a message has to wait for as well."""
    return next((others[domain] for domain in domains if domain in others), None)
