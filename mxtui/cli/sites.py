"""What each kind of queue brings along: its domains, its routes, its rules. Imported late, used by `attach`."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from mxtui.config import Settings
from mxtui.errors import UsageError
from mxtui.model.next_hop import NextHop
from mxtui.queues.queue import Queue

if TYPE_CHECKING:
    from mxtui.delivery.direct.way import Direct
    from mxtui.delivery.host import HostKey
    from mxtui.delivery.policy import Policy, TlsPolicy
    from mxtui.doctor.gather.system import MailSystem
    from mxtui.holds import Holds
    from mxtui.model.alerts.facts import KilledDrain
    from mxtui.model.drain.way import Feed, Settled, Way
    from mxtui.model.recipients import NoSuchRecipient, Since
    from mxtui.model.route import Ourselves, Routed, Router
    from mxtui.queues.catch import Catch
    from mxtui.queues.postfix.layout import Layout
    from mxtui.queues.postfix.listed_recipients import ListedRecipients
    from mxtui.queues.spool.claim import Claim
    from mxtui.queues.spool.control import Control
    from mxtui.queues.spool.store import Spool
    from mxtui.receiver.recipients.learned import Learned

MARKER = "spool.json"


class Site(Protocol):
    """One mail system."""

    def queue(self) -> Queue:
        """Its queue."""
        ...

    def relayed(self) -> Iterable[str]:
        """Domains that it takes mail for."""
        ...

    def router(self) -> "Router":
        """Who knows each domain's primary."""
        ...

    def sudoers(self, group: str) -> tuple[str, ...]:
        """The sudo rules that let a plain user act. Raises UsageError where none would."""
        ...

    def holds(self) -> "Holds":
        """Where the holds of its domains are kept."""
        ...

    def catch(self) -> "Catch":
        """How mail is kept back for a domain here."""
        ...

    def history(self) -> Path:
        """The file in which its history is kept."""
        ...

    def drains(self) -> Path | None:
        """Where its drains are registered; None where the host has a place for that."""
        ...

    def killed(self, folder: Path) -> "KilledDrain | None":
        """What a drain registered in a folder has in hold since it was killed, by our own sender; None: nothing."""
        ...

    def control(self) -> "Control | None":
        """Whoever can suspend all deliveries; None where that cannot be."""
        ...

    def certificate(self) -> Path | None:
        """The file with its own certificate, a chain in PEM; None where it has none."""
        ...

    def least_free(self) -> int:
        """Bytes free on its file system below which it takes no mail; 0 where it takes mail to the last."""
        ...

    def nonexistent(self, now: float, queued: "Since | None" = None) -> "Mapping[str, NoSuchRecipient]":
        """Recipients, lower case, that do not exist: a primary knew nothing of them, or the list of them has them not.

        As far as it is known; with `queued`, the recipients in the queue, also what has to be asked for. Blocks; raises
        nothing.
        """
        ...

    def examined(self) -> "MailSystem":
        """What the doctor looks at."""
        ...


class PostfixSite:
    """A Postfix instance."""

    def __init__(self, layout: "Layout", settings: Settings) -> None:
        self._layout = layout
        self._settings = settings
        self._recipients: ListedRecipients | None = None
        self._catch: Catch | None = None

    def queue(self) -> Queue:
        """Its queue directory."""
        from mxtui.queues.postfix.postfix import PostfixQueue

        return PostfixQueue(self._layout, marks=self.holds().folder)

    def relayed(self) -> Iterable[str]:
        """As relay_domains names them; what stands in a table is not looked up."""
        names = self._layout.settings.get("relay_domains", "").replace(",", " ").lower().split()
        return [name for name in names if ":" not in name and "/" not in name and not name.startswith("$")]

    def router(self) -> "Router":
        """Our configuration, then Postfix itself."""
        from mxtui.primary.route import ConfiguredRouter
        from mxtui.queues.postfix.routing import PostfixRouter

        return ConfiguredRouter(self._settings.primaries, PostfixRouter(self._layout))

    def direct(self, router: "Router", folder: Path) -> "Direct":
        """Our own sender on the queue files, with its journal in a folder."""
        from mxtui.delivery.direct.way import Direct
        from mxtui.delivery.policy import Policy
        from mxtui.delivery.routes import host_of

        @cache  # for as long as one drain lasts: asking takes 20 ms
        def route(domain: str) -> "HostKey":
            return host_of(domain, router.route([domain]).get(domain))

        policy = Policy(tls=self._tls(), xclient=self._settings.drain.xclient)
        return Direct(self._layout, folder, route, ourselves=router.ourselves(), policy=policy)

    def _tls(self) -> "TlsPolicy":
        """Of our own sender: what is wanted, else no less than Postfix itself asks for."""
        from mxtui.delivery.policy import AS_POSTFIX

        # The reader of the setting lets nothing else through.
        wanted = cast("TlsPolicy | None", self._settings.drain.tls)
        return wanted or AS_POSTFIX.get(self._layout.settings.get("smtp_tls_security_level", ""), "may")

    def sudoers(self, group: str) -> tuple[str, ...]:
        """For postsuper(1)."""
        from mxtui.queues.postfix.permission import sudoers_lines

        return sudoers_lines(self._layout, group)

    def holds(self) -> "Holds":
        """On this host, by configuration directory."""
        from mxtui.holds import Holds, folder_for

        return Holds(folder_for(self._layout.config_directory, self._settings.holds))

    def killed(self, folder: Path) -> "KilledDrain | None":
        """As its journal has it, of what is in hold still."""
        from mxtui.queues.postfix.direct.killed import killed

        return killed(self._layout, folder / "journal")

    def catch(self) -> "Catch":
        """Through an access table."""
        from mxtui.queues.postfix.access_table import PostfixCatch

        if self._catch is None:
            self._catch = PostfixCatch(self._layout, self.relayed())
        return self._catch

    def history(self) -> Path:
        """On this host, by queue directory."""
        from mxtui.history.where import of_queue

        return of_queue(self._layout.queue_directory, self._settings.history)

    def drains(self) -> None:
        """On this host."""

    def control(self) -> None:
        """Nobody (defer_transports is overridden by any flush)."""

    def certificate(self) -> Path | None:
        """The first that smtpd(8) shows."""
        for name in ("smtpd_tls_chain_files", "smtpd_tls_cert_file"):
            words = self._layout.settings.get(name, "").replace(",", " ").split()
            if words and words[0].startswith("/"):
                return Path(words[0])
        return None

    def least_free(self) -> int:
        """By queue_minfree and message_size_limit (Postfix, src/smtpd/smtpd_check.c)."""
        minfree, limit = (
            int(value) if (value := self._layout.settings.get(name, "0")).isdecimal() else 0
            for name in ("queue_minfree", "message_size_limit")
        )
        return max(minfree, limit * 3 // 2)

    def nonexistent(self, now: float, queued: "Since | None" = None) -> "Mapping[str, NoSuchRecipient]":
        """By relay_recipient_maps: verify(8) keeps what it learned to itself."""
        if queued is not None:
            if self._recipients is None:
                from mxtui.queues.postfix.listed_recipients import ListedRecipients

                self._recipients = ListedRecipients(self._layout)
            self._recipients.look(queued)
        return self._recipients.unlisted if self._recipients is not None else {}

    def examined(self) -> "MailSystem":
        """The instance, as postconf(1) and others tell of it."""
        from mxtui.doctor.gather.postfix import ExaminedPostfix

        return ExaminedPostfix(self._layout, self.router(), self.catch())


class SpoolSite:
    """A spool of our own, whether a `serve` runs on it or not."""

    def __init__(self, spool: "Spool", settings: Settings) -> None:
        self._spool = spool
        self._settings = settings
        self._learned: tuple[tuple[int, int, int], Mapping[str, Learned]] = ((0, 0, 0), {})
        """What call-outs had learned, and the file's inode, size and time then."""

    def queue(self) -> Queue:
        """The spool; without a running `serve` this process delivers what is flushed."""
        from mxtui.queues.spool.queue import SpoolQueue

        serve = self._settings.serve
        notice = self._notice if serve.notices is not None else None
        return SpoolQueue(
            self._spool, forward=self._forward, notice=notice, lifetime=serve.expire, relayed=self.relayed
        )

    def relayed(self) -> Collection[str]:
        """As `serve` was told."""
        return self._relay().keys()

    def router(self) -> "Router":
        """Primaries as `serve` was told; MX records for the others."""
        from mxtui.primary.route import MxRouter

        return _RelayRouter(lambda: {**self._settings.primaries, **self._relay()}, MxRouter(self._ourselves()))

    def sudoers(self, group: str) -> tuple[str, ...]:
        """There are none."""
        raise UsageError("a spool has no commands that sudo could allow", "Run mxtui as root or as the spool's user.")

    def holds(self) -> "Holds":
        """In the spool, where `serve` reads them."""
        from mxtui.holds import Holds
        from mxtui.queues.spool.catch import holds_folder

        return Holds(holds_folder(self._spool.path))

    def killed(self, folder: Path) -> "KilledDrain | None":
        """Nothing: what it had in hand is where it was."""
        return None

    def catch(self) -> "Catch":
        """By `serve`."""
        from mxtui.queues.spool.catch import SpoolCatch

        return SpoolCatch(self._spool)

    def history(self) -> Path:
        """In the spool, where `serve` keeps it."""
        from mxtui.history.where import of_spool

        return of_spool(self._spool.path)

    def drains(self) -> Path:
        """In the spool: whoever runs `serve` may write nowhere else."""
        from mxtui.drains import FOLDER

        return self._spool.path / FOLDER

    def control(self) -> "Control":
        """A running `serve`."""
        from mxtui.queues.spool.control import Control

        return Control(self._spool.path)

    def certificate(self) -> Path | None:
        """As `[serve]` has it."""
        return self._settings.serve.certificate

    def least_free(self) -> int:
        """As `[serve.limits]` has it."""
        return self._settings.serve.limits.free

    def nonexistent(self, now: float, queued: "Since | None" = None) -> "Mapping[str, NoSuchRecipient]":
        """By what call-outs of `serve` have learned; 0.5 s for 100,000 the first time."""
        from mxtui.receiver.recipients.learned import FILE, nonexistent, read_learned

        path = self._spool.path / FILE
        try:
            found = path.stat()
            seen = found.st_ino, found.st_size, found.st_mtime_ns
            if seen != self._learned[0]:
                self._learned = seen, read_learned(path)
        except OSError:
            self._learned = (0, 0, 0), {}
        return nonexistent(self._learned[1], now)

    def examined(self) -> "MailSystem":
        """The spool, and `[serve]` where that is about it."""
        from mxtui.doctor.gather.spool import ExaminedSpool

        return ExaminedSpool(self._spool.path, self._settings.serve, self.relayed, self.router())

    def _relay(self) -> Mapping[str, NextHop]:
        """A running `serve` goes by what it was told, whatever the settings say since, until it reads them again."""
        from mxtui.queues.spool.control import Control
        from mxtui.service.remembered import remembered_relay

        told = remembered_relay(self._spool.path)
        serve = self._settings.serve
        ours = serve.spool is not None and serve.spool.absolute() == self._spool.path
        return {**told, **serve.relay} if ours and not Control(self._spool.path).listening else told

    def _ourselves(self) -> "Ourselves":
        from mxtui.model.route import Ourselves

        return Ourselves(self._spool.hostname, frozenset({self._spool.hostname.lower()}))

    def _policy(self) -> "Policy":
        from mxtui.service.parts import delivery_policy

        return delivery_policy(self._settings.serve, self._settings.drain)

    def forwarding(self, router: "Router") -> "Way":
        """Our forwarder in this process, where no `serve` runs."""
        import time

        from mxtui.model.holds import in_force
        from mxtui.service.alone import Forwarding, quiet
        from mxtui.service.scanning import gate_of, scanners_of

        left_alone = in_force(self.holds().all().values(), time.time())
        gate = gate_of(self._settings.serve.scan, scanners_of(self._settings), quiet, time.time, Counter())
        return Forwarding(self._spool, router, self._policy(), left_alone=left_alone, gate=gate)

    def _forward(self, feed: "Feed", stop: threading.Event) -> "Iterator[Sequence[Settled]]":
        return self.forwarding(self.router()).deliver(feed, stop)

    def _notice(self, claim: "Claim") -> bool:
        import asyncio

        from mxtui.delivery.notice import Notifier
        from mxtui.primary.lookup import Lookup

        relay = self._settings.serve.notices
        assert relay is not None
        notifier = Notifier(self._spool, relay, ourselves=self._ourselves(), lookup=Lookup(), policy=self._policy())
        return asyncio.run(notifier.notify(claim))


class _RelayRouter:
    """Reads the table whenever it is asked: while a console watches, `serve` may be told of other domains."""

    def __init__(self, table: Callable[[], Mapping[str, NextHop]], others: "Router") -> None:
        self._table = table
        self._others = others

    def ourselves(self) -> "Ourselves":
        """As the other router knows it."""
        return self._others.ourselves()

    def route(self, domains: Sequence[str]) -> "Mapping[str, Routed]":
        """Each domain's route."""
        from mxtui.primary.route import ConfiguredRouter

        return ConfiguredRouter(self._table(), self._others).route(domains)


def is_spool(path: Path) -> bool:
    """Whether this is a spool of ours; one that may not be looked into is not known to be."""
    try:
        return (path / MARKER).is_file()
    except PermissionError:
        return False


def spool_site(path: Path, settings: Settings) -> SpoolSite:
    """Raises NoQueue, NotPermitted."""
    from mxtui.queues.spool.store import Spool

    return SpoolSite(Spool.open(path), settings)


def postfix_site(source: str | None, settings: Settings) -> PostfixSite:
    """Raises NoQueue, NotPermitted, CommandFailed."""
    from dataclasses import replace

    from mxtui.queues.postfix.instances import attach as find_layout

    layout = find_layout(source)
    if settings.maillog is not None:
        layout = replace(layout, maillog_file=settings.maillog)
    return PostfixSite(layout, settings)
