"""From `-q` and the configuration to a queue, its operations and its primaries: where every part is put together."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mxtui.cli.sites import Site, is_spool, postfix_site, spool_site
from mxtui.config import Settings, load
from mxtui.folders import state_folder, states
from mxtui.model.alerts import Thresholds
from mxtui.model.health import Health, Primary
from mxtui.model.message import QueuedMessage
from mxtui.model.source import Verb
from mxtui.model.ssh_address import is_address
from mxtui.queues.queue import Queue

if TYPE_CHECKING:  # the index, asyncio, DNS and msgspec cost 0.2 s together, and not every command needs them
    from mxtui.alerting.store import AlertState
    from mxtui.alerting.telling import Telling
    from mxtui.audit import Operator
    from mxtui.drains import Drains
    from mxtui.drills import Drills
    from mxtui.history import Store
    from mxtui.holding import Holding
    from mxtui.index import Index
    from mxtui.model.alerts import Facts
    from mxtui.model.forecast import Outlook
    from mxtui.model.holds import DomainHold
    from mxtui.model.overview import Acknowledgement
    from mxtui.model.plan import Plan
    from mxtui.model.route import Router
    from mxtui.monitor import Primaries
    from mxtui.operations import Operations
    from mxtui.returns import Returns

ONE_LOOK = 4.0
"""Seconds that `status` gives all primaries together; a healthy one answers in a tenth of that."""


@dataclass(frozen=True, slots=True)
class Attached:
    """One queue and everything around it."""

    settings: Settings
    site: Site
    queue: Queue
    config: str | None = None
    """The file of settings that was named on the command line."""

    @property
    def elsewhere(self) -> bool:
        """Whether it is on another host."""
        return False

    @property
    def version(self) -> str:
        """Of the mxtui that looks at it, where that is another one."""
        return ""

    def now(self) -> float:
        """Seconds since the epoch, by the clock that the queue's times are of."""
        import time

        return time.time()

    @property
    def operations(self) -> "Operations":
        """The road to acting on it."""
        return self.operations_of(None)

    def operations_of(self, operator: "Operator | None") -> "Operations":
        """The same, for somebody else than whoever runs this process."""
        from mxtui.audit import Audit
        from mxtui.left import LeftByGuards
        from mxtui.operations import Operations
        from mxtui.vault import Vault

        kept = self.settings.kept
        vault = Vault(kept.folder, keep_seconds=kept.age, keep_bytes=kept.size)
        left = LeftByGuards(self.drains.folder)
        audit = Audit(self.settings.audit)
        return Operations(self.queue, audit=audit, vault=vault, operator=operator, left=left, holds=self.holds)

    @property
    def drains(self) -> "Drains":
        """The register of its drains."""
        from mxtui.drains import Drains

        return Drains(self.queue.source.path, self.settings.drain.folder or self.site.drains())

    def start_drain(self, again: Sequence[str], plan: "Plan", reason: str, ends: str = "") -> None:
        """Have a process of its own drain, and end a domain's migration where one is named; once it has begun.

        `again` are the options that name the queue. Raises Guarded where somebody drains already.
        """
        from mxtui.cli.draining import detached

        more = [word for option, value in (("--reason", reason), ("--ends", ends)) if value for word in (option, value)]
        detached([*again, *more], plan, self.drains)

    @property
    def holding(self) -> "Holding":
        """Holds of its domains."""
        from mxtui.holding import Holding

        def look(domain: str) -> Iterable[QueuedMessage]:
            from mxtui.cli.domain_holds import queued_for

            queue = self.site.queue()  # one of its own: the reader of one that is watched must not be read twice
            try:
                return queued_for(queue, domain)
            finally:
                queue.close()

        def keep(hold: "DomainHold") -> None:
            from mxtui.cli import keeper

            keeper.leave(self.queue.source.config or self.queue.source.path, self.config, hold)

        return Holding(self.operations, self.site.holds(), self.site.catch(), look, keep)

    def holds(self) -> "Mapping[str, DomainHold]":
        """Which domains are held, and whether new mail for them is caught as it comes in now."""
        from mxtui.catching import holds_now

        return holds_now(self.site.holds(), self.site.catch())

    def outlook(self, now: float) -> "Outlook":
        """What a forecast goes by; blocks."""
        from mxtui.cli.outlook import outlook

        return outlook(self, now)

    @property
    def history(self) -> "Store":
        """What is remembered of it."""
        from mxtui.history.store import Store

        return Store(self.site.history())

    @property
    def thresholds(self) -> Thresholds:
        """When figures become alerts."""
        from mxtui.alerting.facts import thresholds

        return replace(thresholds(self.settings), least_free=self.site.least_free())

    @property
    def state(self) -> Path:
        """The folder of what has to survive."""
        return state_folder(self.settings.state)

    @property
    def states(self) -> tuple[Path, ...]:
        """That folder, and the host's, where it is another."""
        return states(self.settings.state)

    @property
    def drilled(self) -> "Drills":
        """The record of its drills."""
        from mxtui.drills import Drills

        return Drills(self.queue.source.path, *self.states)

    @property
    def returns(self) -> "Returns":
        """Announced returns of its primaries."""
        from mxtui.returns import Returns

        return Returns(self.queue.source.path, *self.states)

    @property
    def alerts(self) -> "AlertState":
        """What is kept of this queue's alerts."""
        from mxtui.alerting.store import AlertState

        return AlertState(self.queue.source.path, *self.states)

    @property
    def telling(self) -> "Telling":
        """Who is told of alerts by whoever looks in."""
        from mxtui.alerting.telling import Telling

        return Telling(self.settings.notify, self.alerts, router=self.router)

    def acknowledged(self) -> "Sequence[Acknowledgement]":
        """What operators know of."""
        import time

        return self.alerts.acknowledged(time.time())

    @property
    def sifted(self) -> Path:
        """The file of what is remembered of its messages."""
        from mxtui.sifting.store import file_of

        return file_of(self.queue.source.path, self.state)

    def facts(self, silent: "Sequence[str] | None" = None) -> "Facts":
        """What alerts go by that no queue tells. `silent` are scanners that do not answer; None: they are asked."""
        from mxtui.alerting.facts import facts, silent_scanners, stopped_drain

        found = facts(self.settings, self.queue.source.path, self.site.certificate(), self.sifted)
        known = silent_scanners(self.settings) if silent is None else tuple(silent)
        drains = self.drains
        killed = None if drains.busy else self.site.killed(drains.folder)
        return replace(found, stopped=stopped_drain(drains), killed=killed, silent=known)

    @property
    def relayed(self) -> tuple[str, ...]:
        """Domains shown though nothing is queued for them: those that mail is taken for, and those configured."""
        return tuple(dict.fromkeys([*self.settings.primaries, *self.site.relayed()]))

    def require(self, verb: Verb) -> None:
        """Raise NotPermitted or Unreachable, with what would allow it, where the verb may not be used."""
        self.queue.capabilities().may(verb).require(verb)

    def router(self) -> "Router":
        """Who knows each domain's primary."""
        return self.site.router()

    def probe_once(
        self, domains: Iterable[str], timeout: float = ONE_LOOK, router: "Router | None" = None
    ) -> Mapping[str, tuple[Primary | None, Health]]:
        """One climb for each primary of these domains, side by side; `router` may lead elsewhere than usual."""
        asked = sorted(set(domains))
        if not asked or not self.settings.probe.enabled:
            return {}
        from mxtui.primary.prober import probe_once

        probe = self.settings.probe
        return probe_once(asked, router or self.router(), timeout, at_once=probe.at_once, recipients=probe.recipients)

    def primaries(self) -> "Primaries | None":
        """The rounds of checks for a console; None where they are switched off."""
        wanted = self.settings.probe
        if not wanted.enabled:
            return None
        from mxtui.model.hysteresis import Policy
        from mxtui.primary.probe import Limits
        from mxtui.primary.prober import Prober

        policy = Policy(interval=wanted.interval, transition=wanted.transition, fall=wanted.fall, rise=wanted.rise)
        limits = Limits(rung=wanted.timeout, total=wanted.total)
        return Prober(self.router(), policy=policy, limits=limits, at_once=wanted.at_once)

    def sudoers(self, group: str) -> tuple[str, ...]:
        """The sudo rules that let a plain user act."""
        return self.site.sudoers(group)


def settings_of(config: str | None) -> Settings:
    """The settings, with the file named on the command line last. Raises ConfigError."""
    return load(Path(config) if config else None)


def named_source(source: str | None, settings: Settings) -> str | None:
    """Which queue is meant: as named, as configured, the spool that `serve` is configured for, or None: Postfix's."""
    if source is not None or settings.queue is not None:
        return source or settings.queue
    spool = settings.serve.spool
    return str(spool) if spool is not None and is_spool(spool) else None


def found_source(source: str | None, settings: Settings) -> tuple[str | None, Sequence[str]]:
    """Which queue is meant (see `named_source`), and how mxtui is called on its host; a path goes before a name."""
    meant = named_source(source, settings)
    for host in settings.hosts:
        if meant == host.name and not Path(meant).exists():
            return host.queue, host.command
    return meant, ("mxtui",)


@contextmanager
def attach(source: str | None, config: str | None, *, here: str = "") -> Iterator[Attached]:
    """Find the queue that is meant and let go of it afterwards. Raises ConfigError, NoQueue, NotPermitted, Unreachable.

    `here` is the command that has to run on the queue's own host; for another one it raises UsageError.
    """
    settings = settings_of(config)
    meant, command = found_source(source, settings)
    if meant is not None and is_address(meant):
        from mxtui.cli.elsewhere import attached_elsewhere

        with attached_elsewhere(meant, command, settings, config, here) as elsewhere:
            yield elsewhere
        return
    site: Site
    if meant is not None and is_spool(Path(meant)):
        site = spool_site(Path(meant), settings)
    else:
        site = postfix_site(meant, settings)
    queue = site.queue()
    try:
        yield Attached(settings, site, queue, config)
    finally:
        queue.close()


def index_of(queue: Queue, now: float, *, subjects: bool, suspect: float | None = None) -> "Index":
    """Everything queued, read once; ages at `now`, and `suspect` is the score from which on a message is."""
    from mxtui.index import Index

    index = Index(now) if suspect is None else Index(now, suspect=suspect)
    for changes in queue.read(subjects=subjects):
        index.apply(changes)
    return index
