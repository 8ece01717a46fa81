"""What can be set, with its default and its meaning: the one place that says so.

Plain dataclasses: without a file there is nothing to validate, and `mxtui status` starts 45 ms sooner.
"""

# ruff: noqa: RUF009 (they make dataclass fields, as `field` does)

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from mxtui.config import readers
from mxtui.config.hosts import Host, hosts
from mxtui.config.serving import Limits, Serve, ServeScan
from mxtui.config.setting import entries, optional, setting
from mxtui.model.drain.rate import EXAMPLES as RATES
from mxtui.model.drain.rate import Rate
from mxtui.model.next_hop import NextHop


@dataclass(frozen=True, slots=True)
class Probe:
    """How primaries are checked."""

    enabled: bool = setting(readers.flag, "true", "check whether primaries are up")
    interval: float = setting(readers.seconds, '"30s"', "time between checks of a primary whose state is settled")
    transition: float = setting(readers.seconds, '"5s"', "time between checks while its state is in doubt")
    fall: int = setting(readers.count, "3", "failed checks in a row before a primary is down")
    rise: int = setting(readers.count, "3", "good checks in a row before it is up again")
    timeout: float = setting(readers.seconds, '"10s"', "time that one step of a check may take")
    total: float = setting(readers.seconds, '"25s"', "time that a whole check may take")
    at_once: int = setting(readers.count, "20", "primaries checked side by side")
    recipients: Mapping[str, str] = entries(
        readers.address,
        '"example.org" = "postmaster@example.org"',
        "recipients that exist: before a drain the primary has to accept them, and to refuse one that does not",
    )


@dataclass(frozen=True, slots=True)
class Drain:
    """How a flush goes about it."""

    connections: int = setting(readers.count, "20", "connections to one primary at most; a drain begins with two")
    primaries: Mapping[str, int] = entries(
        readers.whole(1, 100),
        '"mx1.example.org" = 5',
        "connections to a primary that bears fewer, by its host or a domain of its; through Postfix, messages",
    )
    batch: int = setting(
        readers.whole(1, 10_000), "625", "messages in Postfix's hands at most, which it would bounce at once"
    )
    tls: str | None = optional(
        readers.choice("may", "require", "verify"),
        "by our own sender on a Postfix queue: as `serve.tls`; left out, as smtp_tls_security_level has it",
    )
    xclient: bool = setting(
        readers.flag,
        "false",
        "by our own sender on a Postfix queue: as `serve.xclient`; slower, for each client has connections of its own",
    )
    rate: Rate = setting(
        readers.rate, '""', "messages or bytes a second at most, or both: " + RATES + "; empty: what the primary takes"
    )
    trial: int = setting(readers.count, "50", "deliveries after which a recovered primary is believed")
    refused: float = setting(readers.percent, "5", "stop when more of the messages are refused, in percent")
    canary: bool = setting(readers.flag, "true", "one message goes first, and no other until it is delivered")
    settle: float = setting(
        readers.pause, '"2m"', "serve: how long a primary has to be up again before it drains to it by itself; or 0s"
    )
    again: float = setting(
        readers.seconds,
        '"1d"',
        "serve: when it tries again by itself after a guard or an operator has stopped a drain; flush does so at once",
    )
    folder: Path | None = optional(
        readers.path,
        "where drains are registered (a spool's in its own drains/; /var/lib/mxtui/drains, else below $XDG_STATE_HOME)",
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """Copies of deleted messages."""

    folder: Path | None = optional(
        readers.path, "where copies are kept (/var/lib/mxtui/kept, else below $XDG_STATE_HOME)"
    )
    age: float = setting(readers.seconds, '"7d"', "how long a copy is kept")
    size: int = setting(readers.size, '"1G"', "room that copies may take; the oldest go first")


@dataclass(frozen=True, slots=True)
class Alerts:
    """When a figure becomes an alert."""

    expiry: float = setting(readers.seconds, '"24h"', "warn when a message expires within this time")
    expiry_critical: float = setting(readers.seconds, '"4h"', "and when it is critical")
    free: float = setting(readers.percent, "20", "warn when less of the queue's file system is free, in percent")
    free_critical: float = setting(readers.percent, "5", "and when it is critical")
    full: float = setting(readers.seconds, '"6h"', "warn when it will be full so soon at the present rate")
    settled: float = setting(readers.seconds, '"15m"', "a primary that is up for so long ought to have its mail")
    backlog: float = setting(readers.seconds, '"20m"', "and mail for it is a backlog when it is older than this")
    stalled: float = setting(readers.seconds, '"10m"', "mail waits, its primary is up, nothing has left for so long")
    silent: float = setting(readers.seconds, '"2m"', "whoever delivers gives no sign of life for so long")
    refused: float = setting(readers.percent, "5", "more of what is delivered is refused for good, in percent")
    accepting: int = setting(
        readers.whole(1, 1_000_000), "20", "so many messages came within minutes though the primary is up"
    )
    held: float = setting(readers.seconds, '"3d"', "a message in hold is older than this")
    certificate: float = setting(readers.seconds, '"14d"', "a certificate expires within this time")


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told of alerts."""

    command: tuple[str, ...] | None = optional(
        readers.argv, "a command that is told, JSON on its standard input: a list, no shell"
    )
    timeout: float = setting(readers.seconds, '"30s"', "time that it, or the mail, may take; then it is killed")
    to: str | None = optional(readers.address, "an address that gets mail about alerts")
    sender: str | None = optional(readers.address, "the sender of that mail (mxtui@ this host)")
    relay: NextHop | None = optional(
        readers.server, "who delivers it: not the primary, which is what is down when there is something to tell"
    )
    after: float = setting(readers.seconds, '"1m"', "only what has been so for this long is told")
    again: float = setting(readers.seconds, '"1d"', "what is still so after this long is told again")
    an_hour: int = setting(readers.count, "12", "letters, or calls of the command, within an hour; the rest waits")


@dataclass(frozen=True, slots=True)
class Drill:
    """Regular tests that mail comes through."""

    addresses: Mapping[str, str] = entries(
        readers.address, '"example.org" = "drill@example.org"', "an address at each domain's primary that takes drills"
    )
    sender: str = setting(readers.text, '""', "envelope sender of drills; empty: none, so that nothing is returned")
    timeout: float = setting(readers.seconds, '"5m"', "time that a drill may take")
    every: float = setting(readers.seconds, '"30d"', "a domain with an address here is to be drilled so often")


@dataclass(frozen=True, slots=True)
class Doctor:
    """When `mxtui doctor` finds fault, and whom it asks."""

    nameservers: tuple[NextHop, ...] = setting(
        readers.nameservers,
        "[]",
        "DNS servers that doctor asks (empty: this host's); one outside sees what strangers see",
    )
    senders: tuple[str, ...] = setting(
        readers.domains, "[]", "domains with a strict SPF whose mail has to get through us; the relayed ones always are"
    )
    ttl: float = setting(readers.seconds, '"4h"', "MX and address records that are cached longer are found fault with")
    recipients: float = setting(readers.seconds, '"30d"', "and lists of recipients that were not written for so long")


@dataclass(frozen=True, slots=True)
class Spam:
    """How likely spam is told from other mail."""

    suspect: float = setting(readers.points, "10.0", "score from which on a message is suspect")
    rspamd: readers.Scanning | None = optional(
        readers.scanner(11333), "rspamd, best the primary's own: `127.0.0.1:11333`, or the path of its socket"
    )
    rspamd_controller: readers.Scanning | None = optional(
        readers.scanner(11334), "its controller, which learns; where it is not the same"
    )
    rspamd_password: str = setting(readers.text, '""', "its password, where it asks for one")
    spamassassin: readers.Scanning | None = optional(
        readers.scanner(783), "SpamAssassin's spamd: `127.0.0.1:783`, or the path of its socket"
    )
    timeout: float = setting(readers.seconds, '"10s"', "time that a scanner may take for a message")
    connections: int = setting(readers.whole(1, 50), "4", "messages scanned side by side in the background")
    rate: int = setting(readers.whole(1, 1000), "20", "and so many within a second at most")
    trusted: tuple[str, ...] = setting(
        readers.names, "[]", "hosts whose Authentication-Results are believed, where they stand on top"
    )
    weights: Mapping[str, float] = entries(
        readers.weight, "rspamd = 0.5", "what a source (`rspamd`, `spf`, `mxtui`) or one piece of evidence counts for"
    )


@dataclass(frozen=True, slots=True)
class Console:
    """How the console looks and listens."""

    theme: str = setting(readers.text, '"auto"', "a Textual theme; auto follows what the terminal can show")
    ascii: bool = setting(readers.flag, "false", "no characters beyond ASCII")
    mouse: bool = setting(readers.flag, "true", "listen to the mouse")
    keys: Mapping[str, str] = entries(
        readers.text, 'hold = "h,f7"', "keys by command, comma-separated; `messages.hold`: on one screen alone"
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    queue: str | None = optional(
        readers.text,
        "queue to attach to without -q: a Postfix configuration or queue directory, a spool, ssh://HOST, a host's name",
    )
    hosts: tuple[Host, ...] = setting(
        hosts,
        "[]",
        "queues by name: [[hosts]] with name, queue (ssh://HOST or a path) and command (how mxtui is called)",
    )
    maillog: Path | None = optional(readers.path, "the mail log, where Postfix's settings do not lead to it")
    audit: Path | None = optional(
        readers.path, "the audit file (/var/log/mxtui/audit.jsonl, else below $XDG_STATE_HOME)"
    )
    holds: Path | None = optional(
        readers.path,
        "where holds of domains on a Postfix queue are kept, and what is in quarantine there (/var/lib/mxtui/holds, "
        "else $XDG_STATE_HOME)",
    )
    history: Path | None = optional(
        readers.path, "where the history of a Postfix queue is kept (/var/lib/mxtui/history, else $XDG_STATE_HOME)"
    )
    state: Path | None = optional(
        readers.path, "where alerts, drills and what check remembers are kept (/var/lib/mxtui, else $XDG_STATE_HOME)"
    )
    primaries: Mapping[str, NextHop] = entries(
        readers.server, '"example.org" = "mx1.example.org:25"', "primaries by domain, where routing and MX do not tell"
    )
    probe: Probe = field(default_factory=Probe)
    drain: Drain = field(default_factory=Drain)
    kept: Kept = field(default_factory=Kept)
    alerts: Alerts = field(default_factory=Alerts)
    notify: Notify = field(default_factory=Notify)
    drill: Drill = field(default_factory=Drill)
    doctor: Doctor = field(default_factory=Doctor)
    spam: Spam = field(default_factory=Spam)
    console: Console = field(default_factory=Console)
    serve: Serve = field(default_factory=Serve)


TABLES: Mapping[str, type] = {
    "probe": Probe,
    "drain": Drain,
    "kept": Kept,
    "alerts": Alerts,
    "notify": Notify,
    "drill": Drill,
    "doctor": Doctor,
    "spam": Spam,
    "console": Console,
    "serve": Serve,
    "limits": Limits,
    "scan": ServeScan,
}
"""Fields that are tables of settings, also within tables; their names are all different."""


class Row(NamedTuple):
    """One setting, as documentation shows it."""

    key: str
    """Dotted: `probe.interval`."""
    default: str
    """As TOML; empty where it is found out; an example for tables of one's own keys."""
    meaning: str


def settings_table() -> list[Row]:
    """Every setting in order, for README: what is documented is what is read."""
    return list(_rows(Settings, ""))


def _rows(kind: Any, prefix: str) -> Iterator[Row]:
    item: Field[Any]
    for item in fields(kind):
        if item.name in TABLES:
            yield from _rows(TABLES[item.name], f"{prefix}{item.name}.")
        else:
            yield Row(prefix + item.name, item.metadata["default"], item.metadata["meaning"])
