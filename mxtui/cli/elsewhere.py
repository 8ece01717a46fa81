"""A queue on another host, and everything around it: looked at and acted on by the agent there, kept there."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mxtui.alerting.telling import Telling
from mxtui.audit import Audit, Operator
from mxtui.cli.attach import ONE_LOOK, Attached
from mxtui.config import Settings
from mxtui.drains import Drains, Wish
from mxtui.errors import MxtuiError, UsageError
from mxtui.left import Left, LeftByGuards
from mxtui.message.sanitize import block
from mxtui.model.alerts import NO_FACTS, Facts
from mxtui.model.drain.rate import Rate
from mxtui.model.drain.standing import Standing
from mxtui.model.forecast import Outlook
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.plan import Target
from mxtui.model.ssh_address import parse
from mxtui.operations import Operations
from mxtui.queues.queue import Queue
from mxtui.queues.remote import calls
from mxtui.queues.remote.calls import PART
from mxtui.queues.remote.queue import RemoteQueue
from mxtui.queues.remote.ssh import by_hand
from mxtui.vault import KeptCopy, Vault

if TYPE_CHECKING:
    from mxtui.cli.checked import CheckedElsewhere
    from mxtui.doctor.gather.system import MailSystem
    from mxtui.holding import Holding
    from mxtui.holds import Holds
    from mxtui.model.alerts.facts import KilledDrain
    from mxtui.model.plan import Plan
    from mxtui.model.recipients import NoSuchRecipient, Since
    from mxtui.model.route import Router
    from mxtui.queues.catch import Catch
    from mxtui.queues.spool.control import Control


class SiteElsewhere:
    """The mail system of another host, as far as anything of it is here (see `sites.Site`)."""

    def __init__(self, queue: RemoteQueue, settings: Settings) -> None:
        self._queue = queue
        self._settings = settings

    def queue(self) -> Queue:
        """The one that is attached to: there is one connection."""
        return self._queue

    def relayed(self) -> Iterable[str]:
        """As the agent said."""
        return self._queue.relayed

    def history(self) -> Path:
        """On this host, of whoever watches from here."""
        from mxtui.history.where import of_queue

        return of_queue(Path(self._queue.source.path), self._settings.history)

    def drains(self) -> None:
        """There."""

    def killed(self, folder: Path) -> "KilledDrain | None":
        """Only there."""
        self._refuse(f"the journal in {folder}")

    def control(self) -> "Control | None":
        """Only there."""
        self._refuse("suspending all deliveries")

    def certificate(self) -> None:
        """Looked at there."""

    def least_free(self) -> int:
        """Looked at there."""
        return 0

    def router(self) -> "Router":
        """Only there."""
        self._refuse("routing mail")

    def sudoers(self, group: str) -> tuple[str, ...]:
        """Only there."""
        self._refuse(f"sudo rules for {group}")

    def holds(self) -> "Holds":
        """Only there."""
        self._refuse("holding domains")

    def catch(self) -> "Catch":
        """Only there."""
        self._refuse("holding domains")

    def nonexistent(self, now: float, queued: "Since | None" = None) -> "Mapping[str, NoSuchRecipient]":
        """Call-outs and lists are known there."""
        return {}

    def examined(self) -> "MailSystem":
        """Only there."""
        self._refuse("doctor")

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(
            f"{what} is done on {self._queue.address.host} itself",
            f"There: {by_hand(self._queue.address, 'mxtui', terminal=True)}",
        )


class AttachedElsewhere(Attached):
    """One queue on another host."""

    __slots__ = ()

    @property
    def there(self) -> RemoteQueue:
        """The queue, and what only its agent knows."""
        assert isinstance(self.queue, RemoteQueue)
        return self.queue

    @property
    def elsewhere(self) -> bool:
        """It is."""
        return True

    @property
    def version(self) -> str:
        """Of the agent's."""
        return self.there.version

    def now(self) -> float:
        """By the clock of its host."""
        return self.there.now()

    def operations_of(self, operator: "Operator | None") -> Operations:
        """On record here and there; copies are there."""
        audit, vault = Audit(self.settings.audit), VaultElsewhere(self.there)
        left = LeftElsewhere(self.there)
        return Operations(
            self.there, audit=audit, vault=vault, operator=operator, left=left, holds=self.holds, clock=self.now
        )

    @property
    def drains(self) -> Drains:
        """The register there."""
        return DrainsElsewhere(self.there)

    def start_drain(self, again: Sequence[str], plan: "Plan", reason: str, ends: str = "") -> None:
        """In a process there, which no lost connection ends."""
        start_drain(self.there, plan, reason)

    @property
    def holding(self) -> "Holding":
        """Only there: raises UsageError."""
        self.site.holds()
        raise AssertionError

    def holds(self) -> "Mapping[str, DomainHold]":
        """As the agent tells."""
        return self.there.holds()

    def outlook(self, now: float) -> Outlook:
        """By the last drain there, and by what consoles here have watched."""
        from mxtui.cli.outlook import rates

        with suppress(MxtuiError):  # which is told where the queue is read
            return rates(self, now)
        return Outlook()

    @property
    def telling(self) -> Telling:
        """As [notify] has it."""
        return Telling(self.settings.notify, self.alerts)

    def facts(self, silent: Sequence[str] | None = None) -> Facts:
        """Drills, certificates and scanners are looked at there."""
        return NO_FACTS

    def probe_once(
        self, domains: Iterable[str], timeout: float = ONE_LOOK, router: "Router | None" = None
    ) -> Mapping[str, tuple[Primary | None, Health]]:
        """One climb for each primary, as its host sees it."""
        from mxtui.model.hysteresis import unknown

        asked = sorted(set(domains))
        if not asked or not self.settings.probe.enabled:
            return {}
        parts = [asked[start : start + PART] for start in range(0, len(asked), PART)]
        told = self.there.one(calls.PROBE, timeout, parts)
        known = {domain: (primary, health) for primary, health, names in told.known for domain in names}
        return {domain: known.get(domain, (None, unknown("not checked there"))) for domain in asked}

    def primaries(self) -> "CheckedElsewhere | None":
        """The rounds of checks there."""
        from mxtui.cli.checked import CheckedElsewhere

        return CheckedElsewhere(self.there) if self.settings.probe.enabled else None


class VaultElsewhere(Vault):
    """The copies that are kept there; they are put back by the agent."""

    def __init__(self, there: RemoteQueue) -> None:
        super().__init__()
        self._there = there

    def copies(
        self, *, audit_id: str | None = None, queue_id: str | None = None, of: object = None
    ) -> Iterator[KeptCopy]:
        """What is kept of this queue."""
        for told in self._there.ask(calls.COPIES, calls.Copies(audit_id, queue_id)):
            for each in told:
                yield KeptCopy(Path(each.path), *each[1:])


class LeftElsewhere(LeftByGuards):
    """What guards of drains held there. Whoever acts there keeps it."""

    def __init__(self, there: RemoteQueue) -> None:
        self._there = there

    def known(self) -> Mapping[str, Left]:
        """By queue ID."""
        told = self._there.ask(calls.LEFT, calls.Nothing())
        return {queue_id: Left(*each) for part in told for queue_id, each in part.items()}

    def add(self, targets: Iterable[Target], at: float) -> None:
        """Done there."""

    def forget(self, queue_ids: Collection[str]) -> None:
        """Done there."""


class DrainsElsewhere(Drains):
    """The register there."""

    def __init__(self, there: RemoteQueue) -> None:
        super().__init__(there.source.path)
        self._there = there
        self._seen: Standing | None = None

    def standing(self) -> Standing | None:
        """The drain that runs there, or the last one that did. Raises Unreachable."""
        seen = calls.Seen(self._seen.at, self._seen.running) if self._seen is not None else calls.Seen(0.0, False)
        told = self._there.one(calls.STANDING, seen)
        if not told.as_seen:
            self._seen = told.standing
        return self._seen

    @property
    def busy(self) -> bool:
        """Whether somebody drains there. Raises Unreachable."""
        standing = self.standing()
        return standing is not None and standing.running

    @property
    def others(self) -> str:
        """Folders here say nothing of what is hidden there."""
        return ""

    def wish(self, wish: Wish) -> None:
        """Ask whoever drains there."""
        self._there.one(calls.WISH, wish)

    def report(self, *, as_json: bool) -> str:
        """The report of the last drain there."""
        pieces: list[bytes] = list(self._there.ask(calls.REPORT, as_json))
        return block(b"".join(pieces).decode("utf-8", "replace"))


def start_drain(there: RemoteQueue, plan: "Plan", reason: str, rate: Rate | None = None) -> Standing:
    """Have a process there drain, which no lost connection ends; once it has begun. Raises as `draining.detached`."""
    targets = plan.targets
    parts = [targets[start : start + PART] for start in range(0, len(targets), PART)]
    asked = calls.Drained(replace(plan, targets=(), excluded=()), reason, rate)
    return there.one(calls.DRAIN, asked, parts)


@contextmanager
def attached_elsewhere(
    source: str, command: Sequence[str], settings: Settings, config: str | None, here: str
) -> Iterator[AttachedElsewhere]:
    """Connect, and let go afterwards. Raises UsageError where `here` names a command of that host, Unreachable."""
    address = parse(source)
    if here:
        words = shlex.join([*command, here, *(["-q", address.source] if address.source else [])])
        raise UsageError(
            f"mxtui {here} runs on the host of the queue", f"There: {by_hand(address, words, terminal=True)}"
        )
    queue = RemoteQueue(address, command)
    try:
        yield AttachedElsewhere(settings, SiteElsewhere(queue, settings), queue, config)
    finally:
        queue.close()
