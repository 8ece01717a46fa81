"""Settings of the embedded backup MX, `mxtui serve`."""

# ruff: noqa: RUF009 (they make dataclass fields, as `field` does)

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mxtui.config import readers
from mxtui.config.setting import entries, optional, setting
from mxtui.model.next_hop import NextHop
from mxtui.model.screening import ACTIONS


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, or all of them together, may take."""

    clients: int = setting(readers.whole(1, 100_000), "500", "connections at once; more are told 421")
    clients_per_address: int = setting(readers.whole(1, 10_000), "50", "connections at once from one address")
    message: int = setting(readers.size_from(64 << 10), '"50M"', "largest message, where no primary offers less")
    recipients: int = setting(readers.whole(100, 50_000), "1000", "recipients of one message; more are told 452")
    errors: int = setting(readers.whole(1, 1000), "20", "refusals to one client before it is told 421")
    idle: float = setting(readers.seconds, '"5m"', "silence of a client before it is told 421 (RFC 5321 asks for 5m)")
    hops: int = setting(readers.whole(10, 1000), "100", "Received lines that make a loop")
    free: int = setting(readers.size, '"256M"', "with less free on the spool's file system senders are told 452")


@dataclass(frozen=True, slots=True)
class ServeScan:
    """Scanning mail before it is taken."""

    enabled: bool = setting(readers.flag, "true", "scan mail before it is taken, where `[spam]` names a scanner")
    timeout: float = setting(
        readers.seconds_to(120),
        '"10s"',
        "time for a verdict; then mail is taken unscanned, and scanned before it goes on",
    )
    at_once: int = setting(readers.whole(1, 100), "10", "messages scanned side by side")
    largest: int = setting(readers.size_from(64 << 10), '"10M"', "larger messages are not scanned")
    patience: float = setting(
        readers.pause, '"1h"', "mail taken unscanned waits so long for a scanner that is down; then it goes as it is"
    )
    actions: Mapping[str, str] = entries(
        readers.choice(*ACTIONS),
        '"add header" = "quarantine"',
        "what is done for a verdict, by the scanner's own word: `accept`, `tag`, `quarantine`, `defer` or `reject`",
    )
    spamassassin_reject: float | None = optional(
        readers.points, "SpamAssassin's points from which mail is refused, as its milter does; without it none is"
    )
    header: bool = setting(
        readers.flag, "false", "all scanned mail goes on with `X-Mxtui-Evidence`, and not only what is tagged"
    )


@dataclass(frozen=True, slots=True)
class Serve:
    """The embedded backup MX."""

    spool: Path | None = optional(readers.path, "the spool directory; made if missing")
    listen: tuple[readers.Listen, ...] = setting(readers.listens, '["*:25"]', "where to listen; `*` is every address")
    hostname: str = setting(readers.text, '""', "our name in greetings and Received lines; empty: this host's")
    user: str = setting(readers.text, '""', "user to become once the ports are taken, when started as root")
    relay: Mapping[str, NextHop] = entries(
        readers.server, '"example.org" = "mx1.example.org:25"', "domains that mail is taken for, each with its primary"
    )
    recipients: str | Path = setting(
        readers.recipients, '"callout"', "who exists: a file, `callout` (ask the primary) or `any`"
    )
    unknown: str = setting(
        readers.choice("defer", "hold"), '"defer"', "callout: recipients not known while the primary is down"
    )
    standby: bool = setting(readers.flag, "true", "answer 451 while the domain's primary is up")
    standby_patience: float = setting(
        readers.seconds, '"10m"', "standby: a sender that has kept trying for so long is let in"
    )
    certificate: Path | None = optional(readers.path, "certificate chain (PEM) for STARTTLS")
    key: Path | None = optional(readers.path, "its key, where the certificate's file does not hold it")
    tls: str = setting(
        readers.choice("may", "require", "verify"), '"may"', "towards primaries: if offered, always, or verified"
    )
    expire: float = setting(readers.seconds, '"5d"', "how long delivery is tried; then the message is `failed`")
    retry: float = setting(readers.seconds, '"5m"', "first pause of a primary that cannot be reached; doubles")
    retry_longest: float = setting(readers.seconds, '"1h"', "its longest pause")
    xclient: bool = setting(
        readers.flag,
        "true",
        "tell a primary that offers XCLIENT who the client was; each then has connections of its own",
    )
    connections: int = setting(readers.whole(1, 100), "20", "connections to one primary")
    memory: int = setting(readers.size, '"256M"', "messages being received may take so much memory; then 452")
    notices: NextHop | None = optional(
        readers.server, "relay for notices to senders of failed messages; without it none is sent"
    )
    limits: Limits = field(default_factory=Limits)
    scan: ServeScan = field(default_factory=ServeScan)
