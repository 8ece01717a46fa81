"""The drain that `serve` begins by itself: the same as an operator's, in a thread of this process.

It goes through our own control socket, as everybody's does, and stands on the register, where it is paused and stopped.
"""

import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mxtui.audit import SYSTEM_FILE, Audit
from mxtui.delivery.following import target
from mxtui.draining import Draining
from mxtui.drains import FOLDER, Drains
from mxtui.errors import Guarded, MxtuiError
from mxtui.folders import is_there
from mxtui.left import LeftByGuards, is_left
from mxtui.letting_go import LettingGo
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.primaries import ByPrimary
from mxtui.model.drain.standing import Standing
from mxtui.model.envelope import Envelope
from mxtui.model.flushing import Phase
from mxtui.model.guard import unwell
from mxtui.model.plan import Target
from mxtui.model.route import Router
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.primary.prober import probe_once
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.registered import Registered, settings_from
from mxtui.service.log import Log
from mxtui.service.wanted import Wanted

LOOK: Final = 10.0
"""Seconds that a climb of a primary's ladder may take."""

WAY: Final = "by serve, after an outage"
BY: Final = "serve"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a drain ended."""

    phases: Mapping[str, Phase] = field(default_factory=dict)
    """By primary; those that nothing waited for are missing."""
    whys: Mapping[str, str] = field(default_factory=dict)
    """By primary, why it was stopped, and what to do."""
    guarded: frozenset[str] = frozenset()
    """Those that were stopped by their guard."""
    by_operator: bool = False
    """Somebody stopped all that was left of it."""
    refused: bool = False
    """The queue is being drained already, or deliveries are suspended: it never began."""
    fault: str = ""
    """What made it impossible, and what to do."""


class AutomaticDrain:
    """One drain, from `begin` to its `ended`. Used in the event loop, but for what says otherwise."""

    def __init__(
        self, spool: Spool, router: Router, wanted: Wanted, log: Log, primaries: Mapping[str, Sequence[str]]
    ) -> None:
        """`primaries` by name, each with its domains."""
        self._spool = spool
        self._router = router
        self._wanted = wanted
        self._log = log
        self._primaries = dict(primaries)
        self._domains = frozenset(domain for domains in primaries.values() for domain in domains)
        self._proven: frozenset[str] = frozenset()
        self._left_alone: frozenset[str] = frozenset()
        self._draining: Draining | None = None
        self._registered: Registered | None = None
        self._lock = threading.Lock()
        self._left = LeftByGuards(register(wanted, spool).folder)
        self._came: list[Target] = []
        """Before there was a drain to take care of it."""
        self._ended: Ended | None = None
        self._why = ""
        self._thread: threading.Thread | None = None

    @property
    def ended(self) -> Ended | None:
        """How it did; None while it runs."""
        return self._ended

    def begin(self, proven: Collection[str], left_alone: Collection[str]) -> None:
        """`proven` primaries take mail whatever a climb says; nothing is tried for the domains `left_alone`."""
        self._proven, self._left_alone = frozenset(proven), frozenset(left_alone)
        # A daemon: a second SIGTERM waits for nobody, and what is in hand is in the forwarder's hands.
        self._thread = threading.Thread(target=self._work, name="mxtui-drain", daemon=True)
        self._thread.start()

    def phase(self, primary: str) -> Phase | None:
        """Where it is with one primary; None where it has none of its mail, or not yet."""
        return self._draining.drain.phase_of(primary) if self._draining is not None else None

    @property
    def by_operator(self) -> bool:
        """Whether somebody stops all of it."""
        return self._registered is not None and self._registered.stopped

    def stopped(self, primary: str) -> tuple[bool, str]:
        """Of one that was: whether by its guard, and why, and what to do."""
        if self._draining is None:
            return False, ""
        drain = self._draining.drain
        return drain.stopped_by_guard(primary), drain.why_of(primary, time.monotonic())

    def came(self, envelope: Envelope) -> bool:
        """New mail; whether the drain takes care of it."""
        new = target(envelope, "deferred")
        if not self._concerns(new):
            return False
        with self._lock:
            if self._draining is None:
                self._came.append(new)
                return True
        return self._draining.add([new])

    def give_up(self, primary: str, why: str) -> None:
        """One primary is not well any more; the others go on."""
        if self._draining is not None:
            self._draining.drain.stop(why, primary)

    def again(self, primary: str) -> bool:
        """It is well once more; whether the drain takes care of what waits for it."""
        return self._draining is not None and self._draining.drain.again(primary, time.monotonic())

    def stop(self, why: str) -> None:
        """Take no more, and bring what is in hand to its end."""
        with self._lock:
            self._why = why
        if self._draining is not None:
            self._draining.stop(why)

    def join(self, seconds: float) -> None:
        """Wait for its end; blocks."""
        if self._thread is not None:
            self._thread.join(seconds)

    # -- in its thread --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._ended = self._drain()
        except Guarded as error:
            self._ended = Ended(refused=True, fault=error.message)
        except MxtuiError as error:
            self._ended = self._how(f"{error.message}. {error.hint}".strip())
        except BaseException as error:
            self._ended = self._how(repr(error))
            raise

    def _drain(self) -> Ended:
        targets = self._targets()
        if not targets:
            return Ended()
        queue = SpoolQueue(self._spool, lifetime=self._wanted.serve.expire)
        audit = Audit(audit_file(self._wanted, self._spool))
        operations = Operations(queue, audit=audit, left=self._left)
        drain_wanted = self._wanted.settings.drain
        settings = settings_from(drain_wanted)
        # Those that nothing waits for, too: mail that comes for one goes with that of its primary.
        domains = sorted(self._domains | {domain for each in targets for domain in each.domains})
        by_primary = ByPrimary(self._router.route(domains), drain_wanted.primaries)
        drain = Drain(
            targets, settings, by_primary.primaries(settings, Connections), time.monotonic(), probing=True
        )  # fmt: skip
        plan = operations.plan(Verb.FLUSH, targets, " or ".join(f"domain:{name}" for name in self._named()))

        def probe(primary: str) -> str:
            return "" if primary in self._proven else self._look(by_primary.domains(primary))

        draining = Draining(drain, LettingGo(queue, queue), probe=probe)
        began = time.time()
        standing = Standing("", plan.selection, WAY, BY, os.getpid(), began, began, settings=settings)
        registered = Registered(operations, register(self._wanted, self._spool), draining, self._complain)
        for _ in registered.run(plan, standing, "the primary is back", threading.Event()):
            if self._draining is None:
                self._at_work(draining, registered, targets)
        return self._how()

    def _at_work(self, draining: Draining, registered: Registered, targets: Sequence[Target]) -> None:
        """Whoever is in the event loop may turn to it from now on."""
        known = {each.queue_id for each in targets}
        with self._lock:
            self._draining, self._registered = draining, registered
            came, why = [each for each in self._came if each.queue_id not in known], self._why
        if came:
            draining.add(came)
        if why:
            draining.stop(why)

    def _how(self, fault: str = "") -> Ended:
        if self._draining is None:
            return Ended(fault=fault)
        drain, now = self._draining.drain, time.monotonic()
        found = {name: phase for name in self._primaries if (phase := drain.phase_of(name)) is not None}
        return Ended(
            phases=found,
            whys={name: drain.why_of(name, now) for name in found},
            guarded=frozenset(name for name in found if drain.stopped_by_guard(name)),
            by_operator=self.by_operator,
            fault=fault,
        )

    def _named(self) -> Iterable[str]:
        return sorted(self._domains)

    def _targets(self) -> list[Target]:
        """What waits for these primaries and no held domain. Some 30 µs each."""
        waiting = (target(envelope, "deferred") for envelope in self._spool.envelopes("deferred"))
        known = self._left.known()
        held = (target(found[1], found[0]) for each in known if (found := self._spool.find(each)) is not None)
        targets = [*waiting, *(each for each in held if is_left(each, known))]
        return [each for each in targets if self._concerns(each)]

    def _concerns(self, target: Target) -> bool:
        return not self._domains.isdisjoint(target.domains) and self._left_alone.isdisjoint(target.domains)

    def _look(self, domains: Sequence[str]) -> str:
        """Climb; blocks, in a thread of the drain's."""
        known = probe_once(domains, self._router, LOOK, recipients=self._wanted.settings.probe.recipients)
        return unwell(known)

    def _complain(self, text: str) -> None:
        self._log("drain", "warning", text=text)


def register(wanted: Wanted, spool: Spool) -> Drains:
    """The register of a spool's drains."""
    return Drains(str(spool.path), wanted.settings.drain.folder or spool.path / FOLDER)


def audit_file(wanted: Wanted, spool: Spool) -> Path:
    """As configured, or the host's where whom `serve` runs as may write it; else in the spool."""
    if wanted.settings.audit is not None:
        return wanted.settings.audit
    there = SYSTEM_FILE if is_there(SYSTEM_FILE) else SYSTEM_FILE.parent
    return SYSTEM_FILE if os.access(there, os.W_OK) else spool.path / SYSTEM_FILE.name
