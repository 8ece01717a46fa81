"""How the forwarder goes about it: what an operator may set, with the defaults of the standards."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

TlsPolicy = Literal["may", "require", "verify"]
"""`may`: if offered, else in the clear (RFC 7435); `require`: always, whatever the certificate; `verify`: a trusted
certificate in the host's name."""


AS_POSTFIX: Final[Mapping[str, TlsPolicy]] = {
    "encrypt": "require",
    "dane-only": "verify",
    "fingerprint": "verify",
    "verify": "verify",
    "secure": "verify",
}
"""Of smtp_tls_security_level what is more than `may` (postconf(5)). We know no TLSA records and no fingerprints: where
Postfix lets these decide we ask for a certificate that is trusted, and rather send nothing."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each step; RFC 5321 4.5.3.2 where it names one."""

    connect: float = 30.0
    """For one address: others may answer meanwhile."""
    reply: float = 300.0
    """To the greeting and to each command."""
    block: float = 180.0
    """Until the server has taken more of the content."""
    final: float = 600.0
    """To the final dot. Any shorter makes duplicates (RFC 1047)."""
    quit: float = 2.0
    """To QUIT: politeness, not news."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Of one forwarder."""

    connections: int = 20
    """At once to one host."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """To a host that bears fewer, by its name or by a domain that goes there."""
    total: int = 100
    """At once to all hosts; the last quarter is kept for hosts that have none."""
    trial: int = 50
    """Deliveries to a host that was down, in which it refuses nothing for good: 5xx counts as 4xx."""
    retry: float = 300.0
    """Seconds before the first retry; doubles with each failure. RFC 5321 4.5.4.1 asks for 30 min or less at first."""
    retry_longest: float = 3600.0
    tls: TlsPolicy = "may"
    xclient: bool = True
    """Tell a host that asks for it (Postfix: XCLIENT) who the real client is."""
    evidence: bool = False
    """All scanned mail goes with what scanners made of it (`evidence`), and not only what is tagged."""
    idle: float = 5.0
    """Seconds that a connection is kept without mail for it."""
    grace: float = 30.0
    """Seconds that transactions under way get at `stop`."""
    reroute: float = 60.0
    """Seconds after which routes and addresses are asked for again."""
    timeouts: Timeouts = field(default_factory=Timeouts)

    def cap(self, host: str, domain: str) -> int:
        """Connections at once to a host that a domain goes to."""
        return min(self.caps.get(host, self.connections), self.caps.get(domain, self.connections), self.connections)
