"""What is known before anything is judged. Everything that came from outside in here is hostile text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from mxtui.certificates import Certificate
from mxtui.doctor.tlsa import Tlsa
from mxtui.model.drill import Drill
from mxtui.model.holds import Catching
from mxtui.model.offers import Offers
from mxtui.model.route import Ourselves, Routed
from mxtui.model.source import Space

T = TypeVar("T")


class Unknown(NamedTuple):
    """What could not be found out, and why in plain words."""

    why: str
    denied: bool = False
    """DNS said that there is no such thing; else nobody said anything."""


Fact: TypeAlias = T | Unknown


# -- DNS --------------------------------------------------------------------------------------------------------------


class Address(NamedTuple):
    """One A or AAAA record."""

    text: str
    ttl: int
    """Seconds, as the server asked has it: a cache counts down."""
    public: bool
    """Whether it can be reached from everywhere."""


@dataclass(frozen=True, slots=True)
class Exchanger:
    """One MX record and the host that it names."""

    host: str
    """Lower case, without the last dot; octets that are no text as `\\027` (RFC 1035 5.1)."""
    preference: int
    addresses: tuple[Address, ...] = ()
    alias: str = ""
    """The name that it leads to as a CNAME; empty where it is none."""
    problem: str = ""
    """Why it has no address, in plain words."""


@dataclass(frozen=True, slots=True)
class Exchangers:
    """A domain's MX records; none where the name has none."""

    records: tuple[Exchanger, ...] = ()
    """Best first, as many as were looked at."""
    total: int = 0
    ttl: int = 0
    null: bool = False
    """One of them says that the domain takes no mail (RFC 7505)."""


class Named(NamedTuple):
    """An address of ours and the names that it leads back to."""

    address: Address
    names: Fact[tuple[str, ...]]
    here: bool
    """Whether an interface of this host has it."""


@dataclass(frozen=True, slots=True)
class OurName:
    """Our name, as the world looks it up."""

    hostname: str
    addresses: tuple[Named, ...] = ()
    tlsa: Fact[tuple[Tlsa, ...]] = ()
    secure: bool = False
    """Whether the resolver vouches for the TLSA records by DNSSEC."""


SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "unclear"]


class Spf(NamedTuple):
    """What a domain's SPF record says of mail that comes from our addresses."""

    domain: str
    record: str
    result: SpfResult
    address: str
    """The address of ours that fares worst."""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sts:
    """A domain's MTA-STS policy (RFC 8461); without a record there is none."""

    record: str = ""
    mode: str = ""
    patterns: tuple[str, ...] = ()
    problem: str = ""
    """Why senders cannot use the policy, though there is a record."""
    offset: float | None = None
    """Seconds that the server's clock is ahead of ours, by its Date field."""


# -- SMTP -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    """A mail server, as one conversation showed it."""

    host: str
    address: str
    port: int
    greeting: str
    """The name in its greeting."""
    name: str
    """The name in its reply to EHLO."""
    offers: Offers
    certificate: Fact[Certificate] | None = None
    """None where STARTTLS is not offered."""
    distrust: str = ""
    """Why a sender who asks for a valid certificate would not take it; empty where it is valid for `host`."""
    answers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Its reply to RCPT, by sender; a sender that was refused before that has that reply."""
    recipient: str = ""
    """Who was asked for."""


class RelayProbe(NamedTuple):
    """Whether our own server relays for strangers: replies by the recipient that was tried."""

    replies: tuple[tuple[str, str], ...]
    stranger: bool
    """It believed us to be a stranger (XCLIENT); else we came from `client`."""
    client: str
    why: str = ""
    """Why nothing could be asked."""


# -- this host --------------------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """One table that recipients are looked up in."""

    name: str
    """As in main.cf: `hash:/etc/postfix/relay_recipients`."""
    live: bool
    """A database or service that is asked each time."""
    written: float | None = None
    """When the source was last written, epoch seconds; None where there is none, or it cannot be told."""
    indexed: float | None = None
    """When postmap(1) last ran; None where the kind needs no index."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PostfixFacts:
    """One Postfix instance."""

    config_directory: Path
    settings: Mapping[str, str]
    """Expanded; a parameter that this version does not know is missing."""
    running: bool
    log: Fact[str]
    """Where the log is read."""
    catching: Fact[Catching]
    """Whether the table of holds is asked (migrate, suspend)."""
    tables: tuple[Table, ...] = ()
    """Of relay_recipient_maps."""
    anybody: Fact[Mapping[str, str]] = field(default_factory=dict)
    """Domains for which those tables know an address that nobody can have, and what they say."""
    also: Fact[Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Settings that make a relay domain ours in another way, by domain."""
    root: bool = True
    commands: Mapping[str, bool] = field(default_factory=dict)
    """Whether sudo would run each command that mxtui may need."""
    too_much: str = ""
    """A command that our rules do not allow, and sudo would run."""
    all_of_sudo: bool = False
    """Sudo would run anything: this is an administrator."""
    rules: tuple[str, ...] = ()
    """The rules for sudoers, exact."""


@dataclass(frozen=True, slots=True)
class SpoolFacts:
    """A spool and what `serve` is configured to do with it."""

    path: Path
    configured: bool
    """Whether the configuration is about this spool; else `serve` was told by flags, which nobody can read."""
    running: bool
    recipients: str = ""
    """`callout`, `any` or the path of a file."""
    known: Fact[int] = 0
    """Addresses in the file, or learned."""
    written: float | None = None
    lifetime: float = 0.0
    retry: float = 0.0
    retry_longest: float = 0.0
    unknown: str = ""


class Disk(NamedTuple):
    """The file system under the queue."""

    path: str
    space: Space
    kind: str
    """As mounted: `ext4`."""
    read_only: bool
    writable: Fact[bool]
    """Whether who delivers may write there."""


class Clock(NamedTuple):
    """What this host's clock is worth."""

    synchronised: bool | None
    """As the kernel has it; None where it does not tell."""
    offsets: tuple[tuple[str, float], ...] = ()
    """Seconds that others are ahead of us, by host."""


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """One domain that mail is taken for."""

    domain: str
    routed: Routed
    mx: Fact[Exchangers]
    spf: Fact[tuple[Spf, ...]]
    """Of the domain itself, and of others that are to get through."""
    sts: Fact[Sts]
    primary: Fact[Heard]
    primary_addresses: tuple[str, ...] = ()
    primary_here: str = ""
    """One of these that an interface of this host has; empty where none is."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a figure becomes a finding. Seconds, and shares from 0 to 1; as the settings have them by default."""

    ttl: float = 4 * 3600.0
    recipients: float = 30 * 86400.0
    certificate: float = 14 * 86400.0
    drill: float = 30 * 86400.0
    free: float = 0.20
    free_critical: float = 0.05
    least_free: int = 0
    """Bytes below which no mail is taken."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it."""

    now: float
    ourselves: Ourselves
    system: PostfixFacts | SpoolFacts
    name: Fact[OurName]
    here: Fact[Heard]
    relay: Fact[RelayProbe]
    disk: Fact[Disk]
    clock: Clock
    drills: Fact[Mapping[str, Drill]]
    """The last of each domain."""
    chain: tuple[bytes, ...] = ()
    """Our certificate chain from its file, DER; empty where it cannot be read."""
    domains: tuple[DomainFacts, ...] = ()
    limits: Thresholds = field(default_factory=Thresholds)
    drilled: tuple[str, ...] = ()
    """Domains that have an address for drills."""
