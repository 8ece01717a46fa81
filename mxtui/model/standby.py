"""Standing by: a backup MX that takes mail while the primary is well is where spam goes in.

Spammers aim at the highest-numbered MX, since backups used to know no recipients. While the primary is healthy, senders
are told 451 and send there. Only for a sender that *keeps trying* us is the primary out of reach, however well it looks
from here: it is let in after a while.

What counts as healthy is `model.health`'s business; anything less than "up" (busy, flapping, not known yet) is a reason
to accept: to refuse by mistake costs mail, to accept by mistake costs a little spam.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Literal

from mxtui.model.health import HealthState

StandbyState = Literal["standing by", "accepting", "draining"]
"""`draining`: the primary is healthy and mail for it still waits here."""


@dataclass(frozen=True, slots=True)
class StandbyPolicy:
    """When to stand by. Times in seconds."""

    enabled: bool = True
    patience: float = 600.0
    """How long a sender has to keep trying. Two to three retries of a mail server; few spammers come back at all."""
    forget: float = 6 * 3600.0
    """A sender not seen for so long starts anew; the longest usual interval between early retries is an hour."""
    memory: int = 100_000
    """Senders remembered, some 200 bytes each; beyond that those not seen for longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether mail is taken."""

    admitted: bool
    host: str
    """The primary to send to instead; empty where none is known."""


@dataclass(slots=True)
class _Domain:
    health: HealthState = "unknown"
    host: str = ""
    waiting: int = 0


class Standby:
    """What is known of each domain's primary and of the senders that keep trying. No clock and no I/O of its own.

    `secret` keys the hash under which a sender is remembered, so that nobody can make another sender's for it.
    """

    def __init__(self, policy: StandbyPolicy, secret: bytes) -> None:
        self.policy = policy
        self._key = secret[:64]
        self._domains: dict[str, _Domain] = {}
        self._senders: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        """Hash → first and last seen, those seen last at the end."""

    def health(self, domain: str, state: HealthState, host: str) -> None:
        """The health of a domain's primary, and its name as senders know it."""
        known = self._domain(domain)
        known.health, known.host = state, host

    def waiting(self, domain: str, messages: int) -> None:
        """How many messages for a domain wait here."""
        self._domain(domain).waiting = messages

    def state(self, domain: str) -> StandbyState:
        """Of one domain."""
        known = self._domains.get(domain)
        if known is None or known.health != "up":
            return "accepting"
        if known.waiting:
            return "draining"
        return "standing by" if self.policy.enabled else "accepting"

    @property
    def states(self) -> dict[str, StandbyState]:
        """Of every domain that was ever reported on."""
        return {domain: self.state(domain) for domain in self._domains}

    @property
    def overall(self) -> StandbyState:
        """Of the service: accepting if any domain's mail is taken, else draining if any drains."""
        states = set(self.states.values())
        for state in ("accepting", "draining"):
            if state in states:
                return state
        return "standing by" if states else "accepting"

    @property
    def remembered(self) -> int:
        """Senders that were told to go to the primary, and are remembered."""
        return len(self._senders)

    def admit(self, domain: str, client: str, sender: str, recipient: str, now: float) -> Admission:
        """Whether to take mail for a domain. `client` is an IP address; `now` any clock that only goes forward."""
        known = self._domains.get(domain)
        if not self.policy.enabled or known is None or known.health != "up":
            return Admission(True, "")
        return Admission(self._keeps_trying(client, sender, recipient, now), known.host)

    def _keeps_trying(self, client: str, sender: str, recipient: str, now: float) -> bool:
        who = f"{network_of(client)}\n{sender}\n{recipient}".lower().encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(who, digest_size=8, key=self._key).digest()
        first, last = self._senders.pop(digest, (now, now))
        if now - last > self.policy.forget:
            first = now
        self._senders[digest] = (first, now)
        if len(self._senders) > self.policy.memory:
            self._senders.popitem(last=False)
        return now - first >= self.policy.patience

    def _domain(self, domain: str) -> _Domain:
        return self._domains.setdefault(domain, _Domain())


def network_of(address: str) -> str:
    """The network that one sender has for itself: retries come from a neighbour, and an IPv6 host has a whole /64.

    >>> network_of("192.0.2.77"), network_of("2001:db8:0:1::25")
    ('192.0.2', '2001:db8:0:1')
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return ":".join(group.lstrip("0") or "0" for group in found.exploded.split(":")[:4])
        found = found.ipv4_mapped
    return str(found).rpartition(".")[0]
