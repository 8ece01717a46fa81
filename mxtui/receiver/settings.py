"""What a receiver is told: where its bounds are, what it may offer, and for whom it takes mail."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mxtui.model.offers import Offers

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything a client could use up. Sizes in bytes, times in seconds."""

    connections: int = 500
    """At once; more are told 421. Each takes 10 kB, with TLS 280 kB (measured)."""
    connections_per_client: int = 50
    """At once from one IPv4 address or one IPv6 /64; more are told 421. Postfix's default."""
    idle_commands: int = 100
    """Commands since the last message that moved none forward (NOOP, RSET, EHLO, MAIL …); then 421."""
    errors: int = 20
    """Replies of 5yz in a session; then 421. Postfix's `smtpd_hard_error_limit`."""
    recipients: int = 1000
    """Of one message, asked for or accepted; more are told 452. RFC 5321 4.5.3.1.8 demands 100."""
    message_size: int = 50 * MB
    """As on the wire (RFC 1870)."""
    memory: int = 256 * MB
    """Message content held, over all sessions; what does not fit is told 452."""
    memory_per_client: int = 128 * MB
    """The same for one IPv4 address or IPv6 /64: one slow client alone cannot keep all others out."""
    command_line: int = 2048
    """RFC 5321 4.5.3.1.4 demands 512; ORCPT and ENVID add 1,100 (RFC 3461)."""
    text_line: int = 1 * MB
    """RFC 5321 4.5.3.1.6 allows 1,000; real mail has longer ones, and what the primary would take is not ours to
    refuse."""
    idle: float = 300.0
    """Between commands (RFC 5321 4.5.3.2.7)."""
    data_idle: float = 180.0
    """Between two pieces of a message."""
    data_rate: int = 500
    """Bytes a second that a message has to come in with, on the whole, after `data_idle`. Postfix's
    `smtpd_min_data_rate`."""
    session: float = 3600.0
    """From connect to the last reply."""
    received: int = 100
    """Received fields of a message; more are a loop (RFC 5321 6.3)."""
    own_received: int = 3
    """Received fields that this host wrote; more are a loop."""


CONSERVATIVE = Offers(size=10_240_000)
"""For a primary nobody has spoken with yet: Postfix's default size, and what every server has."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files; the chain with the server's own certificate first."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """One receiver's."""

    hostname: str
    """In greeting, EHLO and Received; the name in the MX record."""
    domains: frozenset[str]
    """Those relayed for, in lower case, internationalised ones as A-labels. No subdomains: each is named."""
    limits: Limits = field(default_factory=Limits)
    certificate: CertificateFiles | None = None
    """For STARTTLS, which is not offered without."""
    lifetime: float = 5 * 86400.0
    """Seconds after which a message is given up (RFC 5321 4.5.4.1: at least 4 to 5 days)."""
    undecided: Literal["defer", "hold"] = "defer"
    """Recipients nobody can tell good from bad while the primary is down: 451, or accept and hold the message."""
    postmaster: str = ""
    """Who gets mail for `<postmaster>` without a domain (RFC 5321 4.5.1), an address of a relayed domain; empty: it is
    refused, for there is no mailbox here. `postmaster@` a relayed domain is a recipient like any other."""
